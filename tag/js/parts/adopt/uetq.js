// Microsoft's tag, `uetq`.
//
// Owns reading its two ways to tell an event, and giving one of the newer way without `event_id` ours; of the older way
// no id is documented. Before its script is there, `uetq` is an array in which the words of all calls stand one after
// another; the script replaces it. Sources: learn.microsoft.com/advertising/guides/uet-conversion-api-integration
// (`event_id`; read 2026-11-23), help.ads.microsoft.com, "custom events" of UET (`ec`, `ea`, `el`, `ev`, `gv`, `gc`), and
// bigcommerce.websiteadvantage.com.au/tag-rocket/articles/microsoft-bing-uet-events (parameters; read 2026-11-27).
import { attempt } from "../../host.js";
import { GA4 } from "./data_layer.js";
import { given, idsOf, same } from "./read.js";
import { around, watch } from "./watch.js";

/** Actions are free text there; these are the names of Microsoft's categories of goals, and those of Google's tag. `gv`
 * and `gc` belong to the older way. */
export const UETQ = {
  names: {
    submit_lead_form: "Lead",
    signup: "CompleteRegistration",
    subscribe: "Subscribe",
    start_trial: "StartTrial",
    contact: "Contact",
    book_appointment: "Schedule",
    request_quote: "SubmitApplication",
    ...GA4.names,
  },
  properties: {
    transaction_id: "order_id",
    revenue_value: "value",
    gv: "value",
    currency: "currency",
    gc: "currency",
    search_term: "search_term",
    ecomm_query: "search_term",
  },
  list: "items",
  items: same(["id", "name", "price", "quantity"]),
};

/** Adopts the tag's events; those of the newer way are given an id. */
export const microsoftTag = ({ settings, call }) => {
  const told = (name, from, gives) => {
    const { event_id: id, ecomm_prodid } = from || {};
    const more = idsOf(ecomm_prodid);
    return call({ source: "uetq", words: UETQ, name, id, from, more, adopts: settings.uetq, gives });
  };
  const before = (values) => {
    const [first, name, from] = values;
    if (first == "event") return given(values, 2, "event_id", told(name, from, true));
    if (first?.ea) told(first.ea, first);
  };
  const waiting = (queue) => {
    for (let place = 0; place < queue.length; place++) {
      attempt(() => {
        const event = queue[place] == "event";
        const length = !event ? 1 : typeof queue[place + 2] == "object" ? 3 : 2;
        const other = before(queue.slice(place, place + length));
        if (other) queue.splice(place, length, ...other);
        if (event) place += 2;
      });
    }
  };
  watch(window, "uetq", (queue) => {
    if (Array.isArray(queue)) waiting(queue);
    watch(queue, "push", (push) => around(push, before));
    return queue;
  });
};
