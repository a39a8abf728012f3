// The operators' door, as `console/src/wire` says it.

import type { Accepted, CancelReason, Hidden, Mode, Needs, Party, Position, Spot, Standing, Status } from "../shared/shapes";

export interface SessionView {
  account: string;
  role: string;
  fleet?: string;
  node: string;
  central: boolean;
}

export interface DataAge {
  item: "peer" | "positions" | "bans";
  of?: string;
  as_of?: string;
  usable: boolean;
}

export interface DistrictView {
  district: string;
  mode: Mode;
  reason: "lease_runs" | "lease_out" | "witnesses" | "silence" | "by_hand" | "edge_unheard" | "returning" | "unsteady";
  since: string;
  holder: string;
  epoch: { central_term: number; edge_term: number };
  may_take: boolean;
  may_give_back: boolean;
  may_waive_bans: boolean;
  bans_waived_until?: string;
  ages: DataAge[];
  stuck: StuckView[];
}

/** A series of which the next entry does not go in. */
export interface StuckView {
  series: string;
  seq: number;
  why: "unreadable" | "broken" | "not_allowed" | "own_past";
  since: string;
  set_aside: boolean;
}

export type Attention = "two_boarded" | "unverified" | "contact_lost" | "trip_unended" | "waits_long" | "taken_twice";
export type Door = "app" | "web" | "sms" | "phone" | "street";

export interface BookingRow {
  booking: string;
  code: string;
  door: Door;
  status: Status;
  attention: Attention[];
  district: string;
  zone: string;
  pickup: Spot;
  dropoff?: Spot;
  stand?: string;
  made_at: string;
  pickup_at?: string;
  seats: number;
  needs: Needs;
  priority: "medical" | "normal";
  fleet?: string;
  rider_name?: string;
  phone_masked?: string;
  rider_hidden?: Hidden;
  taxi?: { shift: string; plate: string; arrives_at?: string };
  owner?: string;
  cancelled_by?: Party;
  cancel_reason?: CancelReason;
  fare?: number;
  standing: Standing;
}

export type DutyState = "free" | "asked" | "assigned" | "on_trip" | "paused" | "ended";

export interface ShiftRow {
  shift: string;
  driver: string;
  driver_name?: string;
  driver_hidden?: Hidden;
  plate: string;
  fleet: string;
  district: string;
  state: DutyState;
  booking?: string;
  position?: Position;
  heard_at?: string;
  attached_to?: string;
  by_text: boolean;
  stand?: string;
}

export interface BoardView {
  node: string;
  districts: DistrictView[];
  bookings: BookingRow[];
  open_bookings: number;
  shifts: ShiftRow[];
  shifts_on_duty: number;
  standing: Standing;
}

export interface PositionsEvent {
  as_of: string;
  shifts: { shift: string; position: Position; heard_at: string }[];
}

export type CloseReason = "phone_lost" | "forgotten" | "other";

export interface AssignmentView {
  assignment: string;
  shift: string;
  plate?: string;
  eta_s?: number;
  offered_at?: string;
  assigned_at?: string;
  arrived_at?: string;
  boarded_at?: string;
  pin_check?: "verified" | "unverified" | "not_needed";
  done_at?: string;
  closed?: CloseReason;
  released_at?: string;
  release?: string;
}

/** A rule of matching: its name, and a sentence unless it is of another release. */
export interface RuleView {
  name: string;
  ko?: string;
  en?: string;
}

/** A shift as the caller may know it; nothing of it is told if it is of a fleet that the caller may not see. */
export interface TaxiRef {
  shift?: string;
  plate?: string;
  fleet?: string;
}

export interface QuestionView {
  assignment: string;
  district: string;
  asked_by: string;
  asked_at: string;
  rule: RuleView;
  taxi: TaxiRef;
  eta_s: number;
  others: { taxi: TaxiRef; cost_s: number }[];
  asked_before: { taxi: TaxiRef; outcome: string }[];
  instead_of?: string;
  /** `asked`, `accepted`, `exchanged`, or how it ended without a trip. */
  outcome: string;
  outcome_at?: string;
  exchanged_for?: string;
}

export interface DecisionsView {
  booking: string;
  code: string;
  questions: QuestionView[];
  left_out: number;
  standing: Standing;
}

export interface FleetView {
  fleet: string;
  drivers: number;
  available_s: number;
  to_pickup_s: number;
  with_rider_s: number;
  idle_s: number;
  idle_share?: number;
  asked: number;
  taken: number;
  declined: number;
  unanswered: number;
  nearest: number;
  passed_over: number;
  rides: number;
  takings: number;
  takings_per_h?: number;
  gini_takings?: number;
}

export interface FairnessView {
  from: string;
  to: string;
  fleets: FleetView[];
  rules: { rule: RuleView; asked: number }[];
  gini_takings?: number;
  left_out?: { entries: number; shifts: number };
  standing: Standing;
}

export interface CandidateView {
  shift: string;
  plate: string;
  driver_name?: string;
  driver_hidden?: Hidden;
  eta_s?: number;
  heard_at?: string;
  by_text: boolean;
}

export interface BookingDetail {
  row: BookingRow;
  pin: string;
  note?: string;
  accepted_by: string[];
  assignments: AssignmentView[];
  candidates: CandidateView[];
  facts: { at: string; origin: string; incarnation: number; seq: number; kind: string }[];
}

export interface IntakeRequest {
  booking_id: string;
  phone?: string;
  name?: string;
  pickup: Spot;
  dropoff?: Spot;
  stand?: string;
  seats: number;
  needs: Needs;
  priority: "medical" | "normal";
  note?: string;
  lang: "ko" | "en";
}

export interface IntakeAnswer {
  row: BookingRow;
  pin: string;
  accepted: Accepted;
}

export interface PastBooking {
  booking: string;
  made_at: string;
  status: Status;
  pickup: Spot;
  dropoff?: Spot;
  hidden?: Hidden;
  stand?: string;
  seats: number;
  needs: Needs;
}

export interface CallerView {
  phone: string;
  name?: string;
  hidden?: Hidden;
  open: BookingRow[];
  past: PastBooking[];
  is_driver: boolean;
}

/** What a district went through; counts are by node, a driver's phone under a name of its own. */
export interface Outage {
  district: string;
  accepted: Record<string, number>;
  merged: number;
  served: Record<string, number>;
}

export interface ReconciliationView {
  conflicts: {
    kind: string;
    booking: string;
    code: string;
    other?: string;
    district: string;
    at: string;
    resolution: string;
    gave_way: number;
    open: boolean;
  }[];
  from: string;
  districts: Outage[];
  standing: Standing;
}

export interface ReportRow {
  report: string;
  kind: string;
  urgent: boolean;
  phone_masked?: string;
  is_driver: boolean;
  booking?: string;
  text: string;
  hidden?: Hidden;
  at: string;
}
