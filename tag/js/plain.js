// The module's rules without WebAssembly, for pages that forbid it: fetched by `entry.js` only then.
//
// Owns what `rules.js` answers elsewhere, as far as a browser can be sure of it without the module: click ids,
// campaign and ad cookies as `tag/src/touches.rs` and `capture.rs` have them, out of the same registry
// (`registry.js`, which is written when the tag is packed); of a person, e-mail addresses and international telephone
// numbers of the usual shape, in every form of theirs, and digests the site made itself. What has any doubt is left out.
//
// Hashing is the browser's, which answers later and in secure contexts only. So calls wait here, in their order, until
// the digests of what they hold are there. A page that ends first sends them without.
import { bytes, trim } from "./helpers.js";
import {
  CAMPAIGN,
  CLICKS,
  COOKIES,
  GOOGLE,
  LONGEST_CLICK,
  LONGEST_COOKIE,
  LONGEST_PERSON,
  SESSION_COOKIE,
} from "./registry.js";

/** Every click id: name, days, what a value looks like, and whether the name may be in any case. */
const lines = CLICKS.flatMap(([days, shape, names]) =>
  names.split(" ").map((name) => [name.replace("*", ""), days, RegExp(`^(${shape})$`), name[0] == "*"]),
);

const lineOf = (name) =>
  lines.find(([known]) => known == name) ||
  lines.find(([known, , , anyCase]) => anyCase && known.toLowerCase() == name.toLowerCase());

/** What no network's ids hold, and what stands in a link that nobody filled in. */
const FOREIGN = /[^!-~]|[{}<>@]|\[\[|]]|^(%|#|!!|__|--).+\1$|^(null|undefined|none|optional|replace)$/i;

/** What a parameter of the landing's address is worth: a touch, or nothing. */
const mark = ([name, seen, value]) => {
  const line = lineOf(name);
  if (line) return line[2].test(value) && value.length <= LONGEST_CLICK && !FOREIGN.test(value) && [[line[0], seen, value]];
  const names = CAMPAIGN.split(" ");
  const at = names.indexOf(name.toLowerCase());
  if (at < 0 || !value || value.includes("@")) return;
  value = value.slice(0, 256);
  while (bytes(value) > 256) value = [...value].slice(0, -1).join("");
  // Six name the parts of a campaign, and so do each six that follow, in the same order.
  return [[names[at % 6], seen, value]];
};

const isCampaign = (name) => name.startsWith("utm_");
const rank = (name) => GOOGLE.split(" ").indexOf(name) + 1;
const excludes = (old, name) =>
  old == name || (isCampaign(old) && isCampaign(name)) || (rank(old) && rank(name));

const inThrees = (texts) => texts.flatMap((name, at) => (at % 3 || !name ? [] : [[name, texts[at + 1], texts[at + 2]]]));

const absorb = (known, landing, now) => {
  const old = inThrees(known);
  let found = inThrees(landing).flatMap((touch) => mark(touch) || []);
  found = found.filter(([name], at) => found.findIndex((touch) => touch[0] == name) == at);
  const kept = old.filter(
    ([name, seen]) =>
      (/^\d+$/.test(seen) ? +seen : 0) + (lineOf(name)?.[1] || 90) * 864e5 >= now &&
      !found.some((touch) => excludes(name, touch[0])),
  );
  const added = found
    .filter(([name]) => !found.some((touch) => rank(touch[0]) && rank(touch[0]) < rank(name)))
    .map(([name, seen, value]) => [
      name,
      old.filter((touch) => touch[0] == name && touch[2] == value).pop()?.[1] ?? seen,
      value,
    ]);
  return [...kept, ...added].flat().join("\n");
};

const sift = (cookies) =>
  cookies
    .flatMap((name, at) => {
      const wanted = COOKIES.split(" ").includes(name) || (name.startsWith(SESSION_COOKIE) && name != SESSION_COOKIE);
      const value = cookies[at + 1];
      return at % 2 || !wanted || !value || bytes(value) > LONGEST_COOKIE ? [] : [name, value];
    })
    .join("\n");

/** The normal forms of a value in lower case, by their names; nothing when there is any doubt. */
const forms = (field, lower) => {
  if (field) {
    // A zero after a separator may be a trunk prefix, and what follows a letter an extension.
    if (!/^\+[1-9][\d ().\/-]*$/.test(lower) || /^\+\d{1,3}\D+0/.test(lower)) return;
    const digits = lower.replace(/\D/g, "");
    if (digits.length < 8 || digits.length > 15) return;
    const forms = { e164: "+" + digits, digits };
    return digits.startsWith("86") ? { ...forms, tiktok: digits.slice(2) } : forms;
  }
  const [, local, domain] = /^([a-z\d][\w+-]*(?:\.[\w+-]+)*)@((?:[a-z\d-]+\.)+[a-z\d-]+)$/.exec(lower) || [];
  if (!local) return;
  const bare = local.replace(/\+.*/, "");
  const undotted = bare.replace(/\./g, "") + "@" + domain;
  return {
    plain: lower,
    google: /^g(oogle)?mail\.com$/.test(domain) ? undotted : lower,
    microsoft: undotted,
    reddit: bare.replace(/[^a-z\d]/g, "") + "@" + domain,
  };
};

/** Digests by normal form, of the calls that wait. */
const digests = new Map();

const hash = (field, [exact, lower]) => {
  const base = field == 1 ? "e164" : "plain";
  if (/^[\da-f]{64}(\.(.{2}|.{8}))?$/i.test(exact)) return `{"${base}":"${lower.slice(0, 64)}"}`;
  const normal = field < 2 && exact.length <= LONGEST_PERSON && forms(field, lower);
  if (!normal || !digests.has(normal[base])) return "";
  const differing = Object.entries(normal).filter(([form, text]) => form == base || text != normal[base]);
  // By hand, because some libraries give texts a `toJSON` that makes other texts of them.
  return "{" + differing.map(([form, text]) => `"${form}":` + (digests.has(text) ? `"${digests.get(text)}"` : null)) + "}";
};

const digest = async (text) => {
  const sum = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
  digests.set(text, [...sum].map((byte) => (byte + 256).toString(16).slice(1)).join(""));
};

/** The normal forms of everything of a person that a call holds. A getter of the page may throw. */
const normals = ([, , method, ...values]) => {
  try {
    const persons = method == "identify" ? [values[0]] : method == "track" ? [values[2], values[3]?.user] : [];
    const ofText = (field, value) => forms(field, trim(String(value).slice(0, 999)).toLowerCase()) || {};
    // Sliced before anything walks it, and what is read of it is read, as in `person.js`.
    const read = (values) =>
      (Array.isArray(values) ? values.slice(0, 99) : [values])
        .filter((value) => typeof value == "string" || Number.isFinite(value))
        .slice(0, 10);
    const ofField = (field, values) => read(values).flatMap((value) => Object.values(ofText(field, value)));
    return persons.flatMap((person) => ["email", "phone"].flatMap((name, field) => ofField(field, person?.[name])));
  } catch {
    return [];
  }
};

const hashed = (texts) => Promise.all(texts.map(digest)).catch(() => {});

/** Begins with these rules in the place of the module's. */
export default async (begin, queue) => {
  // Also those that are called meanwhile.
  for (const entry of queue) await hashed(normals(entry));
  // Each a call and whether its digests are there.
  const waiting = [];
  let push, begun;
  const release = () => {
    while (waiting[0]?.done) push.call(queue, waiting.shift().entry);
    if (begun && !waiting[0]) digests.clear();
  };
  // Before the tag's own listener, which sends.
  addEventListener("pagehide", () => {
    for (const call of waiting) call.done = true;
    release();
  });
  const beginning = begin({ absorb, sift, hash });
  push = queue.push;
  queue.push = (entry) => {
    const texts = normals(entry);
    const call = { entry, done: !texts[0] };
    waiting.push(call);
    release();
    if (!call.done)
      hashed(texts).then(() => {
        call.done = true;
        release();
      });
    return 0;
  };
  await beginning;
  begun = true;
  release();
};
