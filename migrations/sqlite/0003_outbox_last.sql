-- The number of the last notice, in one row that is never deleted: an outbox that was emptied goes on counting.
CREATE TABLE outbox_last (
    id  INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    CONSTRAINT outbox_last_pk PRIMARY KEY (id),
    CONSTRAINT outbox_last_one_row CHECK (id = 1)
) STRICT;
INSERT INTO outbox_last (id, seq) SELECT 1, COALESCE(MAX(seq), 0) FROM outbox;
