// The snippet that a site pastes: the stub, and the two requests that fetch the tag, side by side.
//
// The names in capitals are filled in by the relay: its own address, the site's key, the two file names and their
// integrity hashes. Attributes of the snippet's own script element (nonce, data-consent, data-country,
// data-auto-page, data-site where the site signs it) are handed to the tag's.
import { install } from "./stub.js";

install();
const own = document.currentScript;
// The browser runs it when it comes, as every script that a script makes.
const script = document.createElement("script");
// A failed fetch is tried again by the tag, and must not show up in the page's error log.
const wasm = fetch("__ORIGIN__/__WASM__", { integrity: "__WASM_INTEGRITY__" }).then((answer) => answer.arrayBuffer());
wasm.catch(() => {});
window.anytrack.w = ["__WASM__", wasm];
script.dataset.site = "__SITE__";
Object.assign(script.dataset, own?.dataset);
if (own) script.nonce = own.nonce;
// Anonymous.
script.crossOrigin = "";
script.integrity = "__TAG_INTEGRITY__";
// Throws where the page's policy wants Trusted Types and has none for it.
try {
  script.src = "__ORIGIN__/__TAG__";
  document.head.append(script);
} catch {}
