// Google's Consent Mode v2: the commands that a page pushes to `dataLayer`, before this part came and after.
//
// Our purposes carry Google's names, so nothing is mapped. An update is an answer. A default is what holds until then: one
// that grants is taken as the site's word, after the time that it waits for an update, and never against the visitor's; one
// that denies is none of the visitor's and leaves the tag waiting, for to treat it as a withdrawal would forget every visitor
// on every page. Of several defaults the one for the narrowest region counts
// (https://developers.google.com/tag-platform/security/guides/consent, read 2026-11-27); where the visitor's region is not
// known, one that denies counts for every region the visitor may be in, one that grants for none.
import { isAsked, zoneIsAsked, zoneOf } from "../region/asked.js";
import { PURPOSES, quiet } from "./api.js";

const isAnswer = (value) => value == "granted" || value == "denied";

/** How narrowly a default names the visitor's region: 0 for everywhere, 1 a country, 2 a part of one; -1 if not at all. */
const closeness = (regions, country, denies) => {
  if (!Array.isArray(regions)) return 0;
  const fits = regions.map((region) => {
    const [state, part] = String(region).split("-");
    // The parts of a country cannot be told apart here.
    if (country) return state != country ? -1 : !part ? 1 : denies ? 2 : -1;
    const may = zoneIsAsked(zoneOf()) || !isAsked(state);
    return may && denies ? (part ? 2 : 1) : -1;
  });
  return Math.max(-1, ...fits);
};

export const google = (tell, settings, { visitorCountry, consent }) => {
  const defaults = [];
  const updates = {};
  // What updates have said since the last word.
  let fresh = {};
  // Set while a default waits for an update.
  let waiting;
  const say = quiet(() => {
    const answers = {};
    const before = consent();
    for (const purpose of PURPOSES) {
      let closest = -1;
      let grants;
      for (const command of defaults) {
        const answer = command[purpose];
        const close = closeness(command.region, visitorCountry, answer == "denied");
        if (isAnswer(answer) && close >= closest && close >= 0) {
          [closest, grants] = [close, answer == "granted" && !(waiting && command.wait_for_update)];
        }
      }
      const answer = updates[purpose] || (grants && "granted");
      // A denial, the visitor's or the site's, is lifted by a new update alone.
      if (fresh[purpose] || answer == "denied" || (answer && before[purpose] != "denied")) answers[purpose] = answer;
    }
    fresh = {};
    tell(answers);
  });
  /** Waits so many milliseconds for an update, or no longer. */
  const wait = (ms) => {
    clearTimeout(waiting);
    waiting = ms && setTimeout(() => say((waiting = 0)), ms);
  };
  // A page may put another layer in the place of the first, and take over what that one had.
  const known = new WeakSet();
  const read = quiet((command) => {
    if (command?.[0] != "consent" || typeof command[2] != "object" || known.has(command)) return false;
    known.add(command);
    if (command[1] == "default") {
      defaults.push({ ...command[2] });
      if (command[2].wait_for_update > 0) wait(command[2].wait_for_update);
    }
    if (command[1] == "update") {
      wait();
      for (const purpose of PURPOSES) if (isAnswer(command[2][purpose])) fresh[purpose] = updates[purpose] = command[2][purpose];
    }
    return true;
  });
  // Those that come together count together: what is there already, as it did for Google's own tag.
  const hear = (commands) => {
    if (commands.map(read).includes(true)) say();
  };
  const listen = quiet((layer) => {
    if (known.has(layer)) return;
    known.add(layer);
    hear([...layer]);
    const { push } = layer;
    layer.push = (...commands) => {
      const length = push.apply(layer, commands);
      hear(commands);
      return length;
    };
  });
  let layer = (window.dataLayer ||= []);
  listen(layer);
  // Somebody else may be watching already. A global that was declared cannot be watched, and keeps its first layer.
  const { get, set } = Object.getOwnPropertyDescriptor(window, "dataLayer") || {};
  quiet(Object.defineProperty)(window, "dataLayer", {
    configurable: true,
    enumerable: true,
    get: () => (get ? get.call(window) : layer),
    set: (next) => {
      set?.call(window, next);
      listen((layer = next));
    },
  });
};
