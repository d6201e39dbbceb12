// Meta's pixel, `fbq`.
//
// Owns reading its four ways to track, and giving a call without `eventID` ours. Sources:
// developers.facebook.com/docs/meta-pixel/reference (events and properties; read 2026-11-27),
// developers.facebook.com/documentation/ads-commerce/conversions-api, page "deduplicate pixel and server events"
// (`eventID`; read 2026-11-23). That its script warns of two pixels unless `window.fbq` is `window._fbq` is told by
// several who replaced it (read 2026-11-27); here it keeps its identity.
import { given, idsOf, itemsOf, same, STANDARD, taken } from "./read.js";
import { watchCalls } from "./watch.js";

export const FBQ = {
  names: same(STANDARD),
  properties: { search_string: "search_term", ...same(["order_id", "value", "currency"]) },
  list: "contents",
  items: { id: "id", item_price: "price", quantity: "quantity" },
  /** What is said of the only item beside the list. */
  single: { content_name: "name", content_category: "category" },
  person: {
    em: "email",
    ph: "phone",
    fn: "first_name",
    ln: "last_name",
    ge: "gender",
    db: "birth_date",
    ct: "city",
    st: "region",
    zp: "postal_code",
    ...same(["country", "external_id"]),
  },
};

const contents = (from) => {
  const found = itemsOf(from.contents, FBQ.items) || idsOf(from.content_ids, from.num_items);
  if (found?.items.length == 1) Object.assign(found.items[0], taken(from, FBQ.single));
  return found;
};

/** Adopts the pixel's calls; all of them are given an id. */
export const metaPixel = ({ settings, call, identify }) => {
  const before = (values) => {
    const [method, pixel] = values;
    if (method == "init") identify(values[2], FBQ);
    if (!/^track(Single)?(Custom)?$/.test(method)) return;
    const single = /Single/.test(method);
    const at = single ? 2 : 1;
    const [name, from = {}, options] = values.slice(at);
    const id = call({
      source: "fbq" + (single ? pixel : ""),
      words: FBQ,
      name,
      id: options?.eventID,
      from,
      more: contents(from || {}),
      adopts: settings.fbq,
      gives: true,
    });
    return given(values, at + 2, "eventID", id);
  };
  watchCalls("fbq", "callMethod", "queue", before);
};
