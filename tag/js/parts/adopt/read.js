// What a foreign call says, in our words.
//
// Owns the standard names and the taking of properties by a table: nothing is taken that no table names, so that what
// a layer holds of a person stays there. Values are foreign; any getter may throw.
import { attempt } from "../../host.js";
import { readable } from "./amounts.js";

/** The events whose names Meta, TikTok and we share. */
export const STANDARD = [
  ..."ViewContent,Search,AddToCart,AddToWishlist,InitiateCheckout,AddPaymentInfo,Purchase,Lead".split(","),
  ..."CompleteRegistration,Subscribe,StartTrial,Contact,Schedule,SubmitApplication".split(","),
  ..."FindLocation,CustomizeProduct,Donate".split(","),
];

/** A table of names that stay what they are. */
export const same = (names) => Object.fromEntries(names.map((name) => [name, name]));

/** The properties of `from` that `table` names, under our names; of several for one of ours, the first that can be read. */
export const taken = (from, table) => {
  const to = {};
  for (const name of Object.keys(table)) {
    attempt(() => {
      const value = from[name];
      const plain = typeof value == "string" ? value : typeof value == "bigint" || Number.isFinite(value);
      if (plain && to[table[name]] === undefined && readable(table[name], value)) to[table[name]] = value;
    });
  }
  return to;
};

/** Items by a table; nothing when there are none. Lists only, sliced before anything walks them: others may be endless. */
export const itemsOf = (list, table) => {
  const items = attempt(() => Array.isArray(list) && list.slice(0, 200).map((item) => taken(item, table))) || [];
  const known = items.filter((item) => Object.keys(item)[0]);
  return known[0] && { items: known };
};

/** Items of which only the ids are said, as one id or a list; of a single one the quantity may be known. */
export const idsOf = (ids, quantity) => {
  const some = Array.isArray(ids) ? ids.slice(0, 200) : [ids];
  const list = some.filter((id) => (typeof id == "string" && id) || Number.isFinite(id));
  const many = list.length == 1 && quantity > 0 ? taken({ quantity }, same(["quantity"])) : {};
  return list[0] === undefined ? undefined : { items: list.map((id) => ({ id, ...many })) };
};

/**
 * A call's values with our id under `key` in the object at `at`, and something in front of it; nothing when that
 * object has an id or is none.
 */
export const given = (values, at, key, id) => {
  const options = values[at];
  if (options && (typeof options != "object" || options[key])) return;
  const to = [...values];
  to[at - 1] ??= {};
  to[at] = { ...options, [key]: id };
  return to;
};
