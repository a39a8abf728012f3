-- What the journal says of bookings, assignments and shifts, for questions that SQL answers best. Written in the
-- transaction of the entries; it can be deleted and is then written anew. Keys begin with the zone, so that the
-- tables can be split by it. A fleet sees its own rows: ondol.fleet is set per transaction, '*' for the node itself,
-- and without it nothing is seen.
CREATE TABLE booking (
    zone_id     text   NOT NULL,
    booking     text   NOT NULL,
    district    text   NOT NULL,
    fleet_id    text,
    door        text   NOT NULL,
    status      text   NOT NULL,
    accepted_at bigint NOT NULL,
    cancelled_at bigint,
    CONSTRAINT booking_pk PRIMARY KEY (zone_id, booking)
);
CREATE INDEX booking_by_time ON booking (district, accepted_at);

CREATE TABLE assignment (
    zone_id     text   NOT NULL,
    assignment  text   NOT NULL,
    booking     text   NOT NULL,
    shift       text   NOT NULL,
    fleet_id    text,
    offered_at  bigint,
    assigned_at bigint,
    boarded_at  bigint,
    done_at     bigint,
    released_at bigint,
    fare        bigint,
    CONSTRAINT assignment_pk PRIMARY KEY (zone_id, assignment)
);
CREATE INDEX assignment_by_shift ON assignment (shift);

-- A shift works in its whole district: its zone is 'all'.
CREATE TABLE shift (
    zone_id    text   NOT NULL,
    shift      text   NOT NULL,
    district   text   NOT NULL,
    fleet_id   text,
    driver     text,
    duty       text,
    started_at bigint,
    CONSTRAINT shift_pk PRIMARY KEY (zone_id, shift)
);

ALTER TABLE booking ENABLE ROW LEVEL SECURITY;
ALTER TABLE booking FORCE ROW LEVEL SECURITY;
CREATE POLICY booking_of_fleet ON booking
    USING (current_setting('ondol.fleet', true) = '*' OR fleet_id = current_setting('ondol.fleet', true));
ALTER TABLE assignment ENABLE ROW LEVEL SECURITY;
ALTER TABLE assignment FORCE ROW LEVEL SECURITY;
CREATE POLICY assignment_of_fleet ON assignment
    USING (current_setting('ondol.fleet', true) = '*' OR fleet_id = current_setting('ondol.fleet', true));
ALTER TABLE shift ENABLE ROW LEVEL SECURITY;
ALTER TABLE shift FORCE ROW LEVEL SECURITY;
CREATE POLICY shift_of_fleet ON shift
    USING (current_setting('ondol.fleet', true) = '*' OR fleet_id = current_setting('ondol.fleet', true));
