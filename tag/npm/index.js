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
export const init = (settings) => {
  if (!inPage()) return;
  try {
    load(settings);
  } catch (error) {
    console.error("anytrack: the tag is not loaded:", error);
  }
};

const EXAMPLE = 'init({ relay: "https://t.shop.example", site: "shop" })';

/** The tag's address; undefined where the settings do not lead to one. */
const addressOf = (relay, site) => {
  try {
    const url = new URL("tag.js", String(relay).replace(/\/*$/, "/"));
    if (site && /^https?:$/.test(url.protocol)) return url.href;
  } catch {}
};

/**
 * The tag's address as a page takes it that has `require-trusted-types-for 'script'`
 * (https://w3c.github.io/trusted-types/dist/spec/): by a policy of ours that knows this one address. A page that has a default
 * policy says itself which addresses it trusts.
 */
const trusted = (source) => {
  try {
    const { trustedTypes } = window;
    if (!trustedTypes.defaultPolicy) return trustedTypes.createPolicy("anytrack", { createScriptURL: () => source }).createScriptURL("");
  } catch {}
  return source;
};

const load = ({ relay, site, nonce, consent: rule, country, pageViews, signals, parts } = {}) => {
  install();
  const source = addressOf(relay, site);
  if (!source) {
    const given = `relay: ${relay}, site: ${site}`;
    console.error(`anytrack: nothing is tracked: init needs the relay's address with https:// and the site's key, as in ${EXAMPLE}; given: ${given}`);
    return;
  }
  if ([...document.scripts].some(({ src }) => src == source)) return;
  const script = document.createElement("script");
  if (nonce) script.nonce = nonce;
  const autoPage = { load: "load", hash: "hash", off: "false" }[pageViews];
  const settings = { site, consent: rule, country, autoPage, signals, parts: parts ? "" : undefined };
  for (const [name, value] of Object.entries(settings)) if (value !== undefined) script.dataset[name] = value;
  script.crossOrigin = "anonymous";
  script.async = true;
  try {
    script.src = trusted(source);
  } catch {
    console.error(
      `anytrack: nothing is tracked: the page's Content-Security-Policy wants trusted types. It has to allow the policy "anytrack" (trusted-types anytrack), or the page's default policy to let ${source} pass in createScriptURL`,
    );
    return;
  }
  document.head.append(script);
};
