//! A phone's way to one node: session, socket, and plain requests while there is no socket.
//!
//! ```text
//! pass + proof ──▶ session ──▶ ticket ──▶ socket     beats, reports and fixes over it, pushes down
//!                      └──▶ POST attach              and everything else while the socket is broken
//! ```

use std::collections::VecDeque;
use std::sync::Arc;

use futures_util::{SinkExt as _, StreamExt as _};
use ondol_core::ids::NodeId;
use ondol_core::units::Ticks;
use ondol_device::wire::{Down, Endpoint, Problem, Push, Up};
use ondol_device::{Answer, Message};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::mpsc::{Receiver, Sender, UnboundedSender, channel};
use tokio_tungstenite::tungstenite::Message as Frame;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use super::key::DeviceKey;
use crate::city::clock::Clock;
use crate::city::http::{Failed, Http, Proof};

/// A node that did not answer is left alone this long, in simulated milliseconds.
const REST_MS: u64 = 2_000;
/// A session is renewed this long before its end.
const RENEW_MS: i64 = 120_000;
/// Unanswered messages on a socket; a node answers each before it reads the next.
const WAITING_MAX: usize = 64;
/// Requests that wait for the link; more are as good as unanswered.
const REQUESTS_MAX: usize = 64;
/// Bytes that a socket reads at once. Messages are far smaller, and a city has many phones.
const READ_BYTES: usize = 4 << 10;

type Socket = WebSocketStream<TcpStream>;

/// What a link tells its device.
#[derive(Debug)]
pub enum Heard {
    /// The answer to a request.
    Answer(u64, Answer),
    /// Not asked for, and from which node.
    Push(NodeId, Push),
}

/// What a device shows at every node.
pub struct Credentials {
    /// The key.
    pub key: DeviceKey,
    /// The shift pass.
    pub pass: String,
}

/// One phone's link to one node.
pub struct Link {
    node: NodeId,
    url: String,
    credentials: Arc<Credentials>,
    clock: Clock,
    http: Http,
    device: UnboundedSender<Heard>,
    session: Option<Session>,
    socket: Option<Socket>,
    waiting: VecDeque<(u64, Kind)>,
    rests_until: Ticks,
}

struct Session {
    token: String,
    expires_at_ms: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Beat,
    Reports,
    Positions,
}

impl Link {
    /// Opens the way to a node: what is sent into it is carried until its sender is dropped. It has said nothing yet.
    #[must_use]
    pub fn open(
        endpoint: &Endpoint,
        credentials: Arc<Credentials>,
        clock: Clock,
        http: Http,
        device: UnboundedSender<Heard>,
    ) -> Sender<(u64, Message)> {
        let link = Self {
            node: endpoint.node.clone(),
            url: endpoint.url.trim_end_matches('/').to_owned(),
            credentials,
            clock,
            http,
            device,
            session: None,
            socket: None,
            waiting: VecDeque::new(),
            rests_until: Ticks(0),
        };
        let (sender, requests) = channel(REQUESTS_MAX);
        tokio::spawn(link.carry(requests));
        sender
    }

    /// Carries requests until the device is switched off.
    async fn carry(mut self, mut requests: Receiver<(u64, Message)>) {
        loop {
            let frame = async {
                match &mut self.socket {
                    Some(socket) => socket.next().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                request = requests.recv() => match request {
                    Some((number, message)) => self.request(number, message).await,
                    None => return self.close().await,
                },
                frame = frame => match frame {
                    Some(Ok(Frame::Text(text))) => self.down(text.as_str()),
                    Some(Ok(Frame::Ping(_) | Frame::Pong(_) | Frame::Binary(_) | Frame::Frame(_))) => {}
                    Some(Ok(Frame::Close(_)) | Err(_)) | None => self.broken(),
                },
            }
        }
    }

    async fn request(&mut self, number: u64, message: Message) {
        if self.clock.now().ticks < self.rests_until {
            return self.answer(number, Answer::Failed);
        }
        match self.try_request(number, message).await {
            Ok(Some(answer)) => self.answer(number, answer),
            Ok(None) => {}
            Err(Failed::Unreachable { .. }) => {
                self.rests_until = self.clock.now().ticks.plus_ms(REST_MS);
                self.broken();
                self.answer(number, Answer::Failed);
            }
            Err(Failed::Refused { status, code, retry }) => {
                if status == 401 {
                    self.session = None;
                    self.broken();
                }
                let problem = Problem { detail: String::new(), code, retry };
                self.answer(number, if status == 401 { Answer::Failed } else { Answer::Refused(problem) });
            }
        }
    }

    /// Sends a message; `None` if the answer will come over the socket.
    async fn try_request(&mut self, number: u64, message: Message) -> Result<Option<Answer>, Failed> {
        self.ensure_session().await?;
        let (kind, up) = match message {
            Message::Attach(attach) => {
                let answer = self.post("attach", &attach).await.map(Answer::Attached).map(Some);
                // The socket shows the session that the device has since.
                self.ensure_socket().await;
                return answer;
            }
            Message::Beat(beat) => (Kind::Beat, Up::Beat(beat)),
            Message::Reports(batch) => (Kind::Reports, Up::Reports(batch)),
            Message::Positions(batch) => (Kind::Positions, Up::Positions(batch)),
        };
        self.ensure_socket().await;
        if self.waiting.len() < WAITING_MAX
            && let Some(socket) = &mut self.socket
        {
            let text = serde_json::to_string(&up).expect("wire messages are plain JSON");
            if socket.send(Frame::text(text)).await.is_ok() {
                self.waiting.push_back((number, kind));
                return Ok(None);
            }
            self.broken();
        }
        match up {
            Up::Beat(beat) => self.post("beat", &beat).await.map(|answer| Some(Answer::Beat(answer))),
            Up::Reports(batch) => {
                self.post("reports", &batch).await.map(|answer| Some(Answer::Reports(answer)))
            }
            Up::Positions(batch) => {
                self.post("positions", &batch).await.map(|answer| Some(Answer::Positions(answer)))
            }
        }
    }

    async fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, Failed> {
        let body = serde_json::to_value(body).expect("wire messages are plain JSON");
        let answer = self.http.post(&self.url, &format!("/driver/v1/{path}"), &self.proof(), &body).await?;
        serde_json::from_value(answer).map_err(|error| {
            tracing::warn!(node = %self.node, path, %error, "an answer cannot be read");
            Failed::not_understood()
        })
    }

    fn proof(&self) -> Proof {
        self.session.as_ref().map_or(Proof::None, |session| Proof::Bearer(session.token.clone()))
    }

    async fn ensure_session(&mut self) -> Result<(), Failed> {
        let now = self.clock.now().utc;
        if self.session.as_ref().is_some_and(|session| session.expires_at_ms - now.0 > RENEW_MS) {
            return Ok(());
        }
        let Credentials { key, pass } = &*self.credentials;
        let body = json!({ "pass": pass, "proof": key.prove(&self.node, pass, now) });
        let answer = self.http.post(&self.url, "/driver/v1/session", &Proof::None, &body).await?;
        let expires_at = answer["expires_at"].as_str().and_then(ondol_device::wire::moment::parse);
        let (Some(token), Some(expires_at)) = (answer["token"].as_str(), expires_at) else {
            return Err(Failed::not_understood());
        };
        self.session = Some(Session { token: token.to_owned(), expires_at_ms: expires_at.0 });
        // The socket lives as long as the session that it was opened with.
        self.broken();
        Ok(())
    }

    async fn ensure_socket(&mut self) {
        if self.socket.is_some() {
            return;
        }
        let ticket = self.http.post(&self.url, "/driver/v1/socket-ticket", &self.proof(), &Value::Null).await;
        let Ok(ticket) = ticket else { return };
        let Some(ticket) = ticket["ticket"].as_str() else { return };
        let url = format!("{}/driver/v1/socket?ticket={ticket}", self.url.replacen("http", "ws", 1));
        let open = async {
            let stream = self.http.connect(&self.url).await.ok()?;
            let config = WebSocketConfig::default().read_buffer_size(READ_BYTES);
            client_async_with_config(url, stream, Some(config)).await.ok()
        };
        if let Ok(Some((socket, _))) = tokio::time::timeout(self.clock.patience(5_000), open).await {
            self.socket = Some(socket);
        }
    }

    fn down(&mut self, text: &str) {
        let Ok(down) = serde_json::from_str::<Down>(text) else {
            tracing::warn!(node = %self.node, "a message of the socket cannot be read");
            return self.broken();
        };
        let answer = match down {
            Down::Push(push) => {
                // A device that is switched off hears nothing.
                let _heard = self.device.send(Heard::Push(self.node.clone(), push));
                return;
            }
            Down::Beat(answer) => Answer::Beat(answer),
            Down::Reports(answer) => Answer::Reports(answer),
            Down::Positions(answer) => Answer::Positions(answer),
            Down::Problem(problem) => Answer::Refused(problem),
        };
        // A node answers one message after another, in the order in which they came.
        if let Some((number, _)) = self.waiting.pop_front() {
            self.answer(number, answer);
        }
    }

    fn answer(&self, number: u64, answer: Answer) {
        let _heard = self.device.send(Heard::Answer(number, answer));
    }

    fn broken(&mut self) {
        self.socket = None;
        for (number, _) in std::mem::take(&mut self.waiting) {
            self.answer(number, Answer::Failed);
        }
    }

    async fn close(mut self) {
        if let Some(mut socket) = self.socket.take() {
            // It is gone either way.
            let _closed = socket.close(None).await;
        }
    }
}
