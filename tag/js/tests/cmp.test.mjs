// What consent managers say, in their own words, and what the tag is told of it: the parts `cmp` and `region` on a page of plain
// fields. Run by `cargo xtask test`.
import assert from "node:assert/strict";
import test from "node:test";
import { open } from "./page.mjs";
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

/** Starts the part on a page and gives what the tag was told, last first, and whether it was let go, which is never before it was
 * told. `stored` is what the visitor has answered before, here or on an earlier page. */
const start = (settings, { visitorCountry, window = {}, stored } = {}) => {
  globalThis.window = window;
  const told = [];
  const state = { told, released: false, last: () => told.at(-1) };
  const tag = {
    api: { consent: (answers) => told.push(answers), ready: (callback) => callback() },
    core: { release: () => (state.released = told.length > 0) },
    consent: () => Object.assign({}, stored, ...told),
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

test("Consent Mode: a default lifts no denial, an update does", () => {
  const check = (stored, commands, expected) => {
    const page = start({ ...off, google: true }, { window: withGtag(...commands), stored });
    assert.deepEqual(page.last(), expected, JSON.stringify([stored, commands]));
  };
  const granting = ["default", all("granted")];
  check({}, [granting], all("granted"));
  check(all("granted"), [granting], all("granted"));
  check(all("denied"), [granting], {});
  check({ ad_personalization: "denied" }, [granting], { ad_storage: "granted", ad_user_data: "granted" });
  check(all("denied"), [granting, ["update", { ad_storage: "granted" }]], { ad_storage: "granted" });
});

test("Consent Mode: a default lifts no denial that came after it", () => {
  const stored = {};
  const window = withGtag(["default", all("granted")]);
  const page = start({ ...off, google: true }, { window, stored });
  // The site's own word, later on the same page.
  page.told.push(all("denied"));
  window.gtag("consent", "default", { ad_storage: "granted" });
  assert.deepEqual(page.last(), {});
  window.gtag("consent", "update", { ad_storage: "granted" });
  page.told.push(all("denied"));
  window.gtag("consent", "default", { ad_user_data: "granted" });
  assert.deepEqual(page.last(), {}, "nor does an update of before");
});

test("Consent Mode: a default that waits for an update grants once the time has passed, an update at once", (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const waiting = ["default", { ...all("granted"), wait_for_update: 500 }];
  const page = start({ ...off, google: true }, { window: withGtag(waiting) });
  context.mock.timers.tick(499);
  assert.deepEqual(page.told, [{}]);
  context.mock.timers.tick(1);
  assert.deepEqual(page.told, [{}, all("granted")]);
  const window = withGtag(waiting);
  const updated = start({ ...off, google: true }, { window });
  window.gtag("consent", "update", { ad_storage: "denied" });
  const said = { ...all("granted"), ad_storage: "denied" };
  assert.deepEqual(updated.last(), said);
  context.mock.timers.tick(1000);
  assert.deepEqual(updated.told, [{}, said], "the time that was waited for is over with the update");
  const elsewhere = ["default", { ...all("denied"), wait_for_update: 500, region: ["DE"] }];
  const there = start({ ...off, google: true }, { window: withGtag(["default", all("granted")], elsewhere), visitorCountry: "JP" });
  assert.deepEqual(there.told, [all("granted")], "what another region waits for is not waited for");
});

test("Consent Mode is heard on a layer that takes the place of another, and what it took over is not heard twice", () => {
  const window = withGtag(["update", all("granted")]);
  const page = start({ ...off, google: true }, { window });
  // The site's own word, later on the same page.
  page.told.push(all("denied"));
  const first = window.dataLayer;
  window.dataLayer = [...first, { event: "x" }];
  assert.deepEqual(page.last(), all("denied"));
  window.gtag("consent", "update", { ad_storage: "granted" });
  assert.deepEqual([page.last(), page.told.length], [{ ad_storage: "granted" }, 3]);
  assert.equal(window.dataLayer.length, 3);
  window.dataLayer = [["consent", "update", { ad_user_data: "granted" }]];
  assert.deepEqual(page.last(), { ad_storage: "granted", ad_user_data: "granted" });
});

test("Consent Mode: who watches the layer already goes on hearing of it, and what cannot be watched harms nobody", () => {
  let held = [];
  const heard = [];
  const window = Object.defineProperty({}, "dataLayer", { configurable: true, get: () => held, set: (next) => heard.push((held = next)) });
  const page = start({ ...off, google: true }, { window });
  window.dataLayer = [["consent", "update", all("granted")]];
  assert.deepEqual([heard.length, window.dataLayer == held, page.last()], [1, true, all("granted")]);
  window.dataLayer = 7;
  window.dataLayer = Object.freeze([["consent", "update", all("denied")]]);
  assert.deepEqual(page.last(), all("denied"));
  const declared = Object.defineProperty({}, "dataLayer", { value: [], writable: true, configurable: false });
  const there = start({ ...off, google: true }, { window: declared });
  declared.dataLayer.push(["consent", "update", all("granted")]);
  assert.deepEqual(there.last(), all("granted"));
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

test("TCF: to a purpose that nothing stands for nobody has agreed", () => {
  let listener;
  const window = { __tcfapi: (_command, _version, callback) => (listener = callback) };
  const page = start({ ...tcf, tcf_purposes: { ad_personalization: [3, 4, 5] } }, { window });
  listener({ gdprApplies: true, eventStatus: "useractioncomplete", purpose: { consents: {} } }, true);
  assert.deepEqual(page.told, []);
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

const SILENT = { usnat: { SaleOptOut: 2 } };
const BOTH = { tcfeuv2: {}, ...SILENT };

test("GPP: the sections of the United States count where they are in force", () => {
  const out = { ad_user_data: "denied", ad_personalization: "denied" };
  const check = (applicableSections, parsedSections, told, released) => {
    const window = { __gpp: (command, callback) => command == "ping" && callback({ signalStatus: "ready", applicableSections, parsedSections }) };
    const page = start(gpp, { window });
    assert.deepEqual([page.told, page.released], [told, released], JSON.stringify([applicableSections, parsedSections]));
  };
  const opted = { usca: { SaleOptOut: 1 } };
  // In force.
  check([7], SILENT, [{}], true);
  check([8], opted, [out], true);
  check([8], { usnat: { SaleOptOut: 2, TargetedAdvertisingOptOut: 1 } }, [{ ad_personalization: "denied" }], true);
  check([7], BOTH, [{}], true);
  // Another framework is, alone or as well.
  check([2], BOTH, [], false);
  check([2], { tcfeuv2: {}, ...opted }, [], false);
  check([2, 7], BOTH, [{}], false);
  check([2, 8], { tcfeuv2: {}, ...opted }, [out], false);
  // None is.
  check([-1], SILENT, [], false);
  check([-1], opted, [], false);
  // Nobody knows: what there is counts, and silence only where nobody asks first.
  for (const unknown of [undefined, null, [], [0], 0]) {
    check(unknown, SILENT, [{}], true);
    check(unknown, { uspv1: {}, ...SILENT }, [{}], true);
    check(unknown, opted, [out], true);
    check(unknown, BOTH, [{}], false);
    check(unknown, { tcfeuv2: {}, ...opted }, [out], false);
  }
});

test("GPP lifts what it denied itself, and nobody else's denials", () => {
  let listener;
  const window = { __gpp: (command, callback) => command == "addEventListener" && (listener = callback) };
  const say = (section) => listener({ pingData: { signalStatus: "ready", parsedSections: { usnat: section } } });
  const page = start(gpp, { window, stored: all("denied") });
  say({ SaleOptOut: 2 });
  assert.deepEqual(page.last(), {}, "the page's first reading grants nothing");
  say({ TargetedAdvertisingOptOut: 1 });
  say({ TargetedAdvertisingOptOut: 2 });
  assert.deepEqual(page.last(), { ad_personalization: "granted" });
  // The site's own word, later on the same page.
  page.told.push(all("denied"));
  say({ TargetedAdvertisingOptOut: 2 });
  assert.deepEqual(page.last(), {}, "what was lifted is not lifted again");
});

/** A page with the built tag, where consent is required and the manager says by GPP what `say` is given. */
const asking = async (before) => {
  const page = open({ dataset: { autoPage: "false", consent: "required", parts: "" }, before });
  let listener;
  page.window.__gpp = (command, callback) => command == "addEventListener" && (listener = callback);
  page.say = (usnat) => listener({ pingData: { signalStatus: "ready", parsedSections: { usnat } } });
  page.module = {
    default: (tag) => {
      globalThis.window = page.window;
      cmp({ ...tag, consent: tag.core.answers }, gpp);
    },
  };
  await page.load();
  await page.listened("online");
  while (!listener) await turn();
  return page;
};

/** Lets everything run that is about to. */
const turn = () => new Promise((resolve) => setImmediate(resolve));

test("GPP: who opts out of targeted advertising alone is known and reported, without personalisation", async () => {
  const page = await asking();
  const { anytrack } = page.window;
  anytrack.track("Purchase", { value: 1, currency: "EUR" });
  await Promise.resolve();
  assert.deepEqual([page.bodies.length, page.jar.size, anytrack.visitorId()], [0, 0, null]);
  page.say({ SaleOptOut: 2, SharingOptOut: 2, TargetedAdvertisingOptOut: 1 });
  await turn();
  const [purchase] = page.sent();
  assert.deepEqual({ ...purchase.consent }, { ad_personalization: "denied" });
  assert.equal(purchase.visitor_id, anytrack.visitorId());
  assert.equal(page.jar.get("_at_c"), "--d");
});

test("GPP: an opt-out of sale sends and stores nothing, and who takes it back is known on this page and the next", async () => {
  const page = await asking({ jar: new Map([["_at_c", "-dd"]]), storage: new Map() });
  const { anytrack } = page.window;
  page.say({ SaleOptOut: 1 });
  anytrack.track("Lead");
  await turn();
  assert.deepEqual([page.bodies.length, [...page.jar.keys()], page.storage.size], [0, ["_at_c"], 0]);
  page.say({ SaleOptOut: 2 });
  anytrack.track("Purchase");
  await turn();
  assert.deepEqual(page.sent().map(({ event }) => event), ["Purchase"]);
  assert.equal(page.jar.get("_at_c"), "-gg");
  const next = await asking(page);
  next.window.anytrack.track("Lead");
  next.say({ SaleOptOut: 2 });
  await turn();
  assert.equal(next.sent()[0].visitor_id, anytrack.visitorId());
});

test("nobody is let go while TCF asks, and who asks again holds to the last answer", () => {
  let answer;
  let listener;
  const window = {
    ...withGtag(["default", all("granted")]),
    // A manager that has loaded answers at once.
    __tcfapi: (_command, _version, callback) => {
      answer = callback;
      callback({ gdprApplies: true, eventStatus: "cmpuishown", purpose: { consents: {} } }, true);
    },
    __gpp: (command, callback) => command == "addEventListener" && (listener = callback),
  };
  const open = () => {
    const page = start({ ...tcf, ...gpp, tcf: true, google: true }, { window: { ...window, dataLayer: [...window.dataLayer] } });
    listener({ pingData: { signalStatus: "ready", parsedSections: SILENT } });
    assert.deepEqual([page.released, page.told.filter((told) => Object.keys(told)[0])], [false, []]);
    return page;
  };
  const chosen = open();
  const consents = { 1: true, 3: true, 4: true, 7: true };
  answer({ gdprApplies: true, eventStatus: "useractioncomplete", purpose: { consents } }, true);
  assert.deepEqual(chosen.last(), all("granted"));
  answer({ gdprApplies: true, eventStatus: "useractioncomplete", purpose: { consents: {} } }, true);
  assert.deepEqual(chosen.last(), all("denied"));
  answer({ gdprApplies: true, eventStatus: "cmpuishown", purpose: { consents: {} } }, true);
  globalThis.window.dataLayer.push(["consent", "update", all("granted")]);
  assert.deepEqual(chosen.last(), all("denied"));
  const unasked = open();
  answer({ gdprApplies: false }, true);
  assert.deepEqual([unasked.last(), unasked.released], [all("granted"), true]);
});

test("what an interface said long ago lifts no denial when another one speaks", () => {
  let listener;
  const window = { ...withGtag(["update", all("granted")]), __gpp: (command, callback) => command == "addEventListener" && (listener = callback) };
  const page = start({ ...gpp, google: true }, { window });
  assert.deepEqual(page.last(), all("granted"));
  page.told.push(all("denied"));
  listener({ pingData: { signalStatus: "ready", parsedSections: SILENT } });
  assert.deepEqual(page.last(), {});
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
  window.gtag("consent", "update", { ad_storage: "denied" });
  window.gtag("consent", "default", { ad_storage: "granted" });
  listener({ gdprApplies: true, eventStatus: "useractioncomplete", purpose: { consents: { 1: true, 3: true, 4: true, 7: true } } }, true);
  assert.deepEqual(page.last(), { ...all("granted"), ad_storage: "denied" }, "a denial is not forgotten over a default");
  const silent = start(off, { window: { __tcfapi: () => assert.fail("not asked for"), __gpp: () => assert.fail("not asked for") } });
  assert.deepEqual(silent.told, []);
});

/** Whether events are let go of a visitor in a country, or in a time zone where nobody says the country. */
const released = (visitorCountry, regions, zone) => {
  let yes = false;
  let sent = false;
  const { DateTimeFormat } = Intl;
  Intl.DateTimeFormat = () => ({ resolvedOptions: () => ({ timeZone: zone }) });
  try {
    region({ api: { consent: () => (sent = yes) }, core: { release: () => (yes = true) }, visitorCountry }, { regions });
  } finally {
    Intl.DateTimeFormat = DateTimeFormat;
  }
  return yes && sent;
};

test("by region, nobody is asked where nobody has to be", () => {
  for (const country of ["DE", "GB", "CH", "NO", "RE"]) assert.equal(released(country), false, country);
  for (const country of ["US", "JP", "RS"]) assert.equal(released(country), true, country);
  assert.equal(released(null, undefined, "Europe/Berlin"), false);
  assert.equal(released(null, undefined, "America/New_York"), true);
});

test("by region, a site's own regions take the place of the usual ones", () => {
  const own = ["EEA", "BR"];
  for (const country of ["DE", "NO", "BR"]) assert.equal(released(country, own), false, country);
  for (const country of ["GB", "CH", "US"]) assert.equal(released(country, own), true, country);
  // Without the group's name its members are asked one by one.
  assert.equal(released("FR", ["DE"]), true);
  assert.equal(released("DE", ["DE"]), false);
});

test("by region, a time zone counts where it can tell, and else everybody is asked", () => {
  // Whoever is outside of all of Europe's regions is outside of some of them.
  for (const regions of [["EEA"], ["DE", "CH"], ["EEA", "GB", "CH"]]) {
    assert.equal(released(null, regions, "America/New_York"), true, `${regions}`);
    assert.equal(released(null, regions, "Europe/London"), false, `${regions}`);
  }
  // Zones do not tell Brazil from its neighbours.
  for (const zone of ["America/New_York", "America/Sao_Paulo", "Europe/Berlin"]) {
    assert.equal(released(null, ["EEA", "BR"], zone), false, zone);
  }
});

test("a time zone tells roughly where a visitor is, and in doubt inside", () => {
  const inside = ["Europe/Berlin", "Europe/London", "Europe/Zurich", "Atlantic/Canary", "Atlantic/Reykjavik", "Asia/Nicosia", "America/Cayenne", "UTC", "Etc/GMT-1", ""];
  const outside = ["America/New_York", "Asia/Tokyo", "Australia/Sydney", "Europe/Istanbul", "Europe/Belgrade", "Africa/Cairo", "US/Pacific", "Atlantic/Bermuda"];
  for (const zone of inside) assert.equal(zoneIsAsked(zone), true, zone);
  for (const zone of outside) assert.equal(zoneIsAsked(zone), false, zone);
});
