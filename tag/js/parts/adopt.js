// Adopts what a site already tells others: its data layer and the pixels on its pages, without a change there.
//
// Owns the settings' meaning and what a foreign call becomes; the rooms beside it know one vendor each, `ledger` which
// calls are one conversion. Nothing a vendor or a page does differently than expected is an error: what is not
// understood goes by untouched.
import { attempt } from "../host.js";
import { dataLayer } from "./adopt/data_layer.js";
import { forwarderTo } from "./adopt/forward.js";
import { hostedTag } from "./adopt/anytrack.js";
import { ledgerOf } from "./adopt/ledger.js";
import { metaPixel } from "./adopt/fbq.js";
import { microsoftTag } from "./adopt/uetq.js";
import { pixelOf, PIXELS } from "./adopt/pixels.js";
import { itemsOf, same, taken } from "./adopt/read.js";
import { tiktokPixel } from "./adopt/ttq.js";

export default (tag, settings) => {
  const { pixels, forward } = settings;
  const told = forward[0] ? forwarderTo(forward) : () => {};
  const note = ledgerOf(tag, told);
  const extra = same(settings.properties);

  const adopter = {
    api: tag.api,
    settings,
    /** A foreign call; answers the conversion's id. The site's own table of names comes before the vendor's. */
    call: ({ name, words, from, more, adopts = true, ...rest }) => {
      if (told.telling) return;
      const own = settings.events[name];
      // A name may be that of something every object has.
      const ours = [own, words.names[name]].find((one) => one === false || typeof one == "string");
      return note({
        ...rest,
        name: ours || String(name),
        adopts: adopts && !!ours && ours != "PageView",
        properties: {
          ...taken(from, extra),
          ...taken(from, words.properties),
          ...more,
          ...itemsOf(attempt(() => from[words.list]), words.items),
        },
      });
    },
    /** A person in a vendor's words, where the site wants them taken. */
    identify: (from, words) => {
      const person = settings.user_data && taken(from, words.person);
      // What is hashed already is hashed by that vendor's rules, not by every platform's.
      for (const field of Object.keys(person || {})) if (/^[\da-f]{64}$/i.test(person[field])) delete person[field];
      if (person && Object.keys(person)[0]) tag.api.identify(person);
    },
  };

  const google = pixels.includes("google");
  // The layer first: it knows orders, and the calls that wait for pixels are given ids when they are read.
  const parts = [
    [settings.data_layer || settings.gtag || google, () => dataLayer(adopter, google)],
    [settings.fbq || pixels.includes("meta"), () => metaPixel(adopter)],
    [settings.ttq || pixels.includes("tiktok"), () => tiktokPixel(adopter)],
    [settings.uetq || pixels.includes("microsoft"), () => microsoftTag(adopter)],
    [settings.anytrack, () => hostedTag(adopter)],
    ...Object.keys(PIXELS).map((name) => [pixels.includes(name), () => pixelOf(adopter, PIXELS[name])]),
  ];
  for (const [wanted, start] of parts) if (wanted) attempt(start);
};
