// Our id in links and forms that leave for a network, a checkout or another domain of the site.
//
// Owns what is written into which element, and that it can be taken back and written again: what the page itself wrote
// is remembered, so that a link is always made anew from that, and is the page's own again once the visitor is forgotten.
// Writes text of attributes, never more than the one parameter, and only to http addresses; what cannot be read as an
// address stays as it is.
import { parameter, piece, withParameter, withPiece, withoutParameter } from "./address.js";
import { CARRIER, carried } from "./crossing.js";
import { destination, placed, under } from "./networks.js";
import { IGNORED, attribute, leading, parsed } from "./page.js";

const PLACEHOLDER = "--CLICK-ID--";

/** A whole address within the path: what is added behind it would belong to that one. */
const NESTED = /https?(:\/|%3a%2f)/i;

export const tagger = (api, settings, isOwn) => {
  const { rules, domains, exclude, autotag } = settings;
  /** What the page wrote, and what we made of it. No element has two attributes that we write. */
  const written = new WeakMap();
  /** The hidden fields that we added. */
  const added = new WeakSet();

  /** The page's own text where `now` stands. */
  const original = (element, now) => {
    const before = written.get(element);
    return before && before[1] == now ? before[0] : now;
  };

  const excluded = (element, url) => exclude.some((pattern) => under(url, pattern)) || element.closest(IGNORED);

  /** The network or checkout that an element leads to, if the site wants it marked. */
  const lookup = (element, url) => {
    const group = attribute(element, "data-tracking-group");
    return destination(url, rules, group, !isOwn(url)) || undefined;
  };

  const idOf = (found) => (found.visitor ? api.visitorId() : api.clickId());

  /** An address with our id, by the network's rules. */
  const marked = (address, url, found) => {
    if (address.includes(PLACEHOLDER)) return address.replaceAll(PLACEHOLDER, () => api.clickId() || PLACEHOLDER);
    const id = found && idOf(found);
    if (!id || (!found.path && NESTED.test(url.pathname))) return address;
    const read = (name) => (found.path ? piece(address, name) : parameter(address, name));
    const [name, value] = placed(read, found, id) || [];
    if (!name) return address;
    return found.path ? withPiece(address, name, value) : withParameter(address, name, value);
  };

  const put = (element, name, from, to) => {
    if (to == attribute(element, name)) return;
    element.setAttribute(name, to);
    written.set(element, [from, to]);
  };

  const crossing = (url) => carried(api.visitorId(), url.hostname, domains);

  /** Marks an address in an attribute. `leaving` says that the visitor is about to follow it. */
  const mark = (element, name, leaving) => {
    const from = original(element, attribute(element, name));
    const url = parsed(from);
    if (!url || !/^https?:$/.test(url.protocol) || excluded(element, url)) return;
    const text = from.trim();
    let to = autotag && !text.startsWith("#") ? marked(text, url, lookup(element, url)) : text;
    // It is good for two minutes only, so it is made when it is needed and not before.
    const carrier = leaving && crossing(url);
    if (carrier) to = withParameter(withoutParameter(to, CARRIER), CARRIER, carrier);
    if (to != text) put(element, name, from, to);
    // Taken back once nobody is known, and not before: it may be what an open menu is about to copy.
    else if (written.has(element) && !api.visitorId()) put(element, name, from, from);
  };

  const hidden = (form) => [...form.querySelectorAll("input[type=hidden]")];

  /** Writes a hidden field. One that has the value already is left alone. */
  const field = (form, name, value) => {
    let input = hidden(form).find((one) => attribute(one, "name") == name);
    if (!input) {
      input = document.createElement("input");
      input.type = "hidden";
      input.name = name;
      added.add(input);
      form.append(input);
    }
    put(input, "value", original(input, input.value), value);
  };

  /** Takes our ids out of a form's fields. */
  const clear = (form) => {
    for (const input of hidden(form)) {
      const from = original(input, input.value);
      if (added.has(input) && !from) input.remove();
      else put(input, "value", from, from);
    }
  };

  const value = (form, action) => (name) => {
    const input = [...form.querySelectorAll("[name]")].find((one) => attribute(one, "name") == name);
    return input ? original(input, input.value) : parameter(action, name);
  };

  const markForm = (form, leaving) => {
    const action = original(form, attribute(form, "action"));
    const url = parsed(action || location.href);
    if (!url || !/^https?:$/.test(url.protocol) || excluded(form, url)) return;
    if (!api.visitorId()) clear(form);
    const found = autotag && lookup(form, url);
    if (found && !found.path) {
      const id = idOf(found);
      const [name, text] = (id && placed(value(form, action), found, id)) || [];
      if (name) field(form, name, text);
    }
    const posts = attribute(form, "method").toLowerCase() == "post";
    // A form that asks (GET) drops the parameters of its action.
    const carrier = leaving && !posts && crossing(url);
    if (carrier) field(form, CARRIER, carrier);
    else if (action && (posts || action.includes(PLACEHOLDER))) mark(form, "action", leaving);
  };

  const fill = (input) => {
    const from = original(input, input.value);
    if (autotag && from.includes(PLACEHOLDER) && !input.closest(IGNORED)) {
      put(input, "value", from, from.replaceAll(PLACEHOLDER, () => api.clickId() || PLACEHOLDER));
    }
  };

  return {
    /** What we would look after. */
    selector: "a[*|href],area[href],form,input[type=hidden]",
    /** Marks one element. */
    tag: (element, leaving) => {
      if (element.localName == "form") {
        if (leaving) element.querySelectorAll("input[type=hidden]").forEach(fill);
        markForm(element, leaving);
      } else if (element.localName == "input") fill(element);
      else mark(element, leading(element), leaving);
    },
    /** Where a link leads without what we wrote into it, and to whom; nothing for one that the site excluded. */
    target: (link) => {
      const address = original(link, attribute(link, leading(link)));
      const url = parsed(address);
      return url && !excluded(link, url) && { address, url, found: lookup(link, url) };
    },
  };
};
