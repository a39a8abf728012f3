//! Keys go with the people whose text is told; tombstones go to everybody, in their order.

use ondol_core::ids::SubjectId;

use super::super::Batch;
use super::fixture::{Db, NOW};
use super::{fixture, on_both};
use crate::vault::{Secrets, Vault};

on_both!(
    keys_are_given_by_person_and_tombstones_in_order,
    who_is_forgotten_stays_forgotten_when_another_nodes_key_arrives
);

async fn keys_are_given_by_person_and_tombstones_in_order(db: Db) {
    let vault = Vault::new(&Secrets::from_bytes([1; 32]));
    for number in 1..=3 {
        vault.seal(SubjectId::from_number(number), &"name").unwrap();
    }
    let made = vault.take_new_keys();
    db.store.commit(&Batch { keys: made.clone(), ..Batch::default() }, NOW).await.unwrap();
    let subjects = |numbers: &[u128]| numbers.iter().map(|n| SubjectId::from_number(*n)).collect();
    assert_eq!(db.store.keys_of(&subjects(&[1, 2, 3])).await.unwrap(), made);
    assert_eq!(db.store.keys_of(&subjects(&[3, 9])).await.unwrap(), made[2..], "of nobody else");
    assert_eq!(db.store.tombstones_after(0, 10).await.unwrap(), (Vec::new(), 0));

    vault.erase(SubjectId::from_number(2), NOW);
    let keys = vault.take_new_keys();
    db.store.commit(&Batch { keys: keys.clone(), ..Batch::default() }, NOW).await.unwrap();
    let (tombstones, end) = db.store.tombstones_after(0, 10).await.unwrap();
    assert_eq!(tombstones, keys);
    assert_eq!(db.store.tombstones_after(end, 10).await.unwrap(), (Vec::new(), end));
    assert_eq!(db.store.keys_of(&subjects(&[1, 2])).await.unwrap(), made[..1]);
}

async fn who_is_forgotten_stays_forgotten_when_another_nodes_key_arrives(db: Db) {
    let (forgotten, known) = (SubjectId::from_number(1), SubjectId::from_number(2));
    let commit = async |vault: &Vault| {
        let keys = vault.take_new_keys();
        db.store.commit(&Batch { keys: keys.clone(), ..Batch::default() }, NOW).await.unwrap();
        keys
    };
    let here = Vault::new(&Secrets::from_bytes([1; 32]));
    here.seal(forgotten, &"name").unwrap();
    commit(&here).await;
    here.erase(forgotten, NOW);
    commit(&here).await;
    let elsewhere = Vault::new(&Secrets::from_bytes([1; 32]));
    elsewhere.seal(forgotten, &"name").unwrap();
    elsewhere.seal(known, &"name").unwrap();
    let made = commit(&elsewhere).await;
    let live = db.store.keys_of(&[forgotten, known].into()).await.unwrap();
    assert_eq!(live, made[1..], "of {made:?}");
}
