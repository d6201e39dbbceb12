// What the tag remembers, sends, holds and deletes, and when: the built module and its scripts, page after page of
// one browser. Run by `cargo xtask test` after the tag is built.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { open } from "./page.mjs";

const consents = JSON.parse(readFileSync(new URL("../../tests/consent.json", import.meta.url)));
const manual = { autoPage: "false" };
const landing = "https://shop.example/?fbclid=IwAR0a_B-c&gclid=Cj0KCQ&utm_source=news&utm_campaign=spring";

/** Opens a page, runs `code` on it, and gives the page and what it has sent. */
const visit = async (options, code = 'anytrack.track("Lead")') => {
  const page = open({ dataset: manual, ...options });
  await page.load();
  page.eval(code);
  await Promise.resolve();
  return [page, page.sent()];
};

test("an event has what the wire asks for", async () => {
  const page = open({ dataset: manual, url: landing });
  for (const [name, value] of [["_fbp", "fb.1.1795183000000.42"], ["session", "secret"], ["_ga", "GA1.1.1.2"]]) page.jar.set(name, value);
  page.window.document.referrer = "https://search.example/?q=ada@example.com";
  page.window.document.title = 'Thank \\ "you"\u0001\ud800';
  await page.load();
  const id = page.eval(`anytrack.track("Purchase", { value: 59.9, currency: "EUR", order_id: "88121", items: [{ id: "7", quantity: 2 }] })`);
  await Promise.resolve();
  const [{ time, ...event }] = page.sent();
  const seen_at = event.click_ids.fbclid.seen_at;
  assert.ok(Number.isInteger(time) && Math.abs(time - seen_at) < 60_000);
  assert.deepEqual(event, {
    event: "Purchase",
    event_id: id,
    source: "web",
    page: { url: landing, referrer: "https://search.example/?q=", title: 'Thank \\ "you" \ufffd' },
    properties: { value: 59.9, currency: "EUR", items: [{ id: "7", quantity: 2 }], order_id: "88121" },
    click_ids: { fbclid: { value: "IwAR0a_B-c", seen_at }, gclid: { value: "Cj0KCQ", seen_at } },
    campaign: { source: "news", name: "spring" },
    cookies: { _fbp: "fb.1.1795183000000.42", _ga: "GA1.1.1.2" },
    consent: {},
    visitor_id: page.window.anytrack.visitorId(),
  });
  const body = JSON.parse(page.bodies[0]);
  assert.deepEqual([body.v, body.site, Number.isInteger(body.sent_at)], [1, "shop", true]);
});

test("the next page knows the visitor, the click and the person", async () => {
  const [first, [one]] = await visit({ url: landing }, 'anytrack.identify({ email: "ada@example.com" }); anytrack.track("Lead")');
  const [second, [two]] = await visit({ before: first }, 'anytrack.identify({ first_name: "Ada" }); anytrack.track("Lead")');
  assert.equal(two.visitor_id, one.visitor_id);
  assert.deepEqual([two.click_ids, two.campaign], [one.click_ids, one.campaign]);
  assert.deepEqual(two.user.email, one.user.email);
  assert.ok(two.user.first_name[0].plain);
  const [, [three]] = await visit({ before: second, url: "https://shop.example/?wbraid=newer&utm_source=mail" });
  assert.deepEqual(Object.keys(three.click_ids), ["fbclid", "wbraid"], "one Google id at a time");
  assert.deepEqual(three.campaign, { source: "mail" }, "a campaign is replaced as a whole");
  assert.ok(![...second.jar.keys()].some((name) => /_u|_q/.test(name)), "hashes and events stay out of cookies");
});

test("an event's own person does not outlive it, names its country for the phone, and says in clear where it lives", async () => {
  const person = '{ phone: "(202) 555-0123", country: "us", region: "California", city: ["São Paulo", "Rio"] }';
  const [, [one, two]] = await visit({}, `anytrack.track("Lead", {}, { user: ${person} }); anytrack.track("Lead")`);
  assert.equal(one.user.phone.length, 1);
  assert.deepEqual(Object.keys(one.user), ["phone", "clear"], "the forms of places are the relay's to make");
  assert.deepEqual(one.user.clear, { country: "us", region: "California", city: "São Paulo" });
  assert.equal(two.user, undefined);
});

test("newer places replace the digests that an earlier version of the tag kept", async () => {
  const page = open({ dataset: manual });
  const kept = { email: ["ab".repeat(32)], city: ["cd".repeat(32)], postal_code: ["ef".repeat(32)], clear: { city: "hamburg" } };
  page.storage.set("_at_u", JSON.stringify(kept));
  await page.load();
  page.eval('anytrack.identify({ postal_code: "10115" }); anytrack.track("Lead")');
  await Promise.resolve();
  const [{ user }] = page.sent();
  assert.deepEqual(user, { email: kept.email, clear: { city: "hamburg", postal_code: "10115" } });
});

test("of a place goes what can be one, and a country in words leaves national numbers unread", async () => {
  const digest = "ab".repeat(32);
  const check = async (person, clear) => {
    const [, [lead]] = await visit({ dataset: { ...manual, country: "GB" } }, `anytrack.track("Lead", ${JSON.stringify(person)})`);
    assert.deepEqual(lead.user?.clear, clear, JSON.stringify(person));
    return lead.user;
  };
  await check({ city: [" ", "-", "ada@example.com", "ada\uff20example", " Le\u0301vis\n"], postal_code: 94035 }, { city: "L\u00e9vis", postal_code: "94035" });
  await check({ city: "ada%40example.com", region: null, country: {} }, undefined);
  await check({ city: digest }, { city: digest });
  const phone = async (country, first = country) =>
    (await check({ phone: "020 7946 0123", country }, first ? { country: first } : undefined))?.phone?.[0].e164;
  const british = await phone("gb");
  assert.ok(british);
  assert.equal(await phone(undefined), british, "the site's own country");
  assert.equal(await phone("--", null), british, "nothing is given");
  assert.equal(await phone(["United Kingdom", "GB"], "United Kingdom"), british);
  for (const other of ["US", "USA", "Germany", "\u65e5\u672c"]) assert.equal(await phone(other), undefined, other);
});

test("what is kept and is no visitor id is replaced", async () => {
  const page = open();
  page.jar.set("_at_vid", "not%20an%20id");
  await page.load();
  assert.match(page.window.anytrack.visitorId(), /^[0-9a-f-]{36}$/);
});

test("events go as the answers to consent say", async () => {
  for (const { required, answers, sends } of consents) {
    const [page, sent] = await visit(
      { dataset: required ? { ...manual, consent: "required" } : manual, url: landing },
      `anytrack.consent(${JSON.stringify(answers)}); anytrack.track("Lead")`,
    );
    const what = JSON.stringify({ required, answers });
    assert.equal(sent.length, sends ? 1 : 0, what);
    if (sends) assert.deepEqual(sent[0].consent, answers, what);
    assert.equal(page.jar.has("_at_vid"), sends, what);
  }
});

test("a denial is remembered and a later consent starts anew", async () => {
  const [page] = await visit({ url: landing }, 'anytrack.identify({ email: "ada@example.com" })');
  page.eval('anytrack.track("One"); anytrack.consent({ ad_user_data: "denied" }); anytrack.track("Two")');
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual([page.sent().length, [...page.jar.keys()], page.storage.size], [0, ["_at_c"], 0]);
  const [, none] = await visit({ before: page });
  assert.deepEqual(none, [], "the next page remembers the denial");
  page.eval('anytrack.consent({ ad_storage: "granted", ad_user_data: "granted" }); anytrack.track("Three")');
  await Promise.resolve();
  const [event, ...others] = page.sent();
  assert.deepEqual([event.event, others, event.user], ["Three", [], undefined]);
  assert.equal(event.click_ids.gclid.value, "Cj0KCQ", "the landing is still this page's");
});

test("a denial is written once, for its cookie may be the relay's, which lasts longer", async () => {
  const [page] = await visit({}, 'anytrack.consent({ ad_storage: "denied" })');
  assert.ok(page.written.includes("_at_c"));
  const [next] = await visit({ before: page }, 'anytrack.consent({ ad_storage: "denied" })');
  assert.deepEqual([next.jar.get("_at_c"), next.written.includes("_at_c")], ["d--", false]);
  next.eval('anytrack.consent({ ad_user_data: "denied" })');
  assert.equal(next.jar.get("_at_c"), "dd-");
});

test("an answer that is no denial of the tag is remembered too", async () => {
  const [page] = await visit({}, 'anytrack.consent({ ad_personalization: "denied" })');
  const [next, [event]] = await visit({ before: page });
  assert.deepEqual(event.consent, { ad_personalization: "denied" });
  next.eval('anytrack.consent({ ad_user_data: "denied" }); anytrack.consent({ ad_user_data: "granted" })');
  const [, sent] = await visit({ before: next });
  assert.equal(sent.length, 1, "a denial that was taken back stays taken back");
});

test("a required consent that was given is remembered", async () => {
  const dataset = { ...manual, consent: "required" };
  const [page] = await visit({ dataset }, 'anytrack.consent({ ad_storage: "granted", ad_user_data: "granted" })');
  const [, sent] = await visit({ dataset, before: page });
  assert.equal(sent.length, 1);
});

test("only the newest hundred wait, and they leave in order and by bodies that browsers take", async () => {
  const page = open({ dataset: manual });
  await page.load();
  page.online = false;
  const long = "x".repeat(1000);
  for (let number = 0; number < 130; number++) {
    page.eval(`anytrack.track("Lead", { long: ${JSON.stringify(long)} }, { event_id: "${number}" })`);
    if (number % 7 == 0) await Promise.resolve();
  }
  await Promise.resolve();
  assert.equal(page.bodies.length, 0);
  const [next, sent] = await visit({ before: page }, 'anytrack.track("Lead", {}, { event_id: "last" })');
  assert.deepEqual([0, 99, 100].map((at) => sent[at].event_id), ["30", "129", "last"]);
  assert.equal(sent.length, 101);
  assert.ok(next.bodies.length > 1 && next.bodies.every((body) => body.length < 65_536));
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(next.storage.get("_at_q_shop"), undefined);
});

test("events that had to make room are counted, and the count is reported once", async () => {
  const page = open({ dataset: manual });
  await page.load();
  page.online = false;
  for (let number = 0; number < 130; number++) page.window.anytrack.track("Lead");
  await Promise.resolve();
  const next = open({ dataset: manual, before: page });
  await next.load();
  next.window.anytrack.track("Lead");
  await Promise.resolve();
  next.window.anytrack.track("Lead");
  await Promise.resolve();
  const dropped = next.bodies.map((body) => JSON.parse(body).dropped);
  assert.deepEqual(dropped, [30, ...dropped.slice(1).map(() => undefined)]);
  assert.ok(dropped.length > 1);
});

test("a count that a relay in trouble did not take is reported again, and then no more", async () => {
  const page = open({ dataset: manual });
  await page.load();
  page.online = false;
  for (let number = 0; number < 105; number++) page.window.anytrack.track("Lead");
  await Promise.resolve();
  page.online = true;
  const counts = [];
  const statuses = [503, 202, 202];
  page.answer = async (body) => {
    const { dropped, events } = JSON.parse(body);
    counts.push([dropped, events.length]);
    const status = statuses.shift();
    return { ok: status == 202, status };
  };
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  page.fire("online");
  await settle();
  page.wait();
  await settle();
  page.window.anytrack.track("Lead");
  await settle();
  assert.deepEqual(counts, [[5, 100], [5, 100], [undefined, 1]]);
});

test("what fails is tried again while the page lives, ever more slowly, under the same ids and once", async () => {
  const page = open({ dataset: manual });
  await page.load();
  const bodies = [];
  let answer = { ok: false, status: 503 };
  page.answer = async (body) => (bodies.push(JSON.parse(body).events), answer);
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  const id = page.window.anytrack.track("Lead");
  await settle();
  const pauses = [];
  for (let round = 0; round < 3; round++) {
    assert.equal(page.timers.length, 1);
    pauses.push(page.timers[0].ms);
    page.wait();
    await settle();
  }
  assert.ok(pauses[0] >= 500 && pauses[0] <= 1000 && pauses[2] >= 2000 && pauses[2] <= 4000, String(pauses));
  answer = { ok: true, status: 202 };
  page.wait();
  await settle();
  assert.deepEqual([page.timers.length, page.storage.size], [0, 0]);
  assert.deepEqual(bodies.map((events) => events.map(({ event_id }) => event_id)), Array(5).fill([id]));
});

test("an answer that may be another later is asked for again, and one that never will is not", async () => {
  for (const [status, again] of [[401, 1], [408, 1], [429, 1], [500, 1], [400, 0], [403, 0], [413, 0], [202, 0]]) {
    const page = open({ dataset: manual });
    await page.load();
    const bodies = [];
    page.answer = async (body) => (bodies.push(body), { ok: status == 202, status });
    page.window.anytrack.track("Lead");
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual([page.timers.length, page.storage.has("_at_q_shop")], [again, !!again], String(status));
    page.wait();
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(bodies.length, 1 + again, String(status));
  }
});

test("what a visitor denies on another page holds here as soon as this one is seen again", async () => {
  const ways = ["visibilitychange", "focus", "pageshow"].map((name) => (page) => page.fire(name, { persisted: true }));
  for (const seen of ways) {
    const [page] = await visit();
    const other = open({ dataset: manual, before: page });
    await other.load();
    other.eval('anytrack.consent({ ad_storage: "denied" })');
    seen(page);
    page.window.anytrack.track("Contact");
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(page.sent().map(({ event }) => event), ["Lead"]);
    assert.deepEqual([[...page.jar.keys()], page.storage.size], [["_at_c"], 0]);
  }
});

test("what left as a beacon goes again, under its id, from the page that comes back", async () => {
  const page = open({ dataset: manual });
  await page.load();
  page.answer = () => new Promise(() => {});
  page.fire("pagehide");
  const id = page.window.anytrack.track("Lead");
  await Promise.resolve();
  page.fire("pagehide");
  assert.ok(page.beacon.includes(id), "nobody hears what became of it");
  page.answer = undefined;
  page.fire("pageshow", { persisted: true });
  page.fire("visibilitychange");
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(page.sent().map(({ event_id }) => event_id), [id, id]);
  assert.equal(page.storage.has("_at_q_shop"), false);
});

test("a tab that ends while a request is out loses nothing, and one that goes on sends nothing twice", async () => {
  const page = open({ dataset: manual });
  await page.load();
  let arrived;
  const bodies = [];
  page.answer = (body) => new Promise((resolve) => (bodies.push(body), (arrived = () => resolve({ ok: true, status: 202 }))));
  const first = page.window.anytrack.track("Lead");
  await Promise.resolve();
  const kept = new Map(page.storage);
  const second = page.window.anytrack.track("Contact");
  await Promise.resolve();
  assert.deepEqual(bodies.map((body) => [body.includes(first), body.includes(second)]), [[true, false], [false, true]]);
  const next = open({ dataset: manual, before: { jar: page.jar, storage: kept } });
  await next.load();
  assert.deepEqual(next.sent().map(({ event_id }) => event_id), [first]);
  arrived();
  await new Promise((resolve) => setImmediate(resolve));
  assert.ok(page.storage.get("_at_q_shop").includes(first), "the other request is still out");
});

test("a landing's click ids are found in its fragment, and with a plus that nobody encoded", async () => {
  const check = async (address, expected) => {
    const [, [event]] = await visit({ url: "https://shop.example/" + address });
    const ids = Object.fromEntries(Object.entries(event.click_ids).map(([name, { value }]) => [name, value]));
    assert.deepEqual([ids, event.campaign], expected, address);
  };
  await check("?a=1#gclid=Cj0KCQ", [{ gclid: "Cj0KCQ" }, {}]);
  await check("#/route?gclid=Cj0KCQ&utm_source=mail", [{ gclid: "Cj0KCQ" }, { source: "mail" }]);
  await check("?fbclid=first#fbclid=second", [{ fbclid: "first" }, {}]);
  await check("?fbclid=a+b%2Bc&utm_term=red+shoes", [{ fbclid: "a+b+c" }, { term: "red shoes" }]);
  await check("?next=/a?gclid=Cj0KCQ", [{}, {}]);
  await check("#section", [{}, {}]);
});

test("one event larger than a body goes alone", async () => {
  const items = JSON.stringify(Array.from({ length: 60 }, () => ({ id: "y".repeat(1500) })));
  const [page, sent] = await visit({}, `anytrack.track("A"); anytrack.track("B", { items: ${items} }); anytrack.track("C")`);
  assert.deepEqual(sent.map(({ event }) => event), ["A", "B", "C"]);
  assert.equal(page.bodies.length, 3);
});

test("the click token is minted once, travels with events and the visitor goes on reset", async () => {
  const [page, [before]] = await visit({ url: landing }, 'window.token = anytrack.clickId(); anytrack.track("Lead")');
  assert.equal(before.click_ids.atclid.value, page.window.token);
  assert.equal(page.window.anytrack.clickId(), page.window.token);
  page.eval('anytrack.identify({ email: "ada@example.com" }); anytrack.reset(); anytrack.track("Lead")');
  await Promise.resolve();
  const after = page.sent()[1];
  assert.notEqual(after.visitor_id, before.visitor_id);
  assert.deepEqual([after.click_ids, after.user], [{}, undefined]);
});

test("a reset leaves the answers, on this page and the next", async () => {
  const required = { ...manual, consent: "required" };
  for (const [answer, kept] of [["granted", "gg-"], ["denied", "dd-"]]) {
    const code = `anytrack.consent({ ad_storage: "${answer}", ad_user_data: "${answer}" }); anytrack.reset()`;
    const [page] = await visit({ dataset: required }, code);
    assert.equal(page.jar.get("_at_c"), kept);
    const [, sent] = await visit({ dataset: required, before: page });
    assert.equal(sent.length, answer == "granted" ? 1 : 0, answer);
  }
});

test("a reset loses no event that waits", async () => {
  const page = open({ dataset: manual });
  await page.load();
  const visitor = page.window.anytrack.visitorId();
  page.eval('anytrack.identify({ email: "ada@example.com" }); anytrack.track("One"); anytrack.reset(); anytrack.track("Two")');
  page.online = false;
  page.eval('anytrack.track("Three")');
  await Promise.resolve();
  page.eval("anytrack.reset()");
  page.online = true;
  page.fire("online");
  await Promise.resolve();
  const [one, two, three] = page.sent();
  assert.deepEqual([one.event, two.event, three.event], ["One", "Two", "Three"]);
  assert.deepEqual([one.visitor_id, !!one.user, !!two.user], [visitor, true, false]);
  assert.deepEqual([two.visitor_id != visitor, three.visitor_id], [true, two.visitor_id]);
  // Nobody has agreed, so nobody is known whose they could be.
  const [asking] = await visit(
    { dataset: { ...manual, consent: "required" }, url: landing },
    'anytrack.identify({ email: "ada@example.com" }); anytrack.track("Early"); anytrack.reset()',
  );
  asking.eval('anytrack.consent({ ad_storage: "granted", ad_user_data: "granted" })');
  await Promise.resolve();
  const [early] = asking.sent();
  assert.deepEqual([early.event, early.user, early.click_ids], ["Early", undefined, {}]);
});

test("two sites of one origin each send their own events, and a denial drops those of both", async () => {
  const waiting = async (site, before) => {
    const page = open({ dataset: { ...manual, site }, before });
    await page.load();
    page.online = false;
    page.window.anytrack.track(site);
    await Promise.resolve();
    return page;
  };
  const page = await waiting("fr", await waiting("de"));
  const { storage } = page;
  const kept = new Map(storage);
  page.online = true;
  page.fire("online");
  await Promise.resolve();
  assert.deepEqual([JSON.parse(page.bodies[0]).site, page.sent().map(({ event }) => event)], ["fr", ["fr"]]);
  const token = open({ dataset: { ...manual, site: "de~1795183509~00" }, before: page });
  await token.load();
  token.fire("online");
  await Promise.resolve();
  assert.deepEqual(token.sent().map(({ event }) => event), ["de"], "whatever proof a page shows");
  for (const [name, text] of kept) storage.set(name, text);
  assert.equal(storage.size, 2);
  page.eval('anytrack.consent({ ad_storage: "denied" })');
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(storage.size, 0);
});

test("the touches stay within a cookie, and the oldest make room", async () => {
  const value = (letter) => letter.repeat(480);
  let page;
  const names = ["fbclid", "rdt_cid", "twclid", "auctid", "gclid", "srsltid", "ttclid", "epik"];
  for (const name of names) [page] = await visit({ before: page, url: `https://shop.example/?${name}=${value("a")}` });
  assert.deepEqual(Object.keys(page.sent().at(-1).click_ids), names.slice(1));
  // A letter of two bytes takes six in a cookie.
  const words = ["source", "medium", "campaign", "term", "content", "id"].map((name) => `utm_${name}=${"ж".repeat(128)}`);
  const [last, [event]] = await visit({ before: page, url: `https://shop.example/?${words.join("&")}&gclid=new` });
  assert.ok(last.jar.get("_at_t").length < 3900, String(last.jar.get("_at_t").length));
  assert.equal(event.click_ids.gclid.value, "new");
});

test("an event without a name is none, and a title with an address stays here", async () => {
  const page = open({ dataset: manual });
  page.window.document.title = "Order of ada@example.com";
  await page.load();
  page.eval('anytrack.track(""); anytrack.track("Lead")');
  await Promise.resolve();
  assert.deepEqual(page.sent().map(({ event, page }) => [event, page.title]), [["Lead", undefined]]);
});

test("where WebAssembly is blocked, what earlier pages learned goes along", async () => {
  const [page, [before]] = await visit({ url: landing }, 'anytrack.identify({ email: "ada@example.com" }); anytrack.track("Lead")');
  page.jar.set("_fbp", "fb.1.1795183000000.42");
  const next = open({ dataset: manual, before: page, wasm: false });
  next.run("tag.js");
  next.eval('anytrack.identify({ city: "London" }); anytrack.track("Lead")');
  const [after] = await next.until(1);
  assert.deepEqual(
    [after.visitor_id, after.click_ids, after.user, after.cookies],
    [before.visitor_id, before.click_ids, { ...before.user, clear: { city: "London" } }, { _fbp: "fb.1.1795183000000.42" }],
  );
});

test("where a browser takes no cookie of the touches, an older one does not hide the new", async () => {
  const [page] = await visit({ url: "https://shop.example/?gclid=older" });
  const { document } = page.window;
  const refusing = open({ dataset: manual, before: page, url: "https://shop.example/?gclid=newer" });
  const { get, set } = Object.getOwnPropertyDescriptor(document, "cookie");
  Object.defineProperty(refusing.window.document, "cookie", { get, set: (text) => /^_at_t=[^;]/.test(text) || set(text) });
  await refusing.load();
  assert.deepEqual([refusing.jar.has("_at_t"), refusing.jar.has("_at_vid")], [false, true]);
  const [, [event]] = await visit({ before: refusing });
  assert.equal(event.click_ids.gclid.value, "newer");
});

/** Makes the storage of a page refuse what `fits` does not take, as one that is full does. */
const fill = (page, fits) => {
  page.window.localStorage = {
    getItem: (name) => page.storage.get(name) ?? null,
    removeItem: (name) => page.storage.delete(name),
    setItem: (name, text) => {
      if (!fits(text)) throw new Error("full");
      page.storage.set(name, text);
    },
  };
};

test("where the storage is full, what waits is in memory, with what was stored before", async () => {
  const page = open({ dataset: manual });
  await page.load();
  page.online = false;
  page.window.anytrack.track("One");
  await Promise.resolve();
  fill(page, () => false);
  page.window.anytrack.track("Two");
  await Promise.resolve();
  page.window.anytrack.track("Three");
  await Promise.resolve();
  page.online = true;
  page.fire("online");
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(page.sent().map(({ event }) => event), ["One", "Two", "Three"]);
  page.fire("online");
  assert.equal(page.sent().length, 3, "once");
});

test("a full storage costs neither what was there before nor what another tab writes there", async () => {
  const page = open({ dataset: manual });
  await page.load();
  const other = open({ dataset: manual, before: page });
  await other.load();
  page.online = other.online = false;
  const track = async (where, name) => {
    where.window.anytrack.track(name);
    await Promise.resolve();
    return page.storage.get("_at_q_shop");
  };
  const names = (text) => text.split("\n").map((line) => JSON.parse(line).event);
  let stored = await track(page, "One");
  fill(page, (text) => text.length <= stored.length);
  assert.deepEqual(names(await track(page, "Two")), ["One"], "for the page after this one");
  stored = await track(other, "Three");
  assert.deepEqual(names(stored), ["One", "Three"]);
  page.online = other.online = true;
  page.fire("online");
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(page.sent().map(({ event }) => event), ["One", "Two", "Three"]);
  assert.equal(page.storage.size, 0);
  other.fire("online");
  assert.equal(other.sent().length, 0, "once");
});

test("what had to make room is counted once where the storage is full", async () => {
  const page = open({ dataset: manual });
  await page.load();
  page.online = false;
  for (let left = 101; left--; ) page.window.anytrack.track("Lead");
  await Promise.resolve();
  assert.match(page.storage.get("_at_q_shop"), /^1\n/);
  fill(page, (text) => !text.includes("Newest"));
  page.window.anytrack.track("Newest");
  await Promise.resolve();
  const bodies = [];
  page.answer = (body) => (bodies.push(JSON.parse(body)), new Promise(() => {}));
  page.online = true;
  page.fire("online");
  page.window.anytrack.track("Later");
  await Promise.resolve();
  assert.deepEqual(bodies.map(({ dropped, events }) => [dropped, events.length]), [[2, 100], [undefined, 1]]);
});

test("a consent that comes on the second page finds the click in the address of the first", async () => {
  const agreed = { ad_storage: "granted", ad_user_data: "granted" };
  const check = async (address, referrer, expected, options) => {
    const page = open({ dataset: { ...manual, consent: "required" }, url: "https://shop.example" + address, ...options });
    page.window.document.referrer = referrer;
    await page.load();
    page.window.anytrack.consent(agreed);
    page.window.anytrack.track("Lead");
    await Promise.resolve();
    const [event] = page.sent();
    const ids = Object.entries(event.click_ids).map(([name, { value }]) => name + "=" + value);
    assert.deepEqual([ids.join(), event.campaign], expected, address + " " + referrer);
    return page;
  };
  const first = "https://shop.example/ca?gclid=first&fbclid=first&utm_source=ads&utm_campaign=spring";
  const page = await check("/cb", first, ["gclid=first,fbclid=first", { source: "ads", name: "spring" }]);
  await check("/cb?gclid=second&utm_source=mail", first, ["fbclid=first,gclid=second", { source: "mail" }]);
  await check("/cb", first.replace("shop", "other"), ["", {}]);
  await check("/cb", "", ["", {}]);
  await check("/cb", first.replace("first", "again"), ["gclid=first,fbclid=first", { source: "ads", name: "spring" }], { before: page });
  page.eval('anytrack.reset(); anytrack.track("Lead")');
  await Promise.resolve();
  assert.deepEqual(page.sent().at(-1).click_ids, {}, "of a visitor who is forgotten nothing comes back");
});
