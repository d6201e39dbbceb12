// What docs/site-token.md tells a site's server to write is what the relay takes: the same example as in the relay's own
// test, computed there by OpenSSL.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const page = readFileSync(new URL("../../../docs/site-token.md", import.meta.url), "utf8");
const rust = readFileSync(new URL("../../../relay/src/collect/site_token.rs", import.meta.url), "utf8");

test("the page's JavaScript makes the relay's token", async () => {
  const code = /```js\n([^]*?)```/.exec(page)[1];
  const module = "data:text/javascript," + encodeURIComponent(`${code}\nexport default siteToken;`);
  const { default: siteToken } = await import(module);
  const mac = /const MAC: &str = "([0-9a-f]{64})"/.exec(rust)[1];
  const made = siteToken("shop", "secret-of-the-site-0123456789", 1_795_183_509_123);
  assert.equal(made, `shop~1795269909~${mac}`);
});
