// Every text that a page asks for is in the catalogue, in both languages, and none lies there unused.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

const web = join(import.meta.dirname, "..");
const messages = join(web, "../dispatch/messages");

function keys(lang, files) {
  const lines = files.flatMap((file) => readFileSync(join(messages, lang, file), "utf8").split("\n"));
  return lines.filter((line) => /^[a-z]/.test(line)).map((line) => line.split("=")[0].trim());
}

function sources() {
  return ["shared", "rider", "console"].flatMap((folder) =>
    readdirSync(join(web, folder))
      .filter((name) => /\.(svelte|ts)$/.test(name))
      .map((name) => readFileSync(join(web, folder, name), "utf8")),
  );
}

/** Keys in full, and the fixed beginnings of those that are put together. */
function asked() {
  const whole = new Set();
  const begun = new Set();
  for (const text of sources()) {
    for (const [, key] of text.matchAll(/["'`]((?:rider|console|place|needs|hidden|refusal|mode|problem|conflict|resolution)-[a-z0-9-]*[a-z0-9])["'`]/g)) whole.add(key);
    for (const [, key] of text.matchAll(/`((?:rider|console|place|needs|hidden|refusal|mode|conflict|resolution)-(?:[a-z0-9-]*-)?)\$\{/g)) begun.add(key);
  }
  return { whole, begun };
}

test("both languages have the same keys, each once", () => {
  const [ko, en] = ["ko", "en"].map((lang) => keys(lang, ["pages.ftl", "common.ftl"]));
  assert.deepEqual(ko.toSorted(), en.toSorted());
  assert.equal(new Set(ko).size, ko.length);
});

test("no page asks for a text that is missing", () => {
  const known = new Set(keys("ko", ["pages.ftl", "common.ftl"]));
  const { whole, begun } = asked();
  assert.ok(whole.size > 100, `only ${whole.size} keys were found in the pages`);
  assert.deepEqual([...whole].filter((key) => !known.has(key)), []);
  assert.deepEqual([...begun].filter((start) => ![...known].some((key) => key.startsWith(start))), []);
});

test("no text of the pages lies unused", () => {
  const { whole, begun } = asked();
  const used = (key) => whole.has(key) || [...begun].some((start) => key.startsWith(start) && start !== "console-");
  // What begins with driver- the drivers' door says to their phones.
  const ofPages = keys("ko", ["pages.ftl"]).filter((key) => !key.startsWith("driver-"));
  assert.deepEqual(ofPages.filter((key) => !used(key)), []);
});
