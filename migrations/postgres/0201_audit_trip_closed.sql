-- The audit log also says who closed a trip by hand.
alter table audit
    drop constraint audit_action_known,
    add constraint audit_action_known check (action in ('number_revealed', 'trip_closed'));
