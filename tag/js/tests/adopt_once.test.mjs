// The part `adopt`: one conversion is one event under one id, whoever tells of it, and pixels are given that id.
import assert from "node:assert/strict";
import test from "node:test";
import { gtagOf, metaScript, metaSnippet, microsoftScript, open, tiktokSnippet } from "./adopt_page.mjs";

const told = (page) => page.events().map(({ name, id }) => [name, id]);
const order = { transaction_id: "T-1", value: 59.9, currency: "EUR" };
const money = { value: 59.9, currency: "EUR" };

test("one order in the layer, gtag, three pixels and the page's own call is one event", () => {
  const page = open().start();
  const { window } = page;
  metaSnippet(window);
  tiktokSnippet(window);
  const gtag = gtagOf(window);
  gtag("event", "purchase", order);
  window.dataLayer.push({ event: "purchase", ecommerce: order });
  window.fbq("track", "Purchase", money);
  window.ttq.track("CompletePayment", { value: "59.90", currency: "eur" });
  (window.uetq ||= []).push("event", "purchase", { revenue_value: 59.9, currency: "EUR" });
  assert.equal(window.anytrack.track("Purchase", { ...money, order_id: "T-1" }), "Purchase-T-1");
  assert.deepEqual(told(page), [["Purchase", "Purchase-T-1"]]);
  assert.equal(metaScript(window)[0][3].eventID, "Purchase-T-1");
  assert.equal(window.ttq.at(-1)[3].event_id, "Purchase-T-1");
  assert.equal(microsoftScript(window)[0][2].event_id, "Purchase-T-1");
});

test("what one copy lacks another brings, while the event is held", () => {
  const page = open().start();
  metaSnippet(page.window);
  page.window.fbq("track", "Purchase", money);
  page.window.dataLayer = [{ event: "purchase", ecommerce: { ...order, coupon: "X", items: [{ item_id: "7" }] } }];
  const [event, ...none] = page.events();
  assert.deepEqual(none, []);
  assert.deepEqual(event.properties, { ...money, order_id: "T-1", coupon: "X", items: [{ id: "7" }] });
  assert.equal(event.id, page.window.fbq.queue[0][3].eventID, "the pixel has an id, and it stays");
});

test("an id that a pixel's call brings comes before the order's, until a pixel was given that", () => {
  const first = open().start();
  metaSnippet(first.window);
  first.window.dataLayer = [{ event: "purchase", ecommerce: order }];
  first.window.fbq("track", "Purchase", money, { eventID: "own-1" });
  assert.deepEqual(first.events().map(({ id, properties }) => [id, properties.order_id]), [["own-1", "T-1"]]);
  const second = open().start();
  metaSnippet(second.window);
  tiktokSnippet(second.window);
  second.window.dataLayer = [{ event: "purchase", ecommerce: order }];
  second.window.ttq.track("Purchase", money);
  second.window.fbq("track", "Purchase", money, { eventID: "own-1" });
  assert.deepEqual(told(second), [["Purchase", "Purchase-T-1"]]);
});

test("a late copy is no second event, but teaches the relay the order", () => {
  const page = open().start();
  metaSnippet(page.window);
  page.window.fbq("track", "Purchase", money);
  const [{ id }] = page.events();
  page.now += 2000;
  page.window.dataLayer = [{ event: "purchase", ecommerce: order }];
  page.window.uetq = [];
  page.window.uetq.push("event", "purchase", { revenue_value: 59.9 });
  assert.deepEqual(page.events().map((event) => [event.id, event.properties.order_id]), [[id, undefined], [id, "T-1"]]);
});

test("two clicks are two events, though each is told by two", () => {
  const page = open().start();
  const { window } = page;
  metaSnippet(window);
  window.dataLayer = [];
  for (const _ of [1, 2]) {
    window.dataLayer.push({ event: "add_to_cart", ecommerce: { value: 5, currency: "EUR" } });
    window.fbq("track", "AddToCart", { value: 5, currency: "EUR" });
    page.now += 1000;
  }
  const ids = page.events().map(({ id }) => id);
  assert.equal(new Set(ids).size, 2);
  assert.deepEqual(window.fbq.queue.map((call) => call[3].eventID), ids);
});

test("another value, currency, order or a longer time makes another conversion", () => {
  const cases = [
    [{ value: 1 }, { value: 2 }],
    [{ value: 1, currency: "EUR" }, { value: 1, currency: "USD" }],
    [{ transaction_id: "1" }, { order_id: "2" }],
    [{ value: 1 }, { value: 1 }, 10_001],
  ];
  for (const [layer, pixel, later = 0] of cases) {
    const page = open().start();
    metaSnippet(page.window);
    page.window.dataLayer = [{ event: "purchase", ecommerce: layer }];
    page.now += later;
    page.window.fbq("track", "Purchase", pixel);
    assert.equal(page.events().length, 2, JSON.stringify([layer, pixel]));
  }
});

test("a pixel's call that another tool wraps is taken once", () => {
  const page = open().start();
  const { window } = page;
  metaSnippet(window);
  const inner = window.fbq;
  const wrapper = (...values) => inner(...values);
  Object.assign(wrapper, inner);
  window.fbq = wrapper;
  window.fbq("track", "Lead");
  window.fbq("track", "Lead", {}, { eventID: inner.queue[0][3].eventID });
  assert.equal(page.events().length, 1);
});

test("the page's own report is never doubled, neither before nor after", () => {
  for (const first of ["own", "pixel"]) {
    for (const settled of [false, true]) {
      const page = open().start();
      const { window } = page;
      metaSnippet(window);
      let id;
      const own = () => (id = window.anytrack.track("Lead", money));
      const pixel = () => window.fbq("track", "Lead", money);
      (first == "own" ? own : pixel)();
      if (settled) page.events();
      (first == "own" ? pixel : own)();
      const ids = page.events().map((event) => event.id);
      assert.deepEqual(new Set(ids), new Set([id]), first + settled);
      assert.equal(window.fbq.queue[0][3].eventID, id);
      // A copy that left before is sent again under its id, which the relay counts once.
      assert.equal(ids.length, first == "pixel" && settled ? 2 : 1);
    }
  }
});

test("what the page reported before the part came is known", () => {
  const page = open();
  const { window } = page;
  const view = window.anytrack.page();
  const lead = window.anytrack.track("Lead");
  page.taken();
  metaSnippet(window);
  window.fbq("track", "PageView");
  window.fbq("track", "Lead");
  window.dataLayer = [{ event: "generate_lead" }];
  page.start();
  assert.deepEqual(page.events(), []);
  assert.deepEqual(window.fbq.queue.map((call) => call[3].eventID), [view, lead]);
  window.fbq("track", "Lead");
  assert.equal(page.events().length, 1, "the pixel's second is another one");
});

test("an id that cannot be ours stays with the pixel", () => {
  const page = open().start();
  metaSnippet(page.window);
  for (const eventID of ["ada@example.com", "x".repeat(193), { id: 1 }]) {
    page.now += 20_000;
    page.window.fbq("track", "Lead", {}, { eventID });
    assert.equal(page.window.fbq.queue.at(-1)[3].eventID, eventID);
    assert.match(page.events().at(-1).id, /^[0-9a-f-]{36}$/);
  }
});

test("a layer full of orders is adopted whole", () => {
  const page = open();
  const orders = Array.from({ length: 250 }, (_, number) => "T-" + number);
  page.window.dataLayer = orders.map((transaction_id) => ({ event: "purchase", ecommerce: { transaction_id } }));
  page.start();
  assert.deepEqual(new Set(page.events().map(({ id }) => id)), new Set(orders.map((order) => "Purchase-" + order)));
});

test("one event for several pixels of one vendor is one", () => {
  const page = open().start();
  metaSnippet(page.window);
  for (const pixel of ["111", "222", "111"]) page.window.fbq("trackSingle", pixel, "Lead");
  const [one, two, ...none] = page.events().map(({ id }) => id);
  assert.deepEqual(none, []);
  assert.deepEqual(page.window.fbq.queue.map((call) => call[4].eventID), [one, one, two]);
});

test("page views go both ways by id and are never adopted", () => {
  const page = open().start();
  metaSnippet(page.window);
  page.window.fbq("track", "PageView");
  const given = page.window.fbq.queue[0][3].eventID;
  assert.deepEqual(page.events(), []);
  assert.equal(page.window.anytrack.page(), given);
  page.window.fbq("track", "PageView");
  const next = page.window.anytrack.page();
  assert.notEqual(next, given);
  assert.equal(page.window.fbq.queue[1][3].eventID, next);
});

test("the page's own id stays unless a copy is on its way under another", () => {
  const page = open().start();
  const { window } = page;
  metaSnippet(window);
  assert.equal(window.anytrack.track("Lead", {}, { event_id: "own-1" }), "own-1");
  window.fbq("track", "Lead");
  assert.equal(window.fbq.queue[0][3].eventID, "own-1");
  window.fbq("track", "Contact");
  assert.equal(window.anytrack.track("Contact", {}, { event_id: "own-2" }), window.fbq.queue[1][3].eventID);
  window.dataLayer = [{ event: "sign_up", event_id: "theirs" }];
  assert.equal(window.anytrack.track("CompleteRegistration", {}, { event_id: "own-3" }), "own-3");
  window.dataLayer.push({ event: "begin_checkout", event_id: "others" });
  assert.equal(window.anytrack.track("InitiateCheckout"), "others");
  window.dataLayer.push({ event: "search", search_term: "mugs" });
  const { id } = page.events().at(-1);
  assert.equal(window.anytrack.track("Search"), id, "it has left already");
});

test("an event keeps the time and address at which it was told", () => {
  const page = open().start();
  const { window } = page;
  metaSnippet(window);
  window.fbq("track", "Lead");
  const time = page.now;
  page.now += 400;
  globalThis.location = { href: "https://shop.example/next" };
  page.fire("pagehide");
  assert.deepEqual(window.anytrack.q[0].slice(0, 3), [time, "https://shop.example/thanks", "track"]);
});

test("other pixels are given the id of what is adopted or reported, when the site names them", () => {
  const page = open();
  const { window } = page;
  const stub = (name, method, queue) => {
    const own = (window[name] = function (...values) {
      method && own[method] ? own[method](...values) : window[name][queue].push(values);
    });
    own[queue] = [];
    return own;
  };
  stub("pintrk", "", "queue");
  window.pintrk("track", "Checkout", { value: 59.9, currency: "EUR", order_id: "T-1" });
  page.start({
    pixels: ["pinterest", "snapchat", "reddit", "linkedin", "x"],
    events: { "tw-o1-abc": "Purchase", 1234: "Purchase" },
  });
  stub("snaptr", "handleRequest", "queue");
  stub("rdt", "sendEvent", "callQueue");
  stub("twq", "exe", "queue");
  stub("lintrk", "", "q");
  window.snaptr("track", "PURCHASE", { price: 59.9, currency: "EUR", transaction_id: "T-1" });
  window.rdt("track", "Purchase", money);
  window.twq("event", "tw-o1-abc", money);
  window.lintrk("track", { conversion_id: 1234 });
  window.lintrk("track", { conversion_id: 99, event_id: "own" });
  window.rdt("init", "a2_x");
  const given = [
    window.pintrk.queue[0][2].event_id,
    [...window.snaptr.queue[0]][2].client_dedup_id,
    [...window.rdt.callQueue[0]][2].conversionId,
    [...window.twq.queue[0]][2].conversion_id,
    window.lintrk.q[0][1].event_id,
  ];
  assert.deepEqual(given, Array(5).fill("Purchase-T-1"));
  assert.deepEqual([window.lintrk.q[1][1].event_id, [...window.rdt.callQueue[1]]], ["own", ["init", "a2_x"]]);
  assert.deepEqual(page.events(), [], "none of them is a source");
  assert.equal(window.anytrack.track("Purchase", { ...money, order_id: "T-1" }), "Purchase-T-1");
});

test("a pixel may be given ids without being a source", () => {
  const page = open().start({ fbq: false, pixels: ["meta"] });
  metaSnippet(page.window);
  page.window.fbq("track", "Lead");
  assert.deepEqual(page.events(), []);
  assert.equal(page.window.anytrack.track("Lead"), page.window.fbq.queue[0][3].eventID);
});

test("own events are told to pixels on the page once they are sent, where the site asks for it", () => {
  const page = open().start({ forward: ["meta", "tiktok", "microsoft", "google"] });
  const { window } = page;
  metaSnippet(window);
  tiktokSnippet(window);
  window.uetq = [];
  gtagOf(window);
  const items = [{ id: "7", name: "Mug", price: 59.9, quantity: 1 }];
  const id = window.anytrack.track("Purchase", { ...money, order_id: "T-1", email: "ada@example.com", items });
  assert.equal(window.fbq.queue.length, 0, "not before the tag has consent and has sent it");
  page.fire("anytrack:event", { detail: { name: "Purchase", event_id: id, state: "queued" } });
  assert.equal(window.fbq.queue.length, 0);
  const sent = { detail: { name: "Purchase", event_id: id, state: "sent" } };
  page.fire("anytrack:event", sent);
  page.fire("anytrack:event", sent);
  assert.equal(window.fbq.queue.length, 1);
  const contents = [{ id: "7", item_price: 59.9, quantity: 1 }];
  assert.deepEqual([...window.fbq.queue[0]], [
    "track", "Purchase", { order_id: "T-1", ...money, contents, content_type: "product" }, { eventID: id },
  ]);
  assert.deepEqual(window.ttq.at(-1), [
    "track", "Purchase",
    { order_id: "T-1", ...money, contents: [{ content_id: "7", content_name: "Mug", price: 59.9, quantity: 1 }] },
    { event_id: id },
  ]);
  assert.deepEqual(window.uetq, [
    "event", "purchase",
    { transaction_id: "T-1", revenue_value: 59.9, currency: "EUR", items, event_id: id },
  ]);
  assert.deepEqual([...window.dataLayer[0]], [
    "event", "purchase",
    { transaction_id: "T-1", ...money, items: [{ item_id: "7", item_name: "Mug", price: 59.9, quantity: 1 }] },
  ]);
  assert.equal(page.events().length, 1);
});

test("what a pixel is told so late that nobody knows the event any more is no event of its own", () => {
  const page = open().start({ forward: ["google", "meta", "microsoft"] });
  const { window } = page;
  metaSnippet(window);
  window.uetq = [];
  const gtag = gtagOf(window);
  const id = window.anytrack.track("AddToCart", money);
  page.now += 20_000;
  page.fire("anytrack:event", { detail: { name: "AddToCart", event_id: id, state: "sent" } });
  assert.deepEqual([window.dataLayer.length, window.fbq.queue.length, window.uetq.length], [1, 1, 3]);
  assert.deepEqual(told(page), [["AddToCart", id]]);
  assert.equal(metaScript(window)[0][3].eventID, id);
  gtag("event", "add_to_cart", { value: 3, currency: "EUR" });
  assert.equal(page.events().length, 2, "the page's own calls are heard afterwards");
});

test("what the page tells a pixel itself is not told it again", () => {
  const page = open().start({ forward: ["meta"] });
  metaSnippet(page.window);
  const id = page.window.anytrack.track("Lead");
  page.window.fbq("track", "Lead");
  page.fire("anytrack:event", { detail: { name: "Lead", event_id: id, state: "sent" } });
  assert.equal(page.window.fbq.queue.length, 1);
});
