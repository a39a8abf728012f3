-- Who looked at what, and why. Only added to; a row is written before what it speaks of is shown.
-- Moments are UTC milliseconds of the node's civil clock.

create table audit (
    id text not null constraint audit_pk primary key,
    at_ms integer not null,
    actor text not null,
    action text not null constraint audit_action_known check (action in ('number_revealed')),
    object text not null,
    reason text not null constraint audit_reason_given check (length(reason) between 1 and 200)
) strict;

create index audit_by_time on audit (at_ms);
