// The fallback for pages without WebAssembly, beside the module: whatever it says, the module says too, byte for byte,
// and where it is not sure it says nothing. Run by `cargo xtask test` after the tag is built.
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import test from "node:test";
import { open } from "./page.mjs";

const manual = { autoPage: "false" };
const NOW = 1795183509123;
const DAY = 86_400_000;

/** Deterministic numbers below `most`: a linear congruential generator. */
const numbers = (seed) => (most) => (seed = (seed * 1103515245 + 12345) % 2147483648) % most;

/** One page of a browser at a time of ours, and what it sends of one event. */
const visit = async (options, now, code = 'anytrack.track("Lead", {}, { event_id: "1" })') => {
  const page = open({ dataset: manual, ...options });
  page.eval(`Date.now = () => ${now}`);
  page.run("tag.js");
  page.eval(code);
  const [{ visitor_id, ...event }] = await page.until(1);
  return { page, event };
};

const vectors = readdirSync(new URL("../../../shared/tests/vectors/", import.meta.url)).flatMap((name) =>
  JSON.parse(readFileSync(new URL("../../../shared/tests/vectors/" + name, import.meta.url))),
);

const PARAMETERS = [
  "fbclid", "gclid", "wbraid", "gbraid", "gclsrc", "gad_source", "gad_campaignid", "ttclid", "msclkid", "SCCID",
  "ScCid", "li_fat_id", "click_id", "atclid", "utm_source", "utm_campaign", "utm_id", "utm_other", "GCLID", "email", "awc",
  "UTM_Source", "utm_name", "utm_source_platform", "mtm_source", "mtm_kwd", "MTM_KEYWORD", "mtm_cid", "pk_campaign", "pk_kwd",
];
const VALUES = [
  "a-B_9", "", "{{click}}", "%id%", "null", "12345", "x".repeat(501), "Gi-abc", "ada@example.com", "a b", "ä€".repeat(120),
  "018f4e7a-0000-7000-8000-000000000001", "018f4e7a000070008000000000000001", "__x__", "x[[y", "a]b", "\u{1f600}".repeat(70),
];

test("click ids, campaigns and cookies are those of the module, landing after landing", async () => {
  const next = numbers(7);
  let before = {};
  let [now, marked] = [NOW, 0];
  for (let round = 0; round < 300; round++) {
    const url = new URL("https://shop.example/");
    for (let count = next(5); count; count--) {
      url.searchParams.append(PARAMETERS[next(PARAMETERS.length)], VALUES[next(VALUES.length)]);
    }
    now += next(40) * DAY;
    const visits = [];
    for (const wasm of [true, false]) {
      const jar = new Map(before[wasm]?.jar);
      for (const name of ["_fbp", "_ga", "_ga_ABC", "_ga_", "session", "_uetmsclkid"]) {
        if (round % 7) jar.set(name, VALUES[(round + name.length) % VALUES.length].replace(/[; ]/g, ""));
      }
      const { page, event } = await visit({ url: String(url), wasm, before: { jar, storage: new Map() } }, now);
      assert.equal(page.imported.some((address) => address.endsWith(".wasm.js")), !wasm);
      before[wasm] = page;
      visits.push([event, page.jar.get("_at_t")]);
    }
    assert.deepEqual(visits[1], visits[0], String(url));
    marked += Object.keys(visits[0][0].click_ids).length;
  }
  assert.ok(marked > 300, `only ${marked} click ids were carried`);
});

test("a campaign is told by its parts, whoever's names they have in the address", async () => {
  const check = async (query, campaign) => {
    for (const wasm of [true, false]) {
      const { event } = await visit({ url: "https://shop.example/?" + query, wasm }, NOW);
      assert.deepEqual(event.campaign, campaign, query);
    }
  };
  await check("UTM_SOURCE=ads&Utm_Campaign=mugs", { source: "ads", name: "mugs" });
  await check(
    "mtm_campaign=mugs&mtm_source=ads&mtm_medium=cpc&mtm_keyword=cup&mtm_content=blue&mtm_cid=7",
    { name: "mugs", source: "ads", medium: "cpc", term: "cup", content: "blue", id: "7" },
  );
  await check(
    "pk_campaign=mugs&pk_kwd=cup&pk_source=ads&pk_medium=cpc&pk_content=blue",
    { name: "mugs", term: "cup", source: "ads", medium: "cpc", content: "blue" },
  );
  await check("utm_name=mugs&mtm_campaign=late", { name: "mugs" });
  await check("utm_source_platform=x&utm_creative_format=y&utm_marketing_tactic=z&mtm_group=a", {});
});

test("a list of any length and what is no text are passed over at once", async () => {
  const page = open({ dataset: manual, wasm: false });
  page.run("tag.js");
  await page.ready();
  page.window.now = () => performance.now();
  const took = page.eval(`
    const began = now();
    anytrack.identify({ phone: new Array(1e8), email: [new Uint8Array(1 << 24), new Array(1e7), "ada@example.com"] });
    now() - began`);
  page.window.anytrack.track("Lead");
  const [event] = await page.until(1);
  assert.deepEqual(Object.keys(event.user), ["email"]);
  assert.ok(took < 500, `${took} ms`);
});

test("what is hashed is hashed as the module does, and the rest is left out", async () => {
  const ours = ["Ada.L+x@Gmail.com", "ada_l-o@example.com", "A@B.co", "+86 138 0013 8000", "+49 (0)30 123456", "+1 202-555-0123"];
  const rows = vectors.filter(({ field }) => field == "email" || field == "phone").map(({ field, raw }) => [field, raw]);
  const own = ours.map((raw) => [raw.includes("@") ? "email" : "phone", raw]);
  const claimed = { email: 0, phone: 0 };
  for (const [field, raw] of [...rows, ...own]) {
    const person = JSON.stringify({ [field]: raw });
    const code = `anytrack.identify(${person}); anytrack.track("Lead", {}, { event_id: "1" })`;
    const { event: expected } = await visit({}, NOW, code);
    const { event, page } = await visit({ wasm: false }, NOW, code);
    if (!event.user) continue;
    assert.deepEqual(event.user, expected.user, raw);
    claimed[field]++;
    const everything = JSON.stringify([page.bodies, [...page.jar], [...page.storage]]).toLowerCase();
    if (!/^[\da-f]{64}/i.test(raw)) assert.ok(!everything.includes(raw.trim().toLowerCase()), raw);
  }
  assert.ok(claimed.email > 30 && claimed.phone > 20, JSON.stringify(claimed));
});

test("the forms it claims are those of the platforms' vectors", async () => {
  const forms = { meta: { email: "plain", phone: "digits" }, "google-ads": { email: "google", phone: "e164" }, microsoft: { email: "microsoft" }, reddit: { email: "reddit" }, tiktok: { phone: "tiktok", email: "plain" } };
  let checked = 0;
  for (const { platform, field, raw, sha256, form, wrong } of vectors) {
    const taken = forms[platform]?.[field];
    if (!taken || form || wrong || !sha256) continue;
    const code = `anytrack.identify(${JSON.stringify({ [field]: raw })}); anytrack.track("Lead", {}, { event_id: "1" })`;
    const { event } = await visit({ wasm: false }, NOW, code);
    const value = event.user?.[field]?.[0];
    if (!value) continue;
    const base = field == "phone" ? "e164" : "plain";
    assert.equal(value[taken] ?? value[base], sha256, `${platform} ${raw}`);
    checked++;
  }
  assert.ok(checked > 30, `only ${checked} vectors were claimed`);
});

test("calls keep their order while one of them is being hashed", async () => {
  const page = open({ dataset: manual, wasm: false });
  page.run("tag.js");
  await page.ready();
  for (const [name, email] of [["One", "ada@example.com"], ["Two"], ["Three", "bob@example.com"], ["Four"]]) {
    page.window.anytrack.track(name, email ? { email } : {});
  }
  const events = await page.until(4);
  assert.deepEqual(events.map(({ event, user }) => [event, !!user]), [["One", true], ["Two", false], ["Three", true], ["Four", false]]);
});

test("a page that ends while hashing sends the event without", async () => {
  const page = open({ dataset: manual, wasm: false });
  page.run("tag.js");
  await page.ready();
  page.window.anytrack.track("Lead", { email: "ada@example.com" });
  assert.equal(page.bodies.length, 0);
  page.fire("pagehide");
  const [event, ...more] = page.sent();
  assert.deepEqual([event.event, event.user, more.length], ["Lead", undefined, 0]);
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(page.sent().length, 1, "and does not send it again");
});

test("where the browser does not hash, nothing is hashed and nothing raw leaves", async () => {
  const code = `anytrack.identify({ email: "ada@example.com", external_id: "${"ab".repeat(32)}" });
    anytrack.track("Lead", { phone: "+1 202-555-0123", note: "ada@example.com" }, { event_id: "1" })`;
  const { page, event } = await visit({ wasm: false, subtle: false }, NOW, code);
  assert.deepEqual(event.user, { external_id: [{ plain: "ab".repeat(32) }] });
  const everything = JSON.stringify([page.bodies, [...page.jar], [...page.storage]]);
  for (const raw of ["ada@", "555-0123"]) assert.ok(!everything.includes(raw), raw);
});
