//! The attack corpus: every token here is refused, each for the reason named. The good one beside it is not.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ondol_core::ids::DeviceId;
use serde_json::{Value, json};

use super::*;

fn b64(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

fn header() -> Value {
    json!({"alg": "EdDSA", "typ": "at+jwt", "kid": key(CENTRAL_SEED).thumbprint()})
}

fn claims() -> Value {
    let now = START.0 / 1_000;
    json!({
        "iss": "central",
        "sub": "00000000-0000-0000-0000-00000000002a",
        "aud": "ondol:pass",
        "exp": now + 3_600,
        "nbf": now,
        "iat": now,
        "jti": "00000000-0000-0000-0000-000000000001",
        "role": "driver",
        "fleet": "blue",
        "districts": ["north"],
        "device": DeviceId::from_number(7),
        "cnf": {"jkt": key(9).thumbprint()},
    })
}

fn with(mut value: Value, name: &str, member: Value) -> Value {
    value[name] = member;
    value
}

fn without(mut value: Value, name: &str) -> Value {
    value.as_object_mut().unwrap().remove(name);
    value
}

/// A token over texts as they are, signed well by `key`.
fn signed(header: &str, claims: &str, key: &SigningKey) -> String {
    let message = format!("{header}.{claims}");
    let signature = URL_SAFE_NO_PAD.encode(key.sign(message.as_bytes()));
    format!("{message}.{signature}")
}

fn by_central(header: &Value, claims: &Value) -> String {
    signed(&b64(header), &b64(claims), &key(CENTRAL_SEED))
}

fn keys() -> KeySet {
    let mut keys = KeySet::default();
    keys.insert(known_central());
    keys.insert(known_edge());
    keys
}

fn read(token: &str) -> Result<Claims, TokenRefusal> {
    read_at(token, START)
}

fn read_at(token: &str, now: UtcMs) -> Result<Claims, TokenRefusal> {
    let life_max_ms = PASS_LIFE_MS.cast_signed();
    let expected = Expected { audience: &Audience::Pass, role: Role::Driver, life_max_ms };
    verify(token, &expected, &keys(), now).map(|(claims, _)| claims)
}

#[track_caller]
fn refused(name: &str, token: &str, reason: TokenRefusal) {
    assert_eq!(read(token).map(|claims| claims.sub), Err(reason), "{name}: {token}");
}

#[test]
fn the_good_token_is_read() {
    let claims = read(&by_central(&header(), &claims())).unwrap();
    assert_eq!(claims.sub, "00000000-0000-0000-0000-00000000002a");
    // A later release may say more; this one ignores what it does not know in the claims.
    assert!(read(&by_central(&header(), &with(super::tokens::claims(), "later", json!(1)))).is_ok());
}

#[test]
fn what_is_not_a_token() {
    let good = by_central(&header(), &claims());
    let parts: Vec<&str> = good.split('.').collect();
    let cases = [
        ("empty", String::new()),
        ("one part", "abc".into()),
        ("two parts", format!("{}.{}", parts[0], parts[1])),
        ("four parts", format!("{good}.abc")),
        ("five parts, as an encrypted token", format!("{good}.abc.def")),
        ("dots alone", "..".into()),
        ("no header", format!(".{}.{}", parts[1], parts[2])),
        ("no claims", format!("{}..{}", parts[0], parts[2])),
        ("no signature", format!("{}.{}.", parts[0], parts[1])),
        ("spaces around", format!(" {good} ")),
        ("a line break inside", good.replacen('.', ".\n", 1)),
        ("padding", format!("{good}=")),
        ("standard alphabet", format!("{}.{}.{}", parts[0], parts[1], STANDARD.encode([0xfb; 64]))),
        ("a NUL", format!("{good}\0")),
        ("not ASCII", format!("{good}가")),
        ("huge", format!("{}.{}.{}", parts[0], "A".repeat(TOKEN_MAX_BYTES), parts[2])),
        ("header not base64url", format!("A.{}.{}", parts[1], parts[2])),
    ];
    for (name, token) in &cases {
        refused(name, token, TokenRefusal::Malformed);
    }
}

#[test]
fn headers_that_are_not_ours() {
    let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": key(66).public()});
    let cases = [
        ("jwk brought along", with(header(), "jwk", jwk)),
        ("jku", with(header(), "jku", json!("https://evil.example/keys"))),
        ("x5u", with(header(), "x5u", json!("https://evil.example/cert"))),
        ("x5c", with(header(), "x5c", json!(["MIIB"]))),
        ("x5t", with(header(), "x5t", json!("abc"))),
        ("crit", with(header(), "crit", json!(["exp"]))),
        ("unencoded payload", with(header(), "b64", json!(false))),
        ("content type of a nested token", with(header(), "cty", json!("JWT"))),
        ("compressed", with(header(), "zip", json!("DEF"))),
        ("encrypted", with(header(), "enc", json!("A256GCM"))),
        ("an unknown member", with(header(), "x", json!(1))),
        ("no kid", without(header(), "kid")),
        ("no typ", without(header(), "typ")),
        ("no alg", without(header(), "alg")),
        ("kid a number", with(header(), "kid", json!(1))),
        ("kid a list", with(header(), "kid", json!([key(CENTRAL_SEED).thumbprint()]))),
        ("alg a list", with(header(), "alg", json!(["EdDSA"]))),
        ("typ null", with(header(), "typ", Value::Null)),
        ("not an object", json!("EdDSA")),
    ];
    for (name, header) in &cases {
        refused(name, &by_central(header, &claims()), TokenRefusal::Header);
    }
    let kid = key(CENTRAL_SEED).thumbprint();
    let twice = format!(r#"{{"alg":"none","alg":"EdDSA","typ":"at+jwt","kid":"{kid}"}}"#);
    let token = signed(&URL_SAFE_NO_PAD.encode(twice), &b64(&claims()), &key(CENTRAL_SEED));
    refused("alg twice", &token, TokenRefusal::Header);
}

#[test]
fn other_algorithms_and_types() {
    let central = key(CENTRAL_SEED);
    for alg in ["none", "None", "", "HS256", "HS512", "RS256", "ES256", "PS256", "eddsa", "EdDSA ", "Ed448"] {
        let token = by_central(&with(header(), "alg", json!(alg)), &claims());
        refused(alg, &token, TokenRefusal::Algorithm);
    }
    // The classic: the public key, which everybody has, taken for a shared secret.
    let hs256 = with(header(), "alg", json!("HS256"));
    let message = format!("{}.{}", b64(&hs256), b64(&claims()));
    for secret in [
        central.public().to_string().into_bytes(),
        URL_SAFE_NO_PAD.decode(central.public().to_string()).unwrap(),
    ] {
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &secret), message.as_bytes());
        let token = format!("{message}.{}", URL_SAFE_NO_PAD.encode(tag.as_ref()));
        refused("public key as secret", &token, TokenRefusal::Algorithm);
    }
    let none = with(header(), "alg", json!("none"));
    refused("none, unsigned", &format!("{}.{}.", b64(&none), b64(&claims())), TokenRefusal::Malformed);
    for typ in ["JWT", "jwt", "AT+JWT", "application/at+jwt", "dpop+jwt", ""] {
        refused(typ, &by_central(&with(header(), "typ", json!(typ)), &claims()), TokenRefusal::Type);
    }
}

#[test]
fn keys_that_are_not_trusted() {
    let stranger = key(66);
    for kid in ["", "central", "../central", "' or 1=1 --", &stranger.thumbprint().to_string()] {
        let token = signed(&b64(&with(header(), "kid", json!(kid))), &b64(&claims()), &stranger);
        refused(kid, &token, TokenRefusal::UnknownKey);
    }
    let token = signed(&b64(&header()), &b64(&claims()), &stranger);
    refused("a stranger under central's name", &token, TokenRefusal::Signature);
}

#[test]
fn signatures_that_do_not_match() {
    let good = by_central(&header(), &claims());
    let (message, signature) = good.rsplit_once('.').unwrap();
    let bytes = URL_SAFE_NO_PAD.decode(signature).unwrap();
    for bit in [0, 7, 255, 256, 504, 511] {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let token = format!("{message}.{}", URL_SAFE_NO_PAD.encode(flipped));
        refused(&format!("bit {bit}"), &token, TokenRefusal::Signature);
    }
    for (name, bytes) in [
        ("zeros", vec![0; 64]),
        ("short", bytes[..63].to_vec()),
        ("long", [&bytes[..], &[0]].concat()),
        ("one byte", vec![1]),
    ] {
        refused(name, &format!("{message}.{}", URL_SAFE_NO_PAD.encode(bytes)), TokenRefusal::Signature);
    }
    let other = b64(&with(claims(), "fleet", json!("red")));
    let parts: Vec<&str> = good.split('.').collect();
    refused("claims exchanged", &format!("{}.{other}.{}", parts[0], parts[2]), TokenRefusal::Signature);
}

#[test]
fn claims_that_cannot_be_read() {
    let cases = [
        ("no issuer", without(claims(), "iss")),
        ("no subject", without(claims(), "sub")),
        ("no audience", without(claims(), "aud")),
        ("no expiry", without(claims(), "exp")),
        ("no start", without(claims(), "nbf")),
        ("no moment of issue", without(claims(), "iat")),
        ("no name", without(claims(), "jti")),
        ("no role", without(claims(), "role")),
        ("expiry as text", with(claims(), "exp", json!("4102444800"))),
        ("expiry null", with(claims(), "exp", Value::Null)),
        ("expiry with a fraction", with(claims(), "exp", json!(4_102_444_800.5))),
        ("expiry before time began", with(claims(), "exp", json!(-1))),
        ("expiry beyond 64 bits", with(claims(), "exp", json!(1e30))),
        ("expiry beyond milliseconds", with(claims(), "exp", json!(i64::MAX))),
        ("audience a list", with(claims(), "aud", json!(["ondol:pass", "other"]))),
        ("an unknown role", with(claims(), "role", json!("root"))),
        ("role a list", with(claims(), "role", json!(["driver"]))),
        ("a fleet that is no name", with(claims(), "fleet", json!("Blue Taxi"))),
        ("an empty subject", with(claims(), "sub", json!(""))),
        ("a subject too long", with(claims(), "sub", json!("x".repeat(65)))),
        ("too many districts", with(claims(), "districts", json!(vec!["north"; 65]))),
        ("not an object", json!([])),
    ];
    for (name, claims) in &cases {
        refused(name, &by_central(&header(), claims), TokenRefusal::Claims);
    }
    let text = claims().to_string();
    let twice = format!(r#"{{"role":"sysadmin",{}"#, &text[1..]);
    let token = signed(&b64(&header()), &URL_SAFE_NO_PAD.encode(twice), &key(CENTRAL_SEED));
    refused("role twice", &token, TokenRefusal::Claims);
    let token = signed(&b64(&header()), &URL_SAFE_NO_PAD.encode("{"), &key(CENTRAL_SEED));
    refused("half an object", &token, TokenRefusal::Claims);
}

#[test]
fn tokens_of_others_and_for_others() {
    let cases = [
        ("another issuer", with(claims(), "iss", json!("edge-a")), TokenRefusal::Issuer),
        ("an unknown issuer", with(claims(), "iss", json!("central-2")), TokenRefusal::Issuer),
        ("for a peer", with(claims(), "aud", json!("ondol:peer@central")), TokenRefusal::Audience),
        ("for a session", with(claims(), "aud", json!("ondol:driver@edge-a")), TokenRefusal::Audience),
        ("audience with a space", with(claims(), "aud", json!("ondol:pass ")), TokenRefusal::Audience),
        ("audience in capitals", with(claims(), "aud", json!("ONDOL:PASS")), TokenRefusal::Audience),
        ("an operator's", with(claims(), "role", json!("operator")), TokenRefusal::Role),
        ("a sysadmin's", with(claims(), "role", json!("sysadmin")), TokenRefusal::Role),
        ("a node's", with(claims(), "role", json!("edge_node")), TokenRefusal::Role),
    ];
    for (name, claims, reason) in cases {
        refused(name, &by_central(&header(), &claims), reason);
    }
    // A key that we trust, signing in the name of its neighbour.
    let edge_header = with(header(), "kid", json!(key(EDGE_SEED).thumbprint()));
    let token = signed(&b64(&edge_header), &b64(&claims()), &key(EDGE_SEED));
    refused("an edge in central's name", &token, TokenRefusal::Issuer);
    // An edge taken over by somebody, reaching out of its district.
    for districts in [json!(["south"]), json!(["north", "south"]), json!(["all"])] {
        let claims = with(with(claims(), "iss", json!("edge-a")), "districts", districts);
        let token = signed(&b64(&edge_header), &b64(&claims), &key(EDGE_SEED));
        refused("an edge beyond its district", &token, TokenRefusal::District);
    }
    let own = with(claims(), "iss", json!("edge-a"));
    assert!(read(&signed(&b64(&edge_header), &b64(&own), &key(EDGE_SEED))).is_ok());
}

#[test]
fn tokens_out_of_time() {
    let now = START.0 / 1_000;
    let cases = [
        ("expired 5 s ago", with(claims(), "exp", json!(now - 5)), TokenRefusal::Expired),
        ("expired in 1970", with(claims(), "exp", json!(0)), TokenRefusal::Expired),
        ("begins in 6 s", with(claims(), "nbf", json!(now + 6)), TokenRefusal::TooEarly),
        ("made in 6 s", with(claims(), "iat", json!(now + 6)), TokenRefusal::TooEarly),
        ("lives 13 h", with(claims(), "exp", json!(now + 13 * 3_600)), TokenRefusal::TooLong),
        ("lives for ever", with(claims(), "exp", json!(253_402_300_799_i64)), TokenRefusal::TooLong),
        ("12 h left, made yesterday", with(claims(), "iat", json!(now - 86_400)), TokenRefusal::TooLong),
    ];
    for (name, claims, reason) in cases {
        refused(name, &by_central(&header(), &claims), reason);
    }
    // Within the leeway both ways, and not a millisecond beyond.
    let token = by_central(&header(), &claims());
    let end = UtcMs((now + 3_600) * 1_000);
    assert!(read_at(&token, UtcMs(end.0 + LEEWAY_MS - 1)).is_ok());
    assert_eq!(read_at(&token, UtcMs(end.0 + LEEWAY_MS)), Err(TokenRefusal::Expired));
    let start = UtcMs(now * 1_000);
    assert!(read_at(&token, UtcMs(start.0 - LEEWAY_MS)).is_ok());
    assert_eq!(read_at(&token, UtcMs(start.0 - LEEWAY_MS - 1)), Err(TokenRefusal::TooEarly));
}
