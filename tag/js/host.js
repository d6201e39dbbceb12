// What the browser keeps and sends for the tag.
//
// Owns cookies, local storage, and getting a body out. Nothing here throws: what a browser denies reads as empty, and
// what it will not keep is simply not there later. What is kept and sent, and when, is `tag.js`'s.

// Reading cookies throws where a page is sandboxed, the mere mention of localStorage where storage is denied.
export const attempt = (action) => {
  try {
    return action() || "";
  } catch {
    return "";
  }
};

/** What was read of the cookies in this run of ours: reading them waits for another process, a millisecond or two on a
 * slow phone. */
let jar;

/** Every cookie, as name and value. */
export const cookies = () => {
  if (!jar) {
    jar = attempt(() => document.cookie.split("; ").map((cookie) => /([^=]*)=?(.*)/s.exec(cookie).slice(1))) || [];
    Promise.resolve().then(() => (jar = undefined));
  }
  return jar;
};

const cookie = (name) => attempt(() => decodeURIComponent(cookies().find((pair) => pair[0] == name)[1]));

/**
 * The visitor id, the touches and the consent go up a ladder: a first-party cookie on the widest domain that takes it,
 * else local storage, else nothing, and the tag's own memory serves until the page goes. Hashed personal data (`_at_u`),
 * waiting events (`_at_q_…`) and waiting withdrawals (`_at_w_…`) stay out of cookies, which travel with every request.
 */
const inCookie = (name) => !/[uqw]/.test(name[4]);

/** What is to be kept as soon as the first events are out, and empty from then on: a cookie that is written and read back, once for
 * each domain that is tried, waits for another process every time, several milliseconds in all. */
let pending = {};

export const recall = (name) =>
  pending[name] ?? ((inCookie(name) && cookie(name)) || attempt(() => localStorage.getItem(name)));

/** The names of all that local storage holds. */
export const stored = () => Object.keys(attempt(() => localStorage));

/** How many labels of the host name the domain has that took a cookie, so that the next one needs no search. */
let widest = 2;

/** Keeps a text, or removes what is there when it is empty. Of what belongs into local storage it answers something true when a later
 * page will find it. */
export const keep = (name, text) => {
  if (inCookie(name)) {
    if (pending) return (pending[name] = text);
    // Browsers refuse a cookie on a public suffix such as co.uk, so the domains are tried from the widest on,
    // which needs no list of suffixes. Removing tries all: another program may have set the cookie on any.
    const labels = location.hostname.split(".");
    for (let count = text ? widest : 2; count <= labels.length + 1; count++) {
      const domain = count <= labels.length ? "; Domain=" + labels.slice(-count).join(".") : "";
      attempt(() => {
        const age = "; Path=/; Max-Age=" + (text ? 400 * 86400 : 0) + "; SameSite=Lax";
        document.cookie =
          name + "=" + encodeURIComponent(text) + age + (location.protocol == "https:" ? "; Secure" : "") + domain;
      });
      jar = undefined;
      if (text && cookie(name) == text) {
        return (widest = count);
      }
    }
    // An older cookie would hide what is kept beside it.
    if (text) keep(name, "");
  }
  return attempt(() => {
    // First, because a full storage keeps the older text, which would hide what memory holds.
    localStorage.removeItem(name);
    if (text) localStorage.setItem(name, text);
    return true;
  });
};

/** Keeps what has waited for the first events, and from now on everything at once. */
export const settle = () => {
  const waiting = pending;
  pending = "";
  // By their own names: some libraries add to the prototype of all objects.
  for (const name of Object.keys(waiting)) keep(name, waiting[name]);
};

/** Whether a request may outlive its page here (Firefox: since 133, https://caniuse.com/mdn-api_request_keepalive, read
 * 2026-11-27). */
export const lasting = attempt(() => "keepalive" in Request.prototype);

/**
 * Sends a body by a request that may outlive its page, as long as the browser grants that, and hears the answer: calls `sent`
 * when it was taken, with what the relay says it would not have of it, `over` before that and also when it would be refused again,
 * `back` when it is worth another try. In the page's last moment there is nobody to hear an answer and not every browser lets such
 * a request go on, so it goes as a beacon, of which the browser never says whether it arrived. `signal` takes it back. A text as
 * the body is sent as `text/plain`, for which no browser asks the relay first
 * (https://fetch.spec.whatwg.org/#cors-safelisted-request-header, read 2026-11-27).
 */
export const send = (endpoint, body, last, signal, sent, back, over = sent) => {
  if (last && attempt(() => navigator.sendBeacon(endpoint, body))) return sent();
  const post = async (keepalive) => fetch(endpoint, { method: "POST", body, keepalive, signal, credentials: "include" });
  post(true)
    // More than may outlive the page, usually. What was taken back is refused once more, before anything leaves
    // (https://fetch.spec.whatwg.org/#fetch-method, step 4, as browsers' sources quote it, read 2026-11-28).
    .catch(() => post(false))
    .then(async (answer) => {
      // This page's token is over, and a later page has a new one; too slow, too often, or the relay's own trouble.
      if (/^([5-9]|401|408|429)/.test(answer.status)) return back();
      over();
      const told = async () => (await answer.json()).rejected;
      // What another answers in the relay's place may be no JSON.
      if (answer.ok) sent(await told().catch(() => {}));
    })
    // Also what a page's own `fetch` answers in its place.
    .catch(back);
};
