-- The audit log also says who looked at why a taxi was asked for a booking. SQLite changes no constraint: the table is
-- made anew.
create table audit_anew (
    id text not null constraint audit_pk primary key,
    at_ms integer not null,
    actor text not null,
    action text not null constraint audit_action_known
        check (action in ('number_revealed', 'trip_closed', 'trip_restored', 'recovery_key_loaded', 'bans_waived',
            'decisions_seen')),
    object text not null,
    reason text not null constraint audit_reason_given check (length(reason) between 1 and 200)
) strict;
insert into audit_anew (id, at_ms, actor, action, object, reason) select id, at_ms, actor, action, object, reason from audit;
drop table audit;
alter table audit_anew rename to audit;
create index audit_by_time on audit (at_ms);
