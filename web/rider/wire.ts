// The riders' door, as `rider-app-api/src/wire` says it.

import type { Accepted, CancelReason, Hidden, Mode, Needs, Party, Place, Position, Spot, Standing, Status } from "../shared/shapes";

export interface PlacesAnswer {
  places: Place[];
}

export interface EndpointsAnswer {
  endpoints: { node: string; url: string; district?: string }[];
  /** By district. */
  sms_numbers?: Record<string, string>;
  phone_number?: string;
}

export interface Quote {
  fare: number;
  tariff: string;
}

export interface QuoteAnswer {
  distance_m: number;
  duration_s: number;
  quote: Quote;
  currency: string;
  standing: Standing;
}

export interface BookRequest {
  booking_id: string;
  door: "app" | "web";
  pickup: Spot;
  dropoff?: Spot;
  stand?: string;
  seats: number;
  needs: Needs;
  pickup_at?: string;
  name?: string;
  phone?: string;
  note?: string;
  lang: "ko" | "en";
  payment: "cash" | "deferred";
  quote?: Quote;
}

export interface BookingView {
  booking: string;
  token: string;
  code: string;
  pin: string;
  status: Status;
  accepted: Accepted;
  district: string;
  mode: { mode: Mode; since: string };
  made_at: string;
  pickup: Spot;
  dropoff?: Spot;
  hidden?: Hidden;
  pickup_at?: string;
  seats: number;
  quote?: Quote;
  vehicle?: {
    plate: string;
    driver_name?: string;
    driver_hidden?: Hidden;
    arrives_at?: string;
    /** Nine of ten came within so many seconds of that. */
    arrives_within_s?: number;
    position?: Position;
    heard_at?: string;
  };
  fare?: { amount: number; distance_m: number; duration_s: number; payment: "cash" | "deferred" };
  cancelled?: { by: Party; reason: CancelReason; at: string };
  told_at: string;
  /**
   * What the rider is asked: whether the taxi is still wanted (keep or cancel), or whether the trip is going on that is
   * known from the driver's phone alone (attest). Only the rider answers, never the page by itself.
   */
  ask?: "still_wanted" | "trip_going_on";
  standing: Standing;
}
