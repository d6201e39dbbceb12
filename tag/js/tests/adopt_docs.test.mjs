// The tables of docs/tag/adopt.md are those of the code. `UPDATE_GOLDEN=1 node --test` writes them.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import test from "node:test";
import { TRIGGER } from "../parts/adopt/anytrack.js";
import { GA4, UA } from "../parts/adopt/data_layer.js";
import { FBQ } from "../parts/adopt/fbq.js";
import { PIXELS } from "../parts/adopt/pixels.js";
import { TTQ } from "../parts/adopt/ttq.js";
import { UETQ } from "../parts/adopt/uetq.js";
import { open } from "./adopt_page.mjs";

const page = new URL("../../../docs/tag/adopt.md", import.meta.url);

/** Ours to all of theirs. */
const turned = (table) => {
  const names = {};
  for (const [theirs, ours] of Object.entries(table)) (names[ours] ||= []).push("`" + theirs + "`");
  return Object.entries(names);
};

const rows = (lines) => lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n");

const code = (name) => "`" + name + "`";

const source = ({ names, properties, list, items }) => {
  const told = turned(names);
  const alike = told.filter(([ours, theirs]) => theirs.join() == code(ours));
  const other = told.filter((line) => !alike.includes(line)).map(([ours, theirs]) => [ours, theirs.join(", ")]);
  const each = turned(items).map(([ours, theirs]) => (theirs[0] == code(ours) ? code(ours) : `${theirs} → ${code(ours)}`));
  const text = [
    alike[0] && `Events of the same name: ${alike.map(([ours]) => ours).join(", ")}.\n`,
    other[0] && rows([["event", "is told as"], ["---", "---"], ...other]) + "\n",
    rows([
      ["property", "is told as"],
      ["---", "---"],
      ...turned(properties).map(([ours, theirs]) => [code(ours), theirs.join(", ")]),
      [code("items"), `${code(list)}, of each ${each.join(", ")}`],
    ]),
  ];
  return text.filter(Boolean).join("\n");
};

const pixels = rows([
  ["in `pixels`", "call", "takes our id as"],
  ["---", "---", "---"],
  ["`meta`, `tiktok`, `microsoft`", "as above, with the source switched off", "`eventID`, `event_id`, `event_id`"],
  ["`google`", "`gtag('event', 'purchase', …)`", "`transaction_id`, where it has none"],
  ...Object.entries(PIXELS).map(([name, [global, command, key]]) => [code(name), code(`${global}('${command}', …)`), code(key)]),
]);

const tables = Object.entries({ GA4, UA, FBQ, TTQ, UETQ, TRIGGER }).map(([name, words]) => [name, source(words)]);

test("with the line to paste, calls before the part are adopted as those after it", () => {
  const line = /<script>(window\.AnyTrack=.*)<\/script>/.exec(readFileSync(page, "utf8"))[1];
  const site = open();
  // A page's scripts find the properties of its window without naming it.
  const run = (code) => new Function("window", `with (window) { ${code} }`)(site.window);
  run(line);
  run('AnyTrack("trigger", "Lead", { value: 1, currency: "EUR" }); AnyTrack("trigger", "Purchase", { transactionId: "T-7" })');
  site.start();
  run(line);
  run('AnyTrack("trigger", "Contact")');
  assert.deepEqual(site.events().map(({ name, properties }) => [name, properties.order_id]), [
    ["Lead", undefined],
    ["Purchase", "T-7"],
    ["Contact", undefined],
  ]);
});

test("the page shows the tables of the code", () => {
  const there = readFileSync(page, "utf8");
  let text = there;
  for (const [name, table] of [...tables, ["PIXELS", pixels]]) {
    const mark = `<!-- generated: ${name} -->`;
    const [before, after] = text.split(mark);
    assert.ok(after, `no mark ${name}`);
    text = `${before}${mark}\n\n${table}\n\n${after.slice(after.indexOf("<!-- end -->"))}`;
  }
  if (process.env.UPDATE_GOLDEN) writeFileSync(page, text);
  else assert.equal(there, text, "run with UPDATE_GOLDEN=1");
});
