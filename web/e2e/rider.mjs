// A guest books, follows, reloads, cancels; and what the page does without a network.

import assert from "node:assert/strict";
import { appendFile } from "node:fs/promises";

import { mapDrawn, placeOf, shot, somePlaces } from "./browser.mjs";

const FOLLOWED = ["open", "offered", "assigned", "arrived", "boarded"];
export const PHONE = { width: 412, height: 860 };

export async function choose(page, field, text) {
  await page.fill(`#${field}`, text);
  await page.waitForSelector(`#${field}-list [role=option]`);
  await page.press(`#${field}`, "Enter");
}

export async function status(page, wanted, timeout = 60_000) {
  await page.waitForFunction(
    (list) => list.includes(document.querySelector("[data-status]")?.getAttribute("data-status")),
    wanted,
    { timeout },
  );
  return page.getAttribute("[data-status]", "data-status");
}

/** Waits until the taxi's pin lies on the map, and not under the sheet. */
export async function taxiIsSeen(page, timeout = 30_000) {
  await page.waitForFunction(
    () => {
      const [pin, map, sheet] = [".pin-taxi", ".map", ".sheet"].map((part) => document.querySelector(part)?.getBoundingClientRect());
      if (!pin) return false;
      return pin.top >= map.top && pin.bottom <= Math.min(map.bottom, sheet.top) && pin.left >= map.left && pin.right <= map.right;
    },
    undefined,
    { timeout },
  );
}

export async function bookFollowCancel(chrome, options) {
  const { context, page, complaints } = await chrome.visitor(PHONE);
  const [from, to] = await somePlaces(options.base);
  await page.goto(options.base + "/");
  await choose(page, "pickup", from);
  await choose(page, "dropoff", to);
  await page.waitForSelector(".quote strong");
  await mapDrawn(page);
  await shot(page, options, "rider-order");
  await page.click("#book");
  const first = await status(page, ["open", "offered", "assigned", "arrived", "boarded"]);
  const pin = await page.textContent("[data-pin]");
  const code = await page.textContent("[data-code]");
  assert.match(pin, /^\d{4}$/);
  assert.match(code, /^[0-9A-Z]{4}$/);
  if (options.taxi) {
    await status(page, ["assigned", "arrived", "boarded"], 120_000);
    await taxiIsSeen(page);
  }
  await shot(page, options, "rider-follow");

  await page.reload();
  await status(page, ["open", "offered", "assigned", "arrived", "boarded"]);
  assert.equal(await page.textContent("[data-code]"), code, "a reload keeps the booking");

  await page.click("button.danger");
  await page.click("button.danger");
  await status(page, ["cancelled"]);
  await page.click("button.primary");
  await page.waitForSelector("#book");
  assert.deepEqual(complaints, []);
  await context.close();
  return { first, code };
}

/** Books, tells the driver at the pickup the PIN, rides and arrives; needs a demo with drivers. */
export async function ride(chrome, options) {
  if (!options.says) return { skipped: "no demo to ride in: give --says target/demo/open/visitor/says.jsonl" };
  const { context, page, complaints } = await chrome.visitor(PHONE);
  const [from, to] = await somePlaces(options.base);
  await page.goto(options.base + "/");
  await choose(page, "pickup", from);
  await choose(page, "dropoff", to);
  await page.click("#book");
  await status(page, ["assigned", "arrived"], 300_000);
  const pin = await page.textContent("[data-pin]");
  const code = await page.textContent("[data-code]");
  await status(page, ["arrived"], 600_000);
  await shot(page, options, "rider-arrived");
  await appendFile(options.says, JSON.stringify({ pin: { code, pin } }) + "\n");
  await status(page, ["boarded"], 300_000);
  await taxiIsSeen(page);
  await shot(page, options, "rider-boarded");
  await status(page, ["done"], 900_000);
  await shot(page, options, "rider-done");
  const receipt = await page.textContent("main");
  assert.deepEqual(complaints, []);
  await context.close();
  return { code, receipt: receipt.replace(/\s+/g, " ").trim() };
}

export async function english(chrome, options) {
  const { context, page, complaints } = await chrome.visitor({ ...PHONE, lang: "en-GB", dark: true });
  await page.goto(options.base + "/");
  assert.equal(await page.textContent("h1"), "Book a taxi");
  await page.click("header button");
  assert.equal(await page.textContent("h1"), "택시 부르기");
  await page.reload();
  assert.equal(await page.textContent("h1"), "택시 부르기", "the choice is kept");
  await mapDrawn(page);
  await shot(page, options, "rider-dark");
  assert.deepEqual(complaints, []);
  await context.close();
}

export async function withoutNetwork(chrome, options) {
  const { context, page, complaints } = await chrome.visitor(PHONE);
  const [from] = await somePlaces(options.base);
  await page.goto(options.base + "/");
  await page.evaluate(() => navigator.serviceWorker.ready.then(() => true));
  await mapDrawn(page);
  await choose(page, "pickup", from);
  await context.setOffline(true);
  await page.click("#book");
  await status(page, ["sending"]);
  await page.waitForSelector(".notice.care");
  await shot(page, options, "rider-cut-off");
  const kept = await page.evaluate(() => JSON.parse(localStorage.getItem("ondol.booking")).body.booking_id);
  await page.reload();
  await status(page, ["sending"]);
  const again = await page.evaluate(() => JSON.parse(localStorage.getItem("ondol.booking")).body.booking_id);
  assert.equal(again, kept, "the key is the same after a reload without a network");
  await context.setOffline(false);
  await status(page, ["open", "offered", "assigned", "arrived", "boarded"]);
  const booked = await page.evaluate(() => JSON.parse(localStorage.getItem("ondol.booking")).view.booking);
  assert.equal(booked, kept, "what was kept is what was booked");
  await page.click("button.danger");
  await page.click("button.danger");
  await status(page, ["cancelled"]);
  assert.deepEqual(complaints, []);
  await context.close();
}

/** The node that served the page falls silent: the booking goes on at the next one, under the same key. */
export async function nextNode(chrome, options) {
  const other = options.nodes.find((node) => new URL(node).host !== new URL(options.base).host);
  if (!other) return { skipped: "the system has one node" };
  const { context, page, complaints } = await chrome.visitor(PHONE);
  const place = await placeOf(other);
  await page.goto(options.base + "/");
  await mapDrawn(page);
  await choose(page, "pickup", place);
  const silent = options.nodes.concat(options.base).filter((node) => node !== other);
  for (const node of silent) await context.route(`${node}/rider/**`, (route) => route.abort());
  await page.click("#book");
  await status(page, ["open", "offered", "assigned", "arrived", "boarded"]);
  const booked = await page.evaluate(() => JSON.parse(localStorage.getItem("ondol.booking")));
  assert.equal(booked.view.booking, booked.body.booking_id);
  const asked = await (await fetch(`${other}/rider/v1/bookings/${booked.token}`)).json();
  assert.equal(asked.booking, booked.body.booking_id, "the next node has it");
  await page.click("button.danger");
  await page.click("button.danger");
  await status(page, ["cancelled"]);
  assert.deepEqual(complaints, []);
  await context.close();
}

/** Somebody else's link is looked at; the device's own booking stays what it was. */
export async function othersLink(chrome, options) {
  const { context, page, complaints } = await chrome.visitor(PHONE);
  const [from] = await somePlaces(options.base);
  const { places } = await (await fetch(`${options.base}/rider/v1/places?q=${encodeURIComponent(from)}&lang=ko`)).json();
  const send = (path, body) =>
    fetch(options.base + path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
  const wish = { booking_id: crypto.randomUUID(), door: "web", lang: "ko", pickup: { position: places[0].position } };
  const theirs = await (await send("/rider/v1/bookings", wish)).json();
  await page.goto(options.base + "/");
  await choose(page, "pickup", from);
  await page.click("#book");
  await status(page, FOLLOWED);
  const own = await page.textContent("[data-code]");
  const shows = (code) =>
    page.waitForFunction((code) => document.querySelector("[data-code]")?.textContent === code, code);
  // The link is tapped while the page is open, and opened afresh.
  for (const visit of [() => page.evaluate((token) => (location.hash = token), theirs.token), () => page.reload()]) {
    await visit();
    await shows(theirs.code);
    const { view } = await page.evaluate(() => JSON.parse(localStorage.getItem("ondol.booking")));
    assert.equal(view.code, own, "the device keeps its own");
  }
  await page.getByRole("button", { name: /링크에서 나가기/ }).click();
  await shows(own);
  await page.click("button.danger");
  await page.click("button.danger");
  await status(page, ["cancelled"]);
  await send(`/rider/v1/bookings/${theirs.token}/cancel`, { reason: "other" });
  assert.deepEqual(complaints, []);
  await context.close();
}

/** An order that lay on the device for long is sent only if the rider says so. */
export async function oldOrder(chrome, options) {
  const { context, page, complaints } = await chrome.visitor(PHONE);
  const [from] = await somePlaces(options.base);
  await page.goto(options.base + "/");
  await page.evaluate(() => navigator.serviceWorker.ready.then(() => true));
  await choose(page, "pickup", from);
  for (const answer of ["yes", "no"]) {
    await context.setOffline(true);
    if (answer === "no") {
      await page.click("button.primary");
      await page.fill("#pickup", "");
      await context.setOffline(false);
      await choose(page, "pickup", from);
      await context.setOffline(true);
    }
    await page.click("#book");
    await status(page, ["sending"]);
    await page.evaluate(() => {
      const kept = JSON.parse(localStorage.getItem("ondol.booking"));
      localStorage.setItem("ondol.booking", JSON.stringify({ ...kept, kept_at: kept.kept_at - 3_600_000 }));
    });
    // The page must not write its own newer moment over it.
    await page.reload();
    await status(page, ["old"]);
    await context.setOffline(false);
    let sent = 0;
    page.on("request", (request) => (sent += request.method() === "POST" && /\/bookings$/.test(request.url()) ? 1 : 0));
    await page.reload();
    await status(page, ["old"]);
    await shot(page, options, "rider-old");
    assert.equal(sent, 0, "nothing is sent before the rider answers");
    if (answer === "yes") {
      await page.click("button.primary");
      await status(page, FOLLOWED);
      await page.click("button.danger");
      await page.click("button.danger");
      await status(page, ["cancelled"]);
    } else {
      await page.click("button.danger");
      await page.click("button.danger");
      // A node may have had it: it is told that nobody waits, and the form is free again.
      await page.waitForSelector("#book");
      assert.equal(await page.evaluate(() => localStorage.getItem("ondol.booking")), null);
    }
  }
  assert.deepEqual(complaints, []);
  await context.close();
}

/** A node without room for one more stream is asked now and then, not without pause. */
export async function fullNode(chrome, options) {
  const { context, page, complaints } = await chrome.visitor(PHONE);
  const [from] = await somePlaces(options.base);
  let streams = 0;
  await context.route(/\/rider\/v1\/bookings\/[^/]+\/events$/, (route) => {
    streams += 1;
    return route.fulfill({ status: 503, contentType: "application/problem+json", body: '{"code":"unavailable"}' });
  });
  await page.goto(options.base + "/");
  await choose(page, "pickup", from);
  await page.click("#book");
  await status(page, FOLLOWED);
  const { token } = await page.evaluate(() => JSON.parse(localStorage.getItem("ondol.booking")));
  await page.waitForTimeout(6_000);
  assert.ok(streams >= 2 && streams <= 4, `${streams} streams were opened in 6 s`);
  // Looking goes on: what happens meanwhile is seen without a stream.
  await fetch(`${options.base}/rider/v1/bookings/${token}/cancel`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: '{"reason":"other"}',
  });
  await status(page, ["cancelled"]);
  assert.deepEqual(complaints, []);
  await context.close();
}
