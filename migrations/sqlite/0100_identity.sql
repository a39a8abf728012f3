-- Who may enter: operators and their sessions, revocations, the keys of other nodes, used enrolments.
-- Moments are UTC milliseconds of the node's civil clock. No row-level security here: who belongs to
-- which fleet is what these tables are read for.

CREATE TABLE operator (
    subject TEXT NOT NULL CONSTRAINT operator_pk PRIMARY KEY,
    login TEXT NOT NULL CONSTRAINT operator_login_once UNIQUE,
    password_hash TEXT NOT NULL,
    role TEXT NOT NULL
        CONSTRAINT operator_role_known CHECK (role IN ('operator', 'fleet_admin', 'auditor', 'sysadmin')),
    fleet_id TEXT,
    districts TEXT,
    created_at INTEGER NOT NULL,
    closed_at INTEGER
) STRICT;

-- The token itself is never stored, only its SHA-256.
CREATE TABLE operator_session (
    token_hash TEXT NOT NULL CONSTRAINT operator_session_pk PRIMARY KEY,
    subject TEXT NOT NULL CONSTRAINT operator_session_operator REFERENCES operator (subject),
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    ended_at INTEGER
) STRICT;

CREATE INDEX operator_session_by_subject ON operator_session (subject);

CREATE TABLE revocation (
    kind TEXT NOT NULL CONSTRAINT revocation_kind_known CHECK (kind IN ('driver', 'token')),
    value TEXT NOT NULL,
    revoked_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    revoked_by TEXT NOT NULL,
    CONSTRAINT revocation_pk PRIMARY KEY (kind, value)
) STRICT;

CREATE TABLE node_key (
    kid TEXT NOT NULL CONSTRAINT node_key_pk PRIMARY KEY,
    node TEXT NOT NULL,
    public_key TEXT NOT NULL,
    standing TEXT NOT NULL CONSTRAINT node_key_standing_known CHECK (standing IN ('central', 'edge')),
    district TEXT,
    added_at INTEGER NOT NULL,
    revoked_at INTEGER,
    CONSTRAINT node_key_edge_has_district CHECK ((standing = 'edge') = (district IS NOT NULL))
) STRICT;

CREATE TABLE enrolment_used (
    jti TEXT NOT NULL CONSTRAINT enrolment_used_pk PRIMARY KEY,
    node TEXT NOT NULL,
    used_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
