// The public object, with a queue in place of a tag.
//
// Owns `window.anytrack`, event ids, and the order and time of calls. It is pasted into the page by the snippet and
// stands in front of tag.js for pages without it; either way it is installed once, and its functions stay valid when the
// tag has loaded: the tag only empties the queue. Nothing here throws into the page.

/** Looks like an e-mail address, plain or percent-encoded. */
export const MAIL = /[^\s@](@|%40)[^\s@]+\.[^\s@]/i;

const text = (value) =>
  /string|bigint/.test(typeof value) || Number.isFinite(value) ? String(value).slice(0, 999) : "";

/** Without white space at its ends, as Unicode and Rust have it; JavaScript's own `trim` differs in two characters. */
export const trim = (words) => words.replace(/^\p{White_Space}+|\p{White_Space}+$/gu, "");

/** How many bytes a text takes. */
export const bytes = (words) => new TextEncoder().encode(words).length;

/**
 * The order id in an event's properties as `shared::event_id::derive` takes it: trimmed of Unicode white space and
 * at most 128 bytes. Empty when there is none.
 */
export const orderId = (properties) => {
  try {
    const order = trim(text(properties.order_id));
    if (bytes(order) < 129 && !MAIL.test(order)) return order;
  } catch {}
  return "";
};

/** A UUIDv7 (RFC 9562, section 5.7). */
export const newId = () => {
  const time = Date.now().toString(16).padStart(12, 0);
  // A random digit for each; of the one that stands for 8 only the last two bits, so it is 8, 9, a or b.
  const random = "000-8000-000000000000".replace(/\d/g, (digit) =>
    (digit ^ (crypto.getRandomValues(new Uint8Array(1))[0] & (15 >> (digit / 4)))).toString(16),
  );
  return time.slice(0, 8) + "-" + time.slice(8) + "-7" + random;
};

/** An event's id: the page's own, else from the order, else a new one. */
const eventId = (name, properties, options) => {
  try {
    const own = text(options.event_id);
    if (own && !own[192] && !MAIL.test(own)) return own;
  } catch {}
  const order = orderId(properties);
  return order ? name + "-" + order : newId();
};

/** Installs the object unless it is there. */
export const install = () => {
  if (window.anytrack) return;
  const queue = [];
  // A page that is never left and a tag that never comes must not fill the memory.
  const call = (...entry) => queue.push([Date.now(), location.href, ...entry]) > 300 && queue.shift();
  const track = (name, properties, options) => {
    let id = "";
    try {
      // The relay takes names of 50 bytes, and that may be fewer letters.
      for (name = String(name).slice(0, 50); bytes(name) > 50; ) name = name.slice(0, -1);
      id = eventId(name, properties, options);
      call("track", id, name, properties, options);
    } catch {}
    return id;
  };
  const api = (window.anytrack = {
    q: queue,
    u: location.href,
    h: [newId, orderId, MAIL, trim, bytes],
    track,
    page: (properties, options) => track("PageView", properties, options),
    visitorId: () => api.get?.("visitor") ?? null,
    clickId: () => api.get?.("click") ?? null,
  });
  for (const method of ["identify", "consent", "ready", "reset"]) {
    api[method] = (value) => {
      call(method, value);
    };
  }
};
