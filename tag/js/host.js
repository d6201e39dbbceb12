// What the WebAssembly module asks of the page, a whole answer to a call.
//
// Every import costs bytes on both sides and every crossing costs time, so these functions do together what
// web-sys would do in many. They follow `tag/src/page.rs` and never throw. `on` is filled in by entry.js.

export const on = {};

export const random = () => crypto.getRandomValues(new Uint32Array(1))[0];

export const url = () => location.href;

// The mere mention of localStorage throws where storage is denied.
export const stored = (key) => {
  try {
    return localStorage.getItem(key) || undefined;
  } catch {}
};

export const store = (key, text) => {
  try {
    if (text == null) localStorage.removeItem(key);
    else localStorage.setItem(key, text);
    return true;
  } catch {
    return false;
  }
};

/**
 * Hands a body to the network: true when the browser took it as a beacon, of which nothing more is heard. Else
 * tries fetch, with keepalive as long as the browser grants it, and reports to `on.settle`.
 */
export const send = (url, body, batch) => {
  try {
    if (navigator.sendBeacon(url, body)) {
      on.sent(body);
      return true;
    }
  } catch {}
  const post = (keepalive) => fetch(url, { method: "POST", body, keepalive, credentials: "include" });
  post(true)
    .catch(() => post(false))
    .then(
      ({ ok, status }) => {
        if (ok) on.sent(body);
        // Refused for good is settled too: the same body would be refused again.
        on.settle(batch, status < 500 && status != 429);
      },
      () => on.settle(batch, false),
    );
  return false;
};

/** The texts of one field of a person, each composed and trimmed, and again in lower case, a line each. */
export const take = (from, field) => {
  try {
    return [from[field]]
      .flat()
      .filter((value) => typeof value == "string" || Number.isFinite(value))
      .slice(0, 10)
      .map((value) => String(value).slice(0, 999).normalize("NFC").replace(/[\r\n]/g, " ").trim())
      .map((value) => value + "\n" + value.toLowerCase())
      .join("\n");
  } catch {
    return "";
  }
};

export const write = (event, properties, user) => {
  try {
    if (Object.keys(properties).length) event.properties = properties;
    if (user) event.user = JSON.parse(user);
    return JSON.stringify(event);
  } catch {
    return "";
  }
};

export const joinUser = (older, newer) => {
  let user = {};
  try {
    user = JSON.parse(older);
  } catch {}
  return JSON.stringify({ ...user, ...newer, clear: { ...user.clear, ...newer.clear } });
};
