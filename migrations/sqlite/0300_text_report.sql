-- What operators must hear of people who write texts, until a person has taken care of it. Kept at each node that
-- was told, not in the journal: it joins no history, and it goes after a week. Number and words are sealed.
-- Moments are UTC milliseconds of the node's civil clock.
CREATE TABLE text_report (
    id       TEXT    NOT NULL,
    kind     TEXT    NOT NULL,
    urgent   INTEGER NOT NULL,
    sealed   TEXT    NOT NULL,
    at       INTEGER NOT NULL,
    heard_at INTEGER NOT NULL,
    cared_at INTEGER,
    cared_by TEXT,
    CONSTRAINT text_report_pk PRIMARY KEY (id),
    CONSTRAINT text_report_cared_by_somebody CHECK ((cared_at IS NULL) = (cared_by IS NULL))
) STRICT;
CREATE INDEX text_report_open ON text_report (urgent, heard_at) WHERE cared_at IS NULL;
