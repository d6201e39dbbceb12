// A page for the tests of the part `adopt`: the stub of the tag with a queue that nobody empties, and the browser tests'
// stand-ins for what vendors put on a page. No clock runs: `page.settle()` ends the time for which events are held.
import { readFileSync } from "node:fs";
import { defaults } from "./adopt_defaults.mjs";
import { install } from "../stub.js";
import adopt from "../parts/adopt.js";

/** A page before the part has come. `start` brings it. */
export const open = () => {
  const listeners = {};
  const listen = (name, listener) => (listeners[name] ||= []).push(listener);
  const timers = [];
  const page = { now: 1_795_183_509_000, past: [] };
  const window = { addEventListener: listen };
  Object.assign(globalThis, {
    window,
    location: { href: "https://shop.example/thanks" },
    document: { addEventListener: listen },
    addEventListener: listen,
    setTimeout: (action) => timers.push(action),
    clearTimeout: () => {},
  });
  Date.now = () => page.now;
  install();
  page.window = window;
  const { anytrack } = window;
  // The tag has taken what was called so far.
  page.taken = () => {
    for (const [time, , method, event_id, event, properties] of anytrack.q.splice(0)) {
      if (method == "track") page.past.push({ event, event_id, time, properties }, { event, event_id, time, properties });
    }
  };
  page.start = (settings = {}) => {
    page.taken();
    adopt({ api: anytrack, past: page.past, newId: anytrack.h[0] }, { ...defaults, ...settings });
    return page;
  };
  page.settle = () => timers.splice(0).forEach((action) => action());
  page.fire = (name, event = {}) => (listeners[name] || []).forEach((listener) => listener(event));
  /** What the tag was told to track, once nothing is held any more. */
  page.events = () => {
    page.settle();
    const calls = anytrack.q.filter((call) => call[2] == "track");
    return calls.map(([, , , id, name, properties]) => ({ id, name, properties }));
  };
  page.people = () => anytrack.q.filter((call) => call[2] == "identify").map((call) => call[3]);
  return page;
};

const source = readFileSync(new URL("../../../www-test/pages/cases/vendors.js", import.meta.url), "utf8");
const holder = {};
new Function("window", source)(holder);

export const { metaSnippet, metaScript, tiktokSnippet, tiktokScript, microsoftScript, tagManager, gtagOf } = holder.vendors;
