// What the screen shows: the board once, then only what changes.

import { ask, Refused } from "../shared/http";
import { isClosed } from "../shared/shapes";
import type { BoardView, BookingRow, DistrictView, PositionsEvent, SessionView, ShiftRow } from "./wire";

const ROOT = "/console/v1";
/** The node speaks at least every 2 s; longer silence means that the connection is dead. */
const SILENT_MS = 10_000;
const AGAIN_MS = 2_000;
/** Closed bookings that stay on the board. */
const CLOSED_MAX = 30;

export const live = $state<{
  session: SessionView | undefined;
  /** Whether the node is known to have no session; before that nothing is shown. */
  signedOut: boolean;
  districts: DistrictView[];
  bookings: Map<string, BookingRow>;
  shifts: Map<string, ShiftRow>;
  openBookings: number;
  connected: boolean;
  /** The node's clock when it last spoke, and ours at that moment: ages are counted on the node's. */
  nodeNow: number;
  heardAt: number;
}>({
  session: undefined,
  signedOut: false,
  districts: [],
  bookings: new Map(),
  shifts: new Map(),
  openBookings: 0,
  connected: false,
  nodeNow: 0,
  heardAt: 0,
});

let stream: EventSource | undefined;
let watch: ReturnType<typeof setTimeout> | undefined;
/** Changes that came while the board is read. */
let waiting: (() => void)[] | undefined;

/** Asks and waits for the answer, longer than usual where `wait` says so, in milliseconds. */
export function get<T>(path: string, wait?: number): Promise<T> {
  return guarded(ask<T>(ROOT + path, { wait }));
}

export function post<T>(path: string, body: unknown): Promise<T> {
  return guarded(ask<T>(ROOT + path, { method: "POST", body, wait: 10_000 }));
}

export async function open(): Promise<void> {
  try {
    live.session = await ask<SessionView>(`${ROOT}/session`);
    live.signedOut = false;
    follow();
  } catch (error) {
    if (error instanceof Refused && error.problem.status === 401) live.signedOut = true;
    else setTimeout(() => void open(), AGAIN_MS);
  }
}

export async function signIn(account: string, password: string): Promise<void> {
  live.session = await ask<SessionView>(`${ROOT}/session`, { method: "POST", body: { account, password } });
  live.signedOut = false;
  follow();
}

/** Shows the sign-in form only once the node has ended the session: before, whoever sits down next would be let in. */
export async function signOut(): Promise<void> {
  await guarded(ask(`${ROOT}/session`, { method: "DELETE" }));
  close();
}

export function put(row: BookingRow): void {
  live.bookings.set(row.booking, row);
  live.bookings = new Map(live.bookings);
  count();
}

/** Opens the stream and, once it is open, reads the board: what changes in between comes by the stream. */
function follow(): void {
  stop();
  const opened = new EventSource(`${ROOT}/events`);
  stream = opened;
  const on = <T>(name: string, then: (data: T) => void) =>
    opened.addEventListener(name, (event) => {
      if (stream !== opened) return;
      const data = JSON.parse((event as MessageEvent<string>).data) as T;
      if (waiting) waiting.push(() => then(data));
      else then(data);
      alive(opened);
    });
  on<BookingRow[]>("booking", (rows) => {
    for (const row of rows) live.bookings.set(row.booking, row);
    prune();
    live.bookings = new Map(live.bookings);
    count();
  });
  on<string[]>("gone", (ids) => {
    for (const id of ids) live.bookings.delete(id);
    live.bookings = new Map(live.bookings);
    count();
  });
  on<ShiftRow[]>("shift", (rows) => {
    for (const row of rows) {
      if (row.state === "ended") live.shifts.delete(row.shift);
      else live.shifts.set(row.shift, row);
    }
    live.shifts = new Map(live.shifts);
  });
  on<DistrictView[]>("district", (rows) => (live.districts = rows));
  on<PositionsEvent>("positions", (event) => {
    heard(event.as_of);
    for (const { shift, position, heard_at } of event.shifts) {
      const row = live.shifts.get(shift);
      if (row) live.shifts.set(shift, { ...row, position, heard_at });
    }
    live.shifts = new Map(live.shifts);
  });
  opened.addEventListener("open", () => void load(opened));
  opened.addEventListener("resync", () => void load(opened));
  opened.addEventListener("error", () => {
    if (stream === opened) void lost();
  });
  watch = setTimeout(() => void lost(), SILENT_MS);
}

/** Reads the whole board; changes that come meanwhile wait, because they may be newer than what is read. */
async function load(opened: EventSource): Promise<void> {
  if (stream !== opened) return;
  const mine: (() => void)[] = [];
  waiting = mine;
  try {
    const board = await get<BoardView>("/board");
    if (waiting !== mine) return;
    live.districts = board.districts;
    live.bookings = new Map(board.bookings.map((row) => [row.booking, row]));
    live.shifts = new Map(board.shifts.map((row) => [row.shift, row]));
    live.openBookings = board.open_bookings;
    heard(board.standing.as_of);
    waiting = undefined;
    for (const change of mine) change();
    alive(opened);
  } catch {
    if (waiting === mine) void lost();
  }
}

function alive(opened: EventSource): void {
  if (stream !== opened) return;
  live.connected = true;
  clearTimeout(watch);
  watch = setTimeout(() => void lost(), SILENT_MS);
}

async function lost(): Promise<void> {
  stop();
  live.connected = false;
  await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
  if (live.signedOut || stream !== undefined) return;
  try {
    // A stream does not say why it was refused; a session that has ended leads to the sign-in form.
    await get<SessionView>("/session");
    follow();
  } catch {
    if (!live.signedOut) void lost();
  }
}

function stop(): void {
  stream?.close();
  stream = undefined;
  waiting = undefined;
  clearTimeout(watch);
}

function close(): void {
  stop();
  live.session = undefined;
  live.signedOut = true;
  live.connected = false;
  live.bookings = new Map();
  live.shifts = new Map();
  live.districts = [];
}

function heard(moment: string): void {
  live.nodeNow = Date.parse(moment);
  live.heardAt = Date.now();
}

function count(): void {
  let open = 0;
  for (const row of live.bookings.values()) if (!isClosed(row.status)) open += 1;
  live.openBookings = Math.max(open, live.bookings.size >= 500 ? live.openBookings : 0);
}

function prune(): void {
  const closed = [...live.bookings.values()].filter((row) => isClosed(row.status));
  closed.sort((a, b) => b.made_at.localeCompare(a.made_at));
  for (const row of closed.slice(CLOSED_MAX)) live.bookings.delete(row.booking);
}

/** A session that ended anywhere ends here too. */
async function guarded<T>(asked: Promise<T>): Promise<T> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof Refused && error.problem.status === 401) close();
    throw error;
  }
}
