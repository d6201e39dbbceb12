// TikTok's pixel, `ttq`.
//
// Owns reading `track` of the pixel and of its instances, and giving a call without `event_id` ours. Before its script is
// there, `ttq` is an array of calls whose methods append to it; the script may replace methods or the whole. Sources:
// ads.tiktok.com/help/article/standard-events-parameters (events and parameters; read 2026-11-27),
// business-api.tiktok.com/portal/docs, page "event deduplication" of v1.3 (`event_id`; read 2026-11-23).
import { given, idsOf, itemsOf, same, STANDARD } from "./read.js";
import { around, requeue, watch } from "./watch.js";

/** `CompletePayment` and `SubmitForm` are the older names of Purchase and Lead, which pixels go on using. */
export const TTQ = {
  names: {
    ...same(STANDARD.filter((name) => name != "Donate")),
    CompletePayment: "Purchase",
    SubmitForm: "Lead",
  },
  properties: { query: "search_term", ...same(["order_id", "value", "currency"]) },
  list: "contents",
  items: {
    content_id: "id",
    content_name: "name",
    content_category: "category",
    ...same(["brand", "price", "quantity"]),
  },
  person: { phone_number: "phone", ...same(["email", "external_id"]) },
};

/** Adopts the pixel's calls; all of them are given an id. */
export const tiktokPixel = ({ settings, call, identify }) => {
  const trackOf = (source) => (values) => {
    const [name, from, options] = values;
    const { content_id, content_ids } = from || {};
    const more = content_id ? itemsOf([from], TTQ.items) : idsOf(content_ids);
    const adopts = settings.ttq;
    const id = call({ source, words: TTQ, name, id: options?.event_id, from, more, adopts, gives: true });
    return given(values, 2, "event_id", id);
  };
  const person = ([who]) => identify(who, TTQ);

  const pixel = (object, source) => {
    const track = trackOf(source);
    requeue(object, ([method, ...values]) => {
      if (method == "identify") person(values);
      const other = method == "track" && track(values);
      return other && [method, ...other];
    });
    watch(object, "track", (inner) => around(inner, track));
    watch(object, "identify", (inner) => around(inner, person));
    return object;
  };
  // One call of `instance` after the other answers the same object, whose methods the stub sets anew each time.
  const instances = new WeakMap();
  const instanceOf = (found, id) => {
    if (found && !instances.has(found)) instances.set(found, pixel(found, "ttq" + id));
    return found;
  };
  watch(window, "ttq", (object) => {
    for (const id of Object.keys(object._i || {})) instanceOf(object._i[id], id);
    watch(object, "instance", (inner) => around(inner, () => {}, (found, [id]) => instanceOf(found, id)));
    return pixel(object, "ttq");
  });
};
