// The snippet as it is built, on pages that will not have it. Run by `cargo xtask test` after the tag is built.
import assert from "node:assert/strict";
import test from "node:test";
import { open } from "./page.mjs";

test("a page whose policy takes no address for a script hears no error, and may call as ever", () => {
  const page = open();
  page.runSnippet({
    dataset: {},
    set src(address) {
      throw new TypeError("This document requires 'TrustedScriptURL' assignment.");
    },
  });
  assert.equal(page.script, undefined);
  assert.equal(typeof page.window.anytrack.track("Lead"), "string");
});

test("elsewhere it brings the tag, whole and with the site's key", () => {
  const page = open();
  page.runSnippet();
  const { src, crossOrigin, dataset } = page.script;
  assert.deepEqual([src, crossOrigin], ["https://t.shop.example/__TAG__", ""]);
  assert.equal(dataset.site, "shop");
});
