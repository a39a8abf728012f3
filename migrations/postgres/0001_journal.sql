-- The journal: what was decided, append-only. One row is one entry, exactly as hashed and sent.
CREATE TABLE journal (
    origin         text   NOT NULL,
    incarnation    bigint NOT NULL,
    district       text   NOT NULL,
    lane           text   NOT NULL,
    seq            bigint NOT NULL,
    zone_id        text   NOT NULL,
    hlc_wall_ms    bigint NOT NULL,
    hlc_logical    bigint NOT NULL,
    kind           text   NOT NULL,
    schema_version bigint NOT NULL,
    key            text   NOT NULL,
    payload        text   NOT NULL,
    prev_hash      text   NOT NULL,
    hash           text   NOT NULL,
    CONSTRAINT journal_pk PRIMARY KEY (origin, incarnation, district, lane, seq),
    CONSTRAINT journal_seq_from_one CHECK (seq >= 1),
    CONSTRAINT journal_lane_known CHECK (lane IN ('safety', 'bookings', 'roster')),
    CONSTRAINT journal_hash_is_sha256 CHECK (length(hash) = 64 AND length(prev_hash) = 64)
);
-- The history of one booking, shift or driver.
CREATE INDEX journal_by_key ON journal (district, key) WHERE key <> '';

-- The last entry of each series: what peers are told, and what the next entry must continue.
CREATE TABLE series_head (
    origin      text   NOT NULL,
    incarnation bigint NOT NULL,
    district    text   NOT NULL,
    lane        text   NOT NULL,
    seq         bigint NOT NULL,
    hash        text   NOT NULL,
    CONSTRAINT series_head_pk PRIMARY KEY (origin, incarnation, district, lane)
);

-- A board as JSON, so that a start reads only the entries after it. The last two are kept. It is written in parts,
-- and this row comes last. Another release understands the journal differently and does not use it.
CREATE TABLE snapshot (
    entries  bigint NOT NULL,
    taken_at bigint NOT NULL,
    release  text   NOT NULL,
    digest   text   NOT NULL,
    CONSTRAINT snapshot_pk PRIMARY KEY (entries)
);
CREATE TABLE snapshot_part (
    entries bigint NOT NULL,
    part    bigint NOT NULL,
    body    text   NOT NULL,
    CONSTRAINT snapshot_part_pk PRIMARY KEY (entries, part)
);

-- Each start of the node. A new life has a number above every one before, and is durable before it writes.
CREATE TABLE node_life (
    node        text   NOT NULL,
    incarnation bigint NOT NULL,
    started_at  bigint NOT NULL,
    CONSTRAINT node_life_pk PRIMARY KEY (node, incarnation)
);

-- One row. Every commit updates it under the writer's incarnation: it proves that the disk writes, and a
-- process that was replaced by a newer one finds no row to update and stops. 0 once the node has stopped in order.
CREATE TABLE alive (
    id          bigint NOT NULL,
    incarnation bigint NOT NULL,
    at          bigint NOT NULL,
    CONSTRAINT alive_pk PRIMARY KEY (id),
    CONSTRAINT alive_one_row CHECK (id = 1)
);

-- Notices for the text process; they commit with the entries that cause them.
CREATE TABLE outbox (
    seq        bigint NOT NULL,
    id         text   NOT NULL,
    urgent     bigint NOT NULL,
    expires_at bigint NOT NULL,
    body       text   NOT NULL,
    created_at bigint NOT NULL,
    acked_at   bigint,
    CONSTRAINT outbox_pk PRIMARY KEY (seq),
    CONSTRAINT outbox_id_once UNIQUE (id)
);
CREATE INDEX outbox_open ON outbox (seq) WHERE acked_at IS NULL;

-- Answers already given, so that a request sent twice is answered twice and done once.
CREATE TABLE inbox (
    scope      text   NOT NULL,
    key        text   NOT NULL,
    digest     text   NOT NULL,
    answer     text   NOT NULL,
    expires_at bigint NOT NULL,
    CONSTRAINT inbox_pk PRIMARY KEY (scope, key)
);
CREATE INDEX inbox_by_expiry ON inbox (expires_at);

-- A person's keys, wrapped with the master key. Erased: wrapped is null, and the tombstone stays.
CREATE TABLE subject_key (
    subject    text   NOT NULL,
    key_id     text   NOT NULL,
    wrapped    text,
    created_at bigint NOT NULL,
    erased_at  bigint,
    change_seq bigint NOT NULL,
    CONSTRAINT subject_key_pk PRIMARY KEY (subject, key_id),
    CONSTRAINT subject_key_gone_when_erased CHECK ((erased_at IS NULL) = (wrapped IS NOT NULL)),
    CONSTRAINT subject_key_change_once UNIQUE (change_seq)
);

-- Edges ask for tombstones in the order in which they were made.
CREATE INDEX subject_key_erased ON subject_key (change_seq) WHERE erased_at IS NOT NULL;

-- One row, if the end of this node's past was lost: until then edges may give it back.
CREATE TABLE take_back (
    id    bigint NOT NULL,
    until bigint NOT NULL,
    CONSTRAINT take_back_pk PRIMARY KEY (id),
    CONSTRAINT take_back_one_row CHECK (id = 1)
);

-- How far each peer's tombstones have been pulled, in that peer's own count.
CREATE TABLE peer_cursor (
    peer        text   NOT NULL,
    incarnation bigint NOT NULL,
    seq         bigint NOT NULL,
    CONSTRAINT peer_cursor_pk PRIMARY KEY (peer)
);
