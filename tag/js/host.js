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
 * else local storage, else nothing, and the tag's own memory serves until the page goes. Hashed personal data (`_at_u`)
 * and waiting events (`_at_q`) stay out of cookies, which travel with every request.
 */
const inCookie = (name) => !/u|q/.test(name[4]);

export const recall = (name) => (inCookie(name) && cookie(name)) || attempt(() => localStorage.getItem(name));

/** How many labels of the host name the domain has that took a cookie, so that the next one needs no search. */
let widest = 2;

/** Keeps a text, or removes what is there when it is empty. Answers whether a later page will find it. */
export const keep = (name, text) => {
  if (inCookie(name)) {
    // Browsers refuse a cookie on a public suffix such as co.uk, so the domains are tried from the widest on,
    // which needs no list of suffixes. Removing tries all: another program may have set the cookie on any.
    const labels = location.hostname.split(".");
    for (let count = text ? widest : 2; count <= labels.length + 1; count++) {
      const domain = count <= labels.length ? "; Domain=" + labels.slice(-count).join(".") : "";
      const secure = location.protocol == "https:" ? "; Secure" : "";
      const age = text ? 400 * 86400 : 0;
      attempt(() => {
        document.cookie =
          name + "=" + encodeURIComponent(text) + "; Path=/; Max-Age=" + age + "; SameSite=Lax" + secure + domain;
      });
      jar = undefined;
      if (text && cookie(name) == text) {
        widest = count;
        return true;
      }
    }
  }
  return !!attempt(() => {
    if (!text) localStorage.removeItem(name);
    else localStorage.setItem(name, text);
    return true;
  });
};

/**
 * Sends a body. A beacon that the browser takes is sent as far as anyone can know; else, or where the answer must be known
 * (`ask`), fetch is tried, with keepalive as long as the browser grants it. Calls `sent` when it is on its way for good. Else calls `hold`, and after that `over`
 * when it has arrived or would be refused again, or `back` when it is worth another try.
 */
export const send = (endpoint, body, sent, hold, back, over = sent, ask) => {
  if (!ask && attempt(() => navigator.sendBeacon(endpoint, body))) return sent();
  hold();
  const post = (keepalive) => fetch(endpoint, { method: "POST", body, keepalive, credentials: "include" });
  post(true)
    .catch(() => post(false))
    .then(({ ok, status }) => {
      // 401: this page's token is over, and a later page has a new one.
      if (status > 499 || status == 429 || status == 401) return back();
      over();
      if (ok) sent();
    }, back);
};
