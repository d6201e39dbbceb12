// Forms: that one was submitted, and, where the site asks for it, who submitted it.
//
// Owns the event FormSubmit and the choice of the two fields that may be read. No value of any other field is looked
// at. A field that may hold a password, a card, a code or somebody else's address is not one of the two.
import { properties } from "./attributes.js";
import { attribute, around, isIgnored, parsed } from "./page.js";

const OWNER = "(user|customer|billing|contact|your|my|login|account|newsletter|lead|form)*";
const MAIL_NAME = new RegExp(`^${OWNER}(e?mail|mail)(address)?$`);
const PHONE_NAME = new RegExp(`^${OWNER}(tele)?(phone|tel|mobile|cell|handy|whatsapp)(phone)?(no|number|nummer)?$`);

const MAIL = /^[^\s@]+@[^\s@]+\.[^\s@]+$/;
/** A card number has more digits than a phone number may have (E.164: 15), and a code fewer. */
const PHONE = /^\s*\+?(\D{0,2}\d){7,15}\s*$/;

/** Fields for this and nothing else are read; a keypad (`tel`) alone does not make a phone number. */
const meaning = (field) => {
  const type = attribute(field, "type").toLowerCase() || "text";
  const words = attribute(field, "autocomplete").toLowerCase().trim().split(/\s+/);
  const hint = words[words.length - 1];
  const names = ["name", "id"].map((name) => attribute(field, name).toLowerCase().replace(/[^a-z]/g, ""));
  if (!/^(text|email|tel)$/.test(type)) return;
  if (/^(email|tel|tel-national)$/.test(hint)) return hint == "email" ? "email" : "phone";
  // The page says that the field is something else.
  if (hint && !/^(on|off)$/.test(hint)) return;
  if (type == "email" || names.some((name) => MAIL_NAME.test(name))) return "email";
  if (names.some((name) => PHONE_NAME.test(name))) return "phone";
};

const USABLE = { email: MAIL, phone: PHONE };

/** Hands e-mail and phone number over for hashing. Two different ones in a form are two people, and nobody can tell who. */
const identify = (api, form) => {
  const elements = Object.getOwnPropertyDescriptor(HTMLFormElement.prototype, "elements").get.call(form);
  const person = {};
  for (const field of elements) {
    if (field.localName != "input" || field.disabled || isIgnored(around(field))) continue;
    const what = meaning(field);
    const value = what && USABLE[what].test(field.value) ? field.value.trim() : "";
    if (!value) continue;
    const before = person[what];
    person[what] = before === undefined || before.toLowerCase() == value.toLowerCase() ? value : null;
  }
  const known = Object.entries(person).filter(([, value]) => value);
  if (known[0]) api.identify(Object.fromEntries(known));
};

/** What is known of a form without looking into its fields. */
const description = (scrub, form, submitter) => {
  const action = (submitter && attribute(submitter, "formaction")) || attribute(form, "action");
  const url = parsed(action || location.href);
  const own = !url || url.hostname == location.hostname;
  return {
    form_id: attribute(form, "id") || undefined,
    form_name: attribute(form, "name") || undefined,
    form_action: url && /^http/.test(url.protocol) ? scrub((own ? "" : url.hostname) + url.pathname).slice(0, 500) : undefined,
    ...properties(form),
  };
};

/** Reports a submitted form. */
export const submitted = (api, scrub, form, submitter) => api.track("FormSubmit", description(scrub, form, submitter));

/** Tells who submitted a form, if the visitor may be known at all. */
export const introduced = (api, form) => {
  if (api.visitorId()) identify(api, form);
};
