// The part `auto`: what happens on a page without a line of code, and links that carry our id along.
//
// Owns listening: one set of listeners at the window, where they come before the page's own and see what is added
// later; an observer only for links and forms that somebody may copy or submit without touching them first. What is
// reported and written is the rooms' beside this file. Nothing here throws into the page or waits: everything happens
// while the browser tells of the click, and the tag hands it to the browser before the next page begins.
import { speak, speaks } from "./auto/attributes.js";
import { tagger } from "./auto/autotag.js";
import { arrived, domainOf, tidy } from "./auto/crossing.js";
import { introduced, scripted, submitted } from "./auto/forms.js";
import { contact, outbound } from "./auto/links.js";
import { below } from "./auto/networks.js";
import { leading, once, way } from "./auto/page.js";

/** A second click on the same link, or a second submission of the same form, within this time is the same one. */
const SAME_LEAVING = 1000;
/** A script may submit a form long after the event in which it held it back: a payment asks the bank first. */
const SAME_FORM = 300_000;
/** A click on a label is told twice, of the label and of its field; nobody clicks twice as fast as that. */
const SAME_CLICK = 30;

const guarded = (action) => (event) => {
  try {
    action(event);
  } catch {}
};

const isLink = (element) => /^(a|area)$/.test(element.localName) && leading(element);

/** Whether an address is the site's own: this host, one above or below it, or one of those it lists. */
const ownership = ({ domains }) => {
  const bare = (host) => host.replace(/^www\./, "");
  const here = bare(location.hostname);
  return ({ hostname }) => below(here, bare(hostname)) || !!domainOf(hostname, [here, ...domains]);
};

/** After so many milliseconds of looking at elements the browser gets its turn. */
const TURN = 8;

/** Marks what is on the page, and what is added to it. */
const watch = (api, { selector, tag }) => {
  // Nothing while the whole page is still to be looked at.
  let queue;
  const work = guarded(() => {
    // Before consent there is no id to write.
    queue = api.visitorId() ? queue || [...document.querySelectorAll(selector)] : undefined;
    if (!queue) return;
    const end = performance.now() + TURN;
    let at = 0;
    while (at < queue.length && performance.now() < end) {
      const element = queue[at++];
      if (element.matches(selector)) tag(element);
    }
    queue.splice(0, at);
    if (queue[0]) soon();
  });
  const soon = () => (window.requestIdleCallback ? requestIdleCallback(work, { timeout: 500 }) : setTimeout(work, 50));
  new MutationObserver((records) => {
    for (const { type, target, addedNodes } of records) {
      for (const node of type == "attributes" ? [target] : addedNodes) {
        if (queue && node.matches) queue.push(node, ...node.querySelectorAll(selector));
      }
    }
    soon();
  }).observe(document, { subtree: true, childList: true, attributes: true, attributeFilter: ["href", "action", "value"] });
  // An event leaves only once the visitor may be known, which may be later than the page.
  document.addEventListener("anytrack:event", soon);
  soon();
};

const start = ({ api, scrub }, settings) => {
  const { attributes, outbound: leaving, contact: contacts, forms, identify_forms, autotag, domains } = settings;
  const isOwn = ownership(settings);
  const marks = tagger(api, settings, isOwn);
  const isFirst = once();
  const writes = autotag || domains.length > 1;
  const known = new WeakSet();

  const followed = (link, time) => {
    const target = marks.target(link);
    if (!target || !isFirst(link, time, SAME_LEAVING)) return;
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
    const speaker = attributes && elements.find((element) => speaks(element) && element.localName != "form");
    if (speaker && event.type == "click" && isFirst(speaker, event.timeStamp, SAME_CLICK)) speak(api, speaker);
    if (link && !(attributes && speaks(link))) followed(link, event.timeStamp);
  };

  const leaves = (form, time, within, submitter) => {
    if (writes) marks.tag(form, true);
    if (!isFirst(form, time, within)) return;
    if (identify_forms) introduced(api, form);
    if (attributes && speaks(form)) speak(api, form);
    else if (forms) submitted(api, scrub, form, submitter);
  };

  const sent = (event) => {
    const [form] = way(event);
    if (form && form.localName == "form") leaves(form, event.timeStamp, SAME_LEAVING, event.submitter);
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
  // Last, because a page may forbid it.
  scripted((form) => leaves(form, performance.now(), SAME_FORM));
};

/** Who comes from another domain of the site. The tag asks before anything is stored. */
start.landing = (api, { domains }) => {
  const visitor = arrived(api.u, document.referrer, domains);
  tidy(api);
  return visitor;
};

export default start;
