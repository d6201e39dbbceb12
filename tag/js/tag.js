// The tag itself: one visitor, one page, from landing to the last event.
//
// Owns the order of things: consent before storage, storage before sending; and the events that wait. What a landing
// and a person mean is the module's (`rules`), what the browser does is `host.js`'s.
//
// The tag is in one of three states. *Allowed*: it remembers and sends. *Waiting* (the site declared that consent is
// required and none has come): it stores nothing, sends nothing, and calls wait in memory. *Denied* (by an answer, or by the
// browser's own signal): it has deleted what it kept but for the answer itself and what the relay has to be told of it, tells the
// relay to forget as well, holds nothing and sends nothing.
import { clean } from "./clean.js";
import { attempt, cookies, keep, lasting, recall, send, stored } from "./host.js";
import { hashed, joined } from "./person.js";
import { holdsAddress, scrub } from "./scrub.js";
import { bytes } from "./helpers.js";

const VISITOR = "_at_vid";
const TOUCHES = "_at_t";
const CONSENT = "_at_c";
const USER = "_at_u";
/** Begins the names of what holds events that wait. */
const QUEUE = "_at_q";
/** Begins the names of what the relay has to be told of a denial. */
const GONE = "_at_w";

/** What a visitor may agree to; a letter for each, `g`ranted or `d`enied, is how the answers are kept. */
const PURPOSES = ["ad_storage", "ad_user_data", "ad_personalization"];

/** One line of text: no rule of ours keeps control characters, and lines are how texts travel to the module. */
const line = (text) => text.replace(/[\0-\x1f\u2028\u2029]+/g, " ");

// Half a surrogate pair is not text, and the relay's JSON reader would refuse the whole event for it. Read from what holds the
// value, because some libraries give lists and texts a `toJSON` that makes other texts of them.
const json = (value) =>
  JSON.stringify(value, function (name) {
    const part = this[name];
    return typeof part == "string" ? part.replace(/\p{Cs}/gu, "\ufffd") : part;
  });

/** Longest text of the touches, with the cookie's escapes: browsers allow 4,096 bytes for a cookie with its name and
 * attributes, and every request to the site carries it. */
const MOST_TOUCHES = 3800;

/** Most events that wait for the network. */
const MOST_EVENTS = 100;

/** The lines of a text, in groups; what is left over is none. Not by `Array.from`, which Prototype.js replaces by another. */
const groups = (text, size) =>
  text.split("\n").flatMap((_, at, lines) => (at % size || at + size > lines.length ? [] : [lines.slice(at, at + size)]));

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
  // The addresses that say what led here. The page of this site before counts where it could not remember what its own said.
  let landing = referrer().split("/")[2] == location.host ? [referrer(), url] : [url];
  // Empty while nothing may be remembered.
  let visitor = "";
  // Oldest first, each a name, the time it was first seen and a value.
  let touches = [];
  // Hashed.
  let user;
  // Events without their visitor half.
  let calls = [];
  // What waits where there is no storage; and what is out and not answered yet, the events of each request.
  let memory = "";
  let flying = [];
  // Takes back what is out.
  let stop = new AbortController();
  // How many events had to make room and were not reported so far.
  let lost = 0;
  // The visitor's own answers; a browser's signal is none, and stands above them.
  let letters = "---";
  // Where events wait, and what of a denial does. Two sites may share an origin, and neither may send what was told to the other.
  const own = "_" + site.split("~")[0];
  const queue = QUEUE + own;
  const gone = GONE + own;
  // What the relay has to be told of a denial and has not heard, as an event.
  let withdrawal = recall(gone);

  const answer = (given) => {
    letters = letters.replace(/./g, (letter, index) => (/^[gd]$/.test(given[index]) ? given[index] : letter));
  };
  const denied = () => refused || /^.?d/.test(letters);

  const absorb = (lines) => {
    const text = () => touches.flat().join("\n");
    const before = text();
    touches = groups(rules.absorb(touches.flat(), lines, now), 3);
    // The oldest make room.
    while (encodeURIComponent(text()).length > MOST_TOUCHES) touches.shift();
    // Rewriting needlessly would shorten a cookie's life where browsers distrust scripts.
    if (text() != before) keep(TOUCHES, text());
  };

  const forget = () => {
    for (const name of [VISITOR, TOUCHES, USER]) keep(name, "");
    visitor = "";
    touches = [];
    user = undefined;
  };

  // Keeps the answers: without a denial the next page would ask nobody and begin again. Not where they are kept already, for the
  // relay has set that cookie to last, which one that a script writes again would not do where browsers distrust scripts.
  const note = () => {
    const kept = letters.replace("---", "");
    if ((visitor || denied()) && recall(CONSENT) != kept) keep(CONSENT, kept);
  };

  const envelope = (events) =>
    // The events are texts already.
    json({ v: 1, site, sent_at: Date.now(), dropped: lost || undefined }).slice(0, -1) + `,"events":[${events}]}`;

  // The relay remembers the visitor as well. Until it has heard, this stays in storage, where the next page finds it. Its answer
  // sets the cookie of the answers to what was denied, also for a browser's own signal, which is no answer, and where the visitor
  // has agreed meanwhile.
  const withdraw = (event) => {
    // Agreed since, or denied once more.
    if (!event || event != withdrawal) return;
    // By then another page may have heard another answer.
    const again = () => later(() => (tag.wake(), withdraw(event)));
    const heard = () => {
      if (event == withdrawal) keep(gone, (withdrawal = ""));
      note();
    };
    if (!navigator.onLine) return again();
    send(endpoint, envelope([event]), !lasting, stop.signal, heard, again);
  };

  // Moves to the state the answers ask for.
  const follow = () => {
    const leaving = denied() && (recall(VISITOR) || visitor);
    if (denied() ? leaving : withdrawal) {
      // Events are not sent after a denial, nor a denial after the visitor has agreed.
      stop.abort();
      stop = new AbortController();
      // Said as it is now, however late it is heard.
      const event = { event: "ConsentWithdrawn", time: Date.now(), source: "web", consent: answers(), visitor_id: leaving };
      keep(gone, (withdrawal = leaving ? json(event) : ""));
    }
    if (denied()) {
      forget();
      // Of every site here: the denial is theirs as well.
      for (const name of stored()) if (name.startsWith(QUEUE)) keep(name, "");
      calls = [];
      flying = [];
      memory = "";
      if (leaving) withdraw(withdrawal);
    } else if (!visitor && (!required || /^gg/.test(letters))) {
      visitor = arrived ? "" : recall(VISITOR);
      const known = /^[\w.-]{1,128}$/.test(visitor);
      if (!known) keep(VISITOR, (visitor = spare));
      touches = groups(recall(TOUCHES), 3);
      // All of them for a new visitor, for a known one the last.
      for (const address of landing.slice(known && -1)) absorb(parameters(address, now));
      const person = attempt(() => JSON.parse(recall(USER)));
      if (user) remember(person, user);
      else user = person;
    }
    note();
  };

  const remember = (older, newer) => {
    user = joined(older, newer);
    if (visitor) keep(USER, json(user));
  };

  const answers = () => {
    const consent = {};
    PURPOSES.forEach((purpose, index) => {
      const word = { g: "granted", d: "denied" }[refused ? "d" : letters[index]];
      if (word) consent[purpose] = word;
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

  // What waits in storage, where the next flush or the next page finds it, and in memory what a full storage would not take; another
  // tab may have written there since. A number stands first when events had to make room.
  const saved = () => {
    const lines = (memory + "\n" + recall(queue)).split("\n");
    lost = +lines.find((line) => line > 0) || lost;
    // Behind a colon in the table of characters stands the brace of an event, before it every digit.
    return [...new Set(lines)].filter((line) => line > ":");
  };

  const save = (events) => {
    // What is out may still arrive.
    const out = flying.flat();
    const older = recall(queue);
    lost += events.slice(0, -MOST_EVENTS).filter((event) => !out.includes(event)).length;
    events = events.slice(-MOST_EVENTS);
    memory = (lost && events[0] ? lost + "\n" : "") + events.join("\n");
    if (keep(queue, memory)) memory = "";
    // What of it was there stays, for the page after this one. The number does not, which would be told twice.
    else keep(queue, events.filter((event) => older.includes(event)).join("\n"));
  };

  const post = (batch, last) => {
    const body = envelope(batch);
    const told = lost;
    const { signal } = stop;
    const landed = () => (flying = flying.filter((other) => other != batch));
    const over = () => {
      landed();
      save(saved().filter((event) => !batch.includes(event)));
    };
    const back = () => {
      landed();
      if (signal.aborted) return;
      const kept = saved();
      lost += told + batch.filter((event) => !kept.includes(event)).length;
      later(() => tag.flush());
    };
    const sent = (rejected) =>
      batch.forEach((text, index) =>
        attempt(() => {
          const event = JSON.parse(text);
          const refusal = rejected?.find((one) => one.index == index);
          if (refusal) console.warn("anytrack: rejected " + event.event + ": " + refusal.reason);
          emit(event, refusal ? "rejected" : "sent");
        }),
      );
    flying.push(batch);
    batch.last = last;
    send(endpoint, body, last, signal, sent, back, over);
    // Until an answer has come, which it never does to a beacon, the events stay where a later page finds them, should this one
    // end. Another tab may send them meanwhile; they are the same events, under the same ids.
    const kept = saved();
    lost = 0;
    save([...new Set([...kept, ...batch])]);
  };

  const tag = {
    /** Records an event. `person` and the properties may hold personal data of this one call; `untitled` says that the
     * document's title may be another page's. */
    track: (time, url, event_id, event, properties, person, untitled) => {
      if (denied() || !event) return;
      const { title } = document;
      const call = {
        event: line(event),
        event_id: line(event_id),
        time,
        source: "web",
        page: {
          url: scrub(url).slice(0, 9999),
          referrer: scrub(referrer()).slice(0, 9999) || undefined,
          title: untitled || holdsAddress(title) ? undefined : line(title).slice(0, 300) || undefined,
        },
        properties: clean(properties),
        // Not by `reduce`, which Prototype.js replaces by another.
        user: joined(joined(user, hashed(rules, properties, country)), hashed(rules, person, country)),
      };
      lost += calls.push(call) > MOST_EVENTS && !!calls.shift();
      emit(call, "queued");
    },
    /** Hashes and remembers who the visitor is. The raw values are gone when this returns. */
    identify: (person) => {
      const newer = hashed(rules, person, country);
      if (newer && !denied()) remember(user, newer);
    },
    /** Records the visitor's answers. An answer stands until another one comes. */
    consent: (answers) => {
      if (!refused) answer(PURPOSES.map((purpose) => "gd"[["granted", "denied"].indexOf(answers[purpose])]));
      follow();
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
    /** Forgets the visitor, the user and the touches, and begins with a new visitor, whose id is `id`. The answers stay, and so
     * do events that wait: as the old visitor's, or as nobody's where none is known yet. */
    reset: (id) => {
      tag.flush();
      forget();
      for (const call of calls) delete call.user;
      landing = [];
      spare = id;
      follow();
    },
    /** Lets events go for which nobody has to be asked: a part that knows it says so. They leave at the end of a call of the public
     * object, in which it says so (`anytrack.ready`, the part `cmp`) or which it makes then (`anytrack.consent`, the part `region`). */
    release: () => {
      required = false;
      follow();
    },
    /** The page is seen again, or comes back as it was left: what another page was told of consent holds here, and whether the
     * last words arrived nobody knows. */
    wake: () => {
      flying = flying.filter((batch) => !batch.last);
      answer(recall(CONSENT));
      follow();
    },
    /** Sends what waits, here and in storage; keeps it while there is no network. `last` says that the page is about to end. */
    flush: (last) => {
      if (!visitor) return;
      const own = calls[0] && half();
      const fresh = calls.splice(0).map((call) => json({ ...call, ...own }));
      // A request that ends with its page is not counted on in the last moment.
      const out = flying.filter((batch) => lasting || !last || batch.last).flat();
      if (!navigator.onLine) return fresh[0] && save([...saved(), ...fresh]);
      const batch = [...saved().filter((event) => !out.includes(event)), ...fresh];
      // Browsers refuse more than 65,536 bytes for all requests that may outlive their page (Fetch standard,
      // "HTTP-network-or-cache fetch", read 2026-11-23). One event larger than that goes alone.
      while (batch[0]) {
        let size = 0;
        post(batch.splice(0, batch.filter((event, index) => (size += bytes(event)) <= 60000 || !index).length), last);
      }
    },
  };
  // Of an earlier page's denial, where this one does not say it anew.
  const earlier = withdrawal;
  tag.wake();
  withdraw(earlier);
  return tag;
};
