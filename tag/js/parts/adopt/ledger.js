// Which calls are one conversion, under which id, and when it is reported.
//
// Owns the memory of this page's calls and three rules. *One conversion*: calls of one event name with a common id,
// or with a common order id, or else from different places of the page within ten seconds whose values do not
// contradict each other; one place says each of its conversions once, so a second call from there is a second
// conversion. *One id*: what a pixel has been given stays; until then an id that a pixel's call brought comes before
// one that follows from the order, and both before a minted one. *One report*: an adopted event waits half a second for
// its other copies, what they know is put together, and the page's own call to `anytrack.track` takes its place.
//
// Nothing is stored or sent here: events go into the tag's queue, where they wait for consent as any other does.
import { attempt } from "../../host.js";

/** Milliseconds in which calls without a common id can be one conversion. */
export const WINDOW = 10_000;

/** Milliseconds for which an adopted event waits for its copies. */
export const HOLD = 500;

/** Most conversions that are remembered. */
const MOST = 200;

/** The place that is the page's own `anytrack.track`. */
const OWN = "anytrack.track";

/** The page's ledger. `told` hears of every call to `anytrack.track`. */
export const ledgerOf = ({ api, past = [] }, told) => {
  const [newId, orderId, MAIL] = api.h;
  const { track } = api;
  const entries = [];
  let timer;

  // What an id must be to serve as ours; the stub has the same rule for the page's own.
  const usable = (id) => {
    const text = typeof id == "string" || Number.isFinite(id) ? String(id) : "";
    return text.length <= 192 && !MAIL.test(text) ? text : "";
  };

  const factsOf = (properties) => ({
    order: orderId(properties),
    cents: attempt(() => Math.round(parseFloat(properties.value) * 100)),
    currency: attempt(() => properties.currency.toUpperCase()),
  });

  // Nothing said contradicts nothing.
  const alike = (entry, call) =>
    ["order", "cents", "currency"].every((fact) => !entry[fact] || !call[fact] || entry[fact] == call[fact]);

  const find = (call, now = Date.now()) => {
    const { name, source, id, order } = call;
    const named = entries.filter((entry) => entry.name == name).reverse();
    return (
      named.find((entry) => id && entry.ids.has(id)) ||
      named.find((entry) => order && entry.order == order) ||
      named.find((entry) => now - entry.time < WINDOW && !entry.sources.has(source) && alike(entry, call))
    );
  };

  const add = (name, time = Date.now()) => {
    const entry = { name, time, url: location.href, ids: new Set(), sources: new Set(), properties: {} };
    entries.push(entry);
    const oldest = entries.length > MOST && entries.shift();
    if (oldest.state == "held") report(oldest);
    return entry;
  };

  const learn = (entry, { source, id, order, cents, currency }) => {
    entry.sources.add(source);
    if (id) entry.ids.add(id);
    entry.order ||= order;
    entry.cents ||= cents;
    entry.currency ||= currency;
  };

  const report = (entry) => {
    entry.state = "sent";
    api.q.push([entry.time, entry.url, "track", entry.id, entry.name, entry.properties]);
  };

  const own = (entry, call) => {
    learn(entry, call);
    entry.id = call.id;
    entry.state = "own";
  };

  const settle = () => {
    clearTimeout(timer);
    timer = 0;
    for (const entry of entries) if (entry.state == "held") report(entry);
  };

  /**
   * Takes note of a call from `source` and answers the conversion's id. `adopts`: the call is an event to report;
   * `gives`: its pixel is given the answer when it brought no id.
   */
  const note = ({ source, name, id, properties = {}, adopts, gives }) => {
    const call = { source, name, id: usable(id), ...factsOf(properties) };
    const entry = find(call) || add(name);
    const { order, state } = entry;
    learn(entry, call);
    if (!entry.given && state != "sent" && state != "own") {
      entry.brought ||= call.id;
      entry.id = entry.brought || (entry.order ? name + "-" + entry.order : (entry.minted ||= newId()));
    }
    entry.ids.add(entry.id);
    if (gives) entry.given = true;
    if (adopts && state != "own") {
      entry.properties = { ...properties, ...entry.properties };
      // A late copy that names the order: the relay counts it once, and learns the order by which a shop will report.
      if (state == "sent" && !order && entry.order) report(entry);
      if (!state) {
        entry.state = "held";
        timer ||= setTimeout(settle, HOLD);
      }
    }
    return entry.id;
  };

  // The page's own report takes the id under which a copy is on its way.
  api.track = (name, properties, options) => {
    let call;
    let entry;
    attempt(() => {
      call = { source: OWN, name: String(name), id: usable(options?.event_id), ...factsOf(properties) };
      entry = find(call);
      if (entry && (entry.given || entry.state == "sent" || (entry.brought && !call.id))) {
        options = { ...options, event_id: entry.id };
      }
    });
    const id = track(name, properties, options);
    attempt(() => {
      own((entry ||= add(call.name)), { ...call, id });
      told(call.name, id, properties, entry.sources);
    });
    return id;
  };
  api.page = (properties, options) => api.track("PageView", properties, options);

  // What the page reported before this part was there.
  for (const { event, event_id: id, time, properties } of past) {
    const known = entries.some((entry) => entry.ids.has(id));
    if (!known) own(add(event, time), { source: OWN, id, ...factsOf(properties) });
  }

  addEventListener("pagehide", settle);
  document.addEventListener("visibilitychange", settle);
  return note;
};
