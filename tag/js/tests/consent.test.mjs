// Denials: what they delete, who is told of them, and how long they hold, page after page of one browser. Run by
// `cargo xtask test` after the tag is built.
import assert from "node:assert/strict";
import test from "node:test";
import { open } from "./page.mjs";

const manual = { autoPage: "false" };
const granted = { ad_storage: "granted", ad_user_data: "granted" };
const denied = { ad_storage: "denied", ad_user_data: "denied", ad_personalization: "denied" };
const turn = () => new Promise((resolve) => setImmediate(resolve));

test("a required consent is waited for, and a denial clears up", async () => {
  const page = open({ dataset: { consent: "required" } });
  await page.load();
  assert.deepEqual([page.bodies.length, page.jar.size, page.storage.size], [0, 0, 0]);
  page.window.anytrack.consent({ ad_storage: "granted", ad_user_data: "granted" });
  await Promise.resolve();
  assert.deepEqual(page.sent().map(({ event }) => event), ["PageView"]);
  assert.ok(page.jar.has("_at_vid") && page.jar.has("_at_c"));
  page.window.anytrack.consent({ ad_user_data: "denied" });
  page.window.anytrack.track("Lead");
  await turn();
  assert.deepEqual([page.sent().length, [...page.jar.keys()], page.storage.size], [1, ["_at_c"], 0]);
});

test("a denial takes back what is on its way, and nothing of it is sent again", async () => {
  const page = open({ dataset: manual });
  await page.load();
  // Of a Lead nothing is heard until it is taken back.
  const asked = [];
  page.answer = (body, { signal }) =>
    new Promise((answer, refuse) => {
      // As browsers do it, before anything leaves.
      if (signal.aborted) return refuse(new Error("taken back"));
      asked.push(JSON.parse(body).events.map(({ event }) => event));
      if (!body.includes("Lead")) answer({ ok: true, status: 202 });
      signal.addEventListener("abort", () => refuse(new Error("taken back")));
    });
  page.window.anytrack.track("Lead");
  await turn();
  page.window.anytrack.consent({ ad_storage: "denied", ad_user_data: "denied" });
  await turn();
  assert.deepEqual(asked, [["Lead"], ["ConsentWithdrawn"]]);
  assert.deepEqual([page.timers.length, page.storage.get("_at_q_shop")], [0, undefined]);
});

test("a signal is no answer: when it goes, the answers before it hold again", async () => {
  const first = open();
  await first.load();
  const visitor = first.window.anytrack.visitorId();
  const second = open({ before: first, signals: { globalPrivacyControl: true } });
  await second.load();
  assert.deepEqual(second.withdrawn().map(({ visitor_id }) => visitor_id), [visitor]);
  assert.equal(second.jar.size, 0);
  const third = open({ before: second });
  await third.load();
  assert.notEqual(third.window.anytrack.visitorId(), visitor);
  for (const code of ["ggg", "d-g"]) {
    const answered = open();
    answered.jar.set("_at_c", code);
    const signalled = open({ before: answered, signals: { globalPrivacyControl: true } });
    await signalled.load();
    signalled.window.anytrack.consent(granted);
    signalled.fire("focus");
    assert.deepEqual([...signalled.jar], [["_at_c", code]], "and an answer under it is none");
    const after = open({ before: signalled });
    await after.load();
    assert.equal(after.sent().length, code == "ggg" ? 1 : 0, code);
  }
});

test("the relay's answer to a denial leaves the visitor's own answers, and only those", async () => {
  // The relay sets what the withdrawal says, so that Safari keeps it.
  const relay = (page) => {
    page.answer = async (body) => {
      const [event] = JSON.parse(body).events;
      if (event.event == "ConsentWithdrawn") await page.held;
      if (event.event == "ConsentWithdrawn") page.jar.set("_at_c", "ddd");
      return { ok: true, status: 202 };
    };
    return page;
  };
  const first = open();
  await first.load();
  const signalled = relay(open({ before: first, signals: { globalPrivacyControl: true } }));
  await signalled.load();
  assert.equal(signalled.jar.size, 0, "a signal is no answer");
  const page = relay(open());
  await page.load();
  let answer;
  page.held = new Promise((resolve) => (answer = resolve));
  page.window.anytrack.consent({ ad_storage: "denied" });
  page.window.anytrack.consent(granted);
  answer();
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(page.jar.get("_at_c"), "gg-", "the visitor has agreed meanwhile");
});

test("the relay is told of a withdrawal once, and again until it has heard", async () => {
  const page = open();
  await page.load();
  const visitor = page.window.anytrack.visitorId();
  page.online = false;
  page.window.anytrack.consent({ ad_storage: "denied" });
  assert.deepEqual([page.withdrawn(), page.jar.has("_at_vid")], [[], false]);
  page.online = true;
  let answer = { ok: false, status: 503 };
  let body;
  page.answer = async (sent) => ((body = JSON.parse(sent)), answer);
  page.wait();
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(page.timers.length, 1, "a relay in trouble is asked again");
  answer = { ok: true, status: 202 };
  page.wait();
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(page.timers.length, 0);
  const [event] = body.events;
  assert.deepEqual([event.visitor_id, event.consent], [visitor, { ad_storage: "denied" }]);
  page.window.anytrack.consent({ ad_storage: "denied" });
  assert.equal(page.timers.length + page.withdrawn().length, 0, "nobody is left to forget");
});

/** A page whose visitor denies while the relay is in trouble; the visitor's id beside it. */
const unheard = async (options) => {
  const page = open(options);
  await page.load();
  const visitor = page.window.anytrack.visitorId();
  page.answer = async () => ({ ok: false, status: 503 });
  page.window.anytrack.consent(denied);
  await turn();
  return [page, visitor];
};

test("a denial that the relay has not heard is told from the next page, in the same words", async () => {
  for (const wasm of [true, false]) {
    const [page, visitor] = await unheard({});
    assert.deepEqual([[...page.jar], [...page.storage.keys()]], [[["_at_c", "ddd"]], ["_at_w_shop"]]);
    const waiting = JSON.parse(page.storage.get("_at_w_shop"));
    const next = open({ before: page, wasm });
    next.eval("Date.now = () => 9000");
    next.run("tag.js");
    await next.ready();
    await turn();
    assert.deepEqual(next.withdrawn(), [waiting]);
    assert.deepEqual([waiting.visitor_id, waiting.consent], [visitor, denied]);
    assert.deepEqual([next.sent(), next.storage.size], [[], 0], "and once it has heard, nothing is left");
    const last = open({ before: next });
    await last.load();
    assert.equal(last.withdrawn().length, 0);
  }
});

test("what waits to be told of a denial is one site's", async () => {
  const [page, visitor] = await unheard({ dataset: { site: "de" } });
  const other = open({ dataset: { site: "fr" }, before: page });
  await other.load();
  assert.equal(other.withdrawn().length, 0);
  const own = open({ dataset: { site: "de~1795183509~00" }, before: other });
  await own.load();
  assert.deepEqual(own.withdrawn().map(({ visitor_id }) => visitor_id), [visitor]);
});

test("a denial is told as it was, however late, and no more once the visitor has agreed", async () => {
  const agreeing = [
    (page) => page.window.anytrack.consent(granted),
    // On another page, of which this one has heard nothing.
    (page) => page.jar.set("_at_c", "ggg"),
  ];
  for (const agree of agreeing) {
    const [page, visitor] = await unheard({ dataset: manual });
    const told = [];
    page.answer = async (body) => (told.push(...JSON.parse(body).events), { ok: false, status: 503 });
    page.eval("Date.now = () => 9000");
    page.wait();
    await turn();
    assert.deepEqual(told.map(({ visitor_id, consent }) => [visitor_id, consent]), [[visitor, denied]]);
    assert.ok(told[0].time > 9000, "the time of the denial");
    agree(page);
    page.wait();
    await turn();
    page.wait();
    await turn();
    assert.deepEqual([told.length, page.storage.has("_at_w_shop")], [1, false]);
  }
  const [page] = await unheard({});
  page.jar.set("_at_c", "ggg");
  const next = open({ before: page });
  await next.load();
  assert.deepEqual([next.withdrawn(), next.sent().length, next.storage.has("_at_w_shop")], [[], 1, false]);
});

test("a denial that is on its way is taken back when the visitor agrees", async () => {
  const page = open({ dataset: manual });
  await page.load();
  const signals = [];
  page.answer = (body, { signal }) => (signals.push(signal), new Promise(() => {}));
  page.window.anytrack.track("Lead");
  await turn();
  page.window.anytrack.consent({ ad_storage: "denied" });
  await turn();
  assert.deepEqual(signals.map(({ aborted }) => aborted), [true, false]);
  page.window.anytrack.consent(granted);
  page.window.anytrack.track("Contact");
  page.window.anytrack.consent(granted);
  await turn();
  assert.deepEqual(signals.map(({ aborted }) => aborted), [true, true, false], "and nothing else is");
});
