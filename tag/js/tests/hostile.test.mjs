// Ten thousand rounds of values that no sane page would pass, and two thousand where WebAssembly is forbidden: nothing
// throws, nothing takes long, and memory stays bounded. Run by `cargo xtask test` after the tag is built.
import assert from "node:assert/strict";
import test from "node:test";
import v8 from "node:v8";
import vm from "node:vm";
import { open } from "./page.mjs";

v8.setFlagsFromString("--expose-gc");
const collect = vm.runInNewContext("gc");

/** What is handed over, made anew in every round; `n` makes some of it different each time. */
const makers = `
  const trap = () => { throw new Error("trap"); };
  const revoked = () => { const { proxy, revoke } = Proxy.revocable({}, {}); revoke(); return proxy; };
  const cyclic = () => { const a = { name: "a" }; a.a = a; a.list = [a, [a]]; return a; };
  const getters = () => ({ get value() { throw new Error("getter"); }, get order_id() { trap(); }, currency: "EUR" });
  const traps = { get: trap, has: trap, ownKeys: trap, getPrototypeOf: trap, getOwnPropertyDescriptor: trap };
  const node = () => { const a = { nodeType: 1, ownerDocument: {} }; a.parentNode = a; a.children = [a]; return a; };
  const long = "x".repeat(1 << 20);
  const many = Array.from({ length: 9_999 });
  // Made once: what takes time is walking them. The first has so many holes that it takes no memory.
  const holes = new Array(1e8);
  const sparse = new Array(1e6);
  const typed = new Uint8Array(1 << 22);
  const boxed = new String(long);
  const items = Array.from({ length: 300 }, () => ({ id: "y".repeat(5000), bad: cyclic() }));
  const wide = Object.fromEntries(Array.from({ length: 500 }, (_, at) => ["p" + at, "z".repeat(3000)]));
  const makers = [
    () => undefined, () => null, () => NaN, () => -0, () => Infinity, () => 10n ** 400n, () => Symbol("x"), () => () => 1,
    () => long, () => "\\ud800".repeat(99), () => "ada@example.com", () => "\\0\\u2028\\n",
    cyclic, getters, revoked, node, trap.bind,
    () => new Proxy({}, traps), () => new Proxy([], traps), () => new Proxy(function () {}, traps),
    () => new Date(NaN), () => new Date(), () => new Map([[{}, {}]]), () => new Set([1]), () => new WeakMap(),
    () => new Error("x"), () => /x/g, () => new Uint8Array(9999), () => new ArrayBuffer(8), () => Promise.resolve(1),
    () => many, () => new Array(1e9), () => [[[[[]]]]], () => [revoked(), trap, cyclic()],
    () => Object.create(null), () => Object.create(getters()), () => JSON.parse('{"__proto__":{"polluted":1},"constructor":1}'),
    () => ({ toString: trap, valueOf: trap, [Symbol.toPrimitive]: trap, toJSON: trap }),
    () => ({ then: trap, catch: trap }), () => ({ [long]: 1 }),
    () => ({ items }), () => wide,
  ];
  const all = [
    ...makers, () => holes, () => sparse, () => typed, () => boxed, () => [typed, boxed], () => ({ items: [holes, typed] }),
    () => ({ email: holes, phone: typed, city: boxed }), () => ({ *[Symbol.iterator]() { for (;;) yield 1; } }),
  ];
  // The large ones in every seventh round: to make a name of one takes its time, which is bounded.
  let from;
  const pick = (n) => { try { return from[n % from.length](); } catch { return undefined; } };
  // The call that has taken longest.
  const slowest = { ms: 0 };
  // Two of them as name, properties, options, person and answers, in all combinations after a while.
  const round = (n) => {
    const thrown = [];
    from = n % 7 ? makers : all;
    const calls = {
      track: () => anytrack.track(pick(n), pick(n * 7 + 1), pick(n * 13 + 2)),
      known: () => anytrack.track("Lead", { a: pick(n), b: pick(n * 3 + 1), items: [pick(n)], order_id: pick(n * 5 + 1) }, { user: pick(n), event_id: pick(n * 3) }),
      page: () => anytrack.page(pick(n), pick(n + 1)),
      identify: () => anytrack.identify({ email: pick(n), phone: [pick(n + 1), pick(n + 2)], country: pick(n) }) || anytrack.identify(pick(n)),
      consent: () => anytrack.consent(n % 97 ? { ad_personalization: pick(n) } : pick(n)),
      ready: () => anytrack.ready(pick(n)),
      visitorId: () => anytrack.visitorId(pick(n)),
      clickId: () => anytrack.clickId(pick(n)),
      // Now and then, so that there is something to forget.
      reset: () => n % 11 || anytrack.reset(pick(n)),
    };
    for (const [name, call] of Object.entries(calls)) {
      const began = clock();
      try { const id = call(); if (/track|known|page/.test(name) && typeof id != "string") thrown.push(name + " gave " + typeof id); }
      catch (error) { thrown.push(name + " " + n); }
      const ms = clock() - began;
      if (ms > slowest.ms) Object.assign(slowest, { ms, call: name + " " + n });
    }
    return thrown;
  };
`;

/** The longest that a call may take, in milliseconds: what walks a million of anything takes longer. */
const LONGEST_CALL = 500;

const hostile = async (wasm, warm, count) => {
  const page = open({ dataset: { autoPage: "false" }, wasm });
  page.window.clock = () => performance.now();
  await page.load();
  // The fallback hashes by another thread, and goes on when that has answered.
  const settled = async () => {
    await Promise.resolve();
    await Promise.resolve();
    if (!wasm) await new Promise((resolve) => setImmediate(resolve));
  };
  page.eval(makers);
  const round = page.eval("round");
  const slowest = page.eval("slowest");
  const heap = () => (collect(), collect(), process.memoryUsage().heapUsed);
  const rounds = async (from, to) => {
    for (let n = from; n < to; n++) {
      // What is sent is looked at, and then not kept here.
      page.bodies.length = page.events.length = 0;
      // Half the time there is no network, so that the queue is always full.
      page.online = n % 2 == 0;
      assert.deepEqual([...round(n)], []);
      assert.ok(slowest.ms < LONGEST_CALL, `${slowest.ms} ms: ${slowest.call}`);
      await settled();
      for (const body of page.bodies) assert.ok(body.length < 512 * 1024, String(body.length));
    }
    page.bodies.length = page.events.length = 0;
  };
  await rounds(0, warm);
  const before = heap();
  await rounds(warm, count);
  const grown = heap() - before;
  assert.ok(grown < 20e6, `${grown} bytes more`);
  assert.ok((page.storage.get("_at_q_shop") || "").length < 25e6);
  assert.equal(page.eval("({}).polluted"), undefined);
  // After all that, an ordinary event still leaves.
  page.online = true;
  const id = page.window.anytrack.track("Lead", { value: 1, currency: "EUR" });
  const found = () => page.sent().find(({ event_id }) => event_id == id);
  for (let turns = 0; turns < 1_000 && !found(); turns++) await settled();
  assert.deepEqual(found().properties, { value: 1, currency: "EUR" });
};

test("ten thousand rounds of hostile values throw nothing, take no time and keep nothing", () => hostile(true, 2_000, 10_000));

test("nor do two thousand where WebAssembly is forbidden", () => hostile(false, 500, 2_500));

/** What Prototype.js 1.6 makes of the language, as far as it gets in the way, and a name on the prototype of all objects. */
const extended = `
  Array.prototype.toJSON = function () { return "[" + this.join(", ") + "]"; };
  String.prototype.toJSON = function () { return '"' + this + '"'; };
  Number.prototype.toJSON = function () { return String(this); };
  Array.prototype.reduce = function () { return this.length > 1 ? this : this[0]; };
  Array.from = (list) => { let left = list.length || 0; const copy = new Array(left); while (left--) copy[left] = list[left]; return copy; };
  Object.prototype.extend = function () {};
`;

test("libraries that change what the language brings change nothing of what leaves", async () => {
  for (const wasm of [true, false]) {
    const told = async (before) => {
      const page = open({ url: "https://shop.example/?gclid=Cj0KCQ&utm_source=news", wasm });
      page.eval(before + "Date.now = () => 1795183509123");
      page.run("tag.js");
      page.eval(`
        anytrack.identify({ email: "Ada.L@example.com", phone: "+44 20 7946 0123" });
        anytrack.track("Purchase", { value: 59.9, currency: "EUR", order_id: "7", sizes: [1, "L"], items: [{ id: "7", quantity: 2 }], email: ["bob@example.com"] });`);
      const [view, purchase] = (await page.until(2)).map(({ visitor_id, event_id, ...event }) => event);
      await new Promise((resolve) => setImmediate(resolve));
      return [view, purchase, [...page.jar.keys()].sort()];
    };
    const [expected, found] = [await told(""), await told(extended)];
    assert.deepEqual(found, expected);
    assert.deepEqual([found[1].properties.items, found[1].user.email.length], [[{ id: "7", quantity: 2 }], 1]);
  }
});
