// Page views, and what the browser itself says: pages that change without loading, that come back out of the browser's
// memory, Global Privacy Control. Run by `cargo xtask test` after the tag is built.
import assert from "node:assert/strict";
import test from "node:test";
import { open } from "./page.mjs";

const shop = "https://shop.example";
const granted = { ad_storage: "granted", ad_user_data: "granted" };

/** Opens a page and gives it with a way to see its page views: address and referrer below the shop's origin. */
const viewed = async (options) => {
  const page = open({ url: shop + "/a?x=1", ...options });
  page.window.document.referrer = "https://search.example/";
  await page.load();
  const views = async () => {
    await Promise.resolve();
    const short = (url) => url?.replace(shop, "");
    return page.sent().filter(({ event }) => event == "PageView").map(({ page }) => [short(page.url), short(page.referrer)]);
  };
  return [page, views];
};

test("a page view for each step of the history, and none for housekeeping", async () => {
  const [page, views] = await viewed();
  const { history } = page.window;
  history.pushState({}, "", "/b");
  history.pushState({}, "", "/b");
  history.replaceState({}, "", "/b?sorted=1");
  history.pushState({}, "", "/b?sorted=1#reviews");
  history.replaceState({}, "", "/c");
  page.window.location.href = shop + "/a?x=1";
  page.fire("popstate");
  page.fire("popstate");
  assert.deepEqual(await views(), [
    ["/a?x=1", "https://search.example/"],
    ["/b", "/a?x=1"],
    ["/c", "/b?sorted=1#reviews"],
    ["/a?x=1", "/c"],
  ]);
});

test("events between two page views carry the page they happened on", async () => {
  const [page] = await viewed();
  page.window.anytrack.track("One");
  page.window.history.pushState({}, "", "/b");
  page.window.anytrack.track("Two");
  await Promise.resolve();
  const at = (name) => page.sent().find(({ event }) => event == name).page;
  assert.deepEqual([at("One").url, at("Two").url, at("Two").referrer], [shop + "/a?x=1", shop + "/b", shop + "/a?x=1"]);
});

test("the page says which page views it wants", async () => {
  const check = async (autoPage, expected) => {
    const [page, views] = await viewed({ dataset: { autoPage } });
    page.window.history.pushState({}, "", "/a?x=1#/route");
    page.window.history.pushState({}, "", "/b");
    assert.deepEqual((await views()).map(([url]) => url), expected, autoPage);
  };
  await check("true", ["/a?x=1", "/b"]);
  await check("hash", ["/a?x=1", "/a?x=1#/route", "/b"]);
  await check("load", ["/a?x=1"]);
  await check("false", []);
});

test("a page out of the browser's memory is viewed again", async () => {
  const [page, views] = await viewed();
  page.fire("pageshow", { persisted: false });
  assert.equal((await views()).length, 1);
  page.fire("pageshow", { persisted: true });
  assert.deepEqual((await views())[1], ["/a?x=1", "https://search.example/"]);
});

test("a browser that says no is believed, unless the site says otherwise", async () => {
  const check = async (signals, dataset, sends) => {
    const page = open({ signals, dataset });
    await page.load();
    page.window.anytrack.consent(granted);
    page.window.anytrack.track("Lead");
    await Promise.resolve();
    assert.deepEqual([page.sent().length > 0, page.jar.size > 0], [sends, sends], JSON.stringify({ signals, dataset }));
  };
  await check({ globalPrivacyControl: true }, {}, false);
  await check({ globalPrivacyControl: false }, {}, true);
  await check({ globalPrivacyControl: true }, { signals: "" }, true);
  await check({ globalPrivacyControl: true }, { signals: "gpc dnt" }, false);
  await check({ doNotTrack: "1" }, {}, true);
  await check({ doNotTrack: "1" }, { signals: "gpc dnt" }, false);
  await check({ doNotTrack: "0" }, { signals: "dnt" }, true);
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
