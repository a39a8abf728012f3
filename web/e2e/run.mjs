// Plays riders and an operator in a real Chromium against a running node.
//
//   node e2e/run.mjs BASE_URL [--only NAME,NAME] [--shots DIR] [--node URL]... [--taxi] [--says FILE] [--link NAME=FROM,TO]...
//
// Accounts come from ONDOL_ACCOUNT and ONDOL_PASSWORD, drivers who may be asked from ONDOL_DRIVERS ([{"phone", "secret"}]). `--node` names other nodes that the page may ask,
// `--taxi` waits until a taxi is assigned, `--says` is where a demo listens for a visitor's PIN. `--link central=http://…:1,http://…:2` listens at the first URL and
// passes on to the node at the second, until a story cuts it. One JSON line per story; the last line sums up. Exit 0 if all passed.

import { open } from "./browser.mjs";
import { callByKeyboard, hostileText, modes, nothingMissed, signOutFails, wrongPassword } from "./console.mjs";
import { link } from "./links.mjs";
import { askedOn, deadNode, farNode, oneTaxi } from "./outage.mjs";
import { bookFollowCancel, english, fullNode, nextNode, oldOrder, othersLink, ride, withoutNetwork } from "./rider.mjs";
import { whyThisDriver } from "./why.mjs";

const stories = {
  bookFollowCancel, ride, english, withoutNetwork, nextNode, othersLink, oldOrder, fullNode,
  farNode, askedOn, oneTaxi, deadNode,
  wrongPassword, callByKeyboard, hostileText, nothingMissed, signOutFails, modes, whyThisDriver,
};

function usage(text) {
  console.error(text);
  process.exit(2);
}

const [base, ...rest] = process.argv.slice(2);
if (!/^https?:\/\//.test(base ?? "")) usage("say which node: node e2e/run.mjs http://127.0.0.1:8080");
const options = {
  base: base.replace(/\/$/, ""),
  nodes: [],
  links: [],
  account: process.env.ONDOL_ACCOUNT ?? "operator",
  password: process.env.ONDOL_PASSWORD ?? "",
  drivers: JSON.parse(process.env.ONDOL_DRIVERS ?? "[]"),
};
let only = Object.keys(stories);
for (let at = 0; at < rest.length; at += 1) {
  if (rest[at] === "--taxi") options.taxi = true;
  else if (rest[at] === "--only") only = (rest[++at] ?? "").split(",");
  else if (rest[at] === "--says") options.says = rest[++at];
  else if (rest[at] === "--shots") options.shots = rest[++at];
  else if (rest[at] === "--node") options.nodes.push(rest[++at]);
  else if (rest[at] === "--link") {
    const [, name, from, to] = /^([^=]+)=([^,]+),(.+)$/.exec(rest[++at] ?? "") ?? usage("--link NAME=FROM,TO");
    options.links.push(await link({ name, from, to }));
  } else if (rest[at] === "--lang") options.lang = rest[++at];
  else usage(`${rest[at]} is not an option`);
}
for (const name of only) if (!(name in stories)) usage(`${name} is not a story: ${Object.keys(stories).join(", ")}`);

// The page asks the nodes of this list, so they are no strangers.
const { endpoints } = await (await fetch(`${options.base}/rider/v1/endpoints`)).json();
options.nodes.push(...endpoints.map((endpoint) => endpoint.url));

const chrome = await open(options);
let failed = 0;
for (const name of only) {
  const began = Date.now();
  try {
    const saw = await stories[name](chrome, options);
    console.log(JSON.stringify({ story: name, passed: true, ms: Date.now() - began, ...(saw ? { saw } : {}) }));
  } catch (error) {
    failed += 1;
    console.log(JSON.stringify({ story: name, passed: false, ms: Date.now() - began, error: String(error?.stack ?? error) }));
  }
}
await chrome.close();
for (const one of options.links) one.close();
console.log(JSON.stringify({ passed: only.length - failed, failed }));
process.exit(failed === 0 ? 0 : 1);
