// The one booking of this device: kept before it is sent, sent until a node has it, followed until it is closed.

import { Refused } from "../shared/http";
import { isClosed, type CancelReason } from "../shared/shapes";
import { askAny, current } from "./nodes";
import type { BookingView, BookRequest } from "./wire";

const KEPT = "ondol.booking";
/** Between two attempts while no node answers. */
const AGAIN_MS = 4_000;
/** The stream repeats the booking every few seconds; longer silence means that the connection is dead. */
const SILENT_MS = 15_000;

interface Kept {
  /** Absent where only a link was opened. */
  body?: BookRequest;
  token?: string;
  view?: BookingView;
  /** Cancelled before any node had answered: ended as soon as one does. */
  unwanted?: boolean;
}

/** What the page shows. */
export const booking = $state<{
  kept: Kept | undefined;
  /** No node answers at the moment. */
  cutOff: boolean;
  /** A node said no to the booking; the form is shown again. */
  refusal: unknown;
}>({ kept: undefined, cutOff: false, refusal: undefined });

let stream: EventSource | undefined;
let watch: ReturnType<typeof setTimeout> | undefined;
let round = 0;

/** Takes up what the device was doing, or follows the link that was opened. */
export function resume(): void {
  const token = location.hash.slice(1);
  if (/^[\w-]{20,200}$/.test(token)) {
    booking.kept = { token };
    void follow();
    return;
  }
  booking.kept = load();
  if (booking.kept) void (booking.kept.token ? follow() : send());
}

/** Orders a taxi: the key and the wish are on the device before anything leaves it. */
export function book(body: BookRequest): void {
  booking.refusal = undefined;
  booking.kept = { body };
  save();
  void send();
}

export async function cancel(reason: CancelReason): Promise<void> {
  const token = booking.kept?.token;
  if (token === undefined) {
    // No answer has come, but a node may have it: forgetting it here would send a taxi to nobody.
    if (booking.kept) booking.kept.unwanted = true;
    save();
    return;
  }
  show(await askAny<BookingView>(`/rider/v1/bookings/${token}/cancel`, { method: "POST", body: { reason } }));
}

/** Puts a closed booking away, so that the form is free again. */
export function forget(): void {
  stop();
  booking.kept = undefined;
  booking.cutOff = false;
  if (location.hash !== "") history.replaceState(null, "", location.pathname + location.search);
  save();
}

/** Re-presents the booking until a node has it. */
async function send(): Promise<void> {
  const mine = ++round;
  const body = booking.kept?.body;
  if (body === undefined) return;
  while (mine === round) {
    try {
      const view = await askAny<BookingView>("/rider/v1/bookings", { method: "POST", body: $state.snapshot(body) });
      if (mine !== round) return;
      show(view);
      if (booking.kept?.unwanted) {
        await cancel("changed_mind");
        forget();
        return;
      }
      listen(view.token);
      return;
    } catch (error) {
      if (mine !== round) return;
      // Another district's node says "not here" for good only if its own node has said so too.
      if (error instanceof Refused && !error.mayRetry && error.problem.code !== "other_district") {
        booking.refusal = error;
        forget();
        return;
      }
      // Nobody answered, or whoever did cannot help now: both are a cut to the rider.
      booking.cutOff = true;
      await pause(AGAIN_MS);
    }
  }
}

/** Finds a node that knows the booking; a node that does not is told of it. */
async function follow(): Promise<void> {
  const mine = ++round;
  stop();
  while (mine === round && booking.kept?.token !== undefined) {
    const { token, body } = booking.kept;
    try {
      const view = await askAny<BookingView>(`/rider/v1/bookings/${token}`);
      if (mine !== round) return;
      show(view);
      if (!isClosed(view.status)) listen(token);
      return;
    } catch (error) {
      if (mine !== round) return;
      if (error instanceof Refused && error.problem.status === 404) {
        if (body === undefined) {
          booking.refusal = error;
          forget();
        } else {
          void send();
        }
        return;
      }
      booking.cutOff = true;
      await pause(AGAIN_MS);
    }
  }
}

function listen(token: string): void {
  stop();
  const mine = round;
  const opened = new EventSource(`${current()}/rider/v1/bookings/${token}/events`);
  stream = opened;
  const again = () => {
    if (stream !== opened || mine !== round) return;
    stop();
    void follow();
  };
  const alive = () => {
    clearTimeout(watch);
    watch = setTimeout(again, SILENT_MS);
  };
  opened.addEventListener("booking", (event) => {
    const view = JSON.parse((event as MessageEvent<string>).data) as BookingView;
    show(view);
    if (isClosed(view.status)) stop();
    else alive();
  });
  // The browser would ask the same node again; the next one may know better.
  opened.addEventListener("error", again);
  alive();
}

function show(view: BookingView): void {
  booking.cutOff = false;
  if (!booking.kept) return;
  booking.kept.view = view;
  booking.kept.token = view.token;
  save();
}

function stop(): void {
  stream?.close();
  stream = undefined;
  clearTimeout(watch);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function save(): void {
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
