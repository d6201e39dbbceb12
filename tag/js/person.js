// A person's data on its way to hashes.
//
// Owns reading what the page hands over, where any getter may throw, and preparing it as the rules want it, which the
// browser does without tables of ours: composed (NFC), trimmed, and once more in lower case. Normalising and hashing
// is the module's; where that is missing, there are no hashes. The result is the JSON of `shared::UserData`.
import { FIELDS } from "./clean.js";
import { attempt } from "./host.js";
import { trim } from "./helpers.js";

/** A text with a letter or a digit and without an e-mail address. */
const PLACE = /^(?!.*(@|\uff20|%40)).*[\p{L}\p{N}]/su;

/** The user data of a person; undefined when there is nothing usable in it. */
export const hashed = (rules, person, country) => {
  if (!person) return;
  const user = {};
  const clear = {};
  // Last to first, because the country decides how a phone number reads.
  for (let field = FIELDS.length; field--; ) {
    const name = FIELDS[field];
    // Where somebody lives is told in clear, as some platforms want it; its forms are the relay's to make.
    const place = field > 6 && field < 11;
    const values = attempt(() =>
      // Sliced before anything walks it: a page may hand over an array of a milliard holes.
      (Array.isArray(person[name]) ? person[name].slice(0, 99) : [person[name]])
        .filter((value) => typeof value == "string" || Number.isFinite(value))
        .slice(0, 10)
        .map((value) => trim(String(value).slice(0, 999).normalize().replace(/\n/g, " ")))
        .map((text) =>
          place ? PLACE.test(text) && text : JSON.parse(rules.hash(field, [text, text.toLowerCase(), country]) || 0),
        )
        .filter(Boolean),
    );
    if (values[0]) place ? (clear[name] = values[0]) : (user[name] = values);
    // One that only the relay understands says all the same that numbers are not read as the site's are.
    if (field == 10 && values[0]) country = values.find((code) => /^[a-z]{2}$/i.test(code)) || "";
  }
  return joined(user, { clear });
};

/** Newer user data on top of older: a newer field replaces an older one. Either may be missing. */
export const joined = (older, newer) => {
  const clear = { ...older?.clear, ...newer?.clear };
  const user = { ...older, ...newer, clear };
  // An earlier version of the tag kept digests of places.
  for (const name of Object.keys(clear)) delete user[name];
  if (!Object.keys(clear)[0]) delete user.clear;
  return Object.keys(user)[0] && user;
};
