use super::*;

fn vault() -> Vault {
    Vault::new(&Secrets::from_bytes([7; 32]))
}

fn person(number: u128) -> SubjectId {
    SubjectId::from_number(number)
}

#[test]
fn refuses_altered_foreign_and_overlong_text() {
    let vault = vault();
    let sealed = vault.seal(person(1), &"홍길동").unwrap();
    let mut bytes = STANDARD_NO_PAD.decode(&sealed.text).unwrap();
    for at in 0..bytes.len() {
        bytes[at] ^= 1;
        let altered = Sealed { subject: sealed.subject, text: STANDARD_NO_PAD.encode(&bytes) };
        assert_eq!(vault.open::<String>(&altered), None, "byte {at}");
        bytes[at] ^= 1;
    }
    // Text that was moved to another person does not open there, even with the same key at hand.
    vault.seal(person(2), &"x").unwrap();
    assert_eq!(vault.open::<String>(&Sealed { subject: person(2), text: sealed.text.clone() }), None);
    for bad in ["", "!", "AAAA", "AAAAAAAA"] {
        assert_eq!(vault.open::<String>(&Sealed { subject: person(1), text: bad.into() }), None);
    }
    assert_eq!(vault.seal(person(1), &"x".repeat(PERSONAL_MAX)), Err(SealError::TooLong));
    assert_eq!(vault.open::<String>(&sealed).as_deref(), Some("홍길동"));
}

#[test]
fn another_master_key_opens_nothing() {
    let vault = vault();
    let sealed = vault.seal(person(1), &"name").unwrap();
    let thief = Vault::new(&Secrets::from_bytes([8; 32]));
    assert_eq!(thief.learn(&vault.take_new_keys()), 1);
    assert_eq!(thief.open::<String>(&sealed), None);
}

#[test]
fn keys_travel_and_erasing_wins_in_any_order() {
    let (central, edge) = (vault(), vault());
    let sealed = central.seal(person(1), &"name").unwrap();
    let keys = central.take_new_keys();
    assert_eq!(keys.len(), 1);
    assert!(central.take_new_keys().is_empty(), "a key is handed out once");
    assert_eq!(edge.open::<String>(&sealed), None);
    assert_eq!(edge.learn(&keys), 0);
    assert_eq!(edge.open::<String>(&sealed).as_deref(), Some("name"));

    central.erase(person(1), UtcMs(5));
    let tombstones = central.take_new_keys();
    assert_eq!(central.open::<String>(&sealed), None);
    assert_eq!(central.seal(person(1), &"again"), Err(SealError::Erased));
    edge.learn(&tombstones);
    edge.learn(&keys);
    assert_eq!(edge.open::<String>(&sealed), None, "an old key does not bring the text back");
}

#[test]
fn text_that_is_not_shown_says_why() {
    let vault = vault();
    let sealed = vault.seal(person(1), &"a").unwrap();
    assert_eq!(vault.read_any::<String>(Some(&sealed)), ("a".to_owned(), None));
    assert_eq!(
        vault.read_any::<String>(None),
        (String::new(), None),
        "nothing was sealed, so nothing is hidden"
    );
    let altered = Sealed { text: sealed.text.replace(&sealed.text[10..12], "__"), ..sealed.clone() };
    let foreign = Sealed { subject: person(2), ..sealed.clone() };
    for unreadable in [altered, foreign] {
        assert_eq!(vault.read_any::<String>(Some(&unreadable)), (String::new(), Some(Hidden::Unreadable)));
    }
    // Erased where the key was held, and where it never came.
    for vault in [vault, self::vault()] {
        vault.erase(person(1), UtcMs(5));
        assert_eq!(vault.read::<String>(&sealed), Err(Hidden::Erased));
    }
}

#[test]
fn two_cut_off_nodes_may_both_make_a_key() {
    let (central, edge) = (vault(), vault());
    let at_central = central.seal(person(1), &"a").unwrap();
    let at_edge = edge.seal(person(1), &"b").unwrap();
    central.learn(&edge.take_new_keys());
    assert_eq!(central.open::<String>(&at_central).as_deref(), Some("a"));
    assert_eq!(central.open::<String>(&at_edge).as_deref(), Some("b"));
}

#[test]
fn a_key_that_no_store_holds_is_not_learnt() {
    let good = {
        let vault = vault();
        vault.seal(person(1), &"a").unwrap();
        vault.take_new_keys().remove(0)
    };
    let spoilt: [fn(&mut SubjectKey); 8] = [
        |key| key.wrapped = None,
        |key| key.erased_at = Some(UtcMs(5)),
        |key| key.key_id = "+1234567".into(),
        |key| key.key_id = "0123456\0".into(),
        |key| key.key_id = key.key_id.to_uppercase() + "0",
        |key| key.wrapped = Some("A".repeat(97)),
        |key| key.wrapped = key.wrapped.take().map(|text| format!("{}\0", &text[1..])),
        |key| (key.wrapped, key.erased_at) = (None, Some(UtcMs(-1))),
    ];
    assert!(good.is_well_formed());
    for (i, spoil) in spoilt.iter().enumerate() {
        let mut key = good.clone();
        spoil(&mut key);
        assert!(!key.is_well_formed(), "case {i}");
        assert_eq!(vault().learn(&[key]), 1, "case {i}");
    }
    // Another key under this one's name would take its place.
    let other = SubjectKey { key_id: "00000000".into(), ..good.clone() };
    assert_eq!((vault().learn(&[other]), vault().learn(&[good])), (1, 0));
}

#[test]
fn a_link_opens_one_booking_and_cannot_be_guessed() {
    let vault = vault();
    let booking = BookingId::from_number(99);
    let token = vault.link_token(booking);
    assert_eq!(vault.booking_of_link(&token), Some(booking));
    let mut bytes = URL_SAFE_NO_PAD.decode(&token).unwrap();
    for at in 0..bytes.len() {
        bytes[at] ^= 1;
        assert_eq!(vault.booking_of_link(&URL_SAFE_NO_PAD.encode(&bytes)), None, "byte {at}");
        bytes[at] ^= 1;
    }
    for bad in ["", "x", &booking.to_string(), &format!("{token}AAAA"), &token[..22]] {
        assert_eq!(vault.booking_of_link(bad), None, "{bad}");
    }
}

#[test]
fn a_key_file_is_private_and_whole() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("master.key");
    let secrets = Secrets::generate();
    secrets.write_new(&path).unwrap();
    assert!(matches!(secrets.write_new(&path), Err(KeyFileError::File { .. })), "never overwritten");
    assert_eq!(Secrets::read(&path).unwrap().derive("pin"), secrets.derive("pin"));
    assert_ne!(secrets.derive("pin"), secrets.derive("phone"));

    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    assert!(matches!(Secrets::read(&path), Err(KeyFileError::Exposed { .. })));
    let broken = dir.path().join("broken");
    std::fs::write(&broken, "abc").unwrap();
    std::fs::set_permissions(&broken, std::fs::Permissions::from_mode(0o600)).unwrap();
    assert!(matches!(Secrets::read(&broken), Err(KeyFileError::Malformed { .. })));
}

#[test]
fn a_row_opens_for_its_own_table_and_whole() {
    let vault = Vault::new(&Secrets::from_bytes([1; 32]));
    let sealed = vault.seal_row("text_report", &"+821012345678").unwrap();
    assert!(!sealed.contains("1234"));
    assert_eq!(vault.open_row::<String>("text_report", &sealed).as_deref(), Some("+821012345678"));
    assert_eq!(vault.open_row::<String>("another", &sealed), None);
    assert_eq!(vault.open_row::<String>("text_report", &sealed[1..]), None);
    let other = Vault::new(&Secrets::from_bytes([2; 32]));
    assert_eq!(other.open_row::<String>("text_report", &sealed), None);
    assert_eq!(vault.seal_row("text_report", &"x".repeat(PERSONAL_MAX)), Err(SealError::TooLong));
}

#[test]
fn a_digest_of_a_wish_is_the_same_at_every_node_and_nobody_elses() {
    let wish = ("+821012345678", "강남역");
    let digest = Vault::new(&Secrets::from_bytes([1; 32])).digest(&wish);
    assert_eq!(digest, Vault::new(&Secrets::from_bytes([1; 32])).digest(&wish));
    assert_ne!(digest, Vault::new(&Secrets::from_bytes([2; 32])).digest(&wish));
    assert_ne!(digest, Vault::new(&Secrets::from_bytes([1; 32])).digest(&("+821012345679", "강남역")));
    let plain = hex(digest::digest(&digest::SHA256, &serde_json::to_vec(&wish).unwrap()).as_ref());
    assert_ne!(digest, plain, "whoever has the journal cannot try all numbers");
}
