//! How a phone comes to speak with a node at all: number and secret for a pass, and which nodes there are.

use ondol_core::ids::NodeId;
use ondol_core::units::UtcMs;
use ondol_device::wire::{Endpoint, Endpoints};
use serde_json::json;

use super::key::DeviceKey;
use super::link::Credentials;
use crate::city::http::{Failed, Http, Proof};
use crate::city::roster::Listed;

/// Shows a driver's number and secret at the node at `url`; returns the shift pass.
///
/// # Errors
///
/// [`Failed`].
pub async fn sign_in(http: &Http, url: &str, listed: &Listed, key: &DeviceKey) -> Result<String, Failed> {
    let body = json!({ "phone": listed.phone, "secret": listed.secret, "key": key.public() });
    let answer = http.post(url, "/driver/v1/sign-in", &Proof::None, &body).await?;
    answer["pass"].as_str().map(str::to_owned).ok_or_else(Failed::not_understood)
}

/// Opens a session at a node and asks it where the driver's phone may turn.
///
/// # Errors
///
/// [`Failed`]; a list of nobody is not understood.
pub async fn endpoints(
    http: &Http,
    (node, url): (&NodeId, &str),
    credentials: &Credentials,
    now: UtcMs,
) -> Result<Vec<Endpoint>, Failed> {
    let Credentials { key, pass } = credentials;
    let body = json!({ "pass": pass, "proof": key.prove(node, pass, now) });
    let session = http.post(url, "/driver/v1/session", &Proof::None, &body).await?;
    let token = session["token"].as_str().ok_or_else(Failed::not_understood)?;
    let proof = Proof::Bearer(token.to_owned());
    let answer = http.get(url, "/driver/v1/endpoints", &proof).await?;
    let list: Endpoints = serde_json::from_value(answer).map_err(|_| Failed::not_understood())?;
    if list.nodes.is_empty() { Err(Failed::not_understood()) } else { Ok(list.nodes) }
}
