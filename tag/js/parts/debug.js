// The debug overlay's eyes: watches what the page tells the tag and what the tag tells the relay.
//
// Loaded only with `?anytrack_debug=1`, before the tag begins, so that it sees the first event. Owns watching; judging and
// drawing are the overlay's own module (`tag/inspect`). While it watches, nothing goes by `sendBeacon`, as last words would, because
// a beacon's answer is nobody's to read: so the overlay can show what the relay says of each event.

const GLUE = new URL("__OVERLAY_JS__", import.meta.url);
const WASM = new URL("__OVERLAY_WASM__", import.meta.url);
const EVENTS = String(new URL("v1/events", import.meta.url));

const { anytrack: api, fetch: ask } = window;

let overlay;
const unsaid = [];
const tell = (method, ...values) => {
  if (!overlay) return unsaid.push([method, values]);
  try {
    overlay[method](...values);
  } catch (error) {
    console.warn("anytrack: the debug overlay failed:", error);
  }
};

const safely = (action) => {
  try {
    return action();
  } catch {
    return undefined;
  }
};

const called = {
  track: (time, id, name, properties, options) => tell("tracked", time, id, name, properties, safely(() => options.user)),
  identify: (_time, person) => tell("identified", person),
  consent: (_time, answers) => tell("consented", answers),
};

/** Calls that wait in the queue, and from now on all of them. */
const watchCalls = () => {
  for (const [time, , method, ...values] of [...api.q]) called[method]?.(time, ...values);
  const { track, page, identify, consent } = api;
  const tracked = (id, name, properties, options) => {
    if (id) called.track(Date.now(), id, name, properties, options);
    return id;
  };
  api.track = (name, ...rest) => tracked(track(name, ...rest), safely(() => String(name)) ?? "", ...rest);
  api.page = (...rest) => tracked(page(...rest), "PageView", ...rest);
  api.identify = (person) => {
    identify(person);
    called.identify(0, person);
  };
  api.consent = (answers) => {
    consent(answers);
    called.consent(0, answers);
  };
};

/** What leaves for the relay, and what it answers. */
const watchRequests = () => {
  const beacon = navigator.sendBeacon;
  navigator.sendBeacon = (address, body) => String(address) != EVENTS && beacon.call(navigator, address, body);
  window.fetch = async (address, options) => {
    const events = (String(address) == EVENTS && safely(() => JSON.parse(options.body).events)) || [];
    for (const event of events) tell("left", event.event_id, event);
    const ids = events.map(({ event_id }) => event_id);
    const answered = (status, receipt) => {
      if (ids[0]) tell("answered", ids, status, receipt);
      tell("visitor", api.visitorId() ?? undefined);
    };
    try {
      const answer = await ask.call(window, address, options);
      if (ids[0]) answered(answer.status, await answer.clone().json().catch(() => undefined));
      return answer;
    } catch (error) {
      if (ids[0]) answered(0);
      throw error;
    }
  };
};

safely(watchCalls);
safely(watchRequests);
document.addEventListener("anytrack:event", ({ detail: { event_id, name, state } }) => tell("told", event_id, name, state));

// `unknown`: no site at the relay has the page's key.
export default async ({ site, base, consent }, { unknown = false } = {}) => {
  try {
    const glue = await import(GLUE);
    await glue.default({ module_or_path: WASM });
    const script = [...document.scripts].find(({ src, dataset }) => src.startsWith(base) && "site" in dataset);
    const required = script?.dataset.consent == "required";
    const visitor = api.visitorId() ?? undefined;
    const shown = new glue.Overlay({ key: site, unknown, required, consent: consent(), visitor });
    overlay = shown;
    for (const [method, values] of unsaid.splice(0)) tell(method, ...values);
  } catch (error) {
    console.warn(
      "anytrack: the debug overlay cannot be shown. It is a WebAssembly module: does the page's Content-Security-Policy have 'wasm-unsafe-eval' in script-src and the relay in connect-src?",
      error,
    );
  }
};
