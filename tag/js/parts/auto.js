// The part `auto`: what happens on a page without a line of code, and links that carry our id along.
//
// Owns listening: one set of listeners at the window, where they come before the page's own and see what is added
// later; an observer only for links and forms that somebody may copy or submit without touching them first. What is
// reported and written is the rooms' beside this file. Nothing here throws into the page or waits: everything happens
// while the browser tells of the click, and the tag hands it to the browser before the next page begins.
import { speak, speaks } from "./auto/attributes.js";
import { tagger } from "./auto/autotag.js";
import { arrived, domainOf, tidy } from "./auto/crossing.js";
import { introduced, submitted } from "./auto/forms.js";
import { contact, outbound } from "./auto/links.js";
import { below } from "./auto/networks.js";
import { attribute, isIgnored, oncePer, way } from "./auto/page.js";

/** A second click on the same link, or a second submission of the same form, within this time is the same one. */
const SAME_LEAVING = 1000;
/** A click on a label is told twice, of the label and of its field; nobody clicks twice as fast as that. */
const SAME_CLICK = 30;

const guarded = (action) => (event) => {
  try {
    action(event);
  } catch {}
};

const idle = (action) => (window.requestIdleCallback ? requestIdleCallback(action, { timeout: 500 }) : setTimeout(action, 50));

const isLink = (element) => /^(a|area)$/.test(element.localName) && element.hasAttribute("href");

/** Whether an address is the site's own: this host, one above or below it, or one of those it lists. */
const ownership = ({ domains }) => {
  const here = location.hostname.replace(/^www\./, "");
  return ({ hostname }) =>
    below(hostname, here) ||
    below(here, hostname.replace(/^www\./, "")) ||
    !!domainOf(hostname, domains);
};

/** Marks what is on the page, and what is added to it. */
const watch = (api, { selector, tag }) => {
  let waiting = new Set();
  let unmarked = true;
  const visit = (root) => {
    if (root.matches && root.matches(selector)) tag(root);
    root.querySelectorAll(selector).forEach((element) => guarded(tag)(element));
  };
  const work = () => {
    const roots = waiting;
    waiting = new Set();
    // Before consent there is no id to write; asking for it is left to the links that need it.
    if (api.visitorId()) roots.forEach(guarded(visit));
    unmarked ||= !api.visitorId();
  };
  const note = (nodes) => {
    if (!waiting.size) idle(guarded(work));
    for (const node of nodes) if (node.nodeType != 3 && node.querySelectorAll) waiting.add(node);
  };
  new MutationObserver((records) =>
    records.forEach(({ type, target, addedNodes }) => note(type == "attributes" ? [target] : addedNodes)),
  ).observe(document, { subtree: true, childList: true, attributes: true, attributeFilter: ["href", "action", "value"] });
  unmarked = false;
  note([document]);
  // An event leaves only once the visitor may be known, which may be later than the page.
  document.addEventListener("anytrack:event", ({ detail }) => {
    if (!unmarked || detail.state != "sent") return;
    unmarked = false;
    note([document]);
  });
};

const start = ({ api, scrub }, settings) => {
  const { attributes, outbound: leaving, contact: contacts, forms, identify_forms, autotag, domains } = settings;
  const isOwn = ownership(settings);
  const marks = tagger(api, settings, isOwn);
  const first = { link: oncePer(SAME_LEAVING), form: oncePer(SAME_LEAVING), own: oncePer(SAME_CLICK) };
  const writes = autotag || domains.length > 1;
  const known = new WeakSet();

  const followed = (link, time) => {
    const target = marks.target(link);
    if (!target || !first.link(link, time)) return;
    const { address, url, found } = target;
    if (contacts && contact(api, link, url)) return;
    // The relay learns our id from this event: a click that carries it is told of in any case.
    const told = (leaving && !isOwn(url)) || (autotag && found && !found.visitor);
    if (told && /^https?:$/.test(url.protocol)) outbound(api, scrub, link, address, found);
  };

  const clicked = (event) => {
    // The right button opens a menu; the middle one, and every key held down, follows the link elsewhere.
    if (event.button != (event.type == "click" ? 0 : 1)) return;
    const elements = way(event);
    const link = elements.find(isLink);
    if (link && writes) marks.tag(link, true);
    if (isIgnored(elements)) return;
    const speaker = attributes && elements.find((element) => speaks(element) && element.localName != "form");
    if (speaker && event.type == "click" && first.own(speaker, event.timeStamp)) speak(api, speaker);
    if (link && !(attributes && speaks(link))) followed(link, event.timeStamp);
  };

  const sent = (event) => {
    const [form, ...around] = way(event);
    if (!form || form.localName != "form") return;
    if (writes) marks.tag(form, true);
    if (isIgnored([form, ...around]) || !first.form(form, event.timeStamp)) return;
    if (identify_forms) introduced(api, form);
    if (attributes && speaks(form)) speak(api, form);
    else if (forms) submitted(api, scrub, form, event.submitter);
  };

  // Before the menu from which an address is copied, and before the click that somebody else may act upon.
  const touched = (event) => {
    const elements = way(event);
    const link = elements.find(isLink);
    if (link && writes) marks.tag(link, true);
    for (const element of elements) {
      const root = element.getRootNode();
      // A form's submission stays within its shadow tree, so it is listened to in there.
      if (root == document || known.has(root)) continue;
      known.add(root);
      root.addEventListener("submit", guarded(sent), true);
    }
  };

  const listen = (names, action) => names.forEach((name) => addEventListener(name, guarded(action), { capture: true, passive: true }));
  listen(["pointerdown", "contextmenu", "focusin"], touched);
  listen(["click", "auxclick"], clicked);
  listen(["submit"], sent);
  if (autotag) watch(api, marks);
};

/** Who comes from another domain of the site. The tag asks before anything is stored. */
start.landing = (api, { domains }) => {
  const visitor = arrived(api.u, document.referrer, domains);
  tidy(api);
  return visitor;
};

export default start;
