// A page for the tests of the part `adopt`: the stub of the tag with a queue that nobody empties, and stand-ins for what
// vendors' snippets and scripts do, written from what is known of their behaviour: stubs that queue, scripts that take
// the queue over, objects that are replaced. No clock runs: `page.settle()` ends the time for which events are held.
import { install } from "../stub.js";
import adopt from "../parts/adopt.js";

/** Every setting as the relay hands it over when a site says nothing. */
export const defaults = {
  data_layer: true,
  gtag: true,
  fbq: true,
  ttq: true,
  uetq: true,
  anytrack: true,
  layer: "dataLayer",
  events: {},
  properties: [],
  user_data: false,
  pixels: [],
  forward: [],
};

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
  page.taken = () => page.past.push(...anytrack.q.splice(0));
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

/** Meta's snippet: a function that is both `fbq` and `_fbq`. */
export const metaSnippet = (window) => {
  if (window.fbq) return;
  const stub = (window.fbq = function () {
    stub.callMethod ? stub.callMethod.apply(stub, arguments) : stub.queue.push(arguments);
  });
  window._fbq ||= stub;
  stub.push = stub;
  stub.loaded = true;
  stub.version = "2.0";
  stub.queue = [];
};

/** Meta's script: takes the queue over by its own method, and says what it was given. */
export const metaScript = (window) => {
  const got = [];
  const { fbq } = window;
  if (fbq !== window._fbq) throw new Error("two pixels");
  fbq.callMethod = function (...values) {
    if (this !== fbq) throw new Error("another this");
    got.push(values);
    return "answer";
  };
  const waiting = [...fbq.queue];
  fbq.queue.length = 0;
  for (const call of waiting) fbq.callMethod.apply(fbq, call);
  return got;
};

/** TikTok's snippet: an array whose methods append to it. */
export const tiktokSnippet = (window) => {
  const ttq = (window.ttq = window.ttq || []);
  ttq.methods = ["page", "track", "identify", "instances", "debug", "ready"];
  ttq.setAndDefer = (object, method) => {
    object[method] = function (...values) {
      object.push([method, ...values]);
    };
  };
  for (const method of ttq.methods) ttq.setAndDefer(ttq, method);
  ttq.instance = (id) => {
    const object = ttq._i[id] || [];
    for (const method of ttq.methods) ttq.setAndDefer(object, method);
    return object;
  };
  ttq.load = (id) => {
    ttq._i = ttq._i || {};
    ttq._i[id] = [];
  };
};

/** TikTok's script: an object of a class of its own, with fields that only it may touch, in place of the array. */
export const tiktokScript = (window) => {
  const got = [];
  class Pixel {
    #calls = got;
    track(...values) {
      this.#calls.push(["track", ...values]);
      return "answer";
    }
    page(...values) {
      this.#calls.push(["page", ...values]);
    }
    identify(...values) {
      this.#calls.push(["identify", ...values]);
    }
  }
  const waiting = window.ttq;
  window.ttq = new Pixel();
  for (const [method, ...values] of waiting) window.ttq[method](...values);
  return got;
};

/** Microsoft's script: an object in place of the array, whose words it takes one after another. */
export const microsoftScript = (window) => {
  const got = [];
  class Tag {
    push(...words) {
      got.push(words);
    }
  }
  const queue = window.uetq;
  const tag = new Tag();
  while (queue.length) {
    const words = [queue.shift()];
    if (words[0] == "event") words.push(queue.shift(), ...(typeof queue[0] == "object" ? [queue.shift()] : []));
    tag.push(...words);
  }
  window.uetq = tag;
  return got;
};

/** Tag Manager: its own `push` over the one it finds, 300 entries kept at most; a listener may push from within. */
export const tagManager = (window, listener = () => {}) => {
  const got = [];
  const layer = window.dataLayer;
  const before = layer.push;
  const read = (entry) => {
    got.push(entry);
    listener(entry);
  };
  [...layer].forEach(read);
  layer.push = function (...entries) {
    const length = before.apply(layer, entries);
    while (layer.length > 300) layer.shift();
    entries.forEach(read);
    return length;
  };
  return got;
};

/** Google's function: what it is called with lands in the layer, as `arguments` and nothing else. */
export const gtagOf = (window) =>
  (window.gtag = function () {
    (window.dataLayer = window.dataLayer || []).push(arguments);
  });
