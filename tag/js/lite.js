// What is left of the tag where WebAssembly is blocked: events without personal data, storage or retry.
//
// Sends name, id, time, address and clean properties, from which the relay reads the click ids, and nothing that
// would have to be hashed. Follows consent like the tag does.
import { send } from "./host.js";
import { MAIL } from "./stub.js";

/** An address without the parts that look like personal data. */
const scrub = (url) =>
  url
    .replace(/([?&#])([^=&#]*)=([^&#]*)/g, (all, mark, name) =>
      MAIL.test(all) || /mail|phone|mobile|name|street|birth|^tel$/i.test(name) ? mark : all,
    )
    .replace(/[^/?&#]*(@|%40)[^/?&#]*/gi, "");

/** Has the functions of the WebAssembly module. */
export const lite = () => {
  let letters = "---";
  let required;
  let held = [];
  const denied = () => /d/.test(letters.slice(0, 2));
  const nothing = () => "";
  return {
    start: (_url, _now, _spare, _country, consentRequired) => {
      required = consentRequired;
    },
    track: (texts) => {
      const [event, event_id, , time, url, , , properties] = texts.split("\n");
      if (denied()) return false;
      const page = { url: scrub(url) };
      held.push({ event, event_id, time: +time, source: "web", page, properties: JSON.parse(properties) });
      held = held.slice(-100);
      return true;
    },
    consent: (answers) => {
      letters = letters.replace(/./g, (letter, index) => (answers[index] == "-" ? letter : answers[index]));
      if (denied()) held = [];
    },
    flush: () => {
      if (held.length && !(required && letters.slice(0, 2) != "gg")) {
        send(held.splice(0).map((event) => JSON.stringify(event)).join("\n"));
      }
    },
    identify: nothing,
    reset: nothing,
    back: nothing,
    visitor: nothing,
    click: nothing,
  };
};
