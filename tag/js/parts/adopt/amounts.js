// Which amounts and currencies can be read.
//
// Owns their forms as `shared::properties` has them: the relay refuses a whole event for an amount that is no number. Who
// takes values that nobody wrote for us leaves such a one out, for an order without its value is worth more than none. Nothing
// is mended: `1,234` is one amount here and another one there.

const AMOUNT = /^\s*-?(?=\.?\d)\d*\.?\d*\s*$/;
const CURRENCY = /^\s*[a-z]{3}\s*$/i;

/** Whether the relay can read a property, or an item's, of this name. */
export const readable = (name, value) => {
  const form = /^(value|tax|shipping|price|quantity)$/.test(name) ? AMOUNT : name == "currency" && CURRENCY;
  return !form || (typeof value != "object" && form.test(value));
};
