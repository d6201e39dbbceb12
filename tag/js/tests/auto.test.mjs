// The rooms of the part `auto` that need no page: addresses, networks, the visitor's way between domains, and what
// markup says. What a click does is tested in a browser (`www-test/tests/browser_auto.rs`, `browser_autotag.rs`).
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { parameter, piece, withParameter, withPiece, withoutParameter } from "../parts/auto/address.js";
import { NETWORKS, below, destination, placed, under } from "../parts/auto/networks.js";

const TOKEN = "0123456789abcdefghjkmnpq";

test("a parameter is written and nothing else is touched", () => {
  const check = (address, name, expected) => assert.equal(withParameter(address, name, TOKEN), expected, address);
  check("https://a.example/x", "sid", `https://a.example/x?sid=${TOKEN}`);
  check("https://a.example/x?", "sid", `https://a.example/x?sid=${TOKEN}`);
  check("https://a.example/x#top?sid=1", "sid", `https://a.example/x?sid=${TOKEN}#top?sid=1`);
  check("/go/offer?b=2&a=%7e+x%20y#f", "sid", `/go/offer?b=2&a=%7e+x%20y&sid=${TOKEN}#f`);
  check("?sid=&b=1", "sid", `?sid=${TOKEN}&b=1`);
  check("?SubId1=old&b=1", "subId1", `?SubId1=${TOKEN}&b=1`);
  check("?s%69d=old&sid=other", "sid", `?s%69d=${TOKEN}&sid=other`);
  check("?sid&x=%E0%A4%A", "sid", `?sid=${TOKEN}&x=%E0%A4%A`);
  check("?a=1&&b=2", "sid", `?a=1&&b=2&sid=${TOKEN}`);
  check("?x=1", "attributes[_at_vid]", `?x=1&attributes%5B_at_vid%5D=${TOKEN}`);
  check("?attributes%5B_at_vid%5D=1", "attributes[_at_vid]", `?attributes%5B_at_vid%5D=${TOKEN}`);
});

test("a parameter is read as it is written, and taken out", () => {
  const check = (address, value, without) => {
    assert.equal(parameter(address, "at_x"), value, address);
    assert.equal(withoutParameter(address, "at_x"), without, address);
  };
  check("https://a.example/?at_x=1.2.3", "1.2.3", "https://a.example/");
  check("/p?a=1&at_x=%41%3D=&b=2#at_x=9", "%41%3D=", "/p?a=1&b=2#at_x=9");
  check("/p?at_x&b", "", "/p?b");
  check("/p?at_xy=1", undefined, "/p?at_xy=1");
  check("/p", undefined, "/p");
});

test("a piece of the path stands before the destination", () => {
  const check = (address, expected) => assert.equal(withPiece(address, "clickref", TOKEN), expected, address);
  check("https://prf.hn/click/camref:1abc", `https://prf.hn/click/camref:1abc/clickref:${TOKEN}`);
  check("https://prf.hn/click/camref:1abc/", `https://prf.hn/click/camref:1abc/clickref:${TOKEN}/`);
  check(
    "https://prf.hn/click/camref:1abc/destination:https://shop.example/?a=b",
    `https://prf.hn/click/camref:1abc/clickref:${TOKEN}/destination:https://shop.example/?a=b`,
  );
  check("https://prf.hn/click/clickref:summer/x:1", `https://prf.hn/click/clickref:${TOKEN}/x:1`);
  assert.equal(piece("https://prf.hn/click/clickref:summer/x:1", "clickref"), "summer");
  assert.equal(piece("https://prf.hn/click/camref:1", "clickref"), undefined);
});

test("a pattern is a host with all below it, and perhaps the beginning of a path", () => {
  const check = (address, pattern, expected) => assert.equal(under(new URL(address), pattern), expected, `${address} ${pattern}`);
  check("https://awin1.com/cread.php?x", "awin1.com", true);
  check("https://www.awin1.com/cread.php?x", "awin1.com/cread.php", true);
  check("https://www.awin1.com/other", "awin1.com/cread.php", false);
  check("https://notawin1.com/cread.php", "awin1.com", false);
  check("https://awin1.com.evil.example/", "awin1.com", false);
  check("https://a.example/", "", false);
  assert.ok(below("a.example", "a.example") && !below("aa.example", "a.example"));
});

// One link of each network, and the parameter that is ours in it.
const LINKS = {
  everflow: ["https://www.track-it.example/?oid=12&affid=34", "sub5"],
  tune: ["https://shop.go2cloud.org/aff_c?offer_id=1&aff_id=2", "aff_sub"],
  impact: ["https://brand.pxf.io/c/123456/12345/1234", "subId1"],
  cj: ["https://www.anrdoezrs.net/click-1234567-12345678", "sid"],
  awin: ["https://www.awin1.com/cread.php?awinmid=1&awinaffid=2", "clickref"],
  shareasale: ["https://www.shareasale.com/r.cfm?b=1&u=2&m=3", "afftrack"],
  clickbank: ["https://abc.vendor.hop.clickbank.net", "extclid"],
  digistore24: ["https://www.digistore24.com/redir/12345/partner/", "cid"],
  maxbounty: ["https://afflat3a1.com/trk/lnk/1B4E28BA-2FA1-11D2/?o=1&c=2&a=3", "s2"],
  affise: ["https://brand.g2afse.com/click?pid=1&offer_id=2", "sub1"],
  partnerize: ["https://prf.hn/click/camref:1abc", "clickref"],
  rakuten: ["https://click.linksynergy.com/fs-bin/click?id=1&offerid=2", "u1"],
  commissionfactory: ["https://t.cfjump.com/1/t/2", "UniqueId"],
  buygoods: ["https://buygoods.com/secure/checkout?aff_id=1", "subid"],
  stripe: ["https://buy.stripe.com/test_abc", "client_reference_id"],
  shopify: ["https://brand.myshopify.com/cart/1:1", "attributes[_at_vid]"],
};

test("every network knows its own links and no other's", () => {
  const unlisted = NETWORKS.filter(({ hosts, pattern }) => !hosts[0] && !pattern).map(({ name }) => name);
  assert.deepEqual(unlisted, ["cake", "konnektive"]);
  for (const { name } of NETWORKS) {
    if (!unlisted.includes(name)) assert.ok(LINKS[name], `no link of ${name}`);
  }
  for (const [name, [address, first]] of Object.entries(LINKS)) {
    const found = destination(new URL(address), [], "", true);
    assert.equal(found.name, name, address);
    assert.equal(found.parameters[0], first, address);
  }
  for (const ordinary of ["https://a.example/", "https://a.example/c/1/2", "https://a.example/?a=1&c=2", "https://stripe.com/"]) {
    assert.equal(destination(new URL(ordinary), [], "", true), undefined, ordinary);
  }
});

test("own addresses are looked up by rules and groups alone", () => {
  const go = new URL("https://shop.example/go/offer");
  const impact = new URL(LINKS.impact[0]);
  assert.ok(!destination(impact, [], "", false));
  const rule = { address: "shop.example/go", parameter: "sub_id", network: null, visitor: false };
  assert.deepEqual(destination(go, [rule], "", false).parameters, ["sub_id"]);
  assert.equal(destination(go, [{ ...rule, parameter: null, network: "cake" }], "", false).name, "cake");
  assert.equal(destination(go, [], "CAKE", false).name, "cake");
  assert.deepEqual(destination(go, [], "newsletter", false).parameters, ["atclid"]);
  const own = { address: "pxf.io", parameter: "subId3", network: "impact", visitor: false };
  const { name, parameters, longest } = destination(impact, [own], "", true);
  assert.deepEqual([name, parameters, longest], ["impact", ["subId3"], 64]);
});

test("an id that somebody else wrote is kept", () => {
  const check = (network, there, expected) => {
    const { [network]: found } = Object.fromEntries(NETWORKS.map((one) => [one.name, one]));
    assert.deepEqual(placed((name) => there[name], found, TOKEN), expected, JSON.stringify(there));
  };
  check("cj", {}, ["sid", TOKEN]);
  check("cj", { sid: "" }, ["sid", TOKEN]);
  check("cj", { sid: TOKEN }, undefined);
  check("cj", { sid: "summer" }, ["sid", "summer_" + TOKEN]);
  check("cj", { sid: "summer_" + TOKEN }, undefined);
  check("cj", { sid: "x".repeat(40) }, undefined);
  check("impact", { subId1: "summer" }, ["subId2", TOKEN]);
  check("impact", { subId1: "a", subId2: TOKEN }, undefined);
  check("impact", { subId1: "a", subId2: "b", subId3: "c" }, ["subId1", "a_" + TOKEN]);
  check("clickbank", { extclid: "theirs" }, ["tid", TOKEN]);
  check("clickbank", { extclid: "theirs", tid: "own" }, undefined);
  check("stripe", { client_reference_id: "cart-7" }, undefined);
});

test("our click token fits every network", () => {
  for (const { name, longest } of NETWORKS) assert.ok(longest >= 24, name);
  for (const { name, longest, visitor } of NETWORKS) assert.ok(!visitor || longest >= 36, name);
});

/** A browser's own words, which the checksum is bound to. */
const browse = async (address, referrer = "", agent = "Agent/1") => {
  const set = (name, value) => Object.defineProperty(globalThis, name, { value, configurable: true });
  set("navigator", { userAgent: agent, language: "de" });
  set("location", new URL(address));
  set("document", { referrer, baseURI: address });
  return import("../parts/auto/crossing.js");
};

const DOMAINS = ["shop.example", "pay.example"];
const VISITOR = "01919191-0000-7000-8000-000000000001";

test("the visitor is carried between the site's domains and nowhere else", async () => {
  const { carried } = await browse("https://www.shop.example/");
  assert.match(carried(VISITOR, "pay.example", DOMAINS), /^[a-z0-9]+\.[a-z0-9]+\.01919191-/);
  for (const host of ["shop.example", "blog.shop.example", "other.example", "pay.example.evil.example"]) {
    assert.equal(carried(VISITOR, host, DOMAINS), undefined, host);
  }
  assert.equal(carried(null, "pay.example", DOMAINS), undefined);
  await browse("https://elsewhere.example/");
  assert.equal(carried(VISITOR, "pay.example", DOMAINS), undefined);
});

test("a carried visitor arrives once, soon, in the same browser, from a page of the site", async (context) => {
  context.mock.timers.enable({ apis: ["Date"], now: 1795183509123 });
  const { arrived, carried } = await browse("https://shop.example/");
  const value = carried(VISITOR, "pay.example", DOMAINS);
  const landing = `https://pay.example/?a=1&at_x=${value}`;
  const check = async (address, referrer, agent, expected) => {
    await browse(address, referrer, agent);
    assert.equal(arrived(address, referrer, DOMAINS) || undefined, expected, [address, referrer, agent].join(" "));
  };
  const here = "https://www.shop.example/";
  await check(landing, here, "Agent/1", VISITOR);
  await check(landing, here, "Agent/2", undefined);
  await check(landing, "", "Agent/1", undefined);
  await check(landing, "https://other.example/", "Agent/1", undefined);
  // A redirect within the domain, such as to `www`, keeps the parameter.
  await check(`https://www.pay.example/?at_x=${value}`, here, "Agent/1", VISITOR);
  await check(`https://www.shop.example/?at_x=${value}`, here, "Agent/1", undefined);
  await check(`https://pay.example.evil.example/?at_x=${value}`, here, "Agent/1", undefined);
  await check(landing.slice(0, -1) + "2", here, "Agent/1", undefined);
  await check("https://pay.example/?at_x=", here, "Agent/1", undefined);
  await check("https://pay.example/?at_x=zz.zz." + VISITOR, here, "Agent/1", undefined);
  await check("https://pay.example/", here, "Agent/1", undefined);
  context.mock.timers.tick(119_000);
  await check(landing, here, "Agent/1", VISITOR);
  context.mock.timers.tick(3_000);
  await check(landing, here, "Agent/1", undefined);
});

test("a link to a host below a domain is good for all of that domain, and for no host outside the list", async () => {
  const { arrived, carried } = await browse("https://shop.example/");
  const check = async (host, expected) => {
    await browse("https://shop.example/");
    const value = carried(VISITOR, "eu.pay.example", DOMAINS);
    await browse(`https://${host}/?at_x=${value}`);
    assert.equal(arrived(location.href, "https://shop.example/", DOMAINS) || undefined, expected, host);
  };
  await check("eu.pay.example", VISITOR);
  await check("pay.example", VISITOR);
  await check("other.example", undefined);
});

test("the carrier leaves the address bar and what waits to be reported", async () => {
  const { tidy } = await browse("https://pay.example/p?a=1&at_x=1.2.3#f");
  const replaced = [];
  globalThis.history = { state: { own: 1 }, replaceState: (...all) => replaced.push(all) };
  const api = { u: location.href, q: [[1, location.href, "track"], [2, "https://pay.example/q", "track"]] };
  tidy(api);
  assert.deepEqual(replaced, [[{ own: 1 }, "", "https://pay.example/p?a=1#f"]]);
  assert.equal(api.u, "https://pay.example/p?a=1#f");
  assert.deepEqual(api.q.map(([, url]) => url), ["https://pay.example/p?a=1#f", "https://pay.example/q"]);
});

test("markup says properties, and numbers are numbers where they should be", async () => {
  globalThis.Element = class {
    constructor(attributes) {
      this.attributes = attributes;
    }
    getAttributeNames() {
      return Object.keys(this.attributes);
    }
    getAttribute(name) {
      return this.attributes[name] ?? null;
    }
  };
  const { properties } = await import("../parts/auto/attributes.js");
  const check = (attributes, expected) => assert.deepEqual(properties(new Element(attributes)), expected);
  check({ "data-at-event": "Lead", "data-at-event-id": "7", class: "x", "data-at-ignore": "" }, {});
  check({ "data-at-value": "59.9", "data-at-tax": " -1 ", "data-at-shipping": "0" }, { value: 59.9, tax: -1, shipping: 0 });
  check({ "data-at-value": "59,90", "data-at-price": "1e3", "data-at-tax": "" }, {});
  check({ "data-at-value": "1,234.50", "data-at-shipping": "$5", "data-at-quantity": ".5" }, { quantity: 0.5 });
  check({ "data-at-value": "5", "data-at-currency": "$" }, { value: 5 });
  check({ "data-at-order-id": "00012", "data-at-currency": "EUR" }, { order_id: "00012", currency: "EUR" });
  check({ "data-at-items": '[{"id":"A","price":2.5}]' }, { items: [{ id: "A", price: 2.5 }] });
  check({ "data-at-items": '[{"id":"A","price":"$5.00","quantity":"2"},7]' }, { items: [{ id: "A", quantity: "2" }, {}] });
  check({ "data-at-items": "[{", "data-at-label": "x" }, { items: undefined, label: "x" });
  check({ "data-at-properties": '{"size":42,"sale":true}' }, { size: 42, sale: true });
  check({ "data-at-properties": '{"value":"59,90","tax":[1],"shipping":true,"currency":null,"n":"59,90"}' }, { n: "59,90" });
  check({ "data-at-properties": "null" }, {});
});

/** A page of plain elements: attributes, children, and the few selectors that are asked for. */
const marking = async (settings) => {
  await browse("https://shop.example/");
  globalThis.Element = class {
    children = [];
    constructor(localName, attributes = {}, ...children) {
      Object.assign(this, { localName, attributes: { ...attributes } });
      this.append(...children);
    }
    getAttribute(name) {
      return this.attributes[name] ?? null;
    }
    setAttribute(name, text) {
      this.attributes[name] = text;
    }
    hasAttribute(name) {
      return name in this.attributes;
    }
    append(...children) {
      for (const child of children) this.children.push(Object.assign(child, { parent: this }));
    }
    remove() {
      this.parent.children = this.parent.children.filter((child) => child != this);
    }
    closest() {
      return null;
    }
    querySelectorAll(selector) {
      return this.children.filter(({ attributes }) => (selector == "[name]" ? attributes.name : attributes.type == "hidden"));
    }
    // As hidden fields have it.
    get value() {
      return this.attributes.value ?? "";
    }
    set value(text) {
      this.attributes.value = text;
    }
    set type(text) {
      this.attributes.type = text;
    }
    set name(text) {
      this.attributes.name = text;
    }
  };
  document.createElement = (name) => new Element(name);
  const known = { visitor: VISITOR, click: TOKEN };
  const api = { visitorId: () => known.visitor, clickId: () => known.click };
  const { tagger } = await import("../parts/auto/autotag.js");
  const own = ({ hostname }) => hostname == "shop.example";
  const { tag, target } = tagger(api, { rules: [], domains: DOMAINS, exclude: [], autotag: true, ...settings }, own);
  const forget = () => (known.visitor = known.click = null);
  return { tag, target, forget, known };
};

const NETWORK = "https://brand.g2afse.com/click";
const hidden = (name, value) => new Element("input", { type: "hidden", name, value });
const fields = (form) => Object.fromEntries(form.children.map(({ attributes: { name, value } }) => [name, value]));

test("a link is the page's own again when it is touched after a withdrawal", async () => {
  const check = async (href, marked, settings) => {
    const { tag, forget } = await marking(settings);
    const link = new Element("a", { href });
    tag(link, true);
    assert.match(link.attributes.href, marked, href);
    forget();
    tag(link, true);
    assert.equal(link.attributes.href, href);
    assert.equal(new Set(Object.keys(link.attributes)).size, 1);
  };
  await check(` ${NETWORK}?pid=1 `, /&sub1=0123/);
  await check("https://brand.g2afse.com/--CLICK-ID--", /com\/0123/);
  await check("https://buy.stripe.com/x", /client_reference_id=0191/);
  await check("https://pay.example/cart", /\?at_x=.*0191/);
  await check("https://pay.example/cart", /\?at_x=.*0191/, { autotag: false });
});

test("a link in a drawing has an older attribute, which is read and written in place of the other", async () => {
  const { tag, target, forget } = await marking();
  const href = `${NETWORK}?pid=1`;
  const link = new Element("a", { "xlink:href": href });
  tag(link, true);
  assert.deepEqual(link.attributes, { "xlink:href": `${href}&sub1=${TOKEN}` });
  assert.deepEqual([target(link).address, target(link).found.name], [href, "affise"]);
  forget();
  tag(link, true);
  assert.deepEqual(link.attributes, { "xlink:href": href });
});

test("what carries the visitor stays in a touched link until they are forgotten", async () => {
  const { tag, forget } = await marking();
  const link = new Element("a", { href: "https://pay.example/cart" });
  tag(link, true);
  const touched = link.attributes.href;
  tag(link);
  assert.equal(link.attributes.href, touched, "the menu from which it is copied may be open");
  forget();
  tag(link);
  assert.equal(link.attributes.href, "https://pay.example/cart");
});

test("a link that the page has changed since is left as the page has it", async () => {
  const { tag, forget } = await marking();
  const link = new Element("a", { href: `${NETWORK}?pid=1` });
  tag(link);
  link.attributes.href = "https://brand.g2afse.com/click?pid=2";
  forget();
  tag(link, true);
  assert.equal(link.attributes.href, "https://brand.g2afse.com/click?pid=2");
});

test("a form's fields are the page's own again when it is sent after a withdrawal", async () => {
  const check = async (attributes, before, marked) => {
    const { tag, forget } = await marking();
    const form = new Element("form", attributes, ...Object.entries(before).map((field) => hidden(...field)));
    tag(form, true);
    assert.notDeepEqual([form.attributes, fields(form)], [attributes, before]);
    assert.deepEqual(fields(form), marked ?? fields(form));
    forget();
    tag(form, true);
    assert.deepEqual([form.attributes, fields(form)], [attributes, before]);
  };
  await check({ action: NETWORK }, { pid: "1" }, { pid: "1", sub1: TOKEN });
  await check({ action: NETWORK }, { sub1: "" }, { sub1: TOKEN });
  await check({ action: NETWORK }, { sub1: "summer" }, { sub1: "summer", sub2: TOKEN });
  await check({ action: "/lead" }, { click: "a---CLICK-ID---b" }, { click: `a-${TOKEN}-b` });
  await check({ action: "https://partner.example/--CLICK-ID--" }, {});
  await check({ action: "https://pay.example/cart" }, { q: "1" });
  await check({ action: "https://pay.example/cart", method: "post" }, { q: "1" }, { q: "1" });
});

test("a field that the page has changed since is left as the page has it", async () => {
  const { tag, forget } = await marking();
  const form = new Element("form", { action: NETWORK });
  tag(form);
  form.children[0].value = "theirs";
  forget();
  tag(form, true);
  assert.deepEqual(fields(form), { sub1: "theirs" });
});

test("another visitor's id takes the place of the one before", async () => {
  const { tag, known } = await marking();
  const form = new Element("form", { action: NETWORK }, hidden("click", "--CLICK-ID--"));
  tag(form, true);
  known.click = TOKEN.replace("0", "z");
  tag(form, true);
  assert.deepEqual(fields(form), { click: known.click, sub1: known.click });
  const input = hidden("click", "--CLICK-ID--");
  tag(input);
  assert.equal(input.value, known.click);
});

test("nothing is written before there is a visitor", async () => {
  const { tag, forget } = await marking();
  forget();
  const link = new Element("a", { href: ` ${NETWORK} ` });
  const form = new Element("form", { action: NETWORK }, hidden("click", "--CLICK-ID--"));
  for (const element of [link, form]) {
    element.setAttribute = element.append = () => assert.fail("written");
    tag(element, true);
  }
  assert.deepEqual(fields(form), { click: "--CLICK-ID--" });
});

/** The part on a page with one form. `submit` sends it as a script does, `fire` tells the part of an event of it. */
const formed = async (settings, attributes = {}) => {
  await browse("https://shop.example/cart");
  const page = { native: [], tracked: [], now: 1000 };
  globalThis.Element = class {
    nodeType = 1;
    localName = "form";
    isConnected = true;
    getAttributeNames() {
      return Object.keys(attributes);
    }
    getAttribute(name) {
      return attributes[name] ?? null;
    }
    matches(selector) {
      return selector.slice(1, -1) in attributes;
    }
    closest(selector) {
      return this.matches(selector) ? this : null;
    }
    getRootNode() {
      return { host: this.host };
    }
  };
  globalThis.HTMLFormElement = class extends Element {
    submit(...values) {
      page.native.push([this, values]);
      return "native";
    }
  };
  const listeners = {};
  globalThis.addEventListener = (name, listener) => (listeners[name] = listener);
  Object.defineProperty(globalThis, "performance", { value: { now: () => page.now }, configurable: true });
  page.form = new HTMLFormElement();
  page.fire = () => listeners.submit({ composedPath: () => [page.form], timeStamp: page.now });
  page.submit = (...values) => page.form.submit(...values);
  const api = { track: (name, properties) => page.tracked.push([name, properties]), visitorId: () => null };
  const { default: part } = await import("../parts/auto.js");
  const off = { outbound: false, contact: false, forms: true, attributes: true, autotag: false, identify_forms: false };
  part({ api, scrub: (address) => address }, { ...off, domains: [], rules: [], exclude: [], ...settings });
  return page;
};

test("a form that a script submits is reported, once, and goes as it would have gone", async () => {
  const page = await formed();
  assert.equal(page.submit(1, 2), "native");
  assert.deepEqual(page.native, [[page.form, [1, 2]]]);
  assert.deepEqual(page.tracked, [["FormSubmit", { form_action: "/cart" }]]);
  page.now += 299_999;
  page.submit();
  assert.deepEqual([page.native.length, page.tracked.length], [2, 1]);
  page.now += 2;
  page.submit();
  assert.deepEqual([page.native.length, page.tracked.length], [3, 2], "much later it is another submission");
});

test("a form that a page holds back and then submits itself is one, and the visitor's next try another", async () => {
  const page = await formed();
  page.fire();
  page.now += 60_000;
  page.submit();
  assert.equal(page.tracked.length, 1, "the bank took a minute");
  page.fire();
  assert.equal(page.tracked.length, 2);
  page.fire();
  assert.equal(page.tracked.length, 2, "a double click");
});

test("a form that a script submits in a shadow tree is left alone where that stands in what is ignored", async () => {
  const page = await formed();
  const around = Object.assign(new Element(), { matches: (selector) => selector == "[data-at-ignore]" });
  page.form.host = Object.assign(new Element(), { host: around, matches: () => false });
  assert.equal(page.submit(), "native");
  assert.deepEqual(page.tracked, []);
  around.matches = () => false;
  page.submit();
  assert.equal(page.tracked.length, 1);
});

test("a submitted form says its own event, and one that is ignored or not on the page says nothing", async () => {
  const spoken = await formed({}, { "data-at-event": "Lead", "data-at-value": "5" });
  spoken.submit();
  assert.deepEqual(spoken.tracked, [["Lead", { value: 5 }]]);
  const ignored = await formed({}, { "data-at-ignore": "" });
  const loose = await formed();
  loose.form.isConnected = false;
  const off = await formed({ forms: false });
  for (const page of [ignored, loose, off]) {
    page.submit();
    assert.deepEqual([page.native.length, page.tracked], [1, []]);
  }
});

test("whatever becomes of our part, a script's submission is the page's", async () => {
  const page = await formed();
  for (const broken of [undefined, {}]) HTMLFormElement.prototype.submit.call(broken);
  Object.defineProperty(page.form, "isConnected", { get: () => assert.fail("broken") });
  assert.equal(page.submit(), "native");
  assert.deepEqual([page.native.length, page.tracked], [3, []]);
});

test("the documentation shows the table as it is", () => {
  const page = readFileSync(new URL("../../../docs/tag/auto.md", import.meta.url), "utf8");
  const table = page.split("<!-- networks -->")[1];
  const code = (words) => words.map((word) => `\`${word}\``).join(", ");
  const rows = NETWORKS.map(({ name, hosts, pattern, parameters, longest, path, visitor }) => {
    const known = [hosts[0] ? code(hosts) : "", pattern ? "its links on any domain" : ""].filter(Boolean);
    const where = known.join(", and ") || "named by a rule or `data-tracking-group`";
    const written = code(parameters) + (path ? " in the path" : "") + (visitor ? " (visitor id)" : "");
    return `| \`${name}\` | ${where} | ${written} | ${longest} |`;
  });
  const expected = ["", "| network | known by | parameters, in order | longest value |", "|---|---|---|---|", ...rows, "", ""];
  assert.equal(table, expected.join("\n").replace(/\n$/, ""));
});
