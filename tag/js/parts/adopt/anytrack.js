// The calls of the hosted AnyTrack tag, `AnyTrack('trigger', …)`, so that a site may change tags and keep its calls.
//
// Owns reading them, and an `AnyTrack` for pages whose own is gone: every call answers the visitor's click token, which
// is what the hosted tag's `trigger` answers. Sources: readme.anytrack.io/docs/standard-events and
// support.anytrack.io/docs/which-events-anytrack-tracks-on-my-website (events and attributes; read 2026-11-27).
import { same, STANDARD } from "./read.js";
import { around, requeue, watch } from "./watch.js";

/** Any other name is an event of the site's own, there as here. A page view is reported already. */
export const TRIGGER = {
  names: { ...same([...STANDARD, "OutboundClick", "FormSubmit"]), Upsell: "Purchase" },
  properties: {
    transactionId: "order_id",
    taxPrice: "tax",
    ...same(["value", "currency", "label", "brand"]),
  },
  list: "items",
  items: same(["id", "name", "brand", "category", "price", "quantity"]),
  person: {
    firstName: "first_name",
    lastName: "last_name",
    ...same(["email", "phone", "city", "region", "country"]),
  },
};

/** Adopts the calls. */
export const hostedTag = ({ api, call, identify }) => {
  const before = ([method, name, from]) => {
    if (method != "trigger") return;
    identify(from, TRIGGER);
    call({ source: "AnyTrack", words: { ...TRIGGER, names: { [name]: name, ...TRIGGER.names } }, name, from });
  };
  watch(window, "AnyTrack", (inner) => {
    requeue(inner.q, before);
    return around(inner, before, (answer) => answer ?? api.clickId());
  });
  window.AnyTrack ||= () => {};
};
