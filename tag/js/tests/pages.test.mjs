// Page views, and what the browser itself says: pages that change without loading, that come back out of the browser's
// memory, Global Privacy Control. Run by `cargo xtask test` after the tag is built.
import assert from "node:assert/strict";
import test from "node:test";
import { manifest, open } from "./page.mjs";

const shop = "https://shop.example";
const short = (url) => url?.replace(shop, "");
const granted = { ad_storage: "granted", ad_user_data: "granted" };

/** Opens a page and gives it with a way to see its page views: address and referrer below the shop's origin. */
const viewed = async (options) => {
  const page = open({ url: shop + "/a?x=1", ...options });
  page.window.document.referrer = "https://search.example/";
  await page.load();
  const views = async () => {
    await Promise.resolve();
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

/** Opens a page that goes elsewhere by `before` while the tag is still loading, and gives what `viewed` does. */
const moving = async (url, code, dataset = {}) => {
  const page = open({ url: shop + url, dataset });
  page.window.document.referrer = "https://search.example/";
  page.run("tag.js");
  page.eval(code);
  await page.load();
  return [page, () => page.sent().filter(({ event }) => event == "PageView").map(({ page }) => [short(page.url), short(page.referrer)])];
};

test("one page view for each address, also where the page moves on before the tag is there", async () => {
  const search = "https://search.example/";
  const check = async (url, code, expected, dataset) => {
    const [page, views] = await moving(url, code, dataset);
    assert.deepEqual(views(), expected, code);
    page.window.history.replaceState({}, "", "?sorted=1");
    await Promise.resolve();
    assert.equal(views().length, expected.length, code);
    return page;
  };
  await check("/", 'history.replaceState({}, "", "/en")', [["/en", search]]);
  const both = [["/a", search], ["/b", "/a"]];
  const page = await check("/a", 'anytrack.track("Early"); history.pushState({}, "", "/b")', both);
  const early = page.sent().find(({ event }) => event == "Early").page;
  assert.deepEqual([short(early.url), early.referrer], ["/a", search], "what came before the move came from outside");
  assert.deepEqual(page.sent().map(({ page }) => page.title), [undefined, undefined, undefined], "and the title is the next page's");
  await check("/a", 'anytrack.track("Early"); history.replaceState({}, "", "/a?x=1#y")', [["/a", search]]);
  await check("/a", 'anytrack.track("Early"); history.pushState({}, "", "/b")', [["/a", search]], { autoPage: "load" });
  await check("/a", 'anytrack.track("Early"); history.pushState({}, "", "/b")', [], { autoPage: "false" });
});

test("a page view has no title where the one that is there may be the page's before", async () => {
  const [page] = await viewed();
  page.window.history.pushState({}, "", "/b");
  page.window.document.title = "B";
  page.window.anytrack.track("Lead");
  page.window.anytrack.page();
  page.fire("pageshow", { persisted: true });
  await Promise.resolve();
  const titles = page.sent().map(({ event, page }) => [event, page.title]);
  const later = [["Lead", "B"], ["PageView", "B"], ["PageView", "B"]];
  assert.deepEqual(titles, [["PageView", "Shop"], ["PageView", undefined], ...later]);
});

test("a page that the browser only keeps ready is not counted and stores nothing until it is shown", async () => {
  for (const wasm of [true, false]) {
    const page = open({ wasm });
    page.window.document.prerendering = true;
    page.eval("Date.now = () => 1000");
    page.run("tag.js");
    page.window.anytrack.track("Early");
    await page.listened("prerenderingchange");
    for (let turns = 9; turns--; ) await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual([page.bodies.length, page.jar.size, page.storage.size], [0, 0, 0]);
    assert.ok([...page.fetched, ...page.imported].some((name) => name.includes(manifest.wasm)), "loaded all the same");
    page.eval("Date.now = () => 9000");
    page.window.document.prerendering = false;
    page.fire("prerenderingchange");
    const [view, early] = await page.until(2);
    assert.deepEqual([view.event, early.event, early.time], ["PageView", "Early", 1000]);
    assert.equal(page.jar.get("_at_vid"), view.visitor_id);
  }
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

test("a name of the page's that the browser uses as well stops no page view", async () => {
  const listeners = [];
  const element = { addEventListener: (name) => listeners.push(name) };
  class Navigation {
    addEventListener(name, listener) {
      listeners.push(listener);
    }
  }
  const check = async (own, expected) => {
    listeners.length = 0;
    const page = open({ url: shop + "/a" });
    Object.assign(page.window, own);
    await page.load();
    page.window.history.pushState({}, "", "/b");
    for (const listener of listeners) listener({ navigationType: "push" });
    page.fire("pageshow", { persisted: true });
    await Promise.resolve();
    assert.deepEqual(page.sent().map(({ page }) => short(page.url)), expected);
    return listeners.length;
  };
  const views = ["/a", "/b", "/b"];
  for (const navigation of [element, "main", null]) {
    assert.equal(await check({ navigation }, views), 0);
    assert.equal(await check({ navigation, Navigation }, views), 0);
  }
  assert.equal(await check({ navigation: new Navigation(), Navigation }, views), 1, "the browser's own");
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
