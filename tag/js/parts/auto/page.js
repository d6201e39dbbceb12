// What the features of this part ask the page.
//
// Owns finding elements behind an event, through open shadow roots, and telling that the page wants one left alone.

/** Elements on the way of an event, innermost first; the roots of shadow trees and the document are left out. */
export const way = (event) => event.composedPath().filter((node) => node.nodeType == 1);

/** Whether the page asks us to look away, on the element or on one around it. */
export const isIgnored = (elements) => elements.some((element) => element.hasAttribute("data-at-ignore"));

/** An attribute's text; a form with a field of the same name answers its property with that field. */
export const attribute = (element, name) => Element.prototype.getAttribute.call(element, name) || "";

/** The same for an element that has no event: all elements around it, across shadow roots. */
export const around = (element) => {
  const elements = [];
  for (let node = element; node; node = node.parentNode || node.host) if (node.nodeType == 1) elements.push(node);
  return elements;
};

/** Where an address leads, or nothing when it leads nowhere. */
export const parsed = (address) => {
  try {
    return new URL(address, document.baseURI);
  } catch {}
};

/** Says once within a time that something happened to an element: a double click is one click. */
export const oncePer = (milliseconds) => {
  const last = new WeakMap();
  return (element, time) => {
    const before = last.get(element);
    if (before !== undefined && time - before < milliseconds) return false;
    last.set(element, time);
    return true;
  };
};
