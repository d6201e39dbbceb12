// The modules' answers.
//
// Owns the passing of texts: the question is written into the module's memory, where it also leaves the answer. See
// `tag/src/lib.rs` for what the questions mean, `tag/src/desk.rs` for the memory.

/** Bytes of a question at most, a longer one is cut; and how far after it the answer stands. */
const SIDE = 1 << 17;

/** Asks a module, by its memory and the place of the question in it. */
const asking = (memory, question) => (lines, rule) => {
  const side = (shift, length) => new Uint8Array(memory.buffer, question() + shift, length);
  const length = rule(new TextEncoder().encodeInto(lines.join("\n"), side(0, SIDE)).written);
  return new TextDecoder(undefined, { ignoreBOM: true }).decode(side(SIDE, length));
};

/** What `tag.js` asks on every visit, out of the functions of the module `landing`. */
export const rulesOf = ([memory, question, absorb, sift]) => {
  const ask = asking(memory, question);
  return {
    absorb: (known, landing, now) => ask([...known, "", "", "", ...landing], (length) => absorb(length, now)),
    sift: (cookies) => ask(cookies, sift),
  };
};

/** What it asks of personal data, out of those of the module `person`. */
export const hashOf = ([memory, question, hash]) => {
  const ask = asking(memory, question);
  return (field, texts) => ask(texts, (length) => hash(length, field));
};
