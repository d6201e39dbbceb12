// What may leave the page of the properties it hands over.
//
// Owns the copy that everything after works on: plain data, bounded, without personal data. Foreign objects may
// throw from any getter, be endless, or be someone's DOM node; what cannot be copied is left out, and only that.
// Mirrors `shared::properties`: text, numbers, truth values, lists of those, and items.
import { MAIL, orderId } from "./helpers.js";
import { attempt } from "./host.js";
import { namesPerson } from "./scrub.js";

/** The names `identify` takes; they always mean the person, and are hashed from the original. What is named for a person in
 * other words (`phone_number`, `billingEmail`) is not read, and stays here all the same. A test holds this list and
 * `shared::identity::Field` together, whose places the module is asked by. */
export const FIELDS =
  "email,phone,first_name,last_name,gender,birth_date,street,city,region,postal_code,country,external_id".split(",");

/** Characters that one event may still hold; the relay takes bodies of 512 kB. */
let room;

const scalar = (value) => {
  if (typeof value == "bigint") value = String(value);
  if (typeof value != "string") return value === !!value || Number.isFinite(value) ? value : undefined;
  value = value.slice(0, 2048);
  room -= value.length;
  return room < 0 || MAIL.test(value) ? undefined : value;
};

const list = (values, most, read) => values.slice(0, most).map(read).filter((value) => value !== undefined);

const copy = (from, read) => {
  const to = {};
  // What can be walked is no set of named properties, and the keys of a list or of bytes may be millions.
  const names = attempt(() => typeof from == "object" && !from[Symbol.iterator] && Object.keys(from));
  for (const name of names.slice(0, 99)) {
    attempt(() => {
      const barred = name[64] || FIELDS.includes(name) || namesPerson(name) || MAIL.test(name);
      const value = barred ? undefined : read(from[name], name);
      if (value !== undefined) to[name] = value;
    });
  }
  return to;
};

const property = (value, name) =>
  !Array.isArray(value) ? scalar(value)
  : name == "items" ? list(value, 200, (item) => copy(item, scalar))
  : list(value, 100, scalar);

/** A copy of an event's properties that is safe to write as JSON and holds no personal data. */
export const clean = (properties) => {
  room = 200_000;
  const copied = copy(properties, property);
  copied.order_id = orderId(properties);
  // Also one that is too long: the relay would refuse the event for it.
  if (!copied.order_id) delete copied.order_id;
  return copied;
};
