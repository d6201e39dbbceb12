// The part `adopt` as it is built, with the tag as it is built: what of it is stored and sent, and when.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { defaults } from "./adopt_defaults.mjs";
import { manifest, open } from "./page.mjs";

const built = readFileSync(new URL("../../../dist/tag/" + manifest.parts.adopt, import.meta.url), "utf8");
// A context of its own has no modules.
const exported = /export ?\{ ?([\w$]+) as default,? ?\};?|export default/;
const script = built.replace(exported, (_, name = "") => `globalThis.__part = ${name}`);

/** A page on which the part has started. */
const visit = async (dataset, settings) => {
  const page = open({ dataset: { autoPage: "false", parts: "", ...dataset } });
  page.timers = [];
  Object.assign(page.window, { setTimeout: (action) => page.timers.push(action), clearTimeout: () => {}, Proxy });
  page.module = {
    default: (tag) => {
      page.eval(script);
      page.window.__part(tag, { ...defaults, ...settings });
    },
  };
  await page.load();
  await new Promise((resolve) => setImmediate(resolve));
  return page;
};

const order = 'window.dataLayer = [{ event: "purchase", ecommerce: { transaction_id: "T-1", value: 5, currency: "EUR" } }];';

test("before consent nothing that is adopted is stored or sent, and afterwards it goes", async () => {
  const page = await visit({ consent: "required" }, { user_data: true });
  page.eval(order);
  page.eval("function gtag() { dataLayer.push(arguments) }");
  page.eval('gtag("set", "user_data", { email: "ada@example.com" }); gtag("event", "sign_up")');
  page.timers.forEach((action) => action());
  await Promise.resolve();
  assert.deepEqual([page.bodies.length, page.jar.size, page.storage.size], [0, 0, 0]);
  page.window.anytrack.consent({ ad_storage: "granted", ad_user_data: "granted" });
  await Promise.resolve();
  const [purchase, signup, ...none] = page.sent();
  assert.deepEqual([purchase.event_id, signup.event, none], ["Purchase-T-1", "CompleteRegistration", []]);
  assert.equal(purchase.user.email.length, 1, "told while the purchase was held");
  assert.ok(!JSON.stringify([page.bodies, [...page.storage]]).includes("ada@"));
});

test("a denial drops what is held", async () => {
  const page = await visit({ consent: "required" });
  page.eval(order);
  page.window.anytrack.consent({ ad_storage: "denied", ad_user_data: "denied" });
  page.fire("pagehide");
  await Promise.resolve();
  page.window.anytrack.consent({ ad_storage: "granted", ad_user_data: "granted" });
  await Promise.resolve();
  assert.deepEqual(page.sent(), []);
});

test("an adopted event leaves with the page, by its time and address", async () => {
  const page = await visit({});
  page.eval(order);
  assert.equal(page.bodies.length, 0);
  page.fire("pagehide");
  await Promise.resolve();
  const [purchase] = page.sent();
  assert.deepEqual([purchase.event_id, purchase.page.url], ["Purchase-T-1", "https://shop.example/"]);
  assert.deepEqual(purchase.properties, { order_id: "T-1", value: 5, currency: "EUR" });
});

test("the tag tells the part what the page reported before", async () => {
  const page = open({ dataset: { autoPage: "false", parts: "" } });
  let past;
  page.module = { default: (tag) => (past = tag.past) };
  page.run("tag.js");
  const id = page.eval('anytrack.track("Lead", { value: 3, email: "ada@example.com" })');
  await page.ready();
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual([past[0].event, past[0].event_id, { ...past[0].properties }], ["Lead", id, { value: 3 }]);
  assert.ok(!JSON.stringify(past).includes("ada@"));
});
