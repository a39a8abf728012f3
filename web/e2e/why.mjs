// Two drivers are asked for one rider; an operator reads why, by keyboard, and then how work was shared.

import assert from "node:assert/strict";

import { shot } from "./browser.mjs";
import { signIn } from "./console.mjs";
import { Phone } from "./phone.mjs";

/** Some place of the map in this district that is served. */
async function placeIn(base, district) {
  const map = await (await fetch(`${base}/rider/v1/map`)).json();
  for (const { properties } of map.features.filter((feature) => feature.properties.kind === "stand")) {
    const { places } = await (await fetch(`${base}/rider/v1/places?q=${encodeURIComponent(properties.name)}&lang=ko`)).json();
    const place = places.find((place) => place.served && place.district === district);
    if (place) return place;
  }
  throw new Error(`the map has no stand in ${district}`);
}

const text = (page, selector) => page.$$eval(selector, (all) => all.map((one) => one.textContent.replace(/\s+/g, " ").trim()));

/** The near driver says no, the far one yes; the booking tells both questions, with who else came into question. */
export async function whyThisDriver(chrome, options) {
  if (options.drivers.length < 2) return { skipped: "no drivers to ask: give ONDOL_DRIVERS" };
  const { base } = options;
  const [near, far] = await Promise.all(options.drivers.slice(0, 2).map((driver) => Phone.signIn(base, driver)));
  const place = await placeIn(base, near.district);
  await near.begin(place.position);
  await far.begin({ lat: place.position.lat + 0.004, lon: place.position.lon });
  const send = (path, body) =>
    fetch(base + path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
  const wish = { booking_id: crypto.randomUUID(), door: "web", lang: "ko", name: "김하늘", pickup: { position: place.position } };
  const booked = await send("/rider/v1/bookings", wish);
  assert.equal(booked.status, 201, await booked.clone().text());
  const { code, token } = await booked.json();
  await near.decline(await near.asked(far));
  await far.accept(await far.asked(near));

  const { context, page, complaints } = await chrome.visitor();
  await page.goto(base + "/console/");
  await signIn(page, options, options.password);
  await page.waitForSelector("#new");
  await page.keyboard.press("/");
  await page.keyboard.type(code);
  await page.waitForSelector(".row");
  await page.keyboard.press("Enter");
  await page.keyboard.press("Enter");
  await page.waitForSelector("#why");
  assert.deepEqual(await text(page, "section:has(#why) h3"), ["왜 이 기사인가요?"]);
  assert.equal(await page.locator("[data-question]").count(), 0, "nobody has looked yet");
  await page.keyboard.press("w");
  await page.waitForFunction(() => document.querySelectorAll("[data-question]").length === 2);
  await page.waitForSelector("[data-question] summary:focus");
  await shot(page, options, "console-why");
  const [first, second] = await text(page, "[data-question] summary");
  assert.match(first, /가장 빨리/);
  assert.ok(first.includes(near.plate) && first.endsWith("거절"), first);
  assert.ok(second.includes(far.plate) && second.endsWith("배차됨"), second);
  const rows = await text(page, "[data-question]:first-child tbody tr");
  assert.equal(rows.length, 2, rows.join(" | "));
  assert.ok(rows[0].includes(`${near.plate} · 선택`) && rows[1].includes(far.plate), rows.join(" | "));
  for (const row of rows) assert.match(row, /\d초$/);
  assert.ok((await text(page, "[data-question]:nth-child(2)"))[0].includes(`${near.plate} (거절)`), "who was asked before");
  // The next question is a Tab away, and Enter closes it.
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await page.waitForSelector("[data-question]:nth-child(2) details:not([open])");
  await page.keyboard.press("Escape");

  await page.keyboard.press("f");
  await page.waitForSelector("dialog [data-fleet]");
  await shot(page, options, "console-fairness");
  const fleets = await page.$$eval("dialog [data-fleet]", (all) => all.map((one) => one.getAttribute("data-fleet")));
  assert.deepEqual(fleets, [...fleets].sort());
  assert.ok(fleets.length >= 1);
  await page.keyboard.press("Escape");
  await page.waitForSelector("dialog", { state: "detached" });
  await page.getByRole("button", { name: "English" }).click();
  await page.keyboard.press("f");
  await page.waitForSelector("dialog [data-fleet]");
  assert.match((await text(page, "dialog"))[0], /Fairness.*Passed over.*Asked by rule/);
  await page.keyboard.press("Escape");
  // Whoever has its id opens a booking, whether or not it is on the list.
  await page.evaluate((id) => (location.hash = `booking=${id}`), wish.booking_id);
  await page.waitForFunction((code) => document.querySelector("aside h2")?.textContent.startsWith(code), code);
  assert.deepEqual(complaints, []);
  await context.close();
  await send(`/rider/v1/bookings/${token}/cancel`, { reason: "other" });
  await Promise.all([near.end(), far.end()]);
  return { code, fleets };
}
