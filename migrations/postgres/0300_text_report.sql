-- What operators must hear of people who write texts, until a person has taken care of it. Kept at each node that
-- was told, not in the journal: it joins no history, and it goes after a week. Number and words are sealed.
-- Moments are UTC milliseconds of the node's civil clock.
CREATE TABLE text_report (
    id       text   NOT NULL,
    kind     text   NOT NULL,
    urgent   bigint NOT NULL,
    sealed   text   NOT NULL,
    at       bigint NOT NULL,
    heard_at bigint NOT NULL,
    cared_at bigint,
    cared_by text,
    CONSTRAINT text_report_pk PRIMARY KEY (id),
    CONSTRAINT text_report_cared_by_somebody CHECK ((cared_at IS NULL) = (cared_by IS NULL))
);
CREATE INDEX text_report_open ON text_report (urgent, heard_at) WHERE cared_at IS NULL;
