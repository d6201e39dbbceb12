// The recipes of `docs/tag/recipes`, run as they are written there: what can be run without a shop system or a framework.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash, webcrypto } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { fileURLToPath } from "node:url";
import vm from "node:vm";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const program = (name) => join(root, "xtask/npm/node_modules/.bin", name);
const recipe = (name) => readFileSync(join(root, "docs/tag/recipes", name + ".md"), "utf8");
/** The blocks of a page in a language. */
const blocks = (name, language) => [...recipe(name).matchAll(new RegExp("```" + language + "\n(.*?)```", "gs"))].map(([, code]) => code);

test("every recipe has code", () => {
  const languages = { "plain-html": "html", "google-tag-manager": "html", "shopify-pixel": "js", wordpress: "php", nextjs: "tsx", astro: "astro" };
  const pages = readdirSync(join(root, "docs/tag/recipes")).map((name) => name.replace(".md", ""));
  assert.deepEqual(pages.sort(), Object.keys(languages).sort());
  for (const [name, language] of Object.entries(languages)) assert.ok(blocks(name, language).length, name);
});

test("the Shopify pixel reports the journey with hashes only, and the order by the webhook's id", async () => {
  const listeners = {};
  const sent = [];
  const warned = [];
  const context = {
    analytics: { subscribe: (name, listener) => (listeners[name] = listener) },
    browser: { cookie: { get: async (name) => (name == "_at_vid" ? "visitor-1" : "") } },
    fetch: async (address, options) => sent.push([address, options]) && { ok: true },
    console: { warn: (...words) => warned.push(words.join(" ")) },
    crypto: webcrypto,
    TextEncoder,
  };
  vm.runInNewContext(blocks("shopify-pixel", "js")[0], context);
  const money = (amount) => ({ amount, currencyCode: "EUR" });
  const variant = { id: "41", price: money(29.95), product: { title: "Lamp" } };
  // The webhook of the same checkout, as the relay's tests have it, and what the relay makes of it.
  const webhook = (name) => readFileSync(join(root, "relay/tests/sources/shopify/checkout", name), "utf8");
  const [started] = JSON.parse(webhook("events.json"));
  const token = started.tokens.checkout_token;
  assert.ok(webhook("request.http").includes(token));
  const checkout = {
    token, email: " First.Buyer@shop.example", totalPrice: money(59.9), order: { id: "gid://shopify/Order/88121" },
    lineItems: [{ quantity: 2, variant }, { quantity: 1, variant: null }],
  };
  const data = {
    page_viewed: {}, product_viewed: { productVariant: variant }, search_submitted: { searchResult: { query: "lamp" } },
    product_added_to_cart: { cartLine: { merchandise: variant, quantity: 2, cost: { totalAmount: money(59.9) } } },
    checkout_started: { checkout }, payment_info_submitted: { checkout }, checkout_completed: { checkout },
  };
  assert.deepEqual(Object.keys(listeners).sort(), Object.keys(data).sort());
  const events = [];
  for (const [name, value] of Object.entries(data)) {
    await listeners[name]({ id: "sh-1", timestamp: "2026-11-27T10:00:00.000Z", data: value, context: { document: { referrer: "", location: { href: "https://shop.example/x" } } } });
    const [address, { method, body, keepalive }] = sent.at(-1);
    assert.deepEqual([address, method, keepalive], ["https://t.shop.example/v1/events", "POST", true]);
    const envelope = JSON.parse(body);
    assert.deepEqual([envelope.v, envelope.site, envelope.events.length], [1, "shop", 1]);
    assert.ok(!body.toLowerCase().includes("first.buyer"), "nothing raw leaves");
    events.push(envelope.events[0]);
  }
  assert.deepEqual(events.map(({ event }) => event), ["PageView", "ViewContent", "Search", "AddToCart", "InitiateCheckout", "AddPaymentInfo", "Purchase"]);
  const { event_id, time, visitor_id, user, properties } = events.at(-1);
  const hash = createHash("sha256").update("first.buyer@shop.example").digest("hex");
  assert.deepEqual([event_id, time, visitor_id, user], ["Purchase-88121", 1795773600000, "visitor-1", { email: [hash] }]);
  assert.deepEqual(properties, {
    value: 59.9, currency: "EUR", checkout_token: token, order_id: "88121",
    items: [{ id: "41", name: "Lamp", price: 29.95, quantity: 2 }, { quantity: 1 }],
  });
  assert.deepEqual([events[0].user, events[0].event_id], [undefined, "PageView-sh-1"]);
  const of = (name) => events.find(({ event }) => event == name);
  assert.equal(of("InitiateCheckout").event_id, started.event_id, "pixel and webhook count a checkout once");
  assert.equal(of("AddPaymentInfo").event_id, "AddPaymentInfo-sh-1");
  // A browser shows no answer to an origin that is not listed, and the relay's reason to one that is.
  const refused = { ok: false, status: 429, text: async () => "too often" };
  for (const [fetch, words] of [[() => Promise.reject(new Error("no network")), "no network"], [async () => refused, "429 too often"]]) {
    assert.deepEqual(warned, []);
    context.fetch = fetch;
    await listeners.page_viewed({ id: "2", timestamp: "", data: {}, context: { document: { location: {} } } });
    const [said, ...more] = warned.splice(0);
    assert.ok(said.includes(words) && said.includes('"null" in the origins of the site "shop"'), said);
    assert.deepEqual(more, []);
  }
});

test("there is one Shopify pixel, and the page about the webhooks leads to it", () => {
  const page = readFileSync(join(root, "docs/sources/shopify.md"), "utf8");
  assert.ok(page.includes("(../tag/recipes/shopify-pixel.md)"));
  assert.ok(!page.includes("analytics.subscribe"));
  assert.match(blocks("shopify-pixel", "toml")[0], /origins = \[.*"null"\]/);
});

test("the components compile, by types and in a bundler", () => {
  const folder = mkdtempSync(join(tmpdir(), "anytrack-recipes-"));
  try {
    const module = (name, types) => {
      mkdirSync(join(folder, "node_modules", name), { recursive: true });
      writeFileSync(join(folder, "node_modules", name, "index.d.ts"), types);
    };
    // As much of the frameworks' types as the components touch.
    module("react", "export declare function useEffect(run: () => void, on: unknown[]): void;");
    module("react/jsx-runtime", "export namespace JSX { interface IntrinsicElements { button: { onClick?: () => void; children?: unknown } } }");
    const files = blocks("nextjs", "tsx").map((code, at) => [`next${at}.tsx`, code]);
    const [, script] = /<script>(.*?)<\/script>/s.exec(blocks("astro", "astro")[0]);
    files.push(["astro.ts", script]);
    for (const [name, code] of files) writeFileSync(join(folder, name), code);
    const paths = { anytrack: [join(root, "dist/npm/index.d.ts")] };
    const compilerOptions = {
      strict: true, noEmit: true, jsx: "react-jsx", target: "es2020", lib: ["es2020", "dom"], module: "esnext", moduleResolution: "bundler", types: [], paths,
    };
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files: files.map(([name]) => name) }));
    try {
      execFileSync(program("tsc"), ["-p", folder], { stdio: "pipe" });
    } catch (error) {
      assert.fail(String(error.stdout));
    }
    for (const [name] of files) {
      const bundle = [join(folder, name), "--bundle", "--format=esm", "--jsx=automatic", "--external:react*", `--alias:anytrack=${join(root, "dist/npm/index.js")}`];
      assert.match(execFileSync(program("esbuild"), bundle).toString(), /window\.anytrack/);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});
