// Consent by region: lets events go where nobody has to be asked.
//
// Comes along where the site's configuration says `consent = "regional"`. The tag waits until then, so a page on which this file
// never arrives asks everybody. The setting `regions` is there where the site names its own (`consent_regions`).
import { isAsked, zoneIsAsked, zoneOf } from "./region/asked.js";

export default ({ api, core, visitorCountry }, { regions }) => {
  if (visitorCountry ? isAsked(visitorCountry, regions) : zoneIsAsked(zoneOf(), regions)) return;
  core.release();
  // An answer that says nothing, after which what waits is sent.
  api.consent({});
};
