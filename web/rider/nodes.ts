// Where the page asks: an ordered list of nodes, learnt while connected and kept for when it is not.

import { ask, Refused, Unreachable, type Asked } from "../shared/http";
import type { EndpointsAnswer } from "./wire";

const KEPT = "ondol.endpoints";
/** A node that did not answer is passed over this long, unless no other is left. */
const REST_MS = 15_000;
const NODES_MAX = 8;
/** A node that says so lives, but another one has to be asked: it serves another district, or its disk is dead. */
const ELSEWHERE = new Set(["other_district", "other_node", "unavailable", "overloaded"]);

let known: EndpointsAnswer = kept() ?? { endpoints: [{ node: "here", url: location.origin }] };
const silentSince = new Map<string, number>();
let lastAnswered: string | undefined;

/** Number that takes bookings by text message. */
export function smsNumber(): string | undefined {
  return known.sms_number;
}

export function phoneNumber(): string | undefined {
  return known.phone_number;
}

/** The node that answered last. */
export function current(): string {
  return lastAnswered ?? order()[0] ?? location.origin;
}

/**
 * Asks the preferred node, and the next one when it does not answer.
 *
 * Safe for bookings: the request carries its own key, so that asking two nodes is asking once.
 *
 * Throws `Unreachable` when no node answers, `Refused` when one says no.
 */
export async function askAny<T>(path: string, asked: Asked = {}): Promise<T> {
  let elsewhere: Refused | undefined;
  for (const url of order()) {
    try {
      const answer = await ask<T>(url + path, { wait: 4_000, ...asked });
      silentSince.delete(url);
      lastAnswered = url;
      return answer;
    } catch (error) {
      if (error instanceof Refused && !ELSEWHERE.has(error.problem.code)) {
        lastAnswered = url;
        throw error;
      }
      if (error instanceof Refused) {
        // It lives, but cannot do this: another node may.
        elsewhere = error;
      } else if (error instanceof Unreachable) {
        silentSince.set(url, Date.now());
      } else {
        throw error;
      }
    }
  }
  throw elsewhere ?? new Unreachable(path);
}

/** Learns the list; keeps the old one when nobody answers. */
export async function learn(): Promise<void> {
  try {
    const answer = await askAny<EndpointsAnswer>("/rider/v1/endpoints");
    if (answer.endpoints.length === 0) return;
    known = { ...answer, endpoints: answer.endpoints.slice(0, NODES_MAX) };
    localStorage.setItem(KEPT, JSON.stringify(known));
  } catch {
    // The list of the last visit serves.
  }
}

/** Nodes in the order to try: the list's, those that were silent just now last. */
function order(): string[] {
  const urls = known.endpoints.map((endpoint) => endpoint.url);
  if (!urls.includes(location.origin)) urls.push(location.origin);
  const rests = (url: string) => Date.now() - (silentSince.get(url) ?? 0) < REST_MS;
  return [...urls.filter((url) => !rests(url)), ...urls.filter(rests)];
}

function kept(): EndpointsAnswer | undefined {
  try {
    const text = localStorage.getItem(KEPT);
    return text === null ? undefined : (JSON.parse(text) as EndpointsAnswer);
  } catch {
    return undefined;
  }
}
