// The npm package as it would be published: what is in it, on a server, in a page, in a bundler. Run by `cargo xtask test`
// after `cargo xtask npm` has put it into `dist/npm`.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { fileURLToPath } from "node:url";
import vm from "node:vm";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const dist = join(root, "dist/npm");
const program = (name) => join(root, "xtask/npm/node_modules/.bin", name);
const inFolder = (action) => {
  const folder = mkdtempSync(join(tmpdir(), "anytrack-npm-"));
  try {
    return action(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
};
const METHODS = ["track", "page", "identify", "consent", "visitorId", "clickId", "ready", "reset"];

test("it holds what it should and nothing else, under the product's version", () => {
  const [{ files, version }] = JSON.parse(execFileSync("npm", ["pack", "--dry-run", "--json", "--offline"], { cwd: dist, stdio: ["ignore", "pipe", "ignore"] }));
  assert.deepEqual(files.map(({ path }) => path).sort(), ["LICENSE", "README.md", "anytrack.d.ts", "index.d.ts", "index.js", "package.json"]);
  assert.ok(readFileSync(join(root, "Cargo.toml"), "utf8").includes(`\nversion = "${version}"`), version);
});

test("on a server it does nothing and throws nothing", async () => {
  const tag = await import(join(dist, "index.js"));
  assert.equal(tag.init({ relay: "https://t.shop.example", site: "shop" }), undefined);
  const answers = METHODS.map((method) => tag[method]("Purchase", { value: 1 }));
  assert.deepEqual(answers, ["", "", undefined, undefined, null, null, undefined, undefined]);
  assert.equal(globalThis.anytrack, undefined);
});

/** A bundle of a small program that uses the package, as a bundler makes it. */
const bundle = (program_, ...more) =>
  inFolder((folder) => {
    writeFileSync(join(folder, "app.js"), program_);
    return execFileSync(program("esbuild"), [join(folder, "app.js"), "--bundle", "--minify", "--format=iife", `--alias:anytrack=${join(dist, "index.js")}`, ...more]).toString();
  });

/** A page on which a bundle runs; `made` gives its script elements, `more` is what else its window has. */
const run = (script, { made = () => ({ dataset: {} }), ...more } = {}) => {
  const scripts = [];
  const document = { scripts, createElement: made, head: { append: (one) => scripts.push(one) } };
  const errors = [];
  const console = { error: (...words) => errors.push(words.join(" ")) };
  const context = { ...more, document, console, location: new URL("https://shop.example/"), crypto: globalThis.crypto, TextEncoder, URL };
  context.window = context;
  vm.runInNewContext(script, context);
  return { scripts, errors, anytrack: context.anytrack };
};

test("bundled into a page, it loads the tag once and keeps the calls before it in order", () => {
  const { scripts, anytrack } = run(
    bundle(`import { init, track, identify } from "anytrack";
      track("Before", { order_id: "7" });
      for (const nonce of ["n", "m"]) init({ relay: "https://t.shop.example/", site: "shop", nonce, consent: "required", pageViews: "off", signals: "", parts: true });
      identify({ email: "a@example.com" });`),
  );
  assert.equal(scripts.length, 1);
  const [{ src, nonce, dataset, crossOrigin, async }] = scripts;
  assert.deepEqual([src, nonce, crossOrigin, async], ["https://t.shop.example/tag.js", "n", "anonymous", true]);
  assert.deepEqual({ ...dataset }, { site: "shop", consent: "required", autoPage: "false", signals: "", parts: "" });
  assert.deepEqual([...anytrack.q].map(([, , method]) => method), ["track", "identify"]);
  assert.equal(anytrack.q[0][3], "Before-7");
});

test("settings that are left out are not handed on", () => {
  const { scripts } = run(bundle(`import { init } from "anytrack"; init({ relay: "https://t.shop.example", site: "shop" });`));
  assert.deepEqual({ ...scripts[0].dataset }, { site: "shop" });
  assert.equal(scripts[0].nonce, undefined);
});

test("settings that lead nowhere are told, and harm neither the page nor its calls", () => {
  const example = 'init({ relay: "https://t.shop.example", site: "shop" })';
  for (const settings of ['{ relay: "t.shop.example", site: "shop" }', '{ relay: "t.shop.example:443", site: "shop" }', "{ site: 'shop' }", '{ relay: "https://t.shop.example" }', "{}", ""]) {
    const { scripts, errors, anytrack } = run(bundle(`import { init, track } from "anytrack"; init(${settings}); window.id = track("Lead", { order_id: "7" });`));
    assert.deepEqual([scripts.length, errors.length], [0, 1], settings);
    assert.ok(errors[0].includes(example), errors[0]);
    assert.equal(anytrack.q[0][3], "Lead-7", settings);
  }
  const { errors } = run(bundle(`import { init } from "anytrack"; init(null); init({ relay: "https://t.shop.example", site: "shop" });`));
  assert.equal(errors.length, 1, "what cannot be read is told as well");
  assert.deepEqual(run(bundle(`import { init } from "anytrack"; init({ relay: "https://t.shop.example", site: "shop" });`)).errors, []);
});

/** A page that wants trusted types for scripts, allows these policies, and has this default one. */
const trusting = (allowed, defaultPolicy = null) => {
  class TrustedScriptURL {
    constructor(text) {
      this.toString = () => text;
    }
  }
  const made = [];
  const trustedTypes = {
    defaultPolicy,
    createPolicy: (name, { createScriptURL }) => {
      made.push(name);
      if (!allowed.includes(name)) throw new TypeError(`Policy "${name}" disallowed.`);
      return { createScriptURL: (text) => new TrustedScriptURL(createScriptURL(text)) };
    },
  };
  const element = () => ({
    dataset: {},
    set src(address) {
      const passed = address instanceof TrustedScriptURL ? String(address) : defaultPolicy?.createScriptURL(address);
      if (!passed) throw new TypeError("This document requires 'TrustedScriptURL' assignment.");
      this.address = passed;
    },
    get src() {
      return this.address ?? "";
    },
  });
  const page = run(bundle(`import { init } from "anytrack"; init({ relay: "https://t.shop.example", site: "shop" });`), { trustedTypes, made: element });
  return { ...page, made, sources: page.scripts.map(({ src }) => src) };
};

test("a page that wants trusted types gets the tag by a policy of ours, by its own default one, or is told what to do", () => {
  const source = "https://t.shop.example/tag.js";
  const check = (page, made, sources) => assert.deepEqual([page.made, page.sources, page.errors.length], [made, sources, sources[0] ? 0 : 1]);
  check(trusting(["anytrack"]), ["anytrack"], [source]);
  const passing = { createScriptURL: (url) => (url.startsWith("https://t.shop.example/") ? url : null) };
  check(trusting(["default"], passing), [], [source]);
  const refusals = [trusting(["other"]), trusting(["default"], { createScriptURL: () => null })];
  check(refusals[0], ["anytrack"], []);
  check(refusals[1], [], []);
  for (const { errors } of refusals) {
    for (const advice of ["trusted-types anytrack", "createScriptURL", source]) assert.ok(errors[0].includes(advice), errors[0]);
  }
});

test("what is imported and not used leaves nothing in the bundle", () => {
  assert.equal(bundle(`import "anytrack"; import { track } from "anytrack";`).trim(), "(()=>{})();");
});

test("its types hold for those who import it", () => {
  inFolder((folder) => {
    const lines = `import { init, track, visitorId, type Settings, type StandardEvent } from "anytrack";
      const settings: Settings = { relay: "https://t.shop.example", site: "shop", consent: "required" };
      init(settings);
      const name: StandardEvent = "Purchase";
      const id: string = track(name, { value: 1, currency: "EUR" });
      const visitor: string | null = visitorId();
      // @ts-expect-error a site is needed
      init({ relay: "https://t.shop.example" });
      // @ts-expect-error there is one rule
      init({ relay: "https://t.shop.example", site: "shop", consent: "optional" });
      export { id, visitor };`;
    writeFileSync(join(folder, "app.ts"), lines);
    const paths = { anytrack: [join(dist, "index.d.ts")] };
    const compilerOptions = { strict: true, noEmit: true, target: "es2020", lib: ["es2020", "dom"], module: "esnext", moduleResolution: "bundler", types: [], paths };
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["app.ts"] }));
    execFileSync(program("tsc"), ["-p", folder], { stdio: "pipe" });
  });
});
