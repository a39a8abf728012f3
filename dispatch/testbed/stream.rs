//! Server-sent events of a door, read as they come.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::Value;
use tower::ServiceExt as _;

/// An event comes much sooner; a test that waits longer has failed.
const COMES_WITHIN: Duration = Duration::from_secs(20);

/// A stream that a door opened.
pub(crate) struct Stream {
    body: Body,
    /// What has come and was not looked at yet.
    text: String,
    said: String,
}

impl Stream {
    /// Opens the stream; fails if the door refuses.
    pub(crate) async fn open(door: &Router, request: Request<Body>) -> Self {
        let response = door.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { body: response.into_body(), text: String::new(), said: String::new() }
    }

    /// Everything that has come.
    pub(crate) fn said(&self) -> &str {
        &self.said
    }

    /// The data of the next event `name` that is `wanted`; fails if none comes for long.
    pub(crate) async fn until(&mut self, name: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let read = async {
            loop {
                while let Some((event, rest)) = self.text.split_once("\n\n") {
                    let (event, rest) = (event.to_owned(), rest.to_owned());
                    self.text = rest;
                    let Some(data) = event.strip_prefix(&format!("event: {name}\ndata: ")) else { continue };
                    let data: Value = serde_json::from_str(data).unwrap();
                    if wanted(&data) {
                        return data;
                    }
                }
                let frame = self.body.frame().await.unwrap().unwrap();
                let data = frame.into_data().unwrap();
                let text = std::str::from_utf8(&data).unwrap();
                self.text += text;
                self.said += text;
            }
        };
        tokio::time::timeout(COMES_WITHIN, read).await.expect("the event comes")
    }
}
