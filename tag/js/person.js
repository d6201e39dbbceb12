// A person's data on its way to hashes.
//
// Owns reading what the page hands over, where any getter may throw, and preparing it as the rules want it, which the
// browser does without tables of ours: composed (NFC), trimmed, and once more in lower case. Normalising and hashing
// is the module's; where that is missing, there are no hashes. The result is the JSON of `shared::UserData`.
import { FIELDS } from "./clean.js";
import { attempt } from "./host.js";
import { trim } from "./helpers.js";

/** Whether a call in the queue brings personal data: `identify` its only value, an event its properties and its options. */
export const isPersonal = (call) =>
  // An exception takes as long as much else, and a call has dozens of places where there is nothing.
  FIELDS.some((name) => call.some((value) => attempt(() => value?.[name] || value?.user?.[name])));

/** The user data of a person; undefined when there is nothing usable in it. */
export const hashed = (rules, person, country) => {
  if (!person) return;
  const user = {};
  const clear = {};
  // Last to first, because the country decides how phone number, region and postal code read.
  for (let field = FIELDS.length; field--; ) {
    const name = FIELDS[field];
    const values = [
      ...attempt(() =>
        // Sliced before anything walks it: a page may hand over an array of a milliard holes.
        (Array.isArray(person[name]) ? person[name].slice(0, 99) : [person[name]])
          .filter((value) => typeof value == "string" || Number.isFinite(value))
          .slice(0, 10)
          .map((value) => trim(String(value).slice(0, 999).normalize().replace(/\n/g, " ")))
          .map((value) => rules.hash(field, [value, value.toLowerCase(), country]).split("\n")),
      ),
    ];
    const hashes = values.filter((answer) => answer[1]);
    if (hashes[0]) user[name] = hashes.map((answer) => JSON.parse(answer[1]));
    const open = values.find((answer) => answer[0]);
    if (open) clear[name] = open[0];
    country = clear.country || country;
  }
  return joined(user, { clear });
};

/** Newer user data on top of older: a newer field replaces an older one. Either may be missing. */
export const joined = (older, newer) => {
  const clear = { ...older?.clear, ...newer?.clear };
  const user = { ...older, ...newer, clear };
  if (!Object.keys(clear)[0]) delete user.clear;
  return Object.keys(user)[0] && user;
};
