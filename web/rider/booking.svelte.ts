// The one booking of this device: kept before it is sent, sent until a node has it, followed until it is closed.

import { Refused } from "../shared/http";
import { isClosed, type CancelReason } from "../shared/shapes";
import { askFor, askHolder, edgeOf, learnOthers, Untold, type About } from "./nodes";
import type { BookingView, BookRequest } from "./wire";

const KEPT = "ondol.booking";
/** Between two attempts while no node answers. */
const AGAIN_MS = 4_000;
/** The stream repeats the booking every few seconds; longer silence means that the connection is dead. */
const SILENT_MS = 15_000;
/** Before the next look after a stream that ended; doubled, up to the longest, while streams end without a word. */
const STREAM_REST_MS = 1_000;
const STREAM_REST_MAX_MS = 16_000;
/** An order that nobody has heard of for this long is sent only if the rider still wants it. */
const OLD_MS = 5 * 60_000;

interface Kept {
  /** Absent where only a link was opened. */
  body?: BookRequest;
  /** The district of the pickup, if known. */
  district?: string;
  /** When it was ordered or last heard of, by this device's clock. */
  kept_at: number;
  token?: string;
  view?: BookingView;
  /** The node that told of it last. */
  node?: string;
  /** Cancelled before any node had answered: ended as soon as one does. */
  unwanted?: boolean;
}

/** What the page shows. */
export const booking = $state<{
  kept: Kept | undefined;
  /** A link was opened: somebody else's booking, shown beside the device's own and never kept over it. */
  visiting: boolean;
  /** No node answers at the moment. */
  cutOff: boolean;
  /**
   * Why the rider is asked before the booking is sent: it is old, or the node that had it is silent and the others
   * do not know it.
   */
  doubt: "old" | "missing" | undefined;
  /** A node said no to the booking; the form is shown again. */
  refusal: unknown;
}>({ kept: undefined, visiting: false, cutOff: false, doubt: undefined, refusal: undefined });

let stream: EventSource | undefined;
let watch: ReturnType<typeof setTimeout> | undefined;
let rest = STREAM_REST_MS;
let round = 0;

/** Takes up what the device was doing, or follows the link that was opened. */
export function resume(): void {
  stop();
  round += 1;
  booking.cutOff = false;
  booking.doubt = undefined;
  const own = load();
  const token = location.hash.slice(1);
  booking.visiting = /^[\w-]{20,200}$/.test(token) && token !== own?.token;
  booking.kept = booking.visiting ? { token, kept_at: Date.now() } : own;
  if (booking.kept) void (booking.kept.token ? follow() : send());
}

/** Orders a taxi: the key and the wish are on the device before anything leaves it. */
export function book(body: BookRequest, district: string | undefined): void {
  booking.refusal = undefined;
  booking.kept = { body, kept_at: Date.now(), ...(district === undefined ? {} : { district }) };
  save();
  void send();
}

export async function cancel(reason: CancelReason): Promise<void> {
  const kept = booking.kept;
  if (!kept) return;
  if (kept.token !== undefined && booking.doubt === "old") {
    // Every node that may have had it has said that it does not.
    forget();
    return;
  }
  if (kept.token === undefined) {
    // No answer has come, but a node may have it: forgetting it here would send a taxi to nobody.
    kept.unwanted = true;
    save();
    if (booking.doubt) void send();
    return;
  }
  await tell(`/rider/v1/bookings/${kept.token}/cancel`, { reason });
}

/** The rider was asked and still wants the taxi. */
export async function keep(): Promise<void> {
  const token = booking.kept?.token;
  if (token !== undefined) await tell(`/rider/v1/bookings/${token}/keep`, {});
}

/** The rider was asked and says that the trip is going on. */
export async function attest(): Promise<void> {
  const token = booking.kept?.token;
  if (token !== undefined) await tell(`/rider/v1/bookings/${token}/attest`, {});
}

/** The rider was asked and wants the booking sent, also where that may bring two taxis. */
export function sendAgain(): void {
  if (!booking.kept) return;
  booking.kept.kept_at = Date.now();
  save();
  void send();
}

/** Puts a closed booking away, so that the form is free again; after a link, the device's own comes back. */
export function forget(): void {
  if (location.hash !== "") history.replaceState(null, "", location.pathname + location.search);
  if (!booking.visiting) {
    booking.kept = undefined;
    save();
  }
  resume();
}

/** Re-presents the booking until a node has it. */
async function send(): Promise<void> {
  const mine = ++round;
  stop();
  booking.doubt = undefined;
  while (mine === round) {
    const kept = booking.kept;
    if (kept?.body === undefined) return;
    if (!kept.unwanted && !isFresh(kept)) {
      // Days later nobody waits at the pickup any more.
      booking.doubt = "old";
      return;
    }
    try {
      const asked = { method: "POST", body: $state.snapshot(kept.body) } as const;
      const { value: view, node } = await askFor<BookingView>("/rider/v1/bookings", asked, about(kept));
      if (mine !== round) return;
      show(view, node);
      if (kept.unwanted) {
        await cancel("changed_mind");
        forget();
        return;
      }
      listen(view.token, node);
      return;
    } catch (error) {
      if (mine !== round) return;
      if (error instanceof Refused && isFinal(error)) {
        forget();
        booking.refusal = error;
        return;
      }
      // Nobody answered, or whoever did cannot help now: both are a cut to the rider.
      booking.cutOff = true;
      await pause(AGAIN_MS);
    }
  }
}

/** Finds a node that knows the booking; nodes that do not are told of it, if none that may have it is left. */
async function follow(): Promise<void> {
  const mine = ++round;
  stop();
  while (mine === round) {
    const kept = booking.kept;
    if (kept?.token === undefined) return;
    try {
      const { value: view, node } = await askHolder<BookingView>(`/rider/v1/bookings/${kept.token}`, {}, about(kept));
      if (mine !== round) return;
      show(view, node);
      if (!isClosed(view.status)) listen(view.token, node);
      return;
    } catch (error) {
      if (mine !== round) return;
      const doubt = error instanceof Untold ? missing(error, kept) : undefined;
      if (error instanceof Untold && (doubt === "nobody" || doubt === "lost") && (await learnOthers(error.asked))) continue;
      if (mine !== round) return;
      if (doubt === "nobody") {
        forget();
        booking.refusal = error instanceof Untold ? error.unknown : error;
        return;
      }
      if (doubt === "lost") {
        void send();
        return;
      }
      booking.doubt = doubt;
      booking.cutOff = true;
      await pause(AGAIN_MS);
    }
  }
}

/** What it means that no node tells of the booking. */
function missing(error: Untold, kept: Kept): "nobody" | "lost" | "missing" | undefined {
  if (error.unknown === undefined) return undefined;
  if (kept.body === undefined) return error.silent.length === 0 ? "nobody" : undefined;
  // Its trip is over: sending it again would bring a taxi to nobody.
  if (kept.view && isClosed(kept.view.status)) return "nobody";
  const silent = (node: string | undefined) => node === undefined || error.silent.includes(node);
  // An edge that hears central has every booking of its district, and central without its edge plans no more. But an
  // edge that is silent may be planning the booking right now: sending it to central would bring a second taxi.
  const mayBePlanned = silent(kept.node) && silent(edgeOf(about(kept).district));
  return mayBePlanned ? "missing" : "lost";
}

function listen(token: string, node: string): void {
  stop();
  const mine = round;
  const opened = new EventSource(`${node}/rider/v1/bookings/${token}/events`);
  stream = opened;
  const again = () => {
    if (stream !== opened || mine !== round) return;
    stop();
    // A full node refuses streams for a while: looking now and then must not become a storm.
    watch = setTimeout(() => void follow(), rest);
    rest = Math.min(rest * 2, STREAM_REST_MAX_MS);
  };
  const alive = () => {
    clearTimeout(watch);
    watch = setTimeout(again, SILENT_MS);
  };
  opened.addEventListener("booking", (event) => {
    rest = STREAM_REST_MS;
    const view = JSON.parse((event as MessageEvent<string>).data) as BookingView;
    show(view, node);
    if (isClosed(view.status)) stop();
    else alive();
  });
  // The browser would ask the same node again; the next one may know better.
  opened.addEventListener("error", again);
  alive();
}

/** Tells whoever has the booking what its rider wants. */
async function tell(path: string, body: unknown): Promise<void> {
  const { value, node } = await askHolder<BookingView>(path, { method: "POST", body }, about(booking.kept));
  show(value, node);
}

function show(view: BookingView, node: string): void {
  booking.cutOff = false;
  booking.doubt = undefined;
  if (!booking.kept) return;
  booking.kept.view = view;
  booking.kept.token = view.token;
  booking.kept.node = node;
  booking.kept.kept_at = Date.now();
  save();
}

function about(kept: Kept | undefined): About {
  return { node: kept?.node, district: kept?.view?.district ?? kept?.district };
}

/** A clock that was set back proves nothing: the rider is asked. */
function isFresh(kept: Kept): boolean {
  const age = Date.now() - kept.kept_at;
  return age >= 0 && age <= OLD_MS;
}

/** True if no node would say otherwise, now or later. */
function isFinal(error: Refused): boolean {
  const { status, code } = error.problem;
  // Another district's node says "not here" for good only if its own node has said so too.
  return status < 500 && !error.mayRetry && code !== "other_district" && code !== "other_node";
}

function stop(): void {
  stream?.close();
  stream = undefined;
  clearTimeout(watch);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Keeps the device's own booking; what a link shows is somebody else's. */
function save(): void {
  if (booking.visiting) return;
  try {
    if (booking.kept) localStorage.setItem(KEPT, JSON.stringify(booking.kept));
    else localStorage.removeItem(KEPT);
  } catch {
    // Without storage the booking lives as long as the page.
  }
}

function load(): Kept | undefined {
  try {
    const text = localStorage.getItem(KEPT);
    return text === null ? undefined : (JSON.parse(text) as Kept);
  } catch {
    return undefined;
  }
}
