//! Nodes over HTTP, tried in order.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

use reqwest::{Client, Method, StatusCode, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::token::TokenFile;
use super::{Answered, Endpoints, NodeApi, Unreachable};
use crate::clock::{SimClock, UtcMs};
use crate::dialogue::{NodeAnswer, NodeRequest};
use crate::wire::{
    AckRequest, BODY_MAX_BYTES, Empty, NOTICES_MAX, NoticesAnswer, PlacesAnswer, Problem, Report, RiderFacts,
    TokenAnswer,
};

/// Shortest wait for an answer on the wall, however fast the simulated clock runs, in milliseconds.
const ANSWER_FLOOR_MS: u64 = 500;

/// A node that can be asked.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// The node's name.
    pub name: String,
    /// Where it listens, e.g. `http://127.0.0.1:7301/`.
    pub url: Url,
}

/// How nodes are asked.
#[derive(Debug, Clone)]
pub struct HttpNodeConfig {
    /// The nodes, preferred first; at least one.
    pub endpoints: Vec<Endpoint>,
    /// File with the node token of role `text`; read again when a node refuses the token.
    pub token_file: PathBuf,
    /// How long an answer is waited for, in simulated milliseconds (at least half a second on the wall).
    pub answer_within_ms: u64,
    /// How long a node that did not answer is tried last, in simulated milliseconds.
    pub hold_ms: u64,
}

/// Nodes over HTTP.
pub struct HttpNode {
    client: Client,
    config: HttpNodeConfig,
    clock: SimClock,
    endpoints: Mutex<Endpoints>,
    token: TokenFile,
    /// Nodes that refused the token at the last try.
    refusing: Mutex<BTreeSet<usize>>,
}

/// A call, whichever node it goes to.
struct Call<'a, B> {
    method: Method,
    path: &'a [&'a str],
    query: &'a [(&'a str, String)],
    body: Option<&'a B>,
}

enum Reply<T> {
    Answer(T),
    Refused(Box<Problem>),
}

enum Failure {
    /// The node is not well: try the next and hold this one back.
    Down(String),
    /// The node is well, but another one serves this.
    Elsewhere(Box<Problem>),
}

impl HttpNode {
    /// Returns the nodes of `config`.
    ///
    /// # Errors
    ///
    /// If there is no endpoint, the token file cannot be read, or the client cannot be built.
    pub fn new(config: HttpNodeConfig, clock: SimClock) -> anyhow::Result<Self> {
        anyhow::ensure!(!config.endpoints.is_empty(), "nodes is empty: name at least one node to work for");
        let token = TokenFile::open(config.token_file.clone())?;
        let client = Client::builder()
            .connect_timeout(Duration::from_millis(
                clock.wall_ms(config.answer_within_ms).max(ANSWER_FLOOR_MS),
            ))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()?;
        let endpoints = Mutex::new(Endpoints::new(config.endpoints.len(), config.hold_ms));
        Ok(Self { client, config, clock, endpoints, token, refusing: Mutex::default() })
    }

    /// Tells which nodes are thought to be up, by name.
    #[must_use]
    pub fn up(&self, now: UtcMs) -> Vec<(String, bool)> {
        let up = lock(&self.endpoints).up(now);
        self.config.endpoints.iter().map(|endpoint| endpoint.name.clone()).zip(up).collect()
    }

    /// Tries the nodes in order until one refuses or gives an answer that is `enough`. Failing that, the first
    /// answer is taken; and if all are well and none serves this, the last one's problem.
    async fn first_answer<B: Serialize + Sync, T: DeserializeOwned>(
        &self,
        call: &Call<'_, B>,
        enough: impl Fn(&T) -> bool,
        prefer: Option<&str>,
        now: UtcMs,
    ) -> Result<(Reply<T>, String), Unreachable> {
        let preferred = prefer.and_then(|name| self.index_of(name).ok());
        let (order, up) = {
            let endpoints = lock(&self.endpoints);
            (endpoints.order(preferred, now), endpoints.up(now))
        };
        let mut reasons = Vec::new();
        let mut elsewhere = None;
        let mut meagre = None;
        for index in order {
            if meagre.is_some() && !up[index] {
                break;
            }
            let name = &self.config.endpoints[index].name;
            match self.call(index, call, 0).await {
                Ok(Reply::Answer(answer)) if !enough(&answer) => {
                    lock(&self.endpoints).answered(index);
                    meagre = meagre.or_else(|| Some((Reply::Answer(answer), name.clone())));
                }
                Ok(reply) => {
                    lock(&self.endpoints).answered(index);
                    return Ok((reply, name.clone()));
                }
                Err(Failure::Down(reason)) => {
                    lock(&self.endpoints).failed(index, now);
                    reasons.push(format!("{name}: {reason}"));
                }
                Err(Failure::Elsewhere(problem)) => {
                    lock(&self.endpoints).answered(index);
                    elsewhere = Some((Reply::Refused(problem), name.clone()));
                }
            }
        }
        match (meagre, elsewhere, reasons.is_empty()) {
            (Some(answered), ..) => Ok(answered),
            (None, Some(refused), true) => Ok(refused),
            (None, ..) => Err(Unreachable(reasons.join("; "))),
        }
    }

    async fn call<B: Serialize + Sync, T: DeserializeOwned>(
        &self,
        index: usize,
        call: &Call<'_, B>,
        wait_ms: u64,
    ) -> Result<Reply<T>, Failure> {
        for attempt in 0..2 {
            let (status, bytes) = self.send(index, call, wait_ms).await?;
            if status == StatusCode::UNAUTHORIZED && attempt == 0 {
                self.token.read_again().map_err(|e| Failure::Down(e.to_string()))?;
                continue;
            }
            if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
                break;
            }
            lock(&self.refusing).remove(&index);
            return understand(status, &bytes);
        }
        lock(&self.refusing).insert(index);
        Err(Failure::Down("it refuses our token".to_owned()))
    }

    async fn send<B: Serialize + Sync>(
        &self,
        index: usize,
        call: &Call<'_, B>,
        wait_ms: u64,
    ) -> Result<(StatusCode, Vec<u8>), Failure> {
        let down = |error: reqwest::Error| Failure::Down(error.without_url().to_string());
        let mut url = self.config.endpoints[index].url.clone();
        url.path_segments_mut()
            .map_err(|()| Failure::Down("its url has no path".to_owned()))?
            .pop_if_empty()
            .extend(["text", "v1"])
            .extend(call.path);
        let within_ms = self.clock.wall_ms(self.config.answer_within_ms).max(ANSWER_FLOOR_MS);
        let token = self.token.show();
        let mut request =
            self.client.request(call.method.clone(), url).bearer_auth(token).query(call.query).timeout(
                Duration::from_millis(within_ms + if wait_ms > 0 { self.clock.wall_ms(wait_ms) } else { 0 }),
            );
        if let Some(body) = call.body {
            request = request.json(body);
        }
        let mut response = request.send().await.map_err(down)?;
        let status = response.status();
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(down)? {
            if bytes.len() + chunk.len() > BODY_MAX_BYTES {
                return Err(Failure::Down(format!("its answer is larger than {BODY_MAX_BYTES} bytes")));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok((status, bytes))
    }

    fn index_of(&self, source: &str) -> Result<usize, Unreachable> {
        self.config
            .endpoints
            .iter()
            .position(|endpoint| endpoint.name == source)
            .ok_or_else(|| Unreachable(format!("{source} is none of our nodes")))
    }
}

impl NodeApi for HttpNode {
    async fn ask(
        &self,
        request: &NodeRequest,
        prefer: Option<&str>,
        now: UtcMs,
    ) -> Result<Answered, Unreachable> {
        let asking = Asking { nodes: self, prefer, now };
        let booking = |view| NodeAnswer::Booking(Box::new(view));
        match request {
            NodeRequest::Rider { phone } => {
                // A node knows the people of its own districts: another may know this number.
                let known = |facts: &RiderFacts| facts.driver.is_some() || !facts.open.is_empty();
                let path: &[&str] = &["riders", phone];
                let call = Call::<()> { method: Method::GET, path, query: &[], body: None };
                asking.take(&call, known, |facts| NodeAnswer::Rider(Box::new(facts))).await
            }
            NodeRequest::Places { query, near } => {
                let mut pairs = vec![("q", query.clone())];
                if let Some(near) = near {
                    pairs.push(("near", format!("{},{}", near.lat, near.lon)));
                }
                asking.get(&["places"], &pairs, |found: PlacesAnswer| NodeAnswer::Places(found.places)).await
            }
            NodeRequest::Stand { code } => {
                let pairs = [("stand", code.to_string())];
                asking.get(&["places"], &pairs, |found: PlacesAnswer| NodeAnswer::Places(found.places)).await
            }
            NodeRequest::Book(request) => asking.post(&["bookings"], request, booking).await,
            NodeRequest::Cancel { booking_id, request } => {
                asking.post(&["bookings", &booking_id.to_string(), "cancel"], request, booking).await
            }
            NodeRequest::Move { booking_id, request } => {
                asking.post(&["bookings", &booking_id.to_string(), "pickup"], request, booking).await
            }
            NodeRequest::Keep { booking_id, request } => {
                asking.post(&["bookings", &booking_id.to_string(), "keep"], request, booking).await
            }
            NodeRequest::Drive { phone, request } => {
                let wrap = |state| NodeAnswer::Driver(Box::new(state));
                asking.post(&["drivers", phone, "commands"], request, wrap).await
            }
        }
    }

    fn sources(&self) -> Vec<String> {
        self.config.endpoints.iter().map(|endpoint| endpoint.name.clone()).collect()
    }

    async fn notices(
        &self,
        source: &str,
        outbox: &str,
        after: i64,
        wait_ms: u64,
    ) -> Result<NoticesAnswer, Unreachable> {
        let index = self.index_of(source)?;
        let query = [
            ("outbox", outbox.to_owned()),
            ("after", after.to_string()),
            ("limit", NOTICES_MAX.to_string()),
            ("wait_ms", wait_ms.to_string()),
        ];
        let call = Call::<()> { method: Method::GET, path: &["notices"], query: &query, body: None };
        let reply = self.call::<_, NoticesAnswer>(index, &call, wait_ms).await;
        only_answer(reply)
    }

    async fn acknowledge(&self, source: &str, request: &AckRequest) -> Result<(), Unreachable> {
        let index = self.index_of(source)?;
        let call = Call { method: Method::POST, path: &["notices", "ack"], query: &[], body: Some(request) };
        let reply = self.call::<_, Empty>(index, &call, 0).await;
        only_answer(reply).map(|Empty {}| ())
    }

    async fn report(&self, source: &str, report: &Report) -> Result<(), Unreachable> {
        let index = self.index_of(source)?;
        let call = Call { method: Method::POST, path: &["reports"], query: &[], body: Some(report) };
        match self.call::<_, Empty>(index, &call, 0).await {
            Ok(Reply::Refused(problem)) => {
                // Of another release: the same report is refused for ever and would keep the next ones back.
                tracing::error!(node = source, code = problem.code, kind = ?report.kind, "a report was refused");
                Ok(())
            }
            reply => only_answer(reply).map(|Empty {}| ()),
        }
    }

    fn refuses_us(&self, source: &str) -> bool {
        self.index_of(source).is_ok_and(|index| lock(&self.refusing).contains(&index))
    }

    fn token_ends_at(&self) -> Option<UtcMs> {
        self.token.ends_at()
    }

    async fn renew_token(&self, now: UtcMs) -> anyhow::Result<()> {
        let call = Call { method: Method::POST, path: &["token"], query: &[], body: Some(&Empty {}) };
        match self.first_answer(&call, |_: &TokenAnswer| true, None, now).await? {
            (Reply::Answer(TokenAnswer { token }), _) => self.token.replace(&token),
            (Reply::Refused(problem), node) => anyhow::bail!("{node} does not renew it: {}", problem.code),
        }
    }
}

/// A question to all nodes, the preferred one first.
struct Asking<'a> {
    nodes: &'a HttpNode,
    prefer: Option<&'a str>,
    now: UtcMs,
}

impl Asking<'_> {
    async fn get<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, String)],
        wrap: impl FnOnce(T) -> NodeAnswer,
    ) -> Result<Answered, Unreachable> {
        let call = Call::<()> { method: Method::GET, path, query, body: None };
        self.take(&call, |_| true, wrap).await
    }

    async fn post<B: Serialize + Sync, T: DeserializeOwned>(
        &self,
        path: &[&str],
        body: &B,
        wrap: impl FnOnce(T) -> NodeAnswer,
    ) -> Result<Answered, Unreachable> {
        let call = Call { method: Method::POST, path, query: &[], body: Some(body) };
        self.take(&call, |_| true, wrap).await
    }

    async fn take<B: Serialize + Sync, T: DeserializeOwned>(
        &self,
        call: &Call<'_, B>,
        enough: impl Fn(&T) -> bool,
        wrap: impl FnOnce(T) -> NodeAnswer,
    ) -> Result<Answered, Unreachable> {
        let (reply, node) = self.nodes.first_answer(call, enough, self.prefer, self.now).await?;
        let answer = match reply {
            Reply::Answer(answer) => wrap(answer),
            Reply::Refused(problem) => NodeAnswer::Refused(*problem),
        };
        Ok(Answered { answer, node })
    }
}

fn only_answer<T>(reply: Result<Reply<T>, Failure>) -> Result<T, Unreachable> {
    match reply {
        Ok(Reply::Answer(answer)) => Ok(answer),
        Ok(Reply::Refused(problem)) => Err(Unreachable(problem.code)),
        Err(Failure::Elsewhere(problem)) => Err(Unreachable(problem.code)),
        Err(Failure::Down(reason)) => Err(Unreachable(reason)),
    }
}

/// Tells an answer, a refusal (the rules say no: final) and a node that is not well apart.
fn understand<T: DeserializeOwned>(status: StatusCode, bytes: &[u8]) -> Result<Reply<T>, Failure> {
    if status.is_success() {
        return serde_json::from_slice(bytes)
            .map(Reply::Answer)
            .map_err(|error| Failure::Down(format!("its answer cannot be read: {error}")));
    }
    let problem: Option<Box<Problem>> = serde_json::from_slice(bytes).ok();
    let code = problem.as_ref().map_or("", |problem| problem.code.as_str());
    let reason = format!("status {} {code}", status.as_u16());
    match (status, problem) {
        (StatusCode::MISDIRECTED_REQUEST, Some(problem)) if !problem.code.is_empty() => {
            Err(Failure::Elsewhere(problem))
        }
        (
            StatusCode::UNAUTHORIZED
            | StatusCode::FORBIDDEN
            | StatusCode::REQUEST_TIMEOUT
            | StatusCode::TOO_EARLY
            | StatusCode::TOO_MANY_REQUESTS,
            _,
        ) => Err(Failure::Down(reason)),
        (status, Some(problem)) if status.is_client_error() && !problem.code.is_empty() => {
            Ok(Reply::Refused(problem))
        }
        _ => Err(Failure::Down(reason)),
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().expect("no holder of this lock panics: it is held for a few assignments")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(status: u16, body: &str) -> Result<Reply<Empty>, Failure> {
        understand(StatusCode::from_u16(status).unwrap(), body.as_bytes())
    }

    #[test]
    fn a_refusal_is_final_and_a_sick_node_is_not() {
        assert!(
            matches!(reply(409, r#"{"code":"offer_lapsed"}"#), Ok(Reply::Refused(p)) if p.code == "offer_lapsed")
        );
        assert!(matches!(reply(404, r#"{"code":"booking_unknown"}"#), Ok(Reply::Refused(_))));
        for (status, body) in [
            (404, "not found"),
            (401, r#"{"code":"token_expired"}"#),
            (429, r#"{"code":"too_many_requests"}"#),
            (500, r#"{"code":"oops"}"#),
            (503, ""),
            (200, "<html>"),
            (200, r#"{"more":1}"#),
            (302, ""),
        ] {
            assert!(matches!(reply(status, body), Err(Failure::Down(_))), "{status} {body}");
        }
        assert!(matches!(reply(421, r#"{"code":"outside_service_area"}"#), Err(Failure::Elsewhere(_))));
        assert!(matches!(reply(421, ""), Err(Failure::Down(_))));
        assert!(matches!(reply(200, "{}"), Ok(Reply::Answer(Empty {}))));
    }
}
