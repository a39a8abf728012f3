// Where the page asks: every node that it was ever told of, kept for when nobody tells it anything.

import { ask, Refused, Unreachable, type Asked } from "../shared/http";
import type { EndpointsAnswer } from "./wire";

const KEPT = "ondol.endpoints";
/** A node that did not answer is passed over this long, unless no other is left. */
const REST_MS = 15_000;
/** Most nodes that are kept: as many as one node may list. */
const NODES_MAX = 129;
const WAIT_MS = 4_000;
/** A node that says so lives, but another one has to be asked. */
const ELSEWHERE = new Set(["other_district", "other_node"]);

let known: EndpointsAnswer = kept() ?? { endpoints: [{ node: "here", url: location.origin }] };
const silentSince = new Map<string, number>();
let lastAnswered: string | undefined;

/** What is asked for, if that says who should know. */
export interface About {
  /** The node that told of it last. */
  node?: string | undefined;
  /** The district of the pickup. */
  district?: string | undefined;
}

export interface Answered<T> {
  value: T;
  /** The node that answered. */
  node: string;
}

/** No node has the booking, as far as those that can tell know; others may have it. */
export class Untold extends Unreachable {
  constructor(
    /** What those said that do not have it; absent if nobody could tell. */
    readonly unknown: Refused | undefined,
    /** The nodes that could not tell. */
    readonly silent: string[],
    /** All that were asked. */
    readonly asked: string[],
  ) {
    super("no node tells of the booking");
  }
}

/** Numbers that take bookings by text: the district's own if it is known, else all, one a district. */
export function smsNumbers(district: string | undefined): { district: string; number: string }[] {
  const all = Object.entries(known.sms_numbers ?? {}).map(([of, number]) => ({ district: of, number }));
  const own = all.filter((text) => text.district === district);
  if (own.length > 0) return own;
  const one = all[0];
  // One number for everybody needs no choice.
  return one && all.every((text) => text.number === one.number) ? [one] : all;
}

export function phoneNumber(): string | undefined {
  return known.phone_number;
}

/** The edge of a district. */
export function edgeOf(district: string | undefined): string | undefined {
  return district === undefined ? undefined : known.endpoints.find((endpoint) => endpoint.district === district)?.url;
}

/** The node that answered last. */
export function current(): string {
  return lastAnswered ?? order({})[0] ?? location.origin;
}

/**
 * Asks the preferred node, and the next one when it does not answer or says that another has to.
 *
 * Safe for bookings: the request carries its own key, so that asking two nodes is asking once.
 *
 * Throws `Unreachable` when no node answers, `Refused` when one says no.
 */
export async function askAny<T>(path: string, asked: Asked = {}): Promise<T> {
  return (await askFor<T>(path, asked, {})).value;
}

/** Asks as `askAny` does, first whoever should know. */
export async function askFor<T>(path: string, asked: Asked, about: About): Promise<Answered<T>> {
  const { answered, refused } = await tour<T>(path, asked, order(about), ELSEWHERE);
  if (answered) return answered;
  throw refused[0] ?? new Unreachable(path);
}

/**
 * Asks of a booking by its token: first the node that told of it last, then all others, because a node that has not
 * heard of it says nothing about the others.
 *
 * Throws `Untold` when none has it, `Refused` when one that has it says no.
 */
export async function askHolder<T>(path: string, asked: Asked, about: About): Promise<Answered<T>> {
  const nodes = order(about);
  const { answered, refused, silent } = await tour<T>(path, asked, nodes, new Set([...ELSEWHERE, "unknown_booking"]));
  if (answered) return answered;
  throw new Untold(refused.find((no) => no.problem.code === "unknown_booking"), silent, nodes);
}

/** Learns of nodes; whom an answer leaves out stays known, because an edge knows less than central. */
export async function learn(): Promise<void> {
  try {
    const told = await askAny<EndpointsAnswer>("/rider/v1/endpoints");
    const names = new Set(told.endpoints.map((endpoint) => endpoint.node));
    const urls = new Set(told.endpoints.map((endpoint) => endpoint.url));
    const others = known.endpoints.filter((endpoint) => !names.has(endpoint.node) && !urls.has(endpoint.url));
    const phone = told.phone_number ?? known.phone_number;
    known = {
      endpoints: [...told.endpoints, ...others].slice(0, NODES_MAX),
      sms_numbers: { ...known.sms_numbers, ...told.sms_numbers },
      ...(phone === undefined ? {} : { phone_number: phone }),
    };
    localStorage.setItem(KEPT, JSON.stringify(known));
  } catch {
    // What is known serves.
  }
}

/** Learns, and says whether a node is known that is not among `asked`: a fresh device knows only whom it opened. */
export async function learnOthers(asked: string[]): Promise<boolean> {
  await learn();
  return order({}).some((url) => !asked.includes(url));
}

interface Tour<T> {
  answered?: Answered<T>;
  /** Nodes' noes that do not count for others. */
  refused: Refused[];
  /** Nodes that could not tell: they did not answer, or said that they cannot now. */
  silent: string[];
}

async function tour<T>(path: string, asked: Asked, nodes: string[], passed: Set<string>): Promise<Tour<T>> {
  const refused: Refused[] = [];
  const silent: string[] = [];
  for (const node of nodes) {
    try {
      const value = await ask<T>(node + path, { wait: WAIT_MS, ...asked });
      silentSince.delete(node);
      lastAnswered = node;
      return { answered: { value, node }, refused, silent };
    } catch (error) {
      if (error instanceof Unreachable) {
        silentSince.set(node, Date.now());
        silent.push(node);
      } else if (error instanceof Refused && (error.problem.status >= 500 || passed.has(error.problem.code))) {
        refused.push(error);
        if (error.problem.status >= 500) silent.push(node);
      } else {
        throw error;
      }
    }
  }
  return { refused, silent };
}

/**
 * Nodes in the order to try: who told of it last, those that serve its district, the others; each time, those that
 * were silent just now after those that were not.
 */
function order(about: About): string[] {
  const serves = (of: string | undefined) => of === undefined || about.district === undefined || of === about.district;
  const near = known.endpoints.filter((endpoint) => serves(endpoint.district));
  const far = known.endpoints.filter((endpoint) => !serves(endpoint.district));
  const urls = [...near, ...far].map((endpoint) => endpoint.url);
  if (!urls.includes(location.origin)) urls.push(location.origin);
  const { node } = about;
  const all = node !== undefined && urls.includes(node) ? [node, ...urls.filter((url) => url !== node)] : urls;
  const rests = (url: string) => Date.now() - (silentSince.get(url) ?? 0) < REST_MS;
  return [...all.filter((url) => !rests(url)), ...all.filter(rests)];
}

function kept(): EndpointsAnswer | undefined {
  try {
    const text = localStorage.getItem(KEPT);
    const list = text === null ? undefined : (JSON.parse(text) as EndpointsAnswer);
    return Array.isArray(list?.endpoints) ? list : undefined;
  } catch {
    return undefined;
  }
}
