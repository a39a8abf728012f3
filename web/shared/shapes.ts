// What both doors say in the same words.

export interface Position {
  lat: number;
  lon: number;
}

export interface Spot {
  label?: string;
  position: Position;
}

export interface Needs {
  wheelchair: boolean;
  pet: boolean;
  luggage: boolean;
}

export type Status = "open" | "offered" | "assigned" | "arrived" | "boarded" | "done" | "cancelled";
export type Mode = "normal" | "degraded" | "healing";
export type Party = "rider" | "driver" | "operator" | "system";
export type CancelReason = "changed_mind" | "waited_too_long" | "no_show" | "duplicate" | "no_taxi" | "other";
export type Accepted = "accepted_local" | "accepted_replicated";

/** Why a person's own words are not shown. */
export type Hidden = "erased" | "unreadable";

export interface Standing {
  authority: string;
  as_of: string;
}

export interface Place {
  name: string;
  kind: string;
  position: Position;
  stand?: string;
  served: boolean;
  district?: string;
}

/** RFC 9457. */
export interface Problem {
  type?: string;
  title?: string;
  status: number;
  detail: string;
  code: string;
  retry?: boolean;
}

export function isClosed(status: Status): boolean {
  return status === "done" || status === "cancelled";
}

/** A random UUID, also where the page is not served over TLS and `crypto.randomUUID` is missing. */
export function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
