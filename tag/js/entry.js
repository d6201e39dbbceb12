// tag.js: loads the WebAssembly module and empties the queue into it.
//
// Owns loading, the order of calls, the page's events that make the tag send, and `anytrack:event`, by which a page
// can watch. Where WebAssembly is blocked, the calls go to `lite`. Rules about events live in Rust.
import { clean } from "./clean.js";
import { on } from "./host.js";
import { lite } from "./lite.js";
import { install, orderId } from "./stub.js";
import { connect, exports, imports } from "./module.js";

const PURPOSES = ["ad_storage", "ad_user_data", "ad_personalization"];
const WASM = "__WASM_FILE__";

const run = () => {
  install();
  const api = window.anytrack;
  const script = document.currentScript;
  // A second tag.js on the page, or one that is a module and does not know its own address.
  if (api.core !== undefined || !script) return;
  api.core = null;
  const { site = "", consent, country = "", autoPage } = script.dataset;
  const base = script.src.replace(/[^/]*([?#].*)?$/, "");
  const setup = [site, base + "v1/events", country, consent == "required"];
  const queue = api.q;
  let busy;

  const emit = (name, event_id, state) =>
    document.dispatchEvent(new CustomEvent("anytrack:event", { detail: { name, event_id, state } }));

  const methods = {
    track: (core, time, url, id, name, properties, options) => {
      let user;
      try {
        user = options.user;
      } catch {}
      const order = orderId(properties);
      if (core.track(name, id, order, time, url, clean(properties), properties, user)) emit(name, id, "queued");
    },
    identify: (core, _time, _url, person) => core.identify(person),
    consent: (core, _time, _url, answers) =>
      core.consent(PURPOSES.map((purpose) => ({ granted: "g", denied: "d" })[answers[purpose]] || "-").join("")),
    ready: (_core, _time, _url, callback) => callback(),
    reset: (core) => core.reset(),
  };

  // One call at a time: a listener or a getter of the page may call us from inside a call, and then waits its turn.
  const locked = (action) => {
    if (busy || !api.core) return;
    busy = true;
    try {
      action(api.core);
    } catch {}
    busy = false;
  };

  const drain = () => {
    locked((core) => {
      while (queue.length) {
        const [time, url, method, ...values] = queue.shift();
        try {
          methods[method](core, time, url, ...values);
        } catch {}
      }
    });
    Promise.resolve().then(flush);
  };

  const flush = () => {
    locked((core) => core.flush());
    if (queue.length) drain();
  };

  on.sent = (body) => {
    for (const { event, event_id } of JSON.parse(body).events) emit(event, event_id, "sent");
  };
  on.settle = (batch, sent) => locked((core) => core.settle(batch, sent));

  const start = (core) => {
    if (autoPage != "false") {
      api.page();
      queue.unshift(queue.pop());
    }
    api.core = core;
    queue.push = (entry) => {
      const length = Array.prototype.push.call(queue, entry);
      drain();
      return length;
    };
    for (const event of ["online", "pagehide"]) addEventListener(event, flush);
    document.addEventListener("visibilitychange", flush);
    drain();
  };

  const load = async () => {
    // Throws where a content security policy forbids WebAssembly, before anything is fetched.
    new WebAssembly.Module(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]));
    const [name, early] = api.w || [];
    let module;
    try {
      module = await WebAssembly.instantiateStreaming(name == WASM ? early : fetch(base + WASM), imports);
    } catch {
      // A wrong MIME type, a browser without streaming, or a network that failed once.
      module = await WebAssembly.instantiate(await (await fetch(base + WASM)).arrayBuffer(), imports);
    }
    connect(module.instance.exports);
    exports.start(...setup);
  };

  load().then(
    () => start(exports),
    () => start(lite(setup[0], setup[1], setup[3])),
  );
};

try {
  run();
} catch {}
