// What consent managers say, in their own words, and what the tag is told of it: the parts `cmp` and `region` on a page of plain
// fields. Run by `cargo xtask test`.
import assert from "node:assert/strict";
import test from "node:test";
import cmp from "../parts/cmp.js";
import region from "../parts/region.js";
import { zoneIsAsked } from "../parts/region/asked.js";

const all = (answer) => ({ ad_storage: answer, ad_user_data: answer, ad_personalization: answer });
const off = { google: false, tcf: false, gpp: false };
const tcf = {
  ...off,
  tcf: true,
  tcf_purposes: { ad_storage: [1], ad_user_data: [1, 7], ad_personalization: [3, 4] },
  tcf_special_features: {},
};
const gpp = {
  ...off,
  gpp: true,
  gpp_opt_outs: {
    SaleOptOut: ["ad_user_data", "ad_personalization"],
    SharingOptOut: ["ad_user_data", "ad_personalization"],
    TargetedAdvertisingOptOut: ["ad_personalization"],
  },
};

/** Starts the part on a page and gives what the tag was told, last first, and whether it was let go. */
const start = (settings, { visitorCountry, window = {} } = {}) => {
  globalThis.window = window;
  const told = [];
  const state = { told, released: false, last: () => told.at(-1) };
  const tag = {
    api: { consent: (answers) => told.push(answers) },
    core: { release: () => (state.released = true) },
    consent: () => Object.assign({}, ...told),
    visitorCountry,
  };
  cmp(tag, settings);
  return state;
};

/** A page with `gtag`, and what it has called so far. */
const withGtag = (...commands) => {
  const window = { dataLayer: [] };
  window.gtag = function () {
    window.dataLayer.push(arguments);
  };
  for (const command of commands) window.gtag("consent", ...command);
  return window;
};

test("Consent Mode: an update is an answer, a default that denies is none", () => {
  const window = withGtag(["default", all("denied")]);
  const page = start({ ...off, google: true }, { window });
  assert.deepEqual(page.last(), {});
  window.gtag("consent", "update", { ad_storage: "granted" });
  assert.deepEqual(page.last(), { ad_storage: "granted" });
  window.gtag("consent", "update", all("granted"));
  window.gtag("event", "purchase", {});
  assert.deepEqual([page.last(), page.told.length], [all("granted"), 3]);
  window.gtag("consent", "update", { ad_user_data: "denied" });
  assert.equal(page.last().ad_user_data, "denied");
});

test("Consent Mode: what was pushed before counts together, and nothing else in the layer harms", () => {
  const window = withGtag(["default", all("denied")], ["update", all("granted")], ["default"], ["set", 7]);
  window.dataLayer.push(null, 7, { event: "x" }, ["consent"], new Proxy({}, { get: () => { throw new Error("trap"); } }));
  const page = start({ ...off, google: true }, { window });
  assert.deepEqual(page.told, [all("granted")]);
  assert.equal(window.dataLayer.push({ event: "y" }), window.dataLayer.length, "push answers as it did");
  assert.deepEqual(start({ ...off, google: true }).told, [], "an empty layer says nothing");
});

test("Consent Mode: the default of the narrowest region counts", () => {
  const check = (visitorCountry, expected) => {
    const window = withGtag(
      ["default", all("granted")],
      ["default", { ad_storage: "denied", region: ["DE", "FR"] }],
      ["default", { ad_user_data: "denied", region: ["US-CA"] }],
    );
    assert.deepEqual(start({ ...off, google: true }, { window, visitorCountry }).last(), expected, visitorCountry);
  };
  check("JP", all("granted"));
  check("DE", { ad_user_data: "granted", ad_personalization: "granted" });
  check("US", { ad_storage: "granted", ad_personalization: "granted" });
});

test("TCF: purposes are mapped once the visitor has chosen, and again when the choice changes", () => {
  let listener;
  const page = start(tcf, { window: { __tcfapi: (command, version, callback) => command == "addEventListener" && version == 2 && (listener = callback) } });
  const data = (eventStatus, consents, more) => ({ gdprApplies: true, eventStatus, purpose: { consents }, ...more });
  listener(data("cmpuishown", { 1: true }), true);
  listener(undefined, false);
  listener(null, true);
  assert.deepEqual([page.told, page.released], [[], false]);
  listener(data("useractioncomplete", { 1: true, 3: true, 4: true }), true);
  assert.deepEqual(page.last(), { ad_storage: "granted", ad_user_data: "denied", ad_personalization: "granted" });
  listener(data("tcloaded", { 1: true, 3: true, 4: true, 7: true }), true);
  assert.deepEqual(page.last(), all("granted"));
  listener(data("useractioncomplete", {}), true);
  assert.deepEqual(page.last(), all("denied"));
});

test("TCF: vendor and special features are asked for where the site names them; elsewhere nobody is asked", () => {
  let listener;
  const window = { __tcfapi: (_command, _version, callback) => (listener = callback) };
  const page = start({ ...tcf, tcf_vendor: 755, tcf_special_features: { ad_personalization: [2] } }, { window });
  const consents = { 1: true, 3: true, 4: true, 7: true };
  const data = (more) => ({ gdprApplies: true, eventStatus: "tcloaded", purpose: { consents }, ...more });
  listener(data({}), true);
  assert.deepEqual(page.last(), all("denied"));
  listener(data({ vendor: { consents: { 755: true } } }), true);
  assert.deepEqual(page.last(), { ad_storage: "granted", ad_user_data: "granted", ad_personalization: "denied" });
  listener(data({ vendor: { consents: { 755: true } }, specialFeatureOptins: { 2: true } }), true);
  assert.deepEqual([page.last(), page.released], [all("granted"), false]);
  listener({ gdprApplies: false }, true);
  assert.equal(page.released, true);
});

test("GPP: opt-outs deny, silence lets go, and a change of mind is heard", () => {
  let listener;
  const window = { __gpp: (command, callback) => command == "addEventListener" && (listener = callback) };
  const page = start(gpp, { window });
  const say = (parsedSections, signalStatus = "ready") => listener({ pingData: { signalStatus, parsedSections } });
  say({ usnat: { SaleOptOut: 1 } }, "not ready");
  say({ tcfeuv2: {} });
  assert.deepEqual([page.told, page.released], [[], false]);
  say({ usca: [{ SaleOptOut: 2, SharingOptOut: 0 }, { Gpc: false }] });
  assert.deepEqual([page.last(), page.released], [{}, true]);
  say({ usca: { TargetedAdvertisingOptOut: 1 } });
  assert.deepEqual(page.last(), { ad_personalization: "denied" });
  say({ usnat: [{ SaleOptOut: 2 }, { Gpc: true }] });
  assert.deepEqual(page.last(), { ad_user_data: "denied", ad_personalization: "denied" });
  say({ usnat: { SaleOptOut: 2 } });
  assert.deepEqual(page.last(), { ad_user_data: "granted", ad_personalization: "granted" });
  listener(undefined);
  listener({ pingData: new Proxy({}, { get: () => { throw new Error("trap"); } }) });
});

test("of two interfaces the one that denies counts, and one that is off is not asked", () => {
  let listener;
  const window = { ...withGtag(), __tcfapi: (_command, _version, callback) => (listener = callback) };
  window.gtag = function () {
    window.dataLayer.push(arguments);
  };
  const page = start({ ...tcf, google: true }, { window });
  listener({ gdprApplies: true, eventStatus: "tcloaded", purpose: { consents: {} } }, true);
  window.gtag("consent", "update", all("granted"));
  assert.deepEqual(page.last(), all("denied"));
  const silent = start(off, { window: { __tcfapi: () => assert.fail("not asked for"), __gpp: () => assert.fail("not asked for") } });
  assert.deepEqual(silent.told, []);
});

test("by region, nobody is asked where nobody has to be", () => {
  const released = (visitorCountry) => {
    let yes = false;
    let sent = false;
    region({ api: { consent: () => (sent = yes) }, core: { release: () => (yes = true) }, visitorCountry });
    return yes && sent;
  };
  for (const country of ["DE", "GB", "CH", "NO"]) assert.equal(released(country), false, country);
  for (const country of ["US", "JP", "RS"]) assert.equal(released(country), true, country);
});

test("a time zone tells roughly where a visitor is, and in doubt inside", () => {
  const inside = ["Europe/Berlin", "Europe/London", "Europe/Zurich", "Atlantic/Canary", "Atlantic/Reykjavik", "Asia/Nicosia", "America/Cayenne", "UTC", "Etc/GMT-1", ""];
  const outside = ["America/New_York", "Asia/Tokyo", "Australia/Sydney", "Europe/Istanbul", "Europe/Belgrade", "Africa/Cairo", "US/Pacific", "Atlantic/Bermuda"];
  for (const zone of inside) assert.equal(zoneIsAsked(zone), true, zone);
  for (const zone of outside) assert.equal(zoneIsAsked(zone), false, zone);
});
