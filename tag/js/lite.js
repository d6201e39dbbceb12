// What is left of the tag where WebAssembly is blocked: events without personal data, storage or retry.
//
// Sends name, id, time, address and clean properties, from which the relay reads the click ids, and nothing that
// would have to be hashed. Follows consent like the tag does.
import { clean } from "./clean.js";
import { MAIL } from "./stub.js";
import { send } from "./host.js";

/** An address without the parts that look like personal data. */
const scrub = (url) =>
  url.replace(/([?&#])([^=&#]*)=([^&#]*)/g, (all, mark, name) =>
    MAIL.test(all) || /mail|phone|mobile|name|street|birth|^tel$/i.test(name) ? mark : all,
  ).replace(/[^/?&#]*(@|%40)[^/?&#]*/gi, "");

/** Takes calls in the form of the queue. */
export const lite = (site, endpoint, required) => {
  let letters = "---";
  let held = [];
  return {
    track(name, id, _order, time, url, properties) {
      if (/d/.test(letters.slice(0, 2))) return false;
      held.push({ event: name, event_id: id, time, source: "web", page: { url: scrub(url) }, properties });
      held = held.slice(-100);
      return true;
    },
    consent(answers) {
      letters = letters.replace(/./g, (letter, index) => (answers[index] == "-" ? letter : answers[index]));
      if (/d/.test(letters.slice(0, 2))) held = [];
    },
    flush() {
      if (held.length && !(required && letters.slice(0, 2) != "gg")) {
        send(endpoint, JSON.stringify({ v: 1, site, sent_at: Date.now(), events: held.splice(0) }), 0);
      }
    },
    identify() {},
    reset() {},
    settle() {},
    visitor() {},
    click() {},
  };
};
