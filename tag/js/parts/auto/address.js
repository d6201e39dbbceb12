// Parameters in the text of an address.
//
// Owns reading and writing them without touching anything else: order, escapes and fragment stay as the page wrote
// them, and a relative address stays relative. `URLSearchParams` would write the whole query anew, and a network that
// compares texts would not know its own link again.

/** What stands before the parameters, the parameters, and the fragment with its `#`. */
const pieces = (address) => /^([^?#]*)\??([^#]*)(.*)$/s.exec(address).slice(1);

/** A name as it is meant; one that is not well escaped means itself. */
const meant = (text) => {
  try {
    return decodeURIComponent(text.replace(/\+/g, " "));
  } catch {
    return text;
  }
};

const isNamed = (pair, name) => meant(pair.split("=", 1)[0]).toLowerCase() == name.toLowerCase();

/** The value of a parameter, as it is written; undefined when there is none. Names differ in more than their case. */
export const parameter = (address, name) => {
  const found = pieces(address)[1].split("&").find((pair) => isNamed(pair, name));
  return found && found.slice(found.split("=", 1)[0].length + 1);
};

/** The address with a parameter in place of the one of that name, else behind the others. The value needs no escapes. */
export const withParameter = (address, name, value) => {
  const [before, query, fragment] = pieces(address);
  let written;
  const pairs = query.split("&").map((pair) => {
    if (written || !isNamed(pair, name)) return pair;
    written = true;
    return pair.split("=", 1)[0] + "=" + value;
  });
  // Brackets are all that our own names have to escape.
  const added = name.replace(/[[\]]/g, encodeURIComponent) + "=" + value;
  return before + "?" + (written ? pairs.join("&") : (query && query + "&") + added) + fragment;
};

/** The address without a parameter. */
export const withoutParameter = (address, name) => {
  const [before, query, fragment] = pieces(address);
  const kept = query.split("&").filter((pair) => !isNamed(pair, name)).join("&");
  return before + (kept ? "?" + kept : "") + fragment;
};

/** The value of a piece of the path written as `/name:value`. */
export const piece = (address, name) => new RegExp(`/${name}:([^/?#]*)`).exec(address)?.[1];

/** The address with such a piece, which stands before the one that names the destination. */
export const withPiece = (address, name, value) => {
  const written = `/${name}:${value}`;
  if (piece(address, name) !== undefined) return address.replace(new RegExp(`/${name}:[^/?#]*`), () => written);
  return address.replace(/(?=\/destination:)|(?=\/?([?#]|$))/, () => written);
};
