// Where a visitor has to be asked: unless a site names its own regions, in the European Economic Area, the United Kingdom and
// Switzerland.
//
// Owns the countries, and the guess by time zone for when nobody says the country. The guess is an approximation: the clock
// tells where a device was set up, not where it is, and it errs towards asking, so a zone that says nothing (UTC, as private
// browsers have it) and one that several countries share count as inside. It tells Europe from the rest and nothing else, so
// where a site's own regions lie beyond, everybody counts as inside.
// Sources: EFTA, "EEA Agreement" (members); IANA time zone database 2026a, zone1970.tab. Both read 2026-11-27.

/** The members, and those of their territories that have a code of their own; the relay's `person.rs` holds the same. */
const EEA =
  "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IS IT LI LT LU LV MT NL NO PL PT RO SE SI SK AX GF GP MF MQ RE YT".split(" ");

const ASKED = ["EEA", "GB", "CH"];

/** Zones in Europe whose countries do not ask; without the city states and islands that follow their neighbours. */
const NOT_IN =
  /^Europe\/(Astrakhan|Belgrade|Chisinau|Istanbul|Kaliningrad|Kiev|Kyiv|Kirov|Minsk|Moscow|Podgorica|Samara|Sarajevo|Saratov|Simferopol|Skopje|Tirane|Tiraspol|Ulyanovsk|Uzhgorod|Volgograd|Zaporozhye)$/;

/** Zones elsewhere that belong to a member: Cyprus, the Canaries, the Azores, France overseas and so on. */
const BEYOND =
  /^(Africa\/Ceuta|America\/(Cayenne|Guadeloupe|Marigot|Martinique|Miquelon|St_Barthelemy)|Arctic\/Longyearbyen|Asia\/(Famagusta|Nicosia)|Atlantic\/(Azores|Canary|Faeroe|Faroe|Jan_Mayen|Madeira|Reykjavik)|Indian\/(Mayotte|Reunion))$/;

const ELSEWHERE = /^(Africa|America|Antarctica|Asia|Atlantic|Australia|Brazil|Canada|Chile|Indian|Mexico|Pacific|US)\//;

/** Whether a country, by its two letters, is in one of the regions that ask. */
export const isAsked = (country, regions = ASKED) =>
  regions.includes(country) || (regions.includes("EEA") && EEA.includes(country));

/** Whether a device in this time zone is taken to be where visitors have to be asked. */
export const zoneIsAsked = (zone, regions = ASKED) =>
  !regions.every((region) => isAsked(region)) || !(NOT_IN.test(zone) || (ELSEWHERE.test(zone) && !BEYOND.test(zone)));

/** The browser's time zone; empty where it does not say. */
export const zoneOf = () => {
  try {
    return Intl.DateTimeFormat().resolvedOptions().timeZone || "";
  } catch {
    return "";
  }
};
