// Opens Chromium and watches what a page must never do: break its own policy, fail, or ask strangers.

import { mkdirSync } from "node:fs";
import { join } from "node:path";

import { chromium } from "playwright-core";

const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";

export async function open(options) {
  const browser = await chromium.launch({
    executablePath: CHROMIUM,
    // The map needs WebGL, which a machine without a screen draws in software.
    args: ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist"],
  });
  return {
    browser,
    /** A fresh visitor: own cookies and storage. */
    async visitor({ width = 1440, height = 900, lang = "ko-KR", dark = false } = {}) {
      const context = await browser.newContext({
        viewport: { width, height },
        locale: lang,
        colorScheme: dark ? "dark" : "light",
      });
      const page = await context.newPage();
      const complaints = [];
      page.on("pageerror", (error) => complaints.push(`error: ${error.message}`));
      page.on("console", (message) => {
        const text = message.text();
        if (message.type() === "error" && /Content Security Policy|Refused to/.test(text)) complaints.push(`policy: ${text}`);
      });
      page.on("request", (request) => {
        const url = new URL(request.url());
        const ours = [...options.nodes, options.base].some((node) => new URL(node).host === url.host);
        if (/^https?:$/.test(url.protocol) && !ours) complaints.push(`asked a stranger: ${url.origin}`);
      });
      return { context, page, complaints };
    },
    close: () => browser.close(),
  };
}

export async function shot(page, options, name) {
  if (!options.shots) return;
  mkdirSync(options.shots, { recursive: true });
  await page.screenshot({ path: join(options.shots, `${name}.png`) });
}

/** Waits until the map has drawn; a node without a map passes. */
export async function mapDrawn(page) {
  await page.waitForFunction(() => document.querySelector(".maplibregl-canvas, .nomap") !== null, undefined, { timeout: 30_000 });
  await page.waitForTimeout(1_500);
}

/** Some name that the node's gazetteer finds: a stand of its map. */
export async function somePlaces(base) {
  const map = await (await fetch(`${base}/rider/v1/map`)).json();
  const stands = map.features.filter((feature) => feature.properties.kind === "stand");
  const named = stands.length > 1 ? stands : map.features.filter((feature) => feature.geometry.type === "Point");
  const names = named.map((feature) => feature.properties.name).filter(Boolean);
  const served = [];
  for (const name of names) {
    const { places } = await (await fetch(`${base}/rider/v1/places?q=${encodeURIComponent(name)}&lang=ko`)).json();
    if (places[0]?.served) served.push(name);
    if (served.length === 2) break;
  }
  if (served.length === 0) throw new Error("the node's map has no place that it serves");
  return [served[0], served.at(-1)];
}

/** A served place that `node` itself takes bookings for. */
export async function placeOf(node) {
  const map = await (await fetch(`${node}/rider/v1/map`)).json();
  const stands = map.features.filter((feature) => feature.properties.kind === "stand");
  for (const { properties, geometry } of stands.slice(0, 40)) {
    const [lon, lat] = geometry.coordinates;
    const wish = { booking_id: crypto.randomUUID(), door: "web", lang: "ko", pickup: { position: { lat, lon } } };
    const send = (path, body) =>
      fetch(node + path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
    const answer = await send("/rider/v1/bookings", wish);
    if (answer.status !== 201) continue;
    const { token } = await answer.json();
    await send(`/rider/v1/bookings/${token}/cancel`, { reason: "other" });
    return properties.code ? `#${properties.code}` : properties.name;
  }
  throw new Error(`${node} takes no booking at any stand of the map`);
}
