// What a rider's page does when nodes disappear: central and two edges behind links that a story cuts.

import assert from "node:assert/strict";

import { mapDrawn, placeOf, shot } from "./browser.mjs";
import { healing, linksOf } from "./links.mjs";
import { PHONE, choose, status } from "./rider.mjs";

const NO_LINKS = { skipped: "no links to cut: give --link central=…, edge-a=…, edge-b=…, peer-b=…, peer-central=…" };
const FOLLOWED = ["open", "offered", "assigned", "arrived", "boarded"];

const post = (url, body) =>
  fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
const kept = (page, key) => page.evaluate((key) => JSON.parse(localStorage.getItem(key)), key);
const known = async (page) => (await kept(page, "ondol.endpoints")).endpoints.map((endpoint) => endpoint.node).sort();

/** A fresh visitor whose device has the page and the list of nodes. */
async function visitor(chrome, url) {
  const opened = await chrome.visitor(PHONE);
  await opened.page.goto(url + "/");
  await opened.page.evaluate(() => navigator.serviceWorker.ready.then(() => true));
  await opened.page.waitForFunction(() => localStorage.getItem("ondol.endpoints") !== null);
  await mapDrawn(opened.page);
  return opened;
}

async function cancelHere(page) {
  await page.click("button.danger");
  await page.click("button.danger");
  await status(page, ["cancelled"]);
}

/** Books at `node` without a page; returns what its link opens. */
async function bookAt(node) {
  const place = await placeOf(node);
  const { places } = await (await fetch(`${node}/rider/v1/places?q=${encodeURIComponent(place)}&lang=ko`)).json();
  const wish = { booking_id: crypto.randomUUID(), door: "web", lang: "ko", pickup: { position: places[0].position } };
  const answer = await post(`${node}/rider/v1/bookings`, wish);
  assert.equal(answer.status, 201);
  return answer.json();
}

/** Central dies; the edge that answers first knows another district's edge, and a rider there still books. */
export async function farNode(chrome, options) {
  const links = linksOf(options, "central", "edge-a", "edge-b");
  if (!links) return NO_LINKS;
  const [central, edgeA, edgeB] = links;
  const place = await placeOf(edgeB.node);
  return healing(options, async () => {
    const { context, page, complaints } = await visitor(chrome, central.url);
    central.cut();
    // An edge that was not told of its neighbours names only itself and central.
    await context.route(`${edgeA.url}/rider/v1/endpoints`, async (route) => {
      const answer = await route.fetch();
      const told = await answer.json();
      const endpoints = told.endpoints.filter((endpoint) => endpoint.node !== "edge-b");
      await route.fulfill({ response: answer, json: { ...told, endpoints } });
    });
    const learnt = page.waitForResponse((answer) => answer.url().startsWith(edgeA.url) && answer.url().endsWith("/endpoints"));
    await page.reload();
    await learnt;
    await choose(page, "pickup", place);
    await page.click("#book");
    await status(page, FOLLOWED);
    assert.deepEqual(await known(page), ["central", "edge-a", "edge-b"], "nobody is forgotten");
    assert.equal((await kept(page, "ondol.booking")).node, edgeB.url, "the district's own node has it");
    await cancelHere(page);
    await context.close();

    // A device that has never seen central: the edge tells of its neighbour, and its policy lets the page ask there.
    const fresh = await visitor(chrome, edgeA.url);
    await choose(fresh.page, "pickup", place);
    await fresh.page.click("#book");
    await status(fresh.page, FOLLOWED);
    await cancelHere(fresh.page);
    assert.deepEqual([...complaints, ...fresh.complaints], []);
    await fresh.context.close();
  });
}

/** An edge that has not heard of a booking says nothing about the next one: cancelling and links go on asking. */
export async function askedOn(chrome, options) {
  const links = linksOf(options, "central", "edge-a", "edge-b");
  if (!links) return NO_LINKS;
  const [central, edgeA, edgeB] = links;
  return healing(options, async () => {
    const place = await placeOf(edgeB.node);
    const { context, page, complaints } = await visitor(chrome, central.url);
    central.cut();
    await choose(page, "pickup", place);
    await page.click("#book");
    await status(page, FOLLOWED);
    // The device forgets who told it, as one does that was updated meanwhile.
    await page.evaluate(() => {
      const { node, ...rest } = JSON.parse(localStorage.getItem("ondol.booking"));
      localStorage.setItem("ondol.booking", JSON.stringify(rest));
    });
    await page.reload();
    await status(page, FOLLOWED);
    await cancelHere(page);
    await context.close();

    const theirs = await bookAt(edgeB.node);
    const guest = await chrome.visitor(PHONE);
    await guest.page.goto(`${edgeA.url}/#${theirs.token}`);
    await status(guest.page, FOLLOWED);
    assert.equal(await guest.page.textContent("[data-code]"), theirs.code);
    await post(`${edgeB.node}/rider/v1/bookings/${theirs.token}/cancel`, { reason: "other" });
    await status(guest.page, ["cancelled"]);
    assert.deepEqual([...complaints, ...guest.complaints], []);
    await guest.context.close();
  });
}

/** The edge that plans a booking falls silent: central, which does not know it, is not sent a second wish unasked. */
export async function oneTaxi(chrome, options) {
  const links = linksOf(options, "central", "edge-b", "peer-b", "peer-central");
  if (!links) return NO_LINKS;
  const [central, edgeB, ...peers] = links;
  return healing(options, async () => {
    const place = await placeOf(edgeB.node);
    for (const peer of peers) peer.cut();
    const { context, page, complaints } = await visitor(chrome, central.url);
    await choose(page, "pickup", place);
    central.cut();
    await page.click("#book");
    await status(page, FOLLOWED);
    const { token } = await kept(page, "ondol.booking");
    central.heal();
    edgeB.cut();
    await page.waitForSelector("[data-doubt=missing]", { timeout: 60_000 });
    await shot(page, options, "rider-missing");
    const atCentral = () => fetch(`${central.node}/rider/v1/bookings/${token}`).then((answer) => answer.status);
    assert.equal(await atCentral(), 404, "central was not sent it");
    edgeB.heal();
    await page.waitForSelector("[data-doubt=missing]", { state: "detached", timeout: 60_000 });
    await status(page, FOLLOWED);
    assert.equal(await atCentral(), 404);
    await cancelHere(page);
    assert.deepEqual(complaints, []);
    await context.close();
  });
}

/** The page opens from the device when the node's proxy answers in its stead, and when nobody says anything. */
export async function deadNode(chrome, options) {
  const links = linksOf(options, "central");
  if (!links) return NO_LINKS;
  const [central] = links;
  return healing(options, async () => {
    const { context, page, complaints } = await visitor(chrome, central.url);
    // The second visit is through the worker, which keeps what the policy says by now.
    await page.reload();
    await page.waitForSelector("#book");
    for (const die of [central.answerAsGateway, central.silence]) {
      die();
      await page.reload({ waitUntil: "domcontentloaded", timeout: 15_000 });
      await page.waitForSelector("#book", { timeout: 15_000 });
    }
    assert.deepEqual(complaints, []);
    await context.close();
  });
}
