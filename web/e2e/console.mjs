// An operator signs in, takes a call by keyboard alone, finds the booking, cancels it, signs out.

import assert from "node:assert/strict";

import { mapDrawn, placeOf, shot, somePlaces } from "./browser.mjs";

export async function signIn(page, options, password) {
  await page.fill("input[name=account]", options.account);
  await page.fill("input[name=password]", password);
  await page.press("input[name=password]", "Enter");
}

export async function wrongPassword(chrome, options) {
  const { context, page, complaints } = await chrome.visitor();
  await page.goto(options.base + "/console/");
  await page.waitForSelector("input[name=account]");
  await shot(page, options, "console-sign-in");
  await signIn(page, options, "not the password at all");
  await page.waitForSelector("[role=alert]");
  assert.equal(await page.locator("#new").count(), 0, "nobody is let in");
  assert.deepEqual(complaints, []);
  await context.close();
}

export async function callByKeyboard(chrome, options) {
  const { context, page, complaints } = await chrome.visitor();
  // An edge takes calls for its own district only; the destination may lie anywhere.
  const from = await placeOf(options.base);
  const [, to] = await somePlaces(options.base);
  await page.goto(options.base + "/console/");
  await page.waitForSelector("input[name=account]");
  await signIn(page, options, options.password);
  await page.waitForSelector("#new");
  await page.waitForSelector("[data-district]");
  await mapDrawn(page);
  await shot(page, options, "console-board");

  await page.keyboard.press("n");
  await page.waitForSelector("#caller:focus");
  await page.keyboard.type("010-9876-5432");
  await page.keyboard.press("Enter");
  // A number without a history goes on at the pick-up; with one, the digit 1 would repeat the last ride.
  await page.waitForSelector("#in-pickup:focus, #known:focus");
  await page.focus("#in-pickup");
  await page.keyboard.type(from);
  await page.waitForSelector("#in-pickup-list [role=option]");
  await page.keyboard.press("Enter");
  await page.focus("#in-dropoff");
  await page.keyboard.type(to);
  await page.waitForSelector("#in-dropoff-list [role=option]");
  await page.keyboard.press("Enter");
  await page.keyboard.press("Enter");
  await page.waitForSelector("dialog [data-code]");
  const code = await page.getAttribute("dialog [data-code]", "data-code");
  await shot(page, options, "console-intake");
  await page.keyboard.press("Escape");
  await page.waitForSelector("dialog", { state: "detached" });

  await page.keyboard.press("/");
  await page.waitForSelector("#filter:focus");
  await page.keyboard.type(code);
  await page.keyboard.press("Enter");
  await page.keyboard.press("Enter");
  await page.waitForSelector("aside h2");
  assert.ok((await page.textContent("aside h2")).startsWith(code));
  await page.waitForSelector("aside details");
  await shot(page, options, "console-booking");
  await page.keyboard.press("x");
  await page.waitForSelector("#sure");
  await page.keyboard.press("y");
  await page.waitForFunction(() => /취소됨|cancelled/.test(document.querySelector("aside h2")?.textContent ?? ""));
  await page.keyboard.press("Escape");

  await page.keyboard.press("g");
  await page.waitForSelector("dialog table");
  assert.doesNotMatch(await page.textContent("dialog"), /d-[0-9a-f]{24}/, "phones are counted, not named");
  await shot(page, options, "console-reconciliation");
  await page.keyboard.press("Escape");
  await page.reload();
  await page.waitForSelector("#new", { timeout: 20_000 });
  await page.locator("header button").last().click();
  await page.waitForSelector("input[name=account]");
  assert.deepEqual(complaints, []);
  await context.close();
  return { code };
}

/** What a district's mode looks like now, for the docs and for a scenario that has cut a link. */
export async function modes(chrome, options) {
  const { context, page, complaints } = await chrome.visitor({ lang: options.lang ?? "ko-KR" });
  await page.goto(options.base + "/console/");
  await page.waitForSelector("input[name=account]");
  await signIn(page, options, options.password);
  await page.waitForSelector("[data-district]");
  await mapDrawn(page);
  const seen = await page.$$eval("[data-district]", (cards) =>
    cards.map((card) => [card.getAttribute("data-district"), card.getAttribute("data-mode")]),
  );
  await shot(page, options, `console-${seen.some(([, mode]) => mode === "degraded") ? "degraded" : "normal"}`);
  assert.deepEqual(complaints, []);
  await context.close();
  return Object.fromEntries(seen);
}

const HOSTILE = [
  '<img src=x onerror="window.broken=1">',
  "<script>window.broken=1</script>",
  '"><svg onload=window.broken=1>',
  "<iframe srcdoc='<script>parent.broken=1</script>'></iframe>",
  "{@html `<b>x</b>`}{{constructor.constructor('window.broken=1')()}}",
  "javascript:window.broken=1",
];

/** What riders type is text on the operator's screen, whatever it is. */
export async function hostileText(chrome, options) {
  const { context, page, complaints } = await chrome.visitor();
  const from = await placeOf(options.base);
  const { places } = await (await fetch(`${options.base}/rider/v1/places?q=${encodeURIComponent(from)}&lang=ko`)).json();
  const send = (path, body) =>
    fetch(options.base + path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
  const booked = [];
  for (const text of HOSTILE) {
    const answer = await send("/rider/v1/bookings", {
      booking_id: crypto.randomUUID(),
      door: "web",
      lang: "en",
      pickup: { label: text, position: places[0].position },
      name: text.slice(0, 60),
      note: text,
    });
    assert.equal(answer.status, 201, text);
    booked.push(await answer.json());
  }
  await page.goto(options.base + "/console/");
  await page.waitForSelector("input[name=account]");
  await signIn(page, options, options.password);
  for (const { code, pickup } of booked) {
    await page.fill("#filter", code);
    await page.waitForFunction((text) => document.querySelector(".where")?.textContent.includes(text), pickup.label);
    await page.click(".row");
    await page.waitForSelector("aside details");
    await page.keyboard.press("Escape");
  }
  assert.equal(await page.evaluate(() => window.broken), undefined, "nothing that was typed ran");
  for (const { token } of booked) await send(`/rider/v1/bookings/${token}/cancel`, { reason: "other" });
  // The policy would have spoken up too: it was never needed.
  assert.deepEqual(complaints, []);
  await context.close();
}

/** What changes between the opening of the stream and the answer to the board's reading is on the screen. */
export async function nothingMissed(chrome, options) {
  const { context, page, complaints } = await chrome.visitor();
  const from = await placeOf(options.base);
  const { places } = await (await fetch(`${options.base}/rider/v1/places?q=${encodeURIComponent(from)}&lang=ko`)).json();
  const send = (path, body) =>
    fetch(options.base + path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
  let booked;
  await context.route("**/console/v1/board", async (route) => {
    const answer = await route.fetch();
    if (!booked) {
      const wish = { booking_id: crypto.randomUUID(), door: "web", lang: "en", pickup: { position: places[0].position } };
      booked = await (await send("/rider/v1/bookings", wish)).json();
      // Longer than the node gathers changes: its event has gone out before the older board arrives.
      await new Promise((resolve) => setTimeout(resolve, 1_500));
    }
    await route.fulfill({ response: answer });
  });
  // A hash that is no number of a caller is nobody's business.
  await page.goto(options.base + "/console/#%");
  await page.waitForSelector("input[name=account]");
  await signIn(page, options, options.password);
  await page.waitForSelector("#new");
  await page.waitForFunction(() => document.querySelector("[data-district]") !== null);
  await page.fill("#filter", booked.code);
  await page.waitForSelector(".row", { timeout: 5_000 });
  await send(`/rider/v1/bookings/${booked.token}/cancel`, { reason: "other" });
  assert.deepEqual(complaints, []);
  await context.close();
}

/** Signing out is done when the node has done it: before, the screen says that it failed and stays. */
export async function signOutFails(chrome, options) {
  const { context, page, complaints } = await chrome.visitor();
  await page.goto(options.base + "/console/");
  await page.waitForSelector("input[name=account]");
  await signIn(page, options, options.password);
  await page.waitForSelector("#new");
  await context.route("**/console/v1/session", (route) =>
    route.request().method() === "DELETE" ? route.abort() : route.continue(),
  );
  const leave = page.locator("header button").last();
  await leave.click();
  await page.waitForSelector("[role=alert]");
  assert.equal(await page.locator("input[name=account]").count(), 0, "nobody believes that the session has ended");
  await context.unroute("**/console/v1/session");
  await leave.click();
  await page.waitForSelector("input[name=account]");
  assert.deepEqual(complaints, []);
  await context.close();
}
