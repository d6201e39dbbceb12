// The loader against the built module: ids, order, foreign objects, consent, storage, sending, and life without
// WebAssembly. Run by `cargo xtask test` after the tag is built.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import test from "node:test";
import { manifest, open } from "./page.mjs";

const vectors = JSON.parse(readFileSync(new URL("../../tests/event_ids.json", import.meta.url)));
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const sha256 = (text) => createHash("sha256").update(text).digest("hex");
const read = (name) => readFileSync(new URL("../../../dist/tag/" + name, import.meta.url));
const manual = { autoPage: "false" };

test("stub and tag give the ids that shared derives", async () => {
  const stub = open();
  stub.runSnippet();
  const tag = open({ dataset: manual });
  await tag.load();
  for (const { name, order_id, id } of vectors) {
    for (const page of [stub, tag]) {
      const given = page.window.anytrack.track(name, { order_id });
      if (id) assert.equal(given, id);
      else assert.match(given, uuid);
    }
  }
  await Promise.resolve();
  const expected = vectors.map(({ id }) => id);
  assert.deepEqual(tag.sent().map(({ event_id }, index) => expected[index] && event_id), expected);
});

test("the page's own id comes first, and two minted ones differ", () => {
  const { window, run } = open();
  run("tag.js");
  const { track } = window.anytrack;
  assert.equal(track("Lead", { order_id: "7" }, { event_id: "mine" }), "mine");
  assert.equal(track("Lead", { order_id: 7 }), "Lead-7");
  assert.match(track("Lead", { order_id: NaN }), uuid);
  assert.match(track("Lead", { order_id: "ada@example.com" }), uuid);
  assert.notEqual(track("Lead"), track("Lead"));
});

test("calls before the tag keep their order and follow the page view", async () => {
  const page = open();
  page.run("tag.js");
  page.window.anytrack.track("One");
  page.window.anytrack.track("Two");
  await page.ready();
  await Promise.resolve();
  assert.deepEqual(page.sent().map(({ event }) => event), ["PageView", "One", "Two"]);
  assert.equal(page.bodies.length, 1, "one tick is one body");
  const times = page.sent().map(({ time }) => time);
  assert.deepEqual(times, [...times].sort());
});

test("on a slow processor the work on landing rests in between, and nothing is lost or out of order for it", async () => {
  const rested = async (rests, leave) => {
    const page = open({ slow: true });
    page.run("tag.js");
    page.window.anytrack.track("Before");
    for (; rests; rests--) await page.resume();
    while (!page.rests[0]) await new Promise((resolve) => setImmediate(resolve));
    page.window.anytrack.track("Between");
    if (leave) page.fire("pagehide");
    return page;
  };
  // The first is before anything is known of the visitor.
  for (const rests of [1, 2, 3]) {
    const left = await rested(rests, true);
    assert.deepEqual(names(left), ["PageView", "Before", "Between"], `left after ${rests} rests`);
    assert.equal(left.jar.get("_at_vid"), left.window.anytrack.visitorId(), "and whoever left is known again");
    // What would have come next finds nothing to do.
    await left.resume();
    assert.equal(left.sent().length, 3);
    assert.deepEqual((await (await rested(rests, false)).until(3)).map(({ event }) => event), ["PageView", "Before", "Between"]);
  }
  const page = open({ slow: true });
  page.run("tag.js");
  for (let rests = 3; rests; rests--) await page.resume();
  assert.deepEqual([names(page), page.jar.size], [["PageView"], 0], "an event does not wait for cookies");
  await page.resume();
  assert.equal(page.jar.get("_at_vid"), page.window.anytrack.visitorId());
  assert.equal(page.rests.length, 0, "five pieces: the modules, who the visitor is, the calls, sending, keeping");
});

test("what the page hands over neither throws nor costs the event", async () => {
  const page = open({ dataset: manual });
  await page.load();
  const cases = [
    "undefined", "null", "7", "'text'", "[]", "Symbol('x')", "10n", "() => 1",
    "new Proxy({}, { ownKeys() { throw 1 }, get() { throw 1 } })",
    "(() => { const a = { ok: 1 }; a.self = a; a.list = [a]; return a })()",
    "({ get bad() { throw 1 }, ok: 1, big: 2n, nan: NaN, fn() {}, long: 'x'.repeat(1e6), half: 'a\\ud800' })",
    "({ items: [null, 1, { id: 7, self: window }], order_id: { toString() { throw 1 } } })",
    "({ toJSON() { throw 1 }, ok: 1 })",
    "Object.create(null)",
  ];
  for (const code of cases) {
    assert.match(page.eval(`anytrack.track("Lead", ${code}, ${code})`), uuid, code);
  }
  await Promise.resolve();
  assert.equal(page.sent().length, cases.length);
  const messy = page.sent()[10].properties;
  assert.deepEqual({ ...messy, long: messy.long.length }, { ok: 1, big: "2", long: 2048, half: "a\ufffd" });
});

test("what can be walked is no set of properties, however long it is", async () => {
  const page = open({ dataset: manual });
  await page.load();
  page.window.now = () => performance.now();
  for (const code of ["new Uint8Array(1 << 22)", "new String('x'.repeat(1 << 21))", "Array.from({ length: 1 << 22 })", "new Map([[1, 2]])"]) {
    const took = page.eval(`{ const long = ${code}, began = now(); anytrack.track("Lead", long); now() - began }`);
    assert.ok(took < 500, `${code} took ${took} ms`);
    await Promise.resolve();
    assert.deepEqual(page.sent().at(-1).properties, {}, code);
  }
  page.eval(`anytrack.track("Lead", { length: 120, 99: "luft", items: [{ id: 7, length: 2 }, new Uint8Array(3)] })`);
  await Promise.resolve();
  assert.deepEqual(page.sent().at(-1).properties, { 99: "luft", length: 120, items: [{ id: 7, length: 2 }, {}] });
});

test("personal data leaves as hashes only", async () => {
  const page = open({ dataset: { ...manual, country: "GB" }, url: "https://shop.example/?email=ada@example.com" });
  await page.load();
  page.eval(`
    anytrack.identify({ email: "Ada@Example.com ", phone: "020 7946 0123", first_name: ["Ada", "Augusta"] });
    anytrack.track("Purchase", { value: 1, currency: "EUR", last_name: "Lovelace", note: "to ada@example.com",
      list: ["ada%40example.com", "ok"], items: [{ id: "1", email: "ada@example.com" }] },
      { user: { city: "London" } });`);
  await Promise.resolve();
  const [event] = page.sent();
  assert.deepEqual(Object.keys(event.user).sort(), ["clear", "email", "first_name", "last_name", "phone"]);
  assert.deepEqual(event.user.clear, { city: "London" });
  assert.equal(event.user.email[0].plain, sha256("ada@example.com"));
  assert.equal(event.user.phone[0].e164, sha256("+442079460123"));
  assert.equal(event.user.first_name.length, 2);
  const everything = JSON.stringify([page.bodies, [...page.jar], [...page.storage]]).toLowerCase();
  for (const raw of ["ada@", "ada%40", "79460123", "7946 0", "lovelace", "augusta"]) assert.ok(!everything.includes(raw), raw);
  assert.deepEqual(event.properties.list, ["ok"]);
});

test("what is named for a person stays here under any name, and what belongs to the shop leaves", async () => {
  const page = open({ dataset: manual });
  await page.load();
  const personal =
    "firstName,Last-Name,phone_number,billing_phone,shippingEmail,user[email],e%6dail,contact_full_name,dob,password,mobile,E-Mail,your-name,customer_name";
  const shops =
    "name,item_name,content_name,order_id,email_campaign,phone_model,mailing,mobile_app,product,birthday_offer,hotel,username,brand";
  const from = (names) => Object.fromEntries(names.split(",").map((name) => [name, "015112345678"]));
  page.window.anytrack.track("Lead", { ...from(personal), ...from(shops), items: [{ ...from(personal), name: "Lamp" }] });
  await Promise.resolve();
  const [{ properties }] = page.sent();
  assert.deepEqual(Object.keys(properties).sort(), [...shops.split(","), "items"].sort());
  assert.deepEqual(properties.items, [{ name: "Lamp" }]);
});

test("an event's name is cut to what the relay takes, on the page already", async () => {
  const page = open({ dataset: manual });
  await page.load();
  for (const [name, told] of [
    ["n".repeat(51), "n".repeat(50)],
    ["\u00e9".repeat(26), "\u00e9".repeat(25)],
    ["\u65e5".repeat(50), "\u65e5".repeat(16)],
    ["n".repeat(50), "n".repeat(50)],
  ]) {
    assert.equal(page.window.anytrack.track(name, { order_id: "7" }), told + "-7");
    await Promise.resolve();
    assert.equal(page.sent().at(-1).event, told);
  }
});

const names = (page) => page.sent().map(({ event }) => event);
const turn = () => new Promise((resolve) => setImmediate(resolve));

test("personal data are hashed with the first call, and nothing more is fetched for it", async () => {
  const page = open();
  page.run("tag.js");
  await page.ready();
  const fetched = page.fetched.filter((address) => !address.endsWith("/v1/events"));
  page.eval('anytrack.track("Lead", { email: "ada@example.com", value: 1 })');
  page.fire("pagehide");
  const [, lead] = page.sent();
  assert.deepEqual([lead.event, lead.user.email[0].plain], ["Lead", sha256("ada@example.com")]);
  assert.deepEqual(page.fetched.filter((address) => !address.endsWith("/v1/events")), fetched);
});

test("cookies sit on the widest domain, and where storage is denied memory serves", async () => {
  const page = open({ url: "https://www.shop.example/?fbclid=abc" });
  await page.load();
  assert.match(page.lastCookie, /; Path=\/; Max-Age=34560000; SameSite=Lax; Secure; Domain=shop\.example$/);
  const denied = open({ cookies: false, url: "https://shop.example/?fbclid=abc" });
  await denied.load();
  assert.equal(denied.sent()[0].click_ids.fbclid.value, "abc");
  assert.match(denied.window.anytrack.visitorId(), uuid);
});

test("ids are at hand in a ready callback", async () => {
  const page = open();
  page.run("tag.js");
  assert.equal(page.window.anytrack.visitorId(), null);
  await page.ready();
  assert.match(page.window.anytrack.visitorId(), uuid);
  assert.match(page.window.anytrack.clickId(), /^[a-z0-9]{24}$/);
  assert.equal(page.window.anytrack.clickId(), page.window.anytrack.clickId());
});

test("offline events wait in storage and leave on the online event", async () => {
  const page = open({ dataset: manual });
  await page.load();
  page.online = false;
  const id = page.window.anytrack.track("Lead");
  await Promise.resolve();
  assert.ok(page.storage.get("_at_q_shop").includes(id));
  page.online = true;
  page.fire("online");
  assert.equal(page.sent()[0].event_id, id);
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(page.storage.get("_at_q_shop"), undefined);
});

test("what leaves in a page's last moment goes as a beacon, of which nobody hears, so the next page sends it once more", async () => {
  const page = open({ dataset: manual });
  await page.load();
  for (const beacons of [true, false]) {
    page.beacons = beacons;
    page.beacon = page.keepalive = undefined;
    page.window.anytrack.track("Shown");
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual([page.beacon, page.keepalive], [undefined, true], "while there is somebody to hear the answer");
    page.keepalive = undefined;
    const id = page.window.anytrack.track("Last");
    page.fire("pagehide");
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(page.bodies.filter((body) => body.includes(id)).length, 1);
    const next = open({ dataset: manual, before: page });
    await next.load();
    assert.deepEqual(names(next), beacons ? ["Last"] : [], "a request that was answered is over");
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(next.storage.size, 0);
    page.fire("pageshow");
  }
});

test("an event is kept until the relay has answered, and what fails waits with its id", async () => {
  const page = open({ dataset: manual });
  await page.load();
  for (const [answer, waits] of [
    [() => ({ ok: true, status: 202 }), false],
    [() => ({ ok: false, status: 400 }), false],
    [() => ({ ok: false, status: 503 }), true],
    [() => Promise.reject(new Error("no network")), true],
  ]) {
    let called;
    const settled = new Promise((resolve) => (called = resolve));
    page.answer = async (body) => {
      called(body);
      return answer();
    };
    const id = page.window.anytrack.track("Lead");
    const body = await settled;
    assert.ok(body.includes(id));
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal((page.storage.get("_at_q_shop") || "").includes(id), waits);
    page.storage.clear();
  }
});

test("what the relay does not take of a request is told as rejected, and why; the rest as sent", async () => {
  const page = open({ dataset: manual });
  await page.load();
  const warned = [];
  page.window.console = { warn: (text) => warned.push(text) };
  const states = () => page.events.splice(0).map(({ name, state }) => [name, state]);
  const told = async (json) => {
    page.answer = async () => ({ ok: true, status: 202, json });
    page.eval('anytrack.track("Lead"); anytrack.track("Purchase", { value: "1,234.50" })');
    await turn();
    return states();
  };
  const queued = [["Lead", "queued"], ["Purchase", "queued"]];
  const rejected = [{ index: 1, reason: "properties.value: not a number" }];
  assert.deepEqual(await told(async () => ({ accepted: 1, rejected })), [...queued, ["Lead", "sent"], ["Purchase", "rejected"]]);
  assert.deepEqual(warned, ["anytrack: rejected Purchase: properties.value: not a number"]);
  const sent = [...queued, ["Lead", "sent"], ["Purchase", "sent"]];
  for (const json of [async () => ({ accepted: 2, rejected: [] }), async () => null, () => Promise.reject(new Error("no JSON")), undefined]) {
    assert.deepEqual(await told(json), sent);
  }
  assert.deepEqual([warned.length, page.timers.length, page.storage.size], [1, 0, 0]);
});

test("an answer that is none of the relay's is no answer", async () => {
  const page = open({ dataset: manual });
  await page.load();
  page.answer = async () => undefined;
  const id = page.window.anytrack.track("Lead");
  await turn();
  assert.ok(page.storage.get("_at_q_shop").includes(id));
  page.answer = undefined;
  page.wait();
  await turn();
  assert.equal(page.storage.get("_at_q_shop"), undefined);
});

test("what a page reports after its token is over waits for a page with a newer one", async () => {
  const signed = (seconds) => `shop~${Math.floor(Date.now() / 1000) + seconds}~00`;
  const old = open({ dataset: { ...manual, site: signed(-1) } });
  await old.load();
  const asked = new Promise((resolve) => {
    old.answer = async (body) => {
      resolve(body);
      return { ok: false, status: 401 };
    };
  });
  const id = old.window.anytrack.track("Lead");
  assert.ok((await asked).includes(id), "no beacon, whose answer nobody hears");
  await new Promise((resolve) => setImmediate(resolve));
  assert.ok(old.storage.get("_at_q_shop").includes(id));
  const page = open({ dataset: { ...manual, site: signed(600) }, before: old });
  await page.load();
  const later = page.window.anytrack.track("Contact");
  await Promise.resolve();
  assert.deepEqual(page.sent().map(({ event_id }) => event_id), [id, later]);
  await turn();
  assert.equal(page.storage.get("_at_q_shop"), undefined);
});

test("a listener that tracks gets its turn", async () => {
  const page = open({ dataset: manual });
  await page.load();
  page.window.document.dispatchEvent = ({ detail }) => {
    if (detail.name == "One" && detail.state == "sent") page.window.anytrack.track("Two");
  };
  page.window.anytrack.track("One");
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(page.sent().map(({ event }) => event), ["One", "Two"]);
});

test("without WebAssembly events still leave, hashed and after consent", async () => {
  const url = "https://shop.example/ada@example.com/?fbclid=abc&email=x&q=ada%40example.com";
  const page = open({ wasm: false, url });
  page.run("tag.js");
  page.window.anytrack.identify({ email: "ada@example.com" });
  const id = page.window.anytrack.track("Purchase", { value: 5, currency: "EUR", order_id: "7", email: "ada@example.com" });
  const [, purchase] = await page.until(2);
  assert.equal(purchase.event_id, id);
  assert.deepEqual(purchase.properties, { value: 5, currency: "EUR", order_id: "7" });
  assert.equal(purchase.user.email[0].plain, sha256("ada@example.com"));
  assert.equal(purchase.click_ids.fbclid.value, "abc");
  assert.ok(!/ada(@|%40)/.test(JSON.stringify(page.bodies)));
  const required = open({ wasm: false, dataset: { consent: "required" } });
  required.run("tag.js");
  await required.ready();
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(required.bodies.length, 0);
  required.window.anytrack.consent({ ad_storage: "granted", ad_user_data: "granted" });
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(required.sent().length, 1);
});

test("parts are loaded where the site or the address asks for them, and nowhere else", async () => {
  const check = async (dataset, url, expected) => {
    let given;
    const page = open({ dataset, url, module: { default: (tag) => (given = tag) } });
    await page.load();
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual([page.imported, !!given], [expected, !!expected[0]], url);
    if (given) assert.deepEqual([given.api, given.site, given.base, given.url], [page.window.anytrack, "shop", "https://t.shop.example/", url]);
  };
  const module = "https://t.shop.example/v1/site/shop.js";
  await check({}, "https://shop.example/?anytrack_debug=0", []);
  await check({ parts: "" }, "https://shop.example/", [module]);
  await check({}, "https://shop.example/?a=b&anytrack_debug=1", [module + "?debug"]);
});

test("parts that are missing or broken leave the tag alone", async () => {
  const broken = { default: () => { throw new Error("broken"); } };
  for (const module of [undefined, {}, broken, { default: () => Promise.reject(new Error("late")) }]) {
    const page = open({ dataset: { ...manual, parts: "" }, module });
    await page.load();
    await new Promise((resolve) => setImmediate(resolve));
    page.window.anytrack.track("Lead");
    await Promise.resolve();
    assert.deepEqual(page.sent().map(({ event }) => event), ["Lead"]);
  }
});

test("who arrives from another domain is known before anything is stored, in place of who was known", async () => {
  const before = open({ dataset: manual });
  await before.load();
  const known = before.window.anytrack.visitorId();
  const check = async (query, landing, expected) => {
    let asked = 0;
    const module = { default: () => {}, landing: (api) => (asked++, landing(api)) };
    const page = open({ dataset: { parts: "" }, url: "https://shop.example/" + query, before, module });
    await page.load();
    const [view] = page.sent();
    assert.deepEqual([view.visitor_id == known ? "known" : view.visitor_id, asked], expected, query);
    assert.equal(page.jar.get("_at_vid"), view.visitor_id);
    assert.equal(page.window.anytrack.visitorId(), view.visitor_id);
    before.jar.set("_at_vid", known);
  };
  await check("?at_x=1.2.v-1", () => "v-1", ["v-1", 1]);
  await check("?a=b&at_x=1.2.v-1", () => "", ["known", 1]);
  await check("?at_x=1.2.v-1", () => Promise.reject(new Error("broken")), ["known", 1]);
  await check("?at_xy=1", () => "v-1", ["known", 0]);
  const page = open({ dataset: { consent: "required", parts: "" }, url: "https://shop.example/?at_x=1", module: { landing: () => "v-1" } });
  await page.load();
  assert.equal(page.jar.size, 0, "not before consent");
  page.window.anytrack.consent({ ad_storage: "granted", ad_user_data: "granted" });
  assert.equal(page.window.anytrack.visitorId(), "v-1");
});

test("who arrives from another domain and is not known in time is whoever is known here", async () => {
  const page = open({ dataset: { parts: "" }, url: "https://shop.example/?at_x=1.2.v-1", module: new Promise(() => {}) });
  page.jar.set("_at_vid", "v-0");
  page.run("tag.js");
  while (!page.timers[0]) await turn();
  assert.deepEqual(page.sent(), []);
  page.wait();
  assert.equal((await page.until(1))[0].visitor_id, "v-0");
});

test("with parts, the first event already says the click token", async () => {
  const page = open({ dataset: { parts: "" }, module: { default: () => {} } });
  await page.load();
  assert.match(page.sent()[0].click_ids.atclid.value, /^[a-z0-9]{24}$/);
  const without = open();
  await without.load();
  assert.equal(without.sent()[0].click_ids.atclid, undefined);
});

test("the manifest names what is there", () => {
  const names = manifest.files.map(({ name }) => name);
  for (const name of ["tag.js", manifest.wasm, manifest.tag_js_hashed, manifest.snippet]) assert.ok(names.includes(name));
});
