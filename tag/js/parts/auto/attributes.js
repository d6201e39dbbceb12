// Events that the page writes into its markup: `data-at-event` and what goes with it.
//
// Owns the meaning of `data-at-…`: `data-at-value="59.9"` is the property `value`, dashes become underscores, and
// amounts become numbers. Anything of another kind goes into `data-at-properties` as JSON. An amount that is no number is left
// out.
import { readable } from "../adopt/amounts.js";
import { attribute } from "./page.js";

/** Names whose value is a number. An order number or a postal code must keep its zeros. */
const NUMERIC = /^(value|tax|shipping|price|quantity)$/;

/** Attributes that say something about the event and are no property of it. */
const OURS = /^(event|event-id|ignore)$/;

const json = (text) => {
  try {
    return JSON.parse(text);
  } catch {}
};

const legible = (from) => Object.fromEntries(Object.entries(from || {}).filter((entry) => readable(...entry)));

/** The properties that an element's attributes say. */
export const properties = (element) => {
  const found = {};
  for (const name of Element.prototype.getAttributeNames.call(element)) {
    const [, dashed] = /^data-at-(.+)/.exec(name) || [];
    if (!dashed || OURS.test(dashed)) continue;
    const text = attribute(element, name);
    const key = dashed.replace(/-/g, "_");
    if (key == "properties") Object.assign(found, json(text));
    else if (key == "items") found.items = json(text);
    else found[key] = NUMERIC.test(key) && readable(key, text) ? +text : text;
  }
  if (Array.isArray(found.items)) found.items = found.items.map(legible);
  return legible(found);
};

/** Whether an element reports an event of its own, in place of what would be noticed by itself. */
export const speaks = (element) => !!attribute(element, "data-at-event");

/** Reports an element's own event. */
export const speak = (api, element) => {
  const event_id = attribute(element, "data-at-event-id") || undefined;
  api.track(attribute(element, "data-at-event"), properties(element), { event_id });
};
