-- 1: SOS, read even while its number's dialogue waits for a node.
ALTER TABLE inbox ADD COLUMN danger INTEGER NOT NULL DEFAULT 0;

-- The node that knows the person a report is about; it is told first.
ALTER TABLE report ADD COLUMN home TEXT;

-- Nodes that have taken a report which more than one must have.
CREATE TABLE report_told (
    report BLOB NOT NULL,
    source TEXT NOT NULL,
    PRIMARY KEY (report, source)
) STRICT;
