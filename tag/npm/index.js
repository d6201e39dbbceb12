// The npm package: the public surface as functions, and a loader for the tag of the site's own relay.
//
// Owns nothing of the tag. Importing it does nothing; on a server every call does nothing and answers as a page would
// before the tag has loaded. In a browser the first call installs the same stub as the snippet, so calls made before
// `init` are kept with their time and order.
import { install } from "../js/stub.js";

const inPage = () => typeof window == "object" && typeof document == "object";

/** Calls a method of the page's object; `nothing` is the answer where there is no page. */
const method =
  (name, nothing) =>
  (...values) => {
    if (!inPage()) return nothing;
    install();
    return window.anytrack[name](...values);
  };

export const track = method("track", "");
export const page = method("page", "");
export const identify = method("identify");
export const consent = method("consent");
export const visitorId = method("visitorId", null);
export const clickId = method("clickId", null);
export const ready = method("ready");
export const reset = method("reset");

/** Loads the tag once. A second call, as of a component that is drawn again, changes nothing. */
export const init = ({ relay, site, nonce, consent: rule, country, pageViews, signals, parts }) => {
  if (!inPage()) return;
  install();
  const source = new URL("tag.js", relay.replace(/\/*$/, "/")).href;
  if ([...document.scripts].some(({ src }) => src == source)) return;
  const script = document.createElement("script");
  if (nonce) script.nonce = nonce;
  const autoPage = { load: "load", hash: "hash", off: "false" }[pageViews];
  const settings = { site, consent: rule, country, autoPage, signals, parts: parts ? "" : undefined };
  for (const [name, value] of Object.entries(settings)) if (value !== undefined) script.dataset[name] = value;
  script.crossOrigin = "anonymous";
  script.async = true;
  script.src = source;
  document.head.append(script);
};
