// Pixels whose calls are not adopted but are given our id, so that the platform counts the browser's copy and the
// relay's once.
//
// Owns where each of them takes the id, in one table. Sources, read 2026-11-23: Pinterest's conversion documentation
// (`event_id`), developers.snap.com, Conversions API, "Deduplication" (`client_dedup_id`), Reddit Ads help, "Event
// deduplication" (`conversionId`), learn.microsoft.com/linkedin/marketing/conversions/deduplication (`event_id`), and X's
// conversion API documentation (`conversion_id`).
import { given, STANDARD } from "./read.js";
import { watchCalls } from "./watch.js";

/** The names these pixels have for our events, without case, space and underscore, as their spellings vary; and what
 * tells one conversion from another. */
export const PIXEL = {
  names: {
    ...Object.fromEntries(STANDARD.map((name) => [name.toLowerCase(), name])),
    pagevisit: "PageView",
    pageview: "PageView",
    addcart: "AddToCart",
    startcheckout: "InitiateCheckout",
    addbilling: "AddPaymentInfo",
    checkout: "Purchase",
    signup: "CompleteRegistration",
  },
  properties: {
    order_id: "order_id",
    transaction_id: "order_id",
    value: "value",
    price: "value",
    currency: "currency",
  },
};

/**
 * By platform: the function, the command that tells an event, the parameter that takes the id; then what its script
 * brings and where calls wait until then, for a stub that keeps its identity. LinkedIn's and X's calls name an event by
 * a number or code of the account, which `events` of the settings translates.
 */
export const PIXELS = {
  pinterest: ["pintrk", "track", "event_id", "", "queue"],
  snapchat: ["snaptr", "track", "client_dedup_id", "handleRequest", "queue"],
  reddit: ["rdt", "track", "conversionId", "sendEvent", "callQueue"],
  linkedin: ["lintrk", "track", "event_id", "", "q"],
  x: ["twq", "event", "conversion_id", "exe", "queue"],
};

/** Gives the calls of one platform's pixel our id. */
export const pixelOf = ({ call }, [source, command, key, method, queue]) =>
  watchCalls(source, method, queue, (values) => {
    if (values[0] != command) return;
    const at = source == "lintrk" ? 1 : 2;
    const from = values[at];
    const named = String(at == 1 ? from.conversion_id : values[1]);
    const plain = named.toLowerCase().replace(/[\s_]/g, "");
    const name = plain in PIXEL.names ? plain : named;
    const id = call({ source, words: PIXEL, name, id: from?.[key], from, adopts: false, gives: true });
    return given(values, at, key, id);
  });
