// Clicks on links: those that leave the site, and those that call or write to it.
//
// Owns the events OutboundClick and Contact. The target of `mailto:` and `tel:` stays on the page: which of the two it
// was is what a report needs, and a label can be given with `data-at-label`.
import { properties } from "./attributes.js";
import { attribute, told } from "./page.js";

const METHODS = { "mailto:": "email", "tel:": "phone", "sms:": "sms" };

/** Reporting attributes that stand beside `data-tracking-group`; without it they belong to somebody else. */
const GROUPED = ["brand", "position", "table", "page", "action"];

/** Enough digits for somebody's number. */
const SOMEBODYS = /\d([ ()./-]*\d){6}/;

const caption = (scrub, link) => {
  const text = (attribute(link, "aria-label") || link.textContent || "").replace(/\s+/g, " ").trim().slice(0, 100);
  return scrub(text) == text && !SOMEBODYS.test(text) && text;
};

/** Reports a call or a letter that a link begins; answers whether it was such a link. */
export const contact = (api, link, url) => {
  const method = METHODS[url.protocol];
  if (method) api.track("Contact", { contact_method: method, ...properties(link) });
  return !!method;
};

/**
 * Reports a click that leaves the site. `address` is where the link leads without what we wrote into it, `found` is the
 * affiliate network or checkout it belongs to, if any.
 */
export const outbound = (api, scrub, link, address, found) => {
  const url = new URL(address, document.baseURI);
  const tracking_group = attribute(link, "data-tracking-group");
  const facts = {
    link_url: scrub(url.href).slice(0, 2000),
    link_domain: url.hostname,
    link_id: attribute(link, "id"),
    link_text: caption(scrub, link),
    network: found && found.name,
    affiliate: found && !found.visitor,
    tracking_group,
  };
  if (tracking_group) for (const name of GROUPED) facts[name] = attribute(link, "data-" + name);
  api.track("OutboundClick", { ...told(facts), ...properties(link) });
};
