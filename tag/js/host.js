// What the WebAssembly module asks of the page, a whole answer to a call.
//
// Every import costs bytes on both sides and every crossing costs time, so these functions do together what
// web-sys would do in many. They follow `tag/src/page.rs` and never throw. `on` is filled in by entry.js.

/** Where events go and who is told: `endpoint`, `site`, `sent(body)`, `back(events)`. */
export const on = {};

export const online = () => navigator.onLine;

// Reading cookies throws where a page is sandboxed, the mere mention of localStorage where storage is denied.
const attempt = (action) => {
  try {
    return action() || "";
  } catch {
    return "";
  }
};

export const cookies = () => attempt(() => document.cookie);

/** One line, so that texts can travel a line each. */
export const line = (text) => text.replace(/[\r\n\u2028\u2029]+/g, " ");

export const query = (url) =>
  attempt(() => [...new URL(url).searchParams].map((pair) => pair.map(line).join("\n")).join("\n"));

const cookie = (name) => {
  const found = ("; " + cookies()).split("; " + name + "=")[1];
  return attempt(() => decodeURIComponent(found.split(";")[0]));
};

/** Hashed personal data and waiting events stay out of cookies, which travel with every request. */
const inCookie = (name) => !/u|q/.test(name[4]);

export const recall = (name) => (inCookie(name) && cookie(name)) || attempt(() => localStorage.getItem(name));

export const keep = (name, text) => {
  if (inCookie(name)) {
    // Browsers refuse a cookie on a public suffix such as co.uk, so the domains are tried from the widest on,
    // which needs no list of suffixes. Removing tries all: another program may have set the cookie on any.
    const labels = location.hostname.split(".");
    for (let count = 2; count <= labels.length + 1; count++) {
      const domain = count <= labels.length ? "; Domain=" + labels.slice(-count).join(".") : "";
      const secure = location.protocol == "https:" ? "; Secure" : "";
      const age = text ? 400 * 86400 : 0;
      attempt(() => {
        document.cookie =
          name + "=" + encodeURIComponent(text) + "; Path=/; Max-Age=" + age + "; SameSite=Lax" + secure + domain;
      });
      if (text && cookie(name) == text) return true;
    }
  }
  return !!attempt(() => {
    if (!text) localStorage.removeItem(name);
    else localStorage.setItem(name, text);
    return true;
  });
};

/** The texts of one field of a person, each composed and trimmed, and again in lower case, a line each. */
export const person = (from, field) =>
  attempt(() =>
    [from[field]]
      .flat()
      .filter((value) => typeof value == "string" || Number.isFinite(value))
      .slice(0, 10)
      .map((value) => line(String(value).slice(0, 999).normalize("NFC")).trim())
      .map((value) => value + "\n" + value.toLowerCase())
      .join("\n"),
  );

export const joinUser = (older, newer) => {
  const [old, fresh] = [older, newer].map((text) => attempt(() => JSON.parse(text)) || {});
  const clear = { ...old.clear, ...fresh.clear };
  return JSON.stringify({ ...old, ...fresh, ...(old.clear || fresh.clear ? { clear } : {}) });
};

/**
 * Sends events, a line each. A beacon that the browser takes is sent as far as anyone can know; else fetch is tried,
 * with keepalive as long as the browser grants it, and what fails goes back.
 */
export const send = (events) => {
  const list = events.trim().split("\n").join(",");
  const body = `{"v":1,"site":${JSON.stringify(on.site)},"sent_at":${Date.now()},"events":[${list}]}`;
  if (attempt(() => navigator.sendBeacon(on.endpoint, body))) return on.sent(body);
  const post = (keepalive) => fetch(on.endpoint, { method: "POST", body, keepalive, credentials: "include" });
  post(true)
    .catch(() => post(false))
    .then(
      ({ ok, status }) => {
        if (ok) on.sent(body);
        // What was refused for good would be refused again.
        else if (status > 499 || status == 429) on.back(events);
      },
      () => on.back(events),
    );
};
