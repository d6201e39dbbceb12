// tag.js: loads the WebAssembly module and empties the queue into the tag.
//
// Owns loading, the order of calls, the page's events that make the tag send, and `anytrack:event`, by which a page can
// watch; and the parts that the site adds. Where WebAssembly is blocked, `plain.js` is fetched in its place. Rules about events
// live in `tag.js`.
import { functionsOf, imports } from "./module.js";
import { newId } from "./helpers.js";
import { attempt, settle } from "./host.js";
import { rulesOf } from "./rules.js";
import { scrub } from "./scrub.js";
import { start } from "./tag.js";

const WASM = "__WASM_FILE__";

/** How long the first page view of a visitor from another of the site's domains waits for who that is, in milliseconds. */
const ARRIVAL = 2000;

/** After so many milliseconds of work the browser gets its turn. A task of 50 delays what a visitor does
 * (https://developer.mozilla.org/en-US/docs/Glossary/Long_task, read 2026-11-27), and the piece before may itself take half. */
const LONGEST = 8;

const run = () => {
  const api = window.anytrack;
  const script = document.currentScript;
  // A second tag.js on the page, one that does not know its own address, or a stub of another version.
  if (api.core !== undefined || !script || !newId) return;
  api.core = null;
  const { site = "", consent, country = "", autoPage, signals = "gpc" } = script.dataset;
  const base = script.src.replace(/[^/]*([?#].*)?$/, "");
  const queue = api.q;
  let busy;
  // The page is about to end.
  let last;
  // The address of the last page view, and of the one before on this document.
  let here;
  let before;
  let pause = 500;

  // For parts, which come later: the first events of this page, as they are sent.
  const past = [];
  const emit = (call, state) => {
    past[99] || past.push(call);
    const { event, event_id } = call;
    document.dispatchEvent(new CustomEvent("anytrack:event", { detail: { name: event, event_id, state } }));
  };

  // 24 characters of base 32.
  const newToken = () =>
    [...crypto.getRandomValues(new Uint8Array(24))].map((byte) => (byte & 31).toString(32)).join("");

  const methods = {
    // The title is of where the page is now, and routers set it after the address.
    track: (core, time, url, id, name, properties, options) =>
      core.track(time, url, id, name, properties, attempt(() => options.user), options == moved || url != location.href),
    identify: (core, _time, _url, person) => core.identify(person),
    consent: (core, _time, _url, answers) => core.consent(answers),
    ready: (_core, _time, _url, callback) => callback(),
    reset: (core) => core.reset(newId()),
  };

  // One call at a time: a listener or a getter of the page may call us from inside a call, and then waits its turn.
  const locked = (action) => {
    if (busy || !api.core) return;
    busy = true;
    attempt(() => action(api.core));
    busy = false;
  };

  // When this piece of the work on landing began. On a slow phone all of it at once would hold the browser up for longer than
  // a visitor feels, so it rests where much time has gone by. No timer, which a page in the background gets once a second.
  let since = performance.now();
  const rest = async () => {
    if (performance.now() - since > LONGEST) {
      await new Promise((next) => {
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = next;
        port2.postMessage(0);
      });
    }
    since = performance.now();
  };

  const drain = async (pause) => {
    locked((core) => {
      while (queue.length) {
        const [time, url, method, ...values] = queue.shift();
        attempt(() => methods[method](core, time, url, ...values));
      }
    });
    await pause?.();
    flush();
    await pause?.();
    settle();
  };

  const flush = () => {
    locked((core) => {
      // A part may put the token into a link that nobody tells of: the first event makes it known.
      if (parts) core.click(newToken());
      core.flush(last);
    });
    if (queue.length) drain();
  };

  // Not locked, so that it answers in a callback of `ready`.
  api.get = (what) => attempt(() => api.core[what](newToken())) || null;

  // A page view where the address has changed without loading. What follows `#` counts where the page says so; a query
  // that replaces another, no new step in the history, is the page's own housekeeping.
  const moved = (replaced) => {
    const url = location.href;
    const path = (url) => url.split(replaced ? /[?#]/ : autoPage == "hash" ? /$^/ : "#")[0];
    const same = path(url) == path(here);
    if (!same) before = here;
    here = url;
    // By its options `track` knows it, and leaves out the old page's title.
    if (!same) api.page(0, moved);
  };

  const watch = () => {
    // Out of the browser's memory a page comes back as it was left.
    addEventListener("pageshow", ({ persisted }) => persisted && api.page());
    // A variable or an element of the page may have the name.
    if (attempt(() => navigation instanceof Navigation)) {
      navigation.addEventListener("currententrychange", (event) => moved(event.navigationType == "replace"));
    } else {
      for (const method of ["pushState", "replaceState"]) {
        const original = history[method];
        history[method] = (...values) => {
          original.apply(history, values);
          attempt(() => moved(method > "q"));
        };
      }
      addEventListener("popstate", () => moved());
    }
    // Where the page has gone before anybody watched. Nobody knows whether that was a new step.
    moved(true);
  };

  // Whoever leaves the page between two pieces is told of all the same, by the listeners.
  const begin = async (rules, arrived) => {
    const { globalPrivacyControl, doNotTrack } = navigator;
    const core = start({
      rules,
      site,
      endpoint: base + "v1/events",
      url: api.u,
      spare: arrived || newId(),
      arrived,
      country,
      required: consent == "required",
      refused: (/gpc/.test(signals) && globalPrivacyControl) || (/dnt/.test(signals) && doNotTrack == 1),
      emit,
      referrer: () => before ?? document.referrer,
      // Twice as long each time, and not all browsers at once.
      later: (action) => setTimeout(() => locked(action), (pause = Math.min(2 * pause, 3e5)) * (1 - Math.random() / 2)),
    });
    // Before the one that takes a page view of it.
    addEventListener("pageshow", ({ persisted }) => {
      last = false;
      if (persisted) locked((core) => core.wake());
    });
    if (autoPage != "false") {
      // It comes before what the page has called meanwhile, so it takes that time and address.
      api.page();
      const entry = queue.pop();
      if (queue[0]) [entry[0], entry[1]] = queue[0];
      queue.unshift(entry);
      here = entry[1];
    }
    api.core = core;
    queue.push = (entry) => {
      queue[queue.length] = entry;
      drain();
      return queue.length;
    };
    const seen = () => {
      document.hidden || locked((core) => core.wake());
      flush();
    };
    addEventListener("online", flush);
    document.addEventListener("visibilitychange", seen);
    // Two windows may both be visible, and what is answered in one holds in the other.
    addEventListener("focus", seen);
    addEventListener("pagehide", () => {
      last = true;
      drain();
      flush();
      settle();
    });
    await rest();
    drain(rest);
    // Not before: the calls so far have come from where the page was first.
    if (here && autoPage != "load") attempt(watch);
  };

  const load = async () => {
    // A request that is out already; a network that failed once is asked again.
    const [name, early] = api.w || [];
    const read = async () => (await fetch(base + WASM)).arrayBuffer();
    const bytes = await ((name == WASM && early) || read()).catch(read);
    // By another thread: on a slow phone it would hold this one up for longer than a visitor feels. Rejects where a content
    // security policy forbids WebAssembly.
    const { exports } = (await WebAssembly.instantiate(bytes, imports)).instance;
    await rest();
    return rulesOf(functionsOf(exports));
  };

  // What the site adds to the tag; the relay says which files these are. Only who arrives waits for it, and the overlay, which
  // has to be there before the first event, to see it.
  const debug = location.search.includes("anytrack_debug=1") ? "?debug" : "";
  const parts =
    (debug || "parts" in script.dataset) && import(base + "v1/site/" + site + ".js" + debug).catch(() => {});

  // A visitor from another of the site's domains has to be known before anything is stored. After that time it is
  // whoever is known here.
  const late = () => new Promise((over) => setTimeout(over, ARRIVAL));
  const arriving = async () => /[?&]at_x=/.test(api.u) && (await Promise.race([parts, late()])).landing(api);

  load()
    .then(
      (rules) => (visitor) => begin(rules, visitor),
      () => import(base + WASM + ".js").then((plain) => (visitor) => plain.default((rules) => begin(rules, visitor), queue)),
    )
    .then(async (starting) => {
      // A page that the browser only keeps ready is no visit until it is shown.
      if (document.prerendering) await new Promise((shown) => document.addEventListener("prerenderingchange", shown));
      debug && (await (await parts)?.ready);
      await starting(await arriving().catch(() => {}));
      return (await parts).default({ api, core: api.core, site, base, country, url: api.u, newId, scrub, past });
    })
    .catch(() => {});
};

attempt(run);
