-- What the journal says of bookings, assignments and shifts, for questions that SQL answers best. Written in the
-- transaction of the entries; it can be deleted and is then written anew. Keys begin with the zone, so that the
-- tables can be split by it. SQLite has no row-level security: the store names the fleet in
-- every question that is asked for one.
CREATE TABLE booking (
    zone_id     TEXT   NOT NULL,
    booking     TEXT   NOT NULL,
    district    TEXT   NOT NULL,
    fleet_id    TEXT,
    door        TEXT   NOT NULL,
    status      TEXT   NOT NULL,
    accepted_at INTEGER NOT NULL,
    cancelled_at INTEGER,
    CONSTRAINT booking_pk PRIMARY KEY (zone_id, booking)
) STRICT;
CREATE INDEX booking_by_time ON booking (district, accepted_at);

CREATE TABLE assignment (
    zone_id     TEXT   NOT NULL,
    assignment  TEXT   NOT NULL,
    booking     TEXT   NOT NULL,
    shift       TEXT   NOT NULL,
    fleet_id    TEXT,
    offered_at  INTEGER,
    assigned_at INTEGER,
    boarded_at  INTEGER,
    done_at     INTEGER,
    released_at INTEGER,
    fare        INTEGER,
    CONSTRAINT assignment_pk PRIMARY KEY (zone_id, assignment)
) STRICT;
CREATE INDEX assignment_by_shift ON assignment (shift);

-- A shift works in its whole district: its zone is 'all'.
CREATE TABLE shift (
    zone_id    TEXT   NOT NULL,
    shift      TEXT   NOT NULL,
    district   TEXT   NOT NULL,
    fleet_id   TEXT,
    driver     TEXT,
    duty       TEXT,
    started_at INTEGER,
    CONSTRAINT shift_pk PRIMARY KEY (zone_id, shift)
) STRICT;
