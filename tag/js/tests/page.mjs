// A page for the loader's tests: the built tag.js and snippet in a context of their own, on a document of plain
// fields. Nothing here waits for time: a test awaits the outcome it names.
import { readFileSync } from "node:fs";
import { webcrypto } from "node:crypto";
import vm from "node:vm";

const dist = new URL("../../../dist/tag/", import.meta.url);
const read = (name) => readFileSync(new URL(name, dist));
export const manifest = JSON.parse(read("manifest.json"));

/** Opens a page. `wasm: false` is a page whose policy forbids WebAssembly, `subtle: false` one that is not a secure
 * context, `slow: true` one whose processor is so slow that the work on landing rests in between; `before` is an earlier page
 * of the browser, `module` what the relay has for the site, `signals` what the browser itself says. */
export const open = ({
  dataset = {},
  url = "https://shop.example/",
  wasm = true,
  subtle = true,
  slow = false,
  cookies = true,
  before,
  module,
  signals,
} = {}) => {
  const jar = before?.jar ?? new Map();
  const storage = before?.storage ?? new Map();
  const page = { bodies: [], events: [], jar, storage, beacons: true, online: true, fetched: [], imported: [], timers: [], rests: [], module };
  // The names of all cookies that were written or removed.
  page.written = [];
  const listeners = {};
  const listen = (name, listener) => (listeners[name] ||= []).push(listener);
  page.fire = (name, event = {}) => (listeners[name] || []).forEach((listener) => listener(event));
  /** Lets everything run that is about to, until somebody listens to this. */
  page.listened = async (name) => {
    while (!listeners[name]) await new Promise((resolve) => setImmediate(resolve));
  };
  const denied = () => {
    throw new Error("denied");
  };
  const document = {
    referrer: "",
    title: "Shop",
    currentScript: { src: "https://t.shop.example/tag.js", dataset: { site: "shop", ...dataset }, nonce: "" },
    addEventListener: listen,
    dispatchEvent: ({ detail }) => page.events.push(detail),
    get cookie() {
      return cookies ? [...jar].map(([name, value]) => name + "=" + value).join("; ") : denied();
    },
    set cookie(text) {
      if (!cookies) denied();
      const [, name, value, rest] = /^([^=]*)=([^;]*)(.*)$/.exec(text);
      if (/Domain=example$/.test(rest)) return;
      if (/Max-Age=0/.test(rest)) jar.delete(name);
      else jar.set(name, value);
      page.lastCookie = text;
      page.written.push(name);
    },
  };
  const context = {
    document,
    location: new URL(url),
    history: {
      pushState: (_state, _title, address) => (context.location.href = new URL(address, context.location).href),
      replaceState: (_state, _title, address) => (context.location.href = new URL(address, context.location).href),
    },
    navigator: {
      ...signals,
      get onLine() {
        return page.online;
      },
      sendBeacon: (_url, body) => page.beacons && !!page.bodies.push((page.beacon = body)),
    },
    fetch: async (address, options = {}) => {
      page.fetched.push(String(address));
      if (options.method == "POST") {
        page.keepalive = options.keepalive;
        if (page.answer) return page.answer(options.body, options);
        page.bodies.push(options.body);
        return { ok: true, status: 202 };
      }
      const bytes = read(String(address).split("/").pop());
      return new Response(bytes, { headers: { "content-type": "application/wasm" } });
    },
    // As in a browser, its own properties are what it holds.
    localStorage: new Proxy(
      {
        getItem: (key) => (cookies ? storage.get(key) ?? null : denied()),
        setItem: (key, text) => (cookies ? storage.set(key, text) : denied()),
        removeItem: (key) => (cookies ? storage.delete(key) : denied()),
      },
      { ownKeys: () => [...storage.keys()], getOwnPropertyDescriptor: () => ({ configurable: true, enumerable: true }) },
    ),
    addEventListener: listen,
    CustomEvent: class {
      constructor(_name, { detail }) {
        this.detail = detail;
      }
    },
    WebAssembly: wasm ? WebAssembly : { Module: denied },
    crypto: subtle ? webcrypto : { getRandomValues: (bytes) => webcrypto.getRandomValues(bytes) },
    // A clock that stands still, or a processor on which everything takes long.
    performance: { now: () => (slow ? (page.clock = (page.clock ?? 0) + 100) : 0) },
    MessageChannel: class {
      port1 = {};
      port2 = { postMessage: () => page.rests.push(this.port1) };
    },
    setTimeout: (action, ms) => page.timers.push({ action, ms }),
    TextEncoder,
    AbortController,
    Request,
    URLSearchParams,
    TextDecoder,
    URL,
  };
  context.window = context;
  vm.createContext(context);
  page.window = context;
  // A context of its own has no modules: the fallback runs as a script whose value is its default export, and of what
  // the relay has for the site a test says what it gives.
  context.imported = async (address) => {
    page.imported.push(address);
    if (address.endsWith(".wasm.js")) {
      const text = read(address.split("/").pop()).toString();
      const script = text.replace(/export\s*\{\s*([\w$]+) as default\s*\};?\s*$/, "$1").replace(/export default /, "");
      return { default: vm.runInContext(script, context) };
    }
    if (!page.module) throw new Error("not there");
    return page.module;
  };
  page.run = (name) => vm.runInContext(read(name).toString().replaceAll("import(", "imported("), context);
  /** The snippet as the relay fills it in, on a page where neither of its requests ever comes back. `made` is the script it makes. */
  page.runSnippet = (made = { dataset: {} }) => {
    context.fetch = () => new Promise(() => {});
    document.createElement = () => made;
    document.head = { append: (script) => (page.script = script) };
    vm.runInContext(read("snippet.js").toString().replaceAll("__ORIGIN__", "https://t.shop.example"), context);
  };
  page.eval = (code) => vm.runInContext(code, context);
  page.ready = () => new Promise((resolve) => context.anytrack.ready(resolve));
  const bodies = () => page.bodies.flatMap((body) => JSON.parse(body).events);
  /** Every event sent so far, and what the relay was told to forget. */
  page.sent = () => bodies().filter(({ event }) => event != "ConsentWithdrawn");
  page.withdrawn = () => bodies().filter(({ event }) => event == "ConsentWithdrawn");
  /** Lets everything run that is about to, until so many events have been sent. */
  page.until = async (count) => {
    while (page.sent().length < count) await new Promise((resolve) => setImmediate(resolve));
    return page.sent();
  };
  /** Lets the next piece of the work on landing begin, once the one before has ended. */
  page.resume = async () => {
    while (!page.rests[0]) await new Promise((resolve) => setImmediate(resolve));
    page.rests.shift().onmessage();
    await new Promise((resolve) => setImmediate(resolve));
  };
  /** Lets what waits for a better time happen now. */
  page.wait = () => page.timers.splice(0).forEach(({ action }) => action());
  /** Loads the tag and waits for what it sends first. */
  page.load = async () => {
    page.run("tag.js");
    await page.ready();
    await new Promise((resolve) => setImmediate(resolve));
  };
  return page;
};
