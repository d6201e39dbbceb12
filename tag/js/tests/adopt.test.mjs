// The part `adopt`: what each source says in our words, and that nobody's calls are hurt by it.
import assert from "node:assert/strict";
import test from "node:test";
import {
  gtagOf, metaScript, metaSnippet, microsoftScript, open, tagManager, tiktokScript, tiktokSnippet,
} from "./adopt_page.mjs";

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const paid = { price: 29.95, quantity: 2 };
const money = { value: 59.9, currency: "EUR" };
const items = [{ item_id: "SKU-7", item_name: "Mug", item_brand: "Own", item_category: "Kitchen", ...paid }];
const bought = { transaction_id: "T-1", ...money, tax: 9.56, shipping: 0.5, coupon: "SPRING", items };
const ours = {
  order_id: "T-1", ...money, tax: 9.56, shipping: 0.5, coupon: "SPRING",
  items: [{ id: "SKU-7", name: "Mug", brand: "Own", category: "Kitchen", ...paid }],
};

test("the data layer's events are adopted, whether pushed before or after", () => {
  const page = open();
  const { window } = page;
  window.dataLayer = [{ event: "gtm.js", "gtm.start": 1 }, { event: "purchase", ecommerce: bought }];
  page.start();
  window.dataLayer.push({ event: "add_to_cart", ecommerce: { value: 5, currency: "EUR", items } }, { event: "scroll" });
  assert.equal(window.dataLayer.push({ event: "gtm.click" }), 5, "the length, as ever");
  assert.deepEqual(page.events(), [
    { id: "Purchase-T-1", name: "Purchase", properties: ours },
    { id: page.events()[1].id, name: "AddToCart", properties: { value: 5, currency: "EUR", items: ours.items } },
  ]);
  assert.match(page.events()[1].id, uuid);
});

test("a layer that comes later, has another name or lies under Tag Manager is read once", () => {
  const page = open().start({ layer: "myLayer" });
  const { window } = page;
  window.myLayer = window.myLayer || [];
  window.myLayer.push({ event: "view_item", ecommerce: { items } });
  const got = tagManager(window.myLayer && { dataLayer: window.myLayer }, (entry) => {
    if (entry.event == "begin_checkout") window.myLayer.push({ event: "add_payment_info", ecommerce: { value: 1 } });
  });
  const entry = { event: "begin_checkout", ecommerce: { value: 9 } };
  window.myLayer.push(entry);
  assert.deepEqual(page.events().map(({ name }) => name), ["ViewContent", "InitiateCheckout", "AddPaymentInfo"]);
  assert.equal(got[1], entry, "the very object goes on to the vendor");
});

test("e-commerce data pushed on its own belongs to the next event, unless it is taken back", () => {
  const page = open().start();
  const layer = (page.window.dataLayer = []);
  layer.push({ ecommerce: { value: 3, currency: "EUR" } }, { event: "scroll" }, { event: "add_to_cart" });
  layer.push({ ecommerce: { value: 4 } }, { ecommerce: null }, { event: "generate_lead", value: 7 });
  layer.push({ event: "view_item_list", ecommerce: { value: 8 } }, { event: "sign_up" });
  assert.deepEqual(page.events().map(({ name, properties }) => [name, properties]), [
    ["AddToCart", { value: 3, currency: "EUR" }],
    ["Lead", { value: 7 }],
    ["CompleteRegistration", {}],
  ]);
});

test("enhanced e-commerce of Universal Analytics is understood", () => {
  const page = open().start();
  const line = { id: "7", name: "Mug", brand: "Own", category: "Kitchen", price: "29.95", quantity: 2 };
  const products = [{ ...line, variant: "blue" }];
  const actionField = { id: "T-2", revenue: "59.90", tax: "1", shipping: "2", coupon: "X" };
  const layer = (page.window.dataLayer = []);
  layer.push({ event: "addToCart", ecommerce: { currencyCode: "EUR", add: { products } } });
  layer.push({ ecommerce: { checkout: { actionField: { step: 1 }, products } } });
  layer.push({ event: "checkout", ecommerce: { checkout: { actionField: { step: 2 }, products } } });
  layer.push({ ecommerce: { impressions: [{ id: "9" }] } });
  layer.push({ ecommerce: { currencyCode: "EUR", purchase: { actionField, products } } });
  const rest = { value: "59.90", tax: "1", shipping: "2", coupon: "X", items: [line] };
  assert.deepEqual(page.events().map(({ name, properties }) => [name, properties]), [
    ["AddToCart", { currency: "EUR", items: [line] }],
    ["InitiateCheckout", { items: [line] }],
    ["Purchase", { currency: "EUR", order_id: "T-2", ...rest }],
  ]);
});

test("gtag's events are adopted, and stay arguments with the page's own objects", () => {
  const page = open();
  const gtag = gtagOf(page.window);
  gtag("js", new Date(0));
  gtag("event", "purchase", bought);
  page.start();
  const search = { search_term: "mugs" };
  gtag("event", "search", search);
  gtag("event", "page_view");
  gtag("config", "G-1");
  assert.deepEqual(page.events().map(({ id, name, properties }) => [name, properties, id]), [
    ["Purchase", ours, "Purchase-T-1"],
    ["Search", { search_term: "mugs" }, page.events()[1].id],
  ]);
  const command = page.window.dataLayer[2];
  assert.equal(Object.prototype.toString.call(command), "[object Arguments]");
  assert.equal(command[2], search);
});

test("a purchase without an order id is given ours when Google is to have it", () => {
  const page = open().start({ pixels: ["google"] });
  const gtag = gtagOf(page.window);
  const params = { value: 5, currency: "EUR" };
  gtag("event", "purchase", params);
  gtag("event", "purchase", { value: 6, transaction_id: "T-6" });
  const [one, two] = page.events();
  assert.deepEqual(page.window.dataLayer.map((command) => command[2].transaction_id), [one.id, "T-6"]);
  assert.equal(two.id, "Purchase-T-6");
  assert.deepEqual(params, { value: 5, currency: "EUR" }, "the page's object is left alone");
});

for (const when of ["before the part", "after the part, still a stub", "after its script"]) {
  test(`fbq called ${when}: adopted, given our id, and nothing else changed`, () => {
    const page = open();
    const { window } = page;
    let got;
    const call = () => {
      window.fbq("init", "111");
      window.fbq("track", "Purchase", { ...money, contents: [{ id: "SKU-7", quantity: 2, item_price: 29.95 }] });
      window.fbq("trackCustom", "Quiz", { step: 1 });
      window.fbq("trackSingle", "222", "Lead");
    };
    const kind = () => window.fbq.queue.map((call) => Object.prototype.toString.call(call)).join();
    if (when == "before the part") {
      metaSnippet(window), call();
      const before = kind();
      page.start();
      assert.equal(kind(), before, "calls wait as they did");
      got = metaScript(window);
    }
    if (when == "after the part, still a stub") page.start(), metaSnippet(window), call(), (got = metaScript(window));
    if (when == "after its script") metaSnippet(window), page.start(), (got = metaScript(window)), call();
    assert.equal(window.fbq, window._fbq);
    assert.deepEqual([window.fbq.loaded, window.fbq.version, window.fbq.push == window.fbq], [true, "2.0", true]);
    const [purchase, lead, ...none] = page.events();
    assert.deepEqual(none, []);
    assert.deepEqual(purchase.properties, { ...money, items: [{ id: "SKU-7", ...paid }] });
    assert.match(purchase.id, uuid);
    assert.equal(lead.name, "Lead");
    assert.deepEqual(got[0], ["init", "111"]);
    assert.deepEqual(got[1].slice(0, 2), ["track", "Purchase"]);
    assert.deepEqual(got[1][3], { eventID: purchase.id });
    assert.deepEqual(got[2].slice(0, 3), ["trackCustom", "Quiz", { step: 1 }]);
    assert.deepEqual(got[3], ["trackSingle", "222", "Lead", {}, { eventID: lead.id }]);
    assert.equal(got.length, 4);
  });
}

test("an id that the pixel's call brings becomes the event's", () => {
  const page = open().start();
  metaSnippet(page.window);
  const options = { eventID: "own-1" };
  page.window.fbq("track", "Purchase", { value: 1, currency: "EUR" }, options);
  const got = metaScript(page.window);
  assert.equal(got[0][3], options);
  assert.deepEqual(page.events().map(({ id }) => id), ["own-1"]);
});

test("fbq's ids and single item are read", () => {
  const page = open().start();
  metaSnippet(page.window);
  const single = { content_name: "Mug", content_category: "Kitchen", content_type: "product" };
  page.window.fbq("track", "ViewContent", { content_ids: ["7"], ...single });
  page.window.fbq("track", "InitiateCheckout", { content_ids: ["7", 8], num_items: 3 });
  page.window.fbq("track", "AddToCart", { content_ids: "9", num_items: 2 });
  page.window.fbq("track", "Search", { search_string: "mugs" });
  assert.deepEqual(page.events().map(({ properties }) => properties), [
    { items: [{ id: "7", name: "Mug", category: "Kitchen" }] },
    { items: [{ id: "7" }, { id: 8 }] },
    { items: [{ id: "9", quantity: 2 }] },
    { search_term: "mugs" },
  ]);
});

for (const when of ["before the part", "after the part, still a stub", "after its script"]) {
  test(`ttq called ${when}: adopted and given our id`, () => {
    const page = open();
    const { window } = page;
    let got;
    const call = () => {
      window.ttq.page();
      const contents = [{ content_id: "SKU-7", content_name: "Mug", ...paid }];
      window.ttq.track("CompletePayment", { ...money, order_id: "T-1", contents });
      window.ttq.track("ClickButton");
      window.ttq.track("AddToCart", { content_id: "8", quantity: 1 }, { event_id: "own-2" });
    };
    const snippet = () => (tiktokSnippet(window), window.ttq.load("C1"));
    if (when == "before the part") snippet(), call(), page.start(), (got = tiktokScript(window));
    if (when == "after the part, still a stub") page.start(), snippet(), call(), (got = tiktokScript(window));
    if (when == "after its script") snippet(), page.start(), (got = tiktokScript(window)), call();
    assert.deepEqual(page.events(), [
      {
        id: "Purchase-T-1",
        name: "Purchase",
        properties: { order_id: "T-1", ...money, items: [{ id: "SKU-7", name: "Mug", ...paid }] },
      },
      { id: "own-2", name: "AddToCart", properties: { items: [{ id: "8", quantity: 1 }] } },
    ]);
    const tracked = got.filter(([method]) => method == "track");
    assert.deepEqual(tracked.map(([, name]) => name), ["CompletePayment", "ClickButton", "AddToCart"]);
    assert.deepEqual(tracked[0][3], { event_id: "Purchase-T-1" });
    assert.deepEqual(tracked[2][3], { event_id: "own-2" });
    assert.deepEqual(got.filter(([method]) => method == "page"), [["page"]]);
    assert.equal(window.ttq.track("Lead"), "answer");
  });
}

test("an instance of ttq is adopted too, and is a source of its own", () => {
  const page = open().start();
  const { window } = page;
  tiktokSnippet(window);
  window.ttq.load("C1");
  window.ttq.load("C2");
  for (const id of ["C1", "C2", "C1"]) window.ttq.instance(id).track("Lead", { value: 1, currency: "EUR" });
  const [one, two, ...none] = page.events();
  assert.deepEqual(none, []);
  assert.deepEqual(window.ttq._i.C1.map((call) => call[3].event_id), [one.id, two.id]);
  assert.deepEqual(window.ttq._i.C2.map((call) => call[3].event_id), [one.id]);
  const watcher = () => Object.getOwnPropertyDescriptor(window.ttq.instance("C1"), "track").get;
  assert.equal(watcher(), watcher(), "watched once");
});

for (const when of ["before the part", "after the part, still an array", "after its script"]) {
  test(`uetq called ${when}: both ways to tell an event`, () => {
    const page = open();
    const { window } = page;
    const older = { ec: "shop", ea: "subscribe", el: "news", ev: 1, gv: 5, gc: "EUR" };
    let got;
    const call = () => {
      window.uetq = window.uetq || [];
      window.uetq.push("consent", "default", { ad_storage: "denied" });
      const order = { revenue_value: 59.9, currency: "EUR", transaction_id: "T-1", items: [{ id: "7", quantity: 1 }] };
      window.uetq.push("event", "purchase", order);
      window.uetq.push(older);
      window.uetq.push("event", "contact");
      window.uetq.push("event", "scroll", { event_value: 1 });
    };
    const early = () => (window.uetq = window.uetq || []);
    if (when == "before the part") call(), page.start(), (got = microsoftScript(window));
    if (when == "after the part, still an array") page.start(), call(), (got = microsoftScript(window));
    if (when == "after its script") early(), page.start(), (got = microsoftScript(window)), call();
    const [purchase, subscribe, contact, ...none] = page.events();
    assert.deepEqual(none, []);
    assert.deepEqual(purchase.properties, { order_id: "T-1", ...money, items: [{ id: "7", quantity: 1 }] });
    assert.equal(purchase.id, "Purchase-T-1");
    assert.equal(contact.name, "Contact");
    assert.deepEqual([subscribe.name, subscribe.properties], ["Subscribe", { value: 5, currency: "EUR" }]);
    const given = got.flat().filter((word) => word?.event_id).map((word) => word.event_id);
    assert.deepEqual(given.slice(0, 2), ["Purchase-T-1", contact.id]);
    assert.ok(got.flat().some((word) => word?.ad_storage == "denied"));
    assert.equal(got.flat().find((word) => word?.ec), older);
  });
}

test("uetq's waiting words are told apart by their place", () => {
  const page = open();
  page.window.uetq = ["event", "event", { ea: "contact" }, "event", "contact"];
  page.start();
  assert.deepEqual(page.events().map(({ name }) => name), ["Contact"]);
  assert.equal(page.window.uetq.length, 6);
  assert.ok(page.window.uetq[2].event_id && page.window.uetq[5].event_id);
});

test("a tool that watches the same global goes on hearing of it", () => {
  const page = open();
  const { window } = page;
  const heard = [];
  let held;
  Object.defineProperty(window, "fbq", { configurable: true, get: () => held, set: (next) => heard.push((held = next)) });
  page.start();
  metaSnippet(window);
  assert.deepEqual([heard.length, heard[0] == window.fbq], [1, true]);
  window.fbq("track", "Lead");
  assert.equal(page.events().length, 1);
});

test("a function that is put where it was is wrapped once", () => {
  const page = open().start();
  page.window.AnyTrack = page.window.AnyTrack || (() => {});
  page.window.AnyTrack("trigger", "Lead");
  assert.equal(page.events().length, 1);
});

test("AnyTrack's calls work with its own function, with its queue, and without it", () => {
  const same = { value: 5, currency: "EUR", label: "summer", items: [{ id: "7", price: 5 }] };
  const attributes = { ...same, transactionId: "T-3", taxPrice: 1 };
  const expected = { ...same, order_id: "T-3", tax: 1 };
  const gone = open().start();
  gone.window.anytrack.get = () => "token";
  assert.equal(gone.window.AnyTrack("trigger", "Upsell", attributes), "token");
  assert.equal(gone.window.AnyTrack("trigger", "DealWon"), "token");
  gone.window.AnyTrack("trigger", "PageView");
  const heard = gone.events().map(({ name, properties }) => [name, properties]);
  assert.deepEqual(heard, [["Purchase", expected], ["DealWon", {}]]);

  const there = open();
  const got = [];
  const own = (...values) => (got.push(values), "click");
  own.q = [["trigger", "Lead", { value: 0 }]];
  there.window.AnyTrack = own;
  there.start();
  assert.equal(there.window.AnyTrack("trigger", "AddToCart"), "click");
  assert.equal(there.window.AnyTrack.q, own.q);
  assert.deepEqual(got, [["trigger", "AddToCart"]]);
  assert.deepEqual(there.events().map(({ name }) => name), ["Lead", "AddToCart"]);
});

test("the site's own table of names comes first, and adds names or takes them away", () => {
  const events = { newsletter: "Lead", purchase: false, conversion: "Purchase", Quiz: "CompleteRegistration" };
  const page = open().start({ events, properties: ["plan"] });
  const gtag = gtagOf(page.window);
  metaSnippet(page.window);
  page.window.dataLayer = page.window.dataLayer || [];
  page.window.dataLayer.push({ event: "newsletter", plan: "pro", seats: 3 }, { event: "purchase", ecommerce: bought });
  gtag("event", "conversion", { send_to: "AW-1/x", value: 3, currency: "EUR" });
  page.window.fbq("trackCustom", "Quiz");
  assert.deepEqual(page.events().map(({ name, properties }) => [name, properties]), [
    ["Lead", { plan: "pro" }],
    ["Purchase", { value: 3, currency: "EUR" }],
    ["CompleteRegistration", {}],
  ]);
});

test("an amount or a currency that cannot be read is left out, and the event is not", () => {
  const page = open().start();
  const { window } = page;
  metaSnippet(window);
  tiktokSnippet(window);
  const ecommerce = { transaction_id: "T-1", value: "1,234.50", tax: "", shipping: "-.5", currency: "$" };
  const items = [{ item_id: "7", price: "$5.00", quantity: "2" }, { price: "5 EUR" }];
  window.dataLayer = [{ event: "purchase", ecommerce: { ...ecommerce, items } }];
  window.fbq("track", "Lead", { value: "12,50", currency: " eur " });
  window.fbq("track", "AddToCart", { content_ids: "9", num_items: "1e3", value: 7n });
  window.ttq.track("Contact", { value: "NaN", currency: 978 });
  window.AnyTrack("trigger", "Search", { value: "5.", taxPrice: "1.2.3" });
  assert.deepEqual(page.events().map(({ name, properties }) => [name, properties]), [
    ["Purchase", { order_id: "T-1", shipping: "-.5", items: [{ id: "7", quantity: "2" }] }],
    ["Lead", { currency: " eur " }],
    ["AddToCart", { value: 7n, items: [{ id: "9" }] }],
    ["Contact", {}],
    ["Search", { value: "5." }],
  ]);
});

test("of two copies of an order the one whose amount can be read tells it", () => {
  const page = open().start();
  metaSnippet(page.window);
  page.window.dataLayer = [{ event: "purchase", ecommerce: { transaction_id: "T-1", value: "1.234,50", currency: "EUR" } }];
  page.window.fbq("track", "Purchase", { value: 1234.5, currency: "EUR" });
  const [{ properties }, ...none] = page.events();
  assert.deepEqual([properties, none], [{ order_id: "T-1", value: 1234.5, currency: "EUR" }, []]);
});

test("what is switched off is not touched", () => {
  const off = Object.fromEntries(["data_layer", "gtag", "fbq", "ttq", "uetq", "anytrack"].map((name) => [name, false]));
  const page = open().start(off);
  const { window } = page;
  metaSnippet(window);
  gtagOf(window)("event", "purchase", bought);
  window.dataLayer.push({ event: "purchase", ecommerce: bought });
  window.fbq("track", "Lead");
  assert.deepEqual(page.events(), []);
  assert.deepEqual([...window.fbq.queue[0]], ["track", "Lead"]);
  assert.equal(window.AnyTrack, undefined);
});

test("personal data stays in the layers unless the site asks for it", () => {
  const speak = ({ window }) => {
    const gtag = gtagOf(window);
    metaSnippet(window);
    tiktokSnippet(window);
    const address = { first_name: "Ada", country: "GB" };
    gtag("set", "user_data", { email: "ada@example.com", phone_number: "+442079460123", address });
    window.fbq("init", "1", { em: "ada@example.com", ln: "a".repeat(64) });
    window.ttq.identify({ email: "ada@example.com" });
    window.AnyTrack("trigger", "Lead", { email: "ada@example.com", firstName: "Ada", value: 0 });
    const ecommerce = { ...bought, email: "ada@example.com" };
    window.dataLayer.push({ event: "purchase", email: "ada@example.com", ecommerce });
    window.fbq("track", "Contact", { email: "ada@example.com", first_name: "Ada" });
  };
  const silent = open().start();
  speak(silent);
  assert.deepEqual(silent.people(), []);
  assert.ok(!/ada/i.test(JSON.stringify(silent.events())));
  const asked = open().start({ user_data: true });
  speak(asked);
  assert.deepEqual(asked.people(), [
    { email: "ada@example.com", phone: "+442079460123" },
    { first_name: "Ada", country: "GB" },
    { email: "ada@example.com" },
    { email: "ada@example.com" },
    { email: "ada@example.com", first_name: "Ada" },
  ]);
  assert.ok(!/ada/i.test(JSON.stringify(asked.events())), "and never as a property");
});

test("nothing a page does with these calls makes them throw", () => {
  const page = open();
  const { window } = page;
  const trap = new Proxy({}, { get() { throw 1; }, ownKeys() { throw 1; }, has() { throw 1; } });
  window.dataLayer = [trap, null, 7, "x", Symbol("x"), Object.freeze({ event: "purchase", ecommerce: trap })];
  window.uetq = Object.freeze(["event", "purchase", trap]);
  page.start({ pixels: ["google", "reddit"] });
  metaSnippet(window);
  tiktokSnippet(window);
  const gtag = gtagOf(window);
  const mute = { toString() { throw 1; } };
  const values = [undefined, null, 7, 10n, "text", Symbol("x"), [], () => 1, trap, Object.create(null), mute];
  for (const one of values) {
    for (const other of values) {
      window.dataLayer.push(one, { event: other, ecommerce: one });
      gtag("event", one, other);
      gtag(one, other);
      window.fbq(one, other, one, other);
      window.fbq("track", one, other, one);
      window.ttq.track(one, other, one);
      window.AnyTrack("trigger", one, other);
    }
  }
  const layer = Object.freeze([]);
  window.dataLayer = layer;
  assert.equal(window.dataLayer, layer);
  assert.ok(window.fbq.queue.length == 2 * values.length ** 2);
  page.settle();
});

test("items and ids come in lists, of which no more is walked than is taken", () => {
  const page = open().start();
  const { window } = page;
  metaSnippet(window);
  const endless = { *[Symbol.iterator]() { for (;;) yield { id: "7" }; } };
  const long = Array.from({ length: 300 }, (_, at) => ({ item_id: String(at) }));
  const holes = new Array(1e8);
  const began = performance.now();
  window.dataLayer = [{ event: "add_to_cart", ecommerce: { value: 1, items: endless } }, { event: "add_to_cart", ecommerce: { value: 2, items: long } }];
  window.fbq("track", "AddToCart", { value: 3, content_ids: holes, contents: endless });
  window.fbq("track", "AddToCart", { value: 4, content_ids: ["7", holes] });
  const told = page.events().map(({ properties }) => [properties.value, properties.items]);
  assert.ok(performance.now() - began < 500);
  const found = Object.fromEntries(told);
  assert.deepEqual([found[1], found[2].length, found[3], found[4]], [undefined, 200, undefined, [{ id: "7" }]]);
});

test("globals that cannot be watched are adopted as they are", () => {
  const page = open();
  metaSnippet(page.window);
  Object.defineProperty(page.window, "fbq", { value: page.window.fbq, writable: true, configurable: false });
  page.start();
  page.window.fbq("track", "Lead");
  assert.deepEqual(page.events().map(({ name }) => name), ["Lead"]);
});
