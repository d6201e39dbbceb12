// Addresses without personal data.
//
// Mirrors `shared::scrub`, by which the relay cleans once more, rule for rule; a test in a browser holds the two
// together. It is here because every event needs it, also where WebAssembly is blocked, and because what takes 2.2 kB
// there is three regular expressions here. Names of properties are judged by the same rule.

/** Names of parameters whose value is personal, in letters only, perhaps with an owner in front. A `name` alone is a thing's, a user's an
 * account's. */
const PERSONAL_NAME =
  /^(?!(user|input)?name$)(user|customer|billing|shipping|contact|your|my|input)?((user)?email|mail|emailaddress|phone(number)?|tel(ephone)?|mobile(phone)?|(f|first|given|l|last|sur|family|full)?name|dateofbirth|birth(date|day)|dob|password)$/i;

/** Something before an `@` and a domain with a top level after it. */
const ADDRESS = /[\w.%+\-'~!$*\x80-\xff]@[a-z\d\x80-\xff-][a-z\d\x80-\xff.-]*\.[a-z\x80-\xff][a-z\d\x80-\xff-]/i;

// Old as it is, `unescape` is the one function that gives bytes, and does not mind what they mean.
const decode = (text) => text.replace(/%[\da-f]{2}/gi, unescape);

// Nobody encodes more often than these rounds without something to hide.
const holds = (text, rounds) =>
  !rounds || ADDRESS.test(text) || (decode(text) != text && holds(decode(text), rounds - 1));

/** Whether an e-mail address stands anywhere in a text, plain or percent-encoded any number of times. Everything beyond ASCII is as
 * good as a letter, and two bytes or more. */
export const holdsAddress = (text) => holds(text.replace(/[^\0-\x7f]/g, "\xff\xff"), 8);

/** Whether a name says that its value is personal. */
export const namesPerson = (name) => PERSONAL_NAME.test(decode(name).replace(/[^a-z]/gi, ""));

/** An address without the values that look like an e-mail address or whose parameter is named for personal data. */
export const scrub = (url) => {
  const [before, scheme = "", , host = ""] = /^([a-z\d+.-]*:\/\/)([^/?#]*@)?([^/?#]*)/i.exec(url) || [""];
  let inParameters, personal;
  const rest = url.slice(before.length).replace(/([^/?#&=;]*)([/?#&=;]?)/g, (_, token, mark) => {
    let kept = personal ? "" : !holdsAddress(token) ? token : inParameters ? "" : "-";
    if (/[&#]/.test(mark)) personal = false;
    if (!personal) kept += mark;
    personal ||= mark == "=" && inParameters && namesPerson(token);
    inParameters ||= /[?#]/.test(mark);
    return kept;
  });
  return scheme + (holdsAddress(host) ? "-" : host) + rest;
};
