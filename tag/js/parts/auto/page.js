// What the features of this part ask the page.
//
// Owns finding elements behind an event, through open shadow roots, and telling that the page wants one left alone.

/** How the page asks us to look away from an element and everything in it. */
export const IGNORED = "[data-at-ignore]";

/** Elements on the way of an event, innermost first, without shadow roots and document; none where one is ignored. */
export const way = (event) => {
  const elements = event.composedPath().filter((node) => node.nodeType == 1);
  return elements.some((element) => element.matches(IGNORED)) ? [] : elements;
};

/** An attribute's text; a form with a field of the same name answers its property with that field. */
export const attribute = (element, name) => Element.prototype.getAttribute.call(element, name) || "";

/** The name of the attribute that says where a link leads: drawings in pages (SVG) may have an older one. */
export const leading = (link) => ["href", "xlink:href"].find((name) => link.hasAttribute(name));

/** What there is to tell of some facts. */
export const told = (facts) => Object.fromEntries(Object.entries(facts).filter(([, fact]) => fact));

/** Where an address leads, or nothing when it leads nowhere. */
export const parsed = (address) => {
  try {
    return new URL(address, document.baseURI);
  } catch {}
};

/** Says whether something happens to an element for the first time within some milliseconds: a double click is one. */
export const once = () => {
  const last = new WeakMap();
  return (element, time, within) => {
    const again = time - last.get(element) < within;
    if (!again) last.set(element, time);
    return !again;
  };
};
