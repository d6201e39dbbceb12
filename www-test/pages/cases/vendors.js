// Stand-ins of what vendors put on a page: the behaviour of their snippets and scripts, in as few lines as show it.
// A snippet is a stub that keeps calls, a script takes them over and answers the list of what it was given. The node
// tests of the tag use this file too.
const vendors = (window.vendors = {});

// Meta's snippet: a function that is both `fbq` and `_fbq`.
vendors.metaSnippet = (window) => {
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

// Meta's script: takes the queue over by its own method, and says what it was given.
vendors.metaScript = (window) => {
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

// TikTok's snippet: an array whose methods append to it.
vendors.tiktokSnippet = (window) => {
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

// TikTok's script: an object of a class of its own, with fields that only it may touch, in place of the array.
vendors.tiktokScript = (window) => {
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

// Microsoft's script: an object in place of the array, whose words it takes one after another.
vendors.microsoftScript = (window) => {
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

// Tag Manager: its own `push` over the one it finds, 300 entries kept at most; a listener may push from within.
vendors.tagManager = (window, listener = () => {}) => {
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

// Google's function: what it is called with lands in the layer, as `arguments` and nothing else.
vendors.gtagOf = (window) =>
  (window.gtag = function () {
    (window.dataLayer = window.dataLayer || []).push(arguments);
  });
