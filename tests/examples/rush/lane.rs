//! One connection that asks and waits for its answers: HTTP/1.1, the WebSocket that it becomes, or Redis' protocol, as
//! little of each as is needed.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use anyhow::{Context as _, Result, bail};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

/// Bytes of answers that may wait to be read.
const UNREAD_MAX: usize = 1 << 20;

/// How answers are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Http,
    Socket,
    Redis,
}

/// A connection.
pub(crate) struct Lane {
    stream: TcpStream,
    protocol: Protocol,
    unread: Vec<u8>,
}

impl Lane {
    /// Connects caller `number` from an address of its own: nodes bound what one address may ask.
    pub(crate) async fn open(to: SocketAddr, protocol: Protocol, number: u8) -> Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, 0, 2, number)), 0))?;
        let stream = socket.connect(to).await.with_context(|| format!("cannot connect to {to}"))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, protocol, unread: Vec::with_capacity(1 << 16) })
    }

    /// Sends questions and waits for `answers` answers; returns the last one.
    ///
    /// # Errors
    ///
    /// If the connection breaks, or an answer is no success: it is in the message.
    pub(crate) async fn exchange(&mut self, questions: &[u8], answers: usize) -> Result<Vec<u8>> {
        self.say(questions).await?;
        let (mut begin, mut last) = (0, 0);
        for _ in 0..answers {
            last = begin;
            begin = loop {
                if let Some(end) = self.end_of_answer(begin)? {
                    break end;
                }
                self.read().await?;
            };
        }
        let answer = self.unread[last..begin].to_vec();
        self.unread.drain(..begin);
        Ok(answer)
    }

    /// Sends what is answered later or not at all.
    ///
    /// # Errors
    ///
    /// If the connection breaks.
    pub(crate) async fn say(&mut self, what: &[u8]) -> Result<()> {
        Ok(self.stream.write_all(what).await?)
    }

    /// Turns a connection over HTTP into a WebSocket.
    ///
    /// # Errors
    ///
    /// If the server does not agree, as for [`Self::exchange`].
    pub(crate) async fn become_socket(&mut self, path: &str) -> Result<()> {
        let question = format!(
            "GET {path} HTTP/1.1\r\nhost: node\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        self.exchange(question.as_bytes(), 1).await?;
        self.protocol = Protocol::Socket;
        Ok(())
    }

    /// Waits for what the server says next; nothing is lost if it is waited for something else instead.
    ///
    /// # Errors
    ///
    /// As [`Self::exchange`].
    pub(crate) async fn hear(&mut self) -> Result<Vec<u8>> {
        loop {
            if let Some(end) = self.end_of_answer(0)? {
                return Ok(self.unread.drain(..end).collect());
            }
            self.read().await?;
        }
    }

    /// Reads what has come.
    async fn read(&mut self) -> Result<()> {
        if self.stream.read_buf(&mut self.unread).await? == 0 {
            bail!("the connection was closed");
        }
        if self.unread.len() > UNREAD_MAX {
            bail!("an answer is too long");
        }
        Ok(())
    }

    /// Where the answer that begins at `begin` ends, if all of it is here.
    fn end_of_answer(&self, begin: usize) -> Result<Option<usize>> {
        let rest = &self.unread[begin..];
        let found = match self.protocol {
            Protocol::Http => http_end(rest)?,
            Protocol::Socket => socket_end(rest)?,
            Protocol::Redis => redis_end(rest)?,
        };
        Ok(found.map(|length| begin + length))
    }
}

/// The body of an answer over HTTP.
pub(crate) fn body(answer: &[u8]) -> &[u8] {
    find(answer, b"\r\n\r\n").map_or(&[], |at| &answer[at + 4..])
}

fn http_end(bytes: &[u8]) -> Result<Option<usize>> {
    let Some(head_end) = find(bytes, b"\r\n\r\n") else { return Ok(None) };
    let head = std::str::from_utf8(&bytes[..head_end]).context("a header is no text")?;
    if head.starts_with("HTTP/1.1 101") {
        return Ok(Some(head_end + 4)); // a socket from here on
    }
    let length = head
        .split("\r\n")
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, value)| value.trim().parse::<usize>().ok())
        .with_context(|| format!("an answer without a length: {head}"))?;
    let end = head_end + 4 + length;
    if bytes.len() < end {
        return Ok(None);
    }
    if !head.starts_with("HTTP/1.1 2") {
        bail!(
            "{}: {}",
            head.lines().next().unwrap_or(""),
            String::from_utf8_lossy(&bytes[head_end + 4..end])
        );
    }
    Ok(Some(end))
}

/// The text of a frame.
pub(crate) fn text(frame: &[u8]) -> &[u8] {
    header(frame).map_or(&[], |(begin, end)| &frame[begin..end])
}

/// Where the text of a frame begins and ends, if its length is here.
fn header(bytes: &[u8]) -> Option<(usize, usize)> {
    let (begin, length) = match bytes.get(1)? & 0x7f {
        126 => (4, u64::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?))),
        127 => (10, u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?)),
        length => (2, u64::from(length)),
    };
    Some((begin, begin.saturating_add(usize::try_from(length).unwrap_or(usize::MAX))))
}

fn socket_end(bytes: &[u8]) -> Result<Option<usize>> {
    let Some((begin, end)) = header(bytes) else { return Ok(None) };
    let Some(said) = bytes.get(begin..end) else { return Ok(None) };
    // A whole text; the node sends no other frames but the one that closes.
    if bytes[0] != 0x81 || said.starts_with(br#"{"type":"problem""#) {
        bail!("the socket says {}", String::from_utf8_lossy(said));
    }
    Ok(Some(end))
}

/// Answers to commands that add, a number or a word in a line, and to those that search: words in a list.
fn redis_end(bytes: &[u8]) -> Result<Option<usize>> {
    let Some(end) = find(bytes, b"\r\n") else { return Ok(None) };
    let begin = end + 2;
    match bytes.first() {
        Some(b':' | b'+') => Ok(Some(begin)),
        Some(b'$') => {
            let end = begin + count(&bytes[1..end])? + 2;
            Ok((end <= bytes.len()).then_some(end))
        }
        Some(b'*') => {
            let mut at = begin;
            for _ in 0..count(&bytes[1..end])? {
                let Some(length) = redis_end(&bytes[at..])? else { return Ok(None) };
                at += length;
            }
            Ok(Some(at))
        }
        _ => bail!("Redis says {}", String::from_utf8_lossy(&bytes[..end])),
    }
}

fn count(digits: &[u8]) -> Result<usize> {
    std::str::from_utf8(digits)?.parse().context("a length is a number")
}

/// The words of a list that Redis answers.
pub(crate) fn items(answer: &[u8]) -> Result<Vec<&[u8]>> {
    let mut items = Vec::new();
    let mut rest = answer.strip_prefix(b"*").context("not a list")?;
    while let Some(at) = find(rest, b"\r\n$") {
        rest = &rest[at + 3..];
        let begin = find(rest, b"\r\n").context("a word has a length")? + 2;
        let end = begin + count(&rest[..begin - 2])?;
        items.push(rest.get(begin..end).context("a word is cut short")?);
        rest = &rest[end..];
    }
    Ok(items)
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

/// Writes a question of an operator's page over HTTP.
pub(crate) fn get(out: &mut Vec<u8>, path: &str, cookie: &str) {
    let head = format!("GET {path} HTTP/1.1\r\nhost: node\r\ncookie: {cookie}\r\n\r\n");
    out.extend_from_slice(head.as_bytes());
}

/// Writes a question over HTTP.
pub(crate) fn post(out: &mut Vec<u8>, path: &str, token: Option<&str>, body: &[u8]) {
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: node\r\ncontent-type: application/json\r\ncontent-length: {}\r\n",
        body.len()
    );
    out.extend_from_slice(head.as_bytes());
    if let Some(token) = token {
        out.extend_from_slice(format!("authorization: Bearer {token}\r\n").as_bytes());
    }
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(body);
}

/// Writes a text over a socket. The key that a client has to mask it with is zero: it guards proxies, of which there is none.
pub(crate) fn frame(out: &mut Vec<u8>, text: &[u8]) {
    out.push(0x81);
    match u16::try_from(text.len()) {
        Ok(length) if length < 126 => out.push(0x80 | text.len().to_le_bytes()[0]),
        Ok(length) => {
            out.push(0x80 | 126);
            out.extend_from_slice(&length.to_be_bytes());
        }
        Err(_) => {
            out.push(0x80 | 127);
            out.extend_from_slice(&(text.len() as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(text);
}
