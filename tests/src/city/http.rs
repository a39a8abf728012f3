//! Asking a node over HTTP, as a page or an app does.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use reqwest::{Method, RequestBuilder, header};
use serde_json::Value;
use tokio::net::{TcpSocket, TcpStream};

/// Largest answer that is read, in bytes.
const ANSWER_MAX: usize = 8 << 20;

/// Why a request was not answered as hoped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failed {
    /// No answer, or the answer of a node that cannot work now.
    Unreachable {
        /// The node's stable code, else `no_answer`, `no_connection` or `not_understood`.
        code: String,
    },
    /// The node said no.
    Refused {
        /// The HTTP status.
        status: u16,
        /// The stable code.
        code: String,
        /// The same request may succeed later.
        retry: bool,
    },
}

impl Failed {
    /// An answer came, and says nothing that it should say.
    #[must_use]
    pub fn not_understood() -> Self {
        Self::Unreachable { code: "not_understood".to_owned() }
    }

    /// The stable code, or what stands for one.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::Unreachable { code } | Self::Refused { code, .. } => code,
        }
    }
}

impl From<reqwest::Error> for Failed {
    fn from(error: reqwest::Error) -> Self {
        let code = if error.is_connect() { "no_connection" } else { "no_answer" };
        Self::Unreachable { code: code.to_owned() }
    }
}

impl std::fmt::Display for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unreachable { code } => write!(f, "unreachable: {code}"),
            Self::Refused { status, code, .. } => write!(f, "{status} {code}"),
        }
    }
}

/// What proves who asks.
#[derive(Debug, Clone, Default)]
pub enum Proof {
    /// Nothing: the address itself, or nothing is needed.
    #[default]
    None,
    /// A session's token.
    Bearer(String),
    /// An operator's cookie, sent from the node's own page.
    Cookie(String),
}

/// A client.
#[derive(Debug, Clone)]
pub struct Http {
    client: reqwest::Client,
    address: IpAddr,
    wait: Duration,
}

impl Http {
    /// Returns a client that asks from `address` and waits `wait` for an answer.
    ///
    /// # Errors
    ///
    /// If the system gives no means to connect.
    pub fn new(wait: Duration, address: IpAddr) -> reqwest::Result<Self> {
        // A city of clients, each with its own phone: idle connections are not kept long.
        let client = reqwest::Client::builder()
            .no_proxy()
            .local_address(address)
            .connect_timeout(wait)
            .pool_idle_timeout(Duration::from_secs(10))
            .build()?;
        Ok(Self { client, address, wait })
    }

    /// A bare connection to a node, for a socket.
    ///
    /// # Errors
    ///
    /// If the address names nobody, or nobody listens there.
    pub async fn connect(&self, base: &str) -> io::Result<TcpStream> {
        let url = reqwest::Url::parse(base).map_err(io::Error::other)?;
        let to = url.socket_addrs(|| None)?.into_iter().find(|to| to.is_ipv4() == self.address.is_ipv4());
        let to = to.ok_or_else(|| io::Error::other("no address of this kind"))?;
        let socket = if to.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        socket.bind(SocketAddr::new(self.address, 0))?;
        let stream = socket.connect(to).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    /// `GET` of what is no JSON.
    ///
    /// # Errors
    ///
    /// [`Failed::Unreachable`], also if it is not there.
    pub async fn text(&self, base: &str, path: &str) -> Result<String, Failed> {
        let answer = self.client.get(format!("{base}{path}")).timeout(self.wait).send().await?;
        Ok(answer.error_for_status()?.text().await?)
    }

    /// `GET`.
    ///
    /// # Errors
    ///
    /// [`Failed`].
    pub async fn get(&self, base: &str, path: &str, proof: &Proof) -> Result<Value, Failed> {
        self.ask(Method::GET, base, path, proof, None).await.map(|(answer, _)| answer)
    }

    /// `POST`.
    ///
    /// # Errors
    ///
    /// [`Failed`].
    pub async fn post(&self, base: &str, path: &str, proof: &Proof, body: &Value) -> Result<Value, Failed> {
        self.ask(Method::POST, base, path, proof, Some(body)).await.map(|(answer, _)| answer)
    }

    /// `POST` whose answer sets a cookie; returns `name=value`.
    ///
    /// # Errors
    ///
    /// [`Failed`]; [`Failed::Unreachable`] if there is no cookie in the answer.
    pub async fn sign_in(&self, base: &str, path: &str, body: &Value) -> Result<String, Failed> {
        let proof = Proof::Cookie(String::new());
        let (_, cookie) = self.ask(Method::POST, base, path, &proof, Some(body)).await?;
        cookie.ok_or_else(Failed::not_understood)
    }

    async fn ask(
        &self,
        method: Method,
        base: &str,
        path: &str,
        proof: &Proof,
        body: Option<&Value>,
    ) -> Result<(Value, Option<String>), Failed> {
        let mut request = self.client.request(method, format!("{base}{path}")).timeout(self.wait);
        request = match proof {
            Proof::None => request,
            Proof::Bearer(token) => request.bearer_auth(token),
            Proof::Cookie(cookie) if cookie.is_empty() => request.header(header::ORIGIN, base),
            Proof::Cookie(cookie) => request.header(header::ORIGIN, base).header(header::COOKIE, cookie),
        };
        if let Some(body) = body {
            request = request.json(body);
        }
        send(request).await
    }
}

/// The addresses of a city's clients: nodes bound what one address may ask, and a city is not one household.
///
/// # Errors
///
/// If the system gives no means to connect.
pub fn clients(wait: Duration, count: u8) -> reqwest::Result<Vec<Http>> {
    (0..count).map(|n| Http::new(wait, IpAddr::V4(Ipv4Addr::new(127, 0, 1, n.saturating_add(1))))).collect()
}

async fn send(request: RequestBuilder) -> Result<(Value, Option<String>), Failed> {
    let answer = request.send().await?;
    let status = answer.status();
    let cookie = answer.headers().get(header::SET_COOKIE).and_then(|value| value.to_str().ok());
    let cookie = cookie.and_then(|value| value.split(';').next()).map(str::to_owned);
    let bytes = answer.bytes().await?;
    if bytes.len() > ANSWER_MAX {
        return Err(Failed::not_understood());
    }
    let value: Value = if bytes.is_empty() {
        Value::Null
    } else {
        serde_json::from_slice(&bytes).map_err(|_| Failed::not_understood())?
    };
    if status.is_success() {
        Ok((value, cookie))
    } else {
        let code = value["code"].as_str().unwrap_or("no_code").to_owned();
        if status.is_server_error() {
            return Err(Failed::Unreachable { code });
        }
        Err(Failed::Refused {
            status: status.as_u16(),
            code,
            retry: value["retry"].as_bool().unwrap_or(false),
        })
    }
}
