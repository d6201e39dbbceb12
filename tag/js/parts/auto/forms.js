// Forms: that one was submitted, and, where the site asks for it, who submitted it.
//
// Owns the event FormSubmit, hearing of forms that a script submits, and the choice of the two fields that may be read. No
// value of any other field is looked at. A field that may hold a password, a card, a code or somebody else's address is not
// one of the two.
import { properties } from "./attributes.js";
import { IGNORED, attribute, parsed, told } from "./page.js";

const NAME =
  /^(user|customer|billing|contact|your|my|login|account|newsletter|lead|form)*(?:(e?mail(address)?)|(tele|mobile|cell)?(phone|fono?|tel|mobile|handy|whatsapp)(no|number|nummer)?)$/;

const USABLE = {
  email: /^[^\s@]+@[^\s@]+\.[^\s@]+$/,
  // A card number has more digits than a phone number may have (E.164: 15), and a code fewer.
  phone: /^\+?(\D{0,2}\d){7,15}$/,
};

/** Fields for this and nothing else are read; a keypad (`tel`) alone does not make a phone number. */
const meaning = (field) => {
  const type = field.type;
  const hint = attribute(field, "autocomplete").trim().split(/\s+/).pop();
  if (!/^(text|email|tel)$/.test(type)) return;
  if (/^(email|tel|tel-national)$/.test(hint)) return hint == "email" ? hint : "phone";
  // The page says that the field is something else.
  if (hint && !/^(on|off)$/.test(hint)) return;
  if (type == "email") return type;
  for (const name of ["name", "id"]) {
    const said = NAME.exec(attribute(field, name).toLowerCase().replace(/[^a-z]/g, ""));
    if (said) return said[2] ? "email" : "phone";
  }
};

/** Hands e-mail and phone number over for hashing. Two different ones in a form are two people, and nobody can tell who. */
const identify = (api, form) => {
  const found = { email: new Set(), phone: new Set() };
  for (const field of form.querySelectorAll("input:enabled")) {
    const what = !field.closest(IGNORED) && meaning(field);
    if (what && USABLE[what].test(field.value.trim())) found[what].add(field.value.trim().toLowerCase());
  }
  const person = {};
  for (const what in found) if (found[what].size == 1) [person[what]] = found[what];
  api.identify(person);
};

/** Reports a submitted form, without looking into its fields. */
export const submitted = (api, scrub, form, submitter) => {
  const url = parsed((submitter && attribute(submitter, "formaction")) || attribute(form, "action") || location.href);
  const host = url && url.hostname != location.hostname ? url.hostname : "";
  api.track("FormSubmit", {
    ...told({
      form_id: attribute(form, "id"),
      form_name: attribute(form, "name"),
      form_action: url && /^http/.test(url.protocol) && scrub(host + url.pathname).slice(0, 500),
    }),
    ...properties(form),
  });
};

/** Tells who submitted a form, if the visitor may be known at all. */
export const introduced = (api, form) => {
  if (api.visitorId()) identify(api, form);
};

/**
 * Tells of the forms that a script submits by `form.submit()`, of which the browser tells nobody. The method does what it did,
 * whatever becomes of our part.
 */
export const scripted = (tell) => {
  const { prototype } = HTMLFormElement;
  const { submit } = prototype;
  prototype.submit = function (...values) {
    try {
      // Beyond the root of a shadow tree as well, as what stands around an event does.
      let open = this.isConnected;
      for (let node = this; node; node = node.getRootNode().host) {
        if (Element.prototype.closest.call(node, IGNORED)) open = false;
      }
      if (open) tell(this);
    } catch {}
    return submit.apply(this, values);
  };
};
