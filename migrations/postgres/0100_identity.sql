-- Who may enter: operators and their sessions, revocations, the keys of other nodes, used enrolments.
-- Moments are UTC milliseconds of the node's civil clock. No row-level security here: who belongs to
-- which fleet is what these tables are read for.

create table operator (
    subject text not null constraint operator_pk primary key,
    login text not null constraint operator_login_once unique,
    password_hash text not null,
    role text not null
        constraint operator_role_known check (role in ('operator', 'fleet_admin', 'auditor', 'sysadmin')),
    fleet_id text,
    districts text,
    created_at_ms bigint not null,
    closed_at_ms bigint
);

-- The token itself is never stored, only its SHA-256.
create table operator_session (
    token_hash text not null constraint operator_session_pk primary key,
    subject text not null constraint operator_session_operator references operator (subject),
    created_at_ms bigint not null,
    expires_at_ms bigint not null,
    ended_at_ms bigint
);

create index operator_session_by_subject on operator_session (subject);

create table revocation (
    kind text not null constraint revocation_kind_known check (kind in ('driver', 'token')),
    value text not null,
    revoked_at_ms bigint not null,
    expires_at_ms bigint not null,
    revoked_by text not null,
    constraint revocation_pk primary key (kind, value)
);

create table node_key (
    kid text not null constraint node_key_pk primary key,
    node text not null,
    public_key text not null,
    standing text not null constraint node_key_standing_known check (standing in ('central', 'edge')),
    district text,
    added_at_ms bigint not null,
    revoked_at_ms bigint,
    constraint node_key_edge_has_district check ((standing = 'edge') = (district is not null))
);

create table enrolment_used (
    jti text not null constraint enrolment_used_pk primary key,
    node text not null,
    used_at_ms bigint not null,
    expires_at_ms bigint not null
);
