//! Accounts and sessions, on SQLite always and on PostgreSQL where there is one.

use axum::http::{HeaderMap, HeaderValue, Method, header};

use super::*;

const PASSWORD: &str = "ondol stays warm";

fn account(login: &str, role: Role) -> NewOperator {
    NewOperator {
        login: login.into(),
        password: PASSWORD.into(),
        role,
        fleet: None,
        districts: Districts::Some(vec!["north".parse().unwrap()]),
    }
}

/// What a browser sends after it got `set_cookie`.
fn request(signed_in: &SignedIn, origin: Option<&str>) -> HeaderMap {
    let cookie = signed_in.set_cookie.to_str().unwrap().split(';').next().unwrap().to_owned();
    let mut headers = HeaderMap::new();
    headers.insert(header::COOKIE, HeaderValue::from_str(&cookie).unwrap());
    if let Some(origin) = origin {
        headers.insert(header::ORIGIN, HeaderValue::from_str(origin).unwrap());
    }
    headers
}

async fn identity(store: &Store) -> (Identity, Arc<ManualClock>) {
    let clock = ManualClock::at(START);
    let config = IdentityConfig {
        node: "edge-a".parse().unwrap(),
        standing: Standing::Edge("north".parse().unwrap()),
        key: key(EDGE_SEED),
        known: Vec::new(),
        districts: Districts::All,
        origins: vec!["http://127.0.0.1:8080".into()],
        transport: Transport::LoopbackHttp,
    };
    (Identity::open(config, IdentityStore::new(store), clock.clone()).await.unwrap(), clock)
}

/// The whole life of an account and its sessions.
async fn story(store: &Store) {
    let (identity, clock) = identity(store).await;
    identity.add_operator(account("kim", Role::Operator)).await.unwrap();
    let twice = identity.add_operator(account("kim", Role::Auditor)).await;
    assert!(matches!(twice, Err(AccountRefusal::Store(StoreError::LoginTaken))), "{twice:?}");

    let wrong = identity.sign_in("kim", "ondol stays cold", "10.0.0.1").await;
    assert!(matches!(wrong, Err(AuthError::SignIn(SignInRefusal::Wrong))));
    let nobody = identity.sign_in("lee", PASSWORD, "10.0.0.1").await;
    assert!(matches!(nobody, Err(AuthError::SignIn(SignInRefusal::Wrong))));

    let first = identity.sign_in("kim", PASSWORD, "10.0.0.1").await.unwrap();
    let second = identity.sign_in("kim", PASSWORD, "10.0.0.1").await.unwrap();
    let (one, two) = (request(&first, None), request(&second, None));
    let operator = identity.operator_of(&Method::GET, &one).await.unwrap();
    assert_eq!(operator, first.operator);
    assert_eq!(operator.districts, Districts::Some(vec!["north".parse().unwrap()]));

    let changing = identity.operator_of(&Method::POST, &one).await;
    assert!(matches!(changing, Err(AuthError::Origin)), "without an origin nothing changes");
    let own_page = request(&first, Some("http://127.0.0.1:8080"));
    assert!(identity.operator_of(&Method::POST, &own_page).await.is_ok());

    identity.sign_out(&Method::POST, &own_page).await.unwrap();
    assert!(matches!(identity.operator_of(&Method::GET, &one).await, Err(AuthError::SessionEnded)));
    assert!(identity.operator_of(&Method::GET, &two).await.is_ok(), "the other session goes on");

    assert!(identity.set_password("kim", "ondol is warm again").await.unwrap());
    assert!(matches!(identity.operator_of(&Method::GET, &two).await, Err(AuthError::SessionEnded)));
    assert!(identity.sign_in("kim", PASSWORD, "10.0.0.1").await.is_err());

    let third = identity.sign_in("kim", "ondol is warm again", "10.0.0.1").await.unwrap();
    let three = request(&third, None);
    clock.advance_ms(OPERATOR_SESSION_LIFE_MS - 1);
    assert!(identity.operator_of(&Method::GET, &three).await.is_ok());
    clock.advance_ms(1);
    assert!(matches!(identity.operator_of(&Method::GET, &three).await, Err(AuthError::SessionEnded)));

    let fourth = identity.sign_in("kim", "ondol is warm again", "10.0.0.1").await.unwrap();
    assert!(identity.close_operator("kim").await.unwrap());
    assert!(!identity.close_operator("kim").await.unwrap());
    let closed = identity.operator_of(&Method::GET, &request(&fourth, None)).await;
    assert!(matches!(closed, Err(AuthError::SessionEnded)));
    assert!(identity.sign_in("kim", "ondol is warm again", "10.0.0.1").await.is_err());
}

#[tokio::test]
async fn an_account_from_first_to_last_on_sqlite() {
    story(&fresh().await.store).await;
}

#[tokio::test]
async fn tries_are_bounded_even_with_the_right_password() {
    let fresh = fresh().await;
    let (identity, clock) = identity(&fresh.store).await;
    identity.add_operator(account("kim", Role::Operator)).await.unwrap();
    for _ in 0..5 {
        let wrong = identity.sign_in("kim", "not the password", "10.0.0.1").await;
        assert!(matches!(wrong, Err(AuthError::SignIn(SignInRefusal::Wrong))));
    }
    let sixth = identity.sign_in("kim", PASSWORD, "10.0.0.1").await;
    assert!(matches!(sixth, Err(AuthError::SignIn(SignInRefusal::TooManyTries { .. }))));
    assert!(identity.sign_in("kim", PASSWORD, "10.0.0.2").await.is_ok());
    clock.advance_ms(15 * 60 * 1_000);
    assert!(identity.sign_in("kim", PASSWORD, "10.0.0.1").await.is_ok());
}

#[tokio::test]
async fn accounts_that_do_not_exist() {
    let fresh = fresh().await;
    let (identity, _) = identity(&fresh.store).await;
    for role in [Role::Rider, Role::Driver, Role::EdgeNode, Role::Text] {
        let refused = identity.add_operator(account("kim", role)).await;
        assert!(matches!(refused, Err(AccountRefusal::Role)), "{role:?}");
    }
    let above = identity.add_operator(account("kim", Role::FleetAdmin)).await;
    assert!(matches!(above, Err(AccountRefusal::Fleet)));
    let mut below = account("kim", Role::Sysadmin);
    below.fleet = Some("blue".parse().unwrap());
    assert!(matches!(identity.add_operator(below).await, Err(AccountRefusal::Fleet)));
}

#[tokio::test]
async fn nothing_is_let_in_when_the_store_is_gone() {
    let fresh = fresh().await;
    let (identity, _) = identity(&fresh.store).await;
    identity.add_operator(account("kim", Role::Operator)).await.unwrap();
    let signed_in = identity.sign_in("kim", PASSWORD, "10.0.0.1").await.unwrap();
    fresh.store.close().await;
    let refused = identity.operator_of(&Method::GET, &request(&signed_in, None)).await;
    assert!(matches!(refused, Err(AuthError::Store(_))));
    assert!(matches!(identity.sign_in("kim", PASSWORD, "10.0.0.1").await, Err(AuthError::Store(_))));
}

#[tokio::test]
async fn the_store_holds_no_secret_in_clear() {
    let fresh = fresh().await;
    let (identity, _) = identity(&fresh.store).await;
    identity.add_operator(account("kim", Role::Operator)).await.unwrap();
    let signed_in = identity.sign_in("kim", PASSWORD, "10.0.0.1").await.unwrap();
    let token = signed_in.set_cookie.to_str().unwrap().split(['=', ';']).nth(1).unwrap().to_owned();
    let hashes: (String, String) =
        sqlx::query_as("select o.password_hash, s.token_hash from operator o, operator_session s")
            .fetch_one(fresh.store.reader())
            .await
            .unwrap();
    assert!(!hashes.0.contains(PASSWORD) && hashes.0.starts_with("$argon2id$"));
    assert!(token.len() == 43 && !hashes.1.contains(&token));
}

mod db {
    use super::*;
    use sqlx::postgres::PgPoolOptions;

    /// Runs the same story against PostgreSQL, in a database of its own.
    #[tokio::test]
    async fn an_account_from_first_to_last_on_postgres() {
        let Ok(admin) = std::env::var("ONDOL_TEST_DATABASE_URL") else {
            println!("skipped: ONDOL_TEST_DATABASE_URL is not set");
            return;
        };
        let name = format!("identity_{}", uuid::Uuid::new_v4().simple());
        let server = PgPoolOptions::new().max_connections(1).connect(&admin).await.unwrap();
        sqlx::query(sqlx::AssertSqlSafe(format!("create database {name}"))).execute(&server).await.unwrap();
        let mut url = reqwest::Url::parse(&admin).unwrap();
        url.set_path(&name);
        let store = Store::open(url.as_str()).await.unwrap();
        story(&store).await;
        store.close().await;
        sqlx::query(sqlx::AssertSqlSafe(format!("drop database {name}"))).execute(&server).await.unwrap();
    }
}
