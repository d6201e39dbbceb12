// The module's answers.
//
// Owns the passing of texts: the question is written into the module's memory, where it also leaves the answer. See
// `tag/src/lib.rs` for what the questions mean, `tag/src/desk.rs` for the memory.

/** Bytes of a question at most, a longer one is cut; and how far after it the answer stands. */
const SIDE = 1 << 17;

/** What `tag.js` asks, out of the module's functions. */
export const rulesOf = ([memory, question, absorb, sift, hash]) => {
  const ask = (lines, rule) => {
    const side = (shift, length) => new Uint8Array(memory.buffer, question() + shift, length);
    const length = rule(new TextEncoder().encodeInto(lines.join("\n"), side(0, SIDE)).written);
    return new TextDecoder(undefined, { ignoreBOM: true }).decode(side(SIDE, length));
  };
  return {
    absorb: (known, landing, now) => ask([...known, "", "", "", ...landing], (length) => absorb(length, now)),
    sift: (cookies) => ask(cookies, sift),
    hash: (field, texts) => ask(texts, (length) => hash(length, field)),
  };
};
