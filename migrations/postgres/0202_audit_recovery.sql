-- The audit log also says when the recovery key was loaded and which trips came back from drivers' phones.
alter table audit
    drop constraint audit_action_known,
    add constraint audit_action_known
        check (action in ('number_revealed', 'trip_closed', 'trip_restored', 'recovery_key_loaded'));
