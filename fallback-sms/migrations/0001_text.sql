-- The text process's own store. Times are simulated UTC milliseconds. Numbers and texts are sealed
-- (AES-256-GCM); "peer" is a keyed digest of a number, by which it is found.

CREATE TABLE inbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    message_id BLOB NOT NULL UNIQUE,        -- digest of sender, centre's moment and body: the same text is taken once
    peer BLOB NOT NULL,
    sealed BLOB NOT NULL,                   -- number, body
    sent_at INTEGER NOT NULL,
    heard_at INTEGER NOT NULL,
    state INTEGER NOT NULL                  -- 0 waits, 1 read, 2 left unread (no number, or too many)
) STRICT;
CREATE INDEX inbox_waiting ON inbox (id) WHERE state = 0;
CREATE INDEX inbox_peer ON inbox (peer, heard_at);

CREATE TABLE dialogue (
    peer BLOB PRIMARY KEY,
    sealed BLOB NOT NULL,                   -- number, dialogue
    changed_at INTEGER NOT NULL
) STRICT;

CREATE TABLE request (
    peer BLOB PRIMARY KEY,                  -- one at a time for a number
    sealed BLOB NOT NULL,
    made_at INTEGER NOT NULL,
    next_at INTEGER NOT NULL,
    tries INTEGER NOT NULL,
    told_waiting INTEGER NOT NULL
) STRICT;
CREATE INDEX request_due ON request (next_at);

CREATE TABLE outbox (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,  -- texts leave in this order
    id BLOB NOT NULL UNIQUE,
    peer BLOB NOT NULL,
    prefix BLOB NOT NULL,                   -- digest of the number's first digits
    party INTEGER NOT NULL,                 -- 0 stranger, 1 rider, 2 driver
    sealed BLOB NOT NULL,                   -- number, language, template, values
    urgent INTEGER NOT NULL,
    segments INTEGER NOT NULL,
    repeat INTEGER NOT NULL,                -- 1: the carrier may have had it
    made_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    state INTEGER NOT NULL,                 -- 0 ready, 1 being submitted, 2 taken by the carrier, 3 sent, 4 delivered, 5 failed, 6 expired
    source TEXT,                            -- whose notice it is
    source_outbox TEXT,
    notice_id BLOB,
    answered INTEGER NOT NULL,              -- 1: the number has written since, or nobody waits for it
    tries INTEGER NOT NULL
) STRICT;
CREATE INDEX outbox_ready ON outbox (urgent DESC, seq) WHERE state < 2;
CREATE INDEX outbox_peer ON outbox (peer, made_at);
CREATE INDEX outbox_prefix ON outbox (prefix, made_at);
CREATE INDEX outbox_time ON outbox (made_at);
CREATE INDEX outbox_unanswered ON outbox (made_at) WHERE answered = 0;

CREATE TABLE notice (
    id BLOB PRIMARY KEY,                    -- taken once, whichever node shows it
    taken_at INTEGER NOT NULL
) STRICT;

CREATE TABLE cursor (
    source TEXT PRIMARY KEY,
    outbox TEXT NOT NULL,
    after INTEGER NOT NULL
) STRICT;

CREATE TABLE outcome (
    id INTEGER PRIMARY KEY AUTOINCREMENT,   -- told to the node in this order
    source TEXT NOT NULL,
    source_outbox TEXT NOT NULL,
    notice_id BLOB NOT NULL,
    outcome TEXT NOT NULL,
    at INTEGER NOT NULL
) STRICT;

CREATE TABLE report (
    id BLOB PRIMARY KEY,
    sealed BLOB NOT NULL,
    made_at INTEGER NOT NULL
) STRICT;

CREATE TABLE spent (
    budget TEXT PRIMARY KEY,                -- when an operator was last told that a budget is spent
    told_at INTEGER NOT NULL
) STRICT;
