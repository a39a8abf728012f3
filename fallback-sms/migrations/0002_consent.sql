-- Numbers that said STOP, kept apart from dialogues: those are removed after a while, a STOP is not.
CREATE TABLE consent (
    peer BLOB PRIMARY KEY,                  -- keyed digest of the number
    withdrawn_at INTEGER NOT NULL
) STRICT;
