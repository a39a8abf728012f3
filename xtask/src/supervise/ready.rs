//! One question to a local door: does `GET` answer 200, and what does it say?

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::Value;

/// How long one question may take.
const LIMIT: Duration = Duration::from_secs(2);
/// Bytes of an answer that are read.
const ANSWER_MAX: u64 = 64 << 10;

/// Tells whether the door at `url` (`http://ADDRESS:PORT/PATH`, an address and not a name) answers 200.
///
/// # Errors
///
/// If `url` has another form. A door that does not answer is not an error: it is not ready.
pub(super) fn is_ready(url: &str) -> Result<bool> {
    body(url).map(|body| body.is_some())
}

/// Returns what the door at `url` answers with 200, without the headers; nothing if it answers otherwise or not at all.
///
/// # Errors
///
/// As [`is_ready`].
fn body(url: &str) -> Result<Option<Vec<u8>>> {
    let (address, path) = parse(url).with_context(|| format!("not a local address: {url}"))?;
    let Ok(answer) = ask(address, path) else { return Ok(None) };
    let is_good = answer.starts_with(b"HTTP/1.1 200") || answer.starts_with(b"HTTP/1.0 200");
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n");
    Ok(end.filter(|_| is_good).map(|end| answer[end + 4..].to_vec()))
}

/// Returns what the node at `url` says of itself; nothing if it does not answer or is not ready.
///
/// # Errors
///
/// As [`is_ready`], and if the answer is not JSON.
pub(crate) fn readiness(url: &str) -> Result<Option<Value>> {
    let Some(body) = body(url)? else { return Ok(None) };
    serde_json::from_slice(&body).map(Some).with_context(|| format!("{url} answers no JSON"))
}

/// Tells whether a node that says `ready` of itself holds what its peers hold, and its districts are in normal mode.
///
/// # Errors
///
/// If it names no peers.
pub(crate) fn is_level(ready: &Value) -> Result<bool> {
    let peers = ready["peers"].as_array().context("/readyz names peers")?;
    Ok(ready["mode"] == "normal" && peers.iter().all(|peer| peer["level_ms"].is_u64()))
}

fn parse(url: &str) -> Option<(SocketAddr, &str)> {
    let rest = url.strip_prefix("http://")?;
    let (host, path) = rest.split_at(rest.find('/')?);
    Some((host.parse().ok()?, path))
}

fn ask(address: SocketAddr, path: &str) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect_timeout(&address, LIMIT)?;
    stream.set_read_timeout(Some(LIMIT))?;
    stream.set_write_timeout(Some(LIMIT))?;
    stream.write_all(
        format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").as_bytes(),
    )?;
    let mut answer = Vec::new();
    stream.take(ANSWER_MAX).read_to_end(&mut answer)?;
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    /// Answers one question with `answer` and returns what the probe made of it.
    fn probe(answer: &'static str) -> Option<Vec<u8>> {
        let door = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/readyz", door.local_addr().unwrap());
        let server = std::thread::spawn(move || {
            let (mut stream, _) = door.accept().unwrap();
            let mut question = Vec::new();
            while !question.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                question.extend(byte);
            }
            assert!(question.starts_with(b"GET /readyz HTTP/1.1\r\nHost: 127.0.0.1:"));
            stream.write_all(answer.as_bytes()).unwrap();
        });
        let told = body(&url).unwrap();
        server.join().unwrap();
        told
    }

    #[test]
    fn only_200_is_ready() {
        assert_eq!(probe("HTTP/1.1 503 Service Unavailable\r\n\r\n"), None);
        assert_eq!(probe("HTTP/1.1 20"), None);
        assert_eq!(probe("SSH-2.0-OpenSSH_9.2\r\n"), None);
        assert_eq!(probe("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"), Some(Vec::new()));
        assert_eq!(probe("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"), Some(b"{}".to_vec()));
    }

    #[test]
    fn a_node_is_level_once_it_has_seen_all_of_every_peer_in_normal_mode() {
        let said = |mode: &str, level: Value| {
            let peers = [serde_json::json!({ "level_ms": 3 }), serde_json::json!({ "level_ms": level })];
            is_level(&serde_json::json!({ "mode": mode, "peers": peers })).unwrap()
        };
        assert!(said("normal", 7.into()));
        assert!(!said("healing", 7.into()));
        assert!(!said("normal", Value::Null));
        assert!(is_level(&serde_json::json!({ "mode": "normal" })).is_err());
    }

    #[test]
    fn a_closed_port_is_not_ready() {
        let port = crate::postgres::free_port().unwrap();
        assert!(!is_ready(&format!("http://127.0.0.1:{port}/readyz")).unwrap());
    }

    #[test]
    fn names_and_other_schemes_are_refused() {
        for url in
            ["https://127.0.0.1:1/", "http://localhost:1/", "http://127.0.0.1/", "http://127.0.0.1:1", ""]
        {
            assert!(is_ready(url).is_err(), "{url}");
        }
    }
}
