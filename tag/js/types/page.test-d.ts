// What a page may write and what it may not, for the TypeScript compiler: `tsc --noEmit` fails when an expected error is none.
import type { AnyTrack, EventState, StandardEvent } from "../anytrack.js";

const id: string = anytrack.track("Purchase", { value: 59.9, currency: "EUR", order_id: 88121n, items: [{ id: 7, quantity: "2" }] });
anytrack.track("QuizDone", { email: ["a@example.com"], colour: "red", sizes: [1, "L"] }, { event_id: id, user: { city: "Berlin" } });
anytrack.page();
anytrack.page({ search_term: "lamp" }, { event_id: 7 });
anytrack.identify({ email: "jane@example.com", phone: ["+1 202-555-0123"], birth_date: "1990-04-23" });
anytrack.consent({ ad_storage: "granted", ad_user_data: "denied" });
anytrack.ready(() => anytrack.reset());
const visitor: string | null = anytrack.visitorId();
const click: string | null = window.anytrack.clickId();
const name: StandardEvent = "Refund";
const same: AnyTrack = window.anytrack;
document.addEventListener("anytrack:event", ({ detail }) => {
  const state: EventState["state"] = detail.state;
  if (detail.state == "rejected") return [];
  return [state, visitor, click, name, same];
});

// @ts-expect-error an event has a name
anytrack.track();
// @ts-expect-error a name is text
anytrack.track(7);
// @ts-expect-error an amount is a number or text
anytrack.track("Purchase", { value: true });
// @ts-expect-error items are a list
anytrack.track("Purchase", { items: { id: "7" } });
// @ts-expect-error a person has no such field
anytrack.identify({ mail: "jane@example.com" });
// @ts-expect-error an answer is granted or denied
anytrack.consent({ ad_storage: true });
// @ts-expect-error there are three purposes
anytrack.consent({ analytics_storage: "granted" });
// @ts-expect-error ids may be missing
const certain: string = anytrack.visitorId();
// @ts-expect-error a callback is a function
anytrack.ready("now");
// @ts-expect-error no standard event
const misspelt: StandardEvent = "purchase";
