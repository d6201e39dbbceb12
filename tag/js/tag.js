// The tag itself: one visitor, one page, from landing to the last event.
//
// Owns the order of things: consent before storage, storage before sending; and the events that wait. What a landing
// and a person mean is the module's (`rules`), what the browser does is `host.js`'s.
//
// The tag is in one of three states. *Allowed*: it remembers and sends. *Waiting* (the site declared that consent is
// required and none has come): it stores nothing, sends nothing, and calls wait in memory. *Denied* (by an answer, or by the
// browser's own signal): it has deleted what it kept but for the answer itself, has told the relay to forget as well, holds
// nothing and sends nothing.
import { clean } from "./clean.js";
import { attempt, cookies, keep, recall, send } from "./host.js";
import { hashed, joined } from "./person.js";
import { holdsAddress, scrub } from "./scrub.js";
import { bytes } from "./helpers.js";

const VISITOR = "_at_vid";
const TOUCHES = "_at_t";
const CONSENT = "_at_c";
const USER = "_at_u";
const QUEUE = "_at_q";

/** What a visitor may agree to; a letter for each, `g`ranted or `d`enied, is how the answers are kept. */
const PURPOSES = ["ad_storage", "ad_user_data", "ad_personalization"];

/** One line of text: no rule of ours keeps control characters, and lines are how texts travel to the module. */
const line = (text) => text.replace(/[\0-\x1f\u2028\u2029]+/g, " ");

// Half a surrogate pair is not text, and the relay's JSON reader would refuse the whole event for it.
const json = (value) =>
  JSON.stringify(value, (_, part) => (typeof part == "string" ? part.replace(/\p{Cs}/gu, "\ufffd") : part));

/** Longest text of the touches, in bytes before the cookie's own escapes: browsers allow 4,096 for a cookie with its
 * name and attributes, and every request to the site carries it. */
const MOST_TOUCHES = 2600;

/** Most events that wait for the network. */
const MOST_EVENTS = 100;

/** The lines of a text, in groups. */
const groups = (text, size) => {
  const lines = text.split("\n");
  return Array.from({ length: lines.length / size }, (_, group) => lines.slice(group * size, (group + 1) * size));
};

/**
 * The parameters of an address, name, time and value by turns: of its query, and of its fragment, where Taboola and pages
 * that route there have theirs. A plus stands for a space; click ids have none, but some come with a plus that nobody
 * encoded, so each is also read as it stands, after the others: of two values the rules take the first that fits.
 */
const parameters = (url, now) => {
  const text = url.replace(/^[^?#]*\??/, "").replace(/#([^?&]*\?)?/, "&");
  return [text, text.replace(/\+/g, "%2B")].flatMap((text) =>
    [...new URLSearchParams(text)].flatMap(([name, value]) => [line(name), now, line(value)]),
  );
};

/**
 * Starts on a page. `rules` are the module's functions, `spare` is the id of a new visitor, `arrived` says that it stands
 * in place of the one known here, because the visitor has it from another of the site's domains; `country` is the one by
 * which phone numbers without country code read, `required` says that nothing may be stored or sent before consent,
 * `refused` that the browser itself says no. `emit` is told of every event, `referrer` gives the address of the page view
 * before, `later` calls what it is given when the network may be better.
 */
export const start = ({ rules, site, endpoint, url, spare, arrived, country, required, refused, emit, referrer, later }) => {
  const now = Date.now();
  // What the address of this landing brings, for as long as nothing may be remembered.
  let landing = parameters(url, now);
  // Empty while nothing may be remembered.
  let visitor = "";
  // Oldest first, each a name, the time it was first seen and a value.
  let touches = [];
  // Hashed.
  let user;
  // Events without their visitor half.
  let calls = [];
  // What waits where there is no storage, and how many requests are out that are not answered yet.
  let memory = "";
  let flying = 0;
  // How many events had to make room and were not reported so far.
  let lost = 0;
  let letters = refused ? "ddd" : "---";

  const answer = (given) => {
    if (refused) return;
    letters = letters.replace(/./g, (letter, index) => (/^[gd]$/.test(given[index]) ? given[index] : letter));
  };
  const denied = () => /d/.test(letters.slice(0, 2));

  const absorb = (lines) => {
    const text = () => touches.flat().join("\n");
    const before = text();
    touches = groups(rules.absorb(touches.flat(), lines, now), 3);
    // The oldest make room.
    while (bytes(text()) > MOST_TOUCHES) touches.shift();
    // Rewriting needlessly would shorten a cookie's life where browsers distrust scripts.
    if (text() != before) keep(TOUCHES, text());
  };

  const forget = () => {
    for (const name of [VISITOR, TOUCHES, CONSENT, USER, QUEUE]) keep(name, "");
    visitor = "";
    touches = [];
    user = undefined;
    calls = [];
    memory = "";
  };

  const envelope = (events) =>
    `{"v":1,"site":${json(site)},"sent_at":${Date.now()}${lost ? `,"dropped":${lost}` : ""},"events":[${events}]}`;

  // The relay remembers the visitor as well. Until it has heard, this stays in memory.
  const withdraw = (visitor_id) => {
    const again = () => later(() => withdraw(visitor_id));
    const event = { event: "ConsentWithdrawn", time: Date.now(), source: "web", consent: answers(), visitor_id };
    if (!navigator.onLine) return again();
    send(endpoint, envelope([json(event)]), attempt, attempt, again);
  };

  // Moves to the state the answers ask for.
  const follow = () => {
    if (denied()) {
      const known = recall(VISITOR) || visitor;
      forget();
      if (known) withdraw(known);
      // The one thing kept: without it the next page would ask nobody and begin again.
      if (!refused) keep(CONSENT, letters);
    } else if (!visitor && (!required || /^gg/.test(letters))) {
      visitor = arrived ? "" : recall(VISITOR);
      if (!/^[\w.-]{1,128}$/.test(visitor)) keep(VISITOR, (visitor = spare));
      touches = groups(recall(TOUCHES), 3);
      absorb(landing || []);
      const known = attempt(() => JSON.parse(recall(USER)));
      if (user) remember(known || {}, user);
      else user = known || undefined;
    }
  };

  const remember = (older, newer) => {
    user = joined(older, newer);
    if (visitor) keep(USER, json(user));
  };

  const answers = () => {
    const consent = {};
    PURPOSES.forEach((purpose, index) => {
      if (letters[index] != "-") consent[purpose] = letters[index] == "g" ? "granted" : "denied";
    });
    return consent;
  };

  // What is sent of the visitor; before consent none of it is known.
  const half = () => {
    const click_ids = {};
    const campaign = {};
    for (const [name, seen, value] of touches) {
      if (!name.startsWith("utm_")) click_ids[name] = { value, seen_at: +seen };
      else campaign[name == "utm_campaign" ? "name" : name.slice(4)] = value;
    }
    const sent = groups(rules.sift(cookies().flat()), 2).slice(0, 32);
    return { click_ids, campaign, cookies: Object.fromEntries(sent), consent: answers(), visitor_id: visitor };
  };

  // What waits in storage, where the next flush or the next page finds it, or in memory where there is none. A number
  // stands first when events had to make room.
  const saved = () => {
    const lines = (recall(QUEUE) || memory).split("\n").filter(Boolean);
    if (lines[0] > 0) lost = +lines.shift();
    return lines;
  };

  const save = (events) => {
    lost += Math.max(0, events.length - MOST_EVENTS);
    memory = (lost && events[0] ? [lost] : []).concat(events.slice(-MOST_EVENTS)).join("\n");
    if (keep(QUEUE, memory)) memory = "";
  };

  const post = (batch) => {
    // Until an answer has come the events stay where a later page finds them, should this one end. Another tab may send
    // them meanwhile; they are the same events, under the same ids.
    const hold = () => {
      flying++;
      save([...saved(), ...batch]);
    };
    const over = () => {
      flying--;
      save(saved().filter((event) => !batch.includes(event)));
    };
    const body = envelope(batch);
    const told = lost;
    lost = 0;
    const back = () => {
      flying--;
      lost += told;
      later(tag.flush);
    };
    const sent = () => attempt(() => batch.forEach((event) => emit(JSON.parse(event), "sent")));
    // A beacon's answer is not heard, and where the page's token is over (`key~seconds~signature`) the relay may refuse.
    send(endpoint, body, sent, hold, back, over, /~(\d+)/.exec(site)?.[1] * 1e3 < Date.now());
  };

  const tag = {
    /** Records an event. `person` and the properties may hold personal data of this one call. */
    track: (time, url, event_id, event, properties, person) => {
      if (denied() || !event) return;
      const { title } = document;
      const call = {
        event: line(event),
        event_id: line(event_id) || undefined,
        time,
        source: "web",
        page: {
          url: scrub(url).slice(0, 9999),
          referrer: scrub(referrer()).slice(0, 9999) || undefined,
          title: holdsAddress(title) ? undefined : line(title).slice(0, 300) || undefined,
        },
        properties: clean(properties),
        user: [properties, person].reduce((known, from) => joined(known, hashed(rules, from, country)), user),
      };
      calls.push(call);
      if (calls.length > MOST_EVENTS) lost += !!calls.shift();
      emit(call, "queued");
    },
    /** Hashes and remembers who the visitor is. The raw values are gone when this returns. */
    identify: (person) => {
      const newer = hashed(rules, person, country);
      if (newer && !denied()) remember(user, newer);
    },
    /** Records the visitor's answers. An answer stands until another one comes. */
    consent: (answers) => {
      answer(PURPOSES.map((purpose) => ({ granted: "g", denied: "d" })[answers[purpose]]));
      follow();
      if (visitor && letters[0] == "g") keep(CONSENT, letters);
    },
    /** Whether nothing is held and nothing sent. */
    denied,
    /** The visitor's answers so far, in the words of `anytrack.consent`. */
    answers,
    visitor: () => visitor,
    /** The click token of this visitor, which is `token` when there is none; empty while nothing may be remembered. */
    click: (token) => {
      const find = () => touches.find(([name]) => name == "atclid")?.[2];
      if (visitor && !find()) absorb(["atclid", now, token]);
      return find();
    },
    /** Forgets the visitor, the user and the touches, and begins with a new visitor, whose id is `id`. */
    reset: (id) => {
      forget();
      landing = [];
      spare = id;
      follow();
    },
    /** Lets events go for which nobody has to be asked: a part that knows where the visitor is says so, and then calls
     * `anytrack.consent`, after which they leave. */
    release: () => {
      required = false;
      follow();
    },
    /** Sends what waits, here and in storage; keeps it while there is no network. */
    flush: () => {
      if (!visitor) return;
      const own = calls[0] && half();
      let batch = calls.splice(0).map((call) => json({ ...call, ...own }));
      // While a request is out, what is saved is what it carries.
      if (!flying || !navigator.onLine) batch = [...saved(), ...batch];
      if (!batch[0]) return;
      if (!navigator.onLine) return save(batch);
      if (!flying) save([]);
      // Browsers refuse more than 65,536 bytes for all requests that may outlive their page (Fetch standard,
      // "HTTP-network-or-cache fetch", read 2026-11-23). One event larger than that goes alone.
      let size = 0;
      let from = 0;
      batch.forEach((event, index) => {
        size += bytes(event);
        if (size > 60000 && index > from) {
          post(batch.slice(from, index));
          from = index;
          size = bytes(event);
        }
      });
      post(batch.slice(from));
    },
  };
  answer(recall(CONSENT));
  follow();
  return tag;
};
