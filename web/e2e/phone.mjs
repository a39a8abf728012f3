// A driver's phone that says just enough to be asked: it signs in, begins a shift, beats, answers, and ends the shift.

import assert from "node:assert/strict";
import { createHash, generateKeyPairSync, randomUUID, sign } from "node:crypto";

/** Between two beats, while the phone waits to be asked. */
const BEAT_MS = 500;
/** A question comes much sooner. */
const ASKED_WITHIN_MS = 30_000;

export class Phone {
  #base;
  #token;
  #session;
  #shift = randomUUID();
  #device;
  #reports = 0;
  #slot = {};

  /** Signs a driver in at the node behind `base`. */
  static async signIn(base, { phone, secret }) {
    const made = new Phone();
    made.#base = base;
    const { publicKey, privateKey } = generateKeyPairSync("ed25519");
    const key = publicKey.export({ format: "jwk" }).x;
    const { pass, device, district, plate } = await made.#ask("sign-in", { phone, secret, key });
    const [at_ms, nonce] = [Date.now(), randomUUID()];
    const { endpoints } = await (await fetch(`${base}/rider/v1/endpoints`)).json();
    const { node } = endpoints.find(({ url }) => url === base) ?? endpoints[0];
    const digest = createHash("sha256").update(pass).digest("base64url");
    const message = Buffer.from(`ondol-proof-1\n${node}\n${digest}\n${at_ms}\n${nonce}`);
    const proof = { key, at_ms, nonce, signature: sign(null, message, privateKey).toString("base64url") };
    made.#token = (await made.#ask("session", { pass, proof })).token;
    made.#device = device;
    return Object.assign(made, { district, plate });
  }

  /** Begins a shift at `position`. */
  async begin(position) {
    this.position = position;
    const began = {
      shift: this.#shift,
      device: this.#device,
      started_at: new Date().toISOString(),
      attach_epoch: 1,
      slot: {},
      duty: { number: 1, duty: "available" },
      position,
    };
    this.#session = (await this.#ask("attach", began)).session;
  }

  /** A sign of life; returns the offer that is open, if there is one. */
  async beat() {
    const { messages } = await this.#ask("beat", {
      shift: this.#shift,
      device: this.#device,
      session: this.#session,
      hears_central: true,
      position: this.position,
      slot: this.#slot,
    });
    return messages.find((message) => message.kind === "offer")?.offer;
  }

  /** Waits for a question; the other phones beat meanwhile. */
  async asked(...others) {
    const until = Date.now() + ASKED_WITHIN_MS;
    for (;;) {
      const [offer] = await Promise.all([this, ...others].map((phone) => phone.beat()));
      if (offer) return offer;
      assert.ok(Date.now() < until, `${this.plate} is not asked`);
      await new Promise((resolve) => setTimeout(resolve, BEAT_MS));
    }
  }

  async accept({ booking, assignment }) {
    this.#slot = { current: { booking, assignment, confirmed: false, boarded: false } };
    await this.#report({ kind: "assigned", booking, assignment });
  }

  async decline({ booking, assignment }) {
    await this.#report({ kind: "released", booking, assignment, reason: "declined" });
  }

  /** Gives back what it holds, and ends the shift. */
  async end() {
    const held = this.#slot.current;
    this.#slot = {};
    if (held) {
      const { booking, assignment } = held;
      await this.#report({ kind: "released", booking, assignment, reason: "given_back" });
    }
    await this.#report({ kind: "duty", number: 2, duty: "ended" });
  }

  async #report(what) {
    const entries = [{ number: ++this.#reports, at: new Date().toISOString(), what }];
    const { results } = await this.#ask("reports", { shift: this.#shift, device: this.#device, entries });
    assert.equal(results[0].outcome.outcome, "stored", JSON.stringify(results));
  }

  async #ask(path, body) {
    const headers = { "content-type": "application/json", ...(this.#token ? { authorization: `Bearer ${this.#token}` } : {}) };
    const answer = await fetch(`${this.#base}/driver/v1/${path}`, { method: "POST", headers, body: JSON.stringify(body) });
    const text = await answer.text();
    assert.equal(answer.status, 200, `${path}: ${text}`);
    return JSON.parse(text);
  }
}
