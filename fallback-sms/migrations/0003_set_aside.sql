-- Rows that could not be read, as they were, for a person to look at; the newest thousand, 30 days.
-- A text whose row is set aside has state 3 in inbox; a reply has failed.
CREATE TABLE set_aside (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    origin TEXT NOT NULL,                   -- which table it stood in
    sealed BLOB NOT NULL,
    reason TEXT NOT NULL,
    at INTEGER NOT NULL
) STRICT;

-- One row: a known word under the store's key, so that a wrong key file is noticed before anything is set aside.
CREATE TABLE key_check (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    sealed BLOB NOT NULL
) STRICT;
