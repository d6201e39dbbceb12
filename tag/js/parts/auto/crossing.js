// The visitor on the way from one of the site's domains to another.
//
// Owns the parameter `at_x`. No cookie reaches the other domain, so the link carries the visitor's id with the time, and
// a checksum over both, the domain of the list it leads to, and what the browser shows of itself. It is taken for two
// minutes, in the same kind of browser, on any host of that domain, since a shop may redirect to its `www`, and only when
// the browser says that a page of these domains led here: a link that was copied, mailed or shared brings nobody's id to
// somebody else. There is no secret in a browser, so none of this proves anything; it keeps strangers apart, and the
// referrer keeps other sites from making such links.
import { parameter, withoutParameter } from "./address.js";
import { below } from "./networks.js";
import { parsed } from "./page.js";

export const CARRIER = "at_x";

/** How long a link is good for, in seconds: a slow page and a redirect, no more. */
const LIFE = 120;

/** FNV-1a of 32 bits, over characters. */
const checksum = (text) => {
  let sum = 0x811c9dc5;
  for (const letter of text) sum = Math.imul(sum ^ letter.codePointAt(0), 0x01000193);
  return (sum >>> 0).toString(36);
};

const browser = () => [navigator.userAgent, navigator.language, Intl.DateTimeFormat().resolvedOptions().timeZone];

const sealed = (time, visitor, domain) => time + "." + checksum([time, visitor, domain, ...browser()].join("\n")) + "." + visitor;

/** The domain of the list that a host belongs to. */
export const domainOf = (host, domains) => domains.find((domain) => below(host, domain));

/** The value of `at_x` for a link to `host`; undefined when it leads to no other domain of the site. */
export const carried = (visitor, host, domains) => {
  const there = domainOf(host, domains);
  const here = domainOf(location.hostname, domains);
  if (visitor && there && here && there != here) return sealed(Math.floor(Date.now() / 1000).toString(36), visitor, there);
};

/** The visitor that an address brings along, or nothing. */
export const arrived = (address, referrer, domains) => {
  const value = parameter(address, CARRIER) || "";
  const [, time, visitor] = /^(\w+)\.\w+\.([\w.-]{1,128})$/.exec(value) || [];
  const age = Date.now() / 1000 - parseInt(time, 36);
  if (!(age >= 0 && age <= LIFE) || value != sealed(time, visitor, domainOf(location.hostname, domains))) return;
  // Without a referrer anybody may have made the link.
  return referrer && domainOf(parsed(referrer).hostname, domains) && visitor;
};

/** Takes the parameter out of the address bar and out of what is waiting to be reported. */
export const tidy = (api) => {
  const clean = (address) => withoutParameter(address, CARRIER);
  if (parameter(location.href, CARRIER) !== undefined) history.replaceState(history.state, "", clean(location.href));
  api.u = clean(api.u);
  for (const entry of api.q) entry[1] = clean(entry[1]);
};
