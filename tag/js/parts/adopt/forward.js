// The page's own events, told to pixels that are on the page as well.
//
// Owns the translation back, by the tables that adopt. Nothing is told before the tag itself has sent the event, which
// it does only with consent; the call carries the event's id, so that the platform counts it and the relay's copy once.
import { attempt } from "../../host.js";
import { FBQ } from "./fbq.js";
import { GA4 } from "./data_layer.js";
import { itemsOf, taken } from "./read.js";
import { TTQ } from "./ttq.js";
import { UETQ } from "./uetq.js";

/** From our words to theirs; of several of theirs, the first. */
const turned = (table) =>
  Object.fromEntries(Object.entries(table).reverse().map(([theirs, ours]) => [ours, theirs]));

/** By platform: the source as which its own calls are known, its words, and how it is told. */
const PIXELS_TOLD = {
  meta: ["fbq", FBQ, (name, from, id) => {
    if (from.contents) from.content_type = "product";
    window.fbq(name == "PageView" || name in FBQ.names ? "track" : "trackCustom", name, from, { eventID: id });
  }],
  tiktok: ["ttq", TTQ, (name, from, id) =>
    name == "PageView" ? window.ttq.page() : window.ttq.track(name, from, { event_id: id }),
  ],
  microsoft: ["uetq", UETQ, (name, from, id) => window.uetq.push("event", name, { ...from, event_id: id })],
  google: ["gtag", GA4, (name, from, id) => {
    if (name == "purchase") from.transaction_id ??= id;
    window.gtag("event", name, from);
  }],
};

/**
 * Answers what hears of the page's own calls; `platforms` are told of each once the tag has sent it. While it is `telling`,
 * what these pixels are told is none of the page's calls: Google's takes no id by which it would be known again.
 */
export const forwarderTo = (platforms) => {
  const waiting = new Map();
  const heard = (name, id, properties, sources) => {
    waiting.set(id, [sources, name, { ...properties }]);
    if (waiting.size > 100) waiting.delete(waiting.keys().next().value);
  };
  document.addEventListener("anytrack:event", ({ detail }) => {
    const found = detail.state == "sent" && waiting.get(detail.event_id);
    if (!found) return;
    waiting.delete(detail.event_id);
    const [sources, name, properties] = found;
    for (const platform of platforms) {
      const [own, words, tell] = PIXELS_TOLD[platform];
      // The page may tell the pixel itself, and page views are told by these two tags themselves.
      if ([...sources].some((source) => source.startsWith(own))) continue;
      if (name == "PageView" && /google|microsoft/.test(platform)) continue;
      const items = itemsOf(properties.items, turned(words.items));
      const from = { ...taken(properties, turned(words.properties)), ...(items && { [words.list]: items.items }) };
      // Throws where the pixel is not on the page.
      heard.telling = true;
      attempt(() => tell(turned(words.names)[name] || name, from, detail.event_id));
      heard.telling = false;
    }
  });
  return heard;
};
