//! `POST /text/v1/token`: the text process renews its token before it ends.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use ondol_engine::http::{Problem, StrictJson};
use ondol_engine::identity::TextClient;

use super::TextDoor;
use crate::wire::{Empty, TokenAnswer};

/// Signs the next token; another node's is renewed there, because what it signs reaches elsewhere.
pub(super) async fn renew(
    State(door): State<TextDoor>,
    TextClient(process): TextClient,
    StrictJson(Empty {}): StrictJson<Empty>,
) -> Result<Json<TokenAnswer>, Problem> {
    let token = door.identity.renew_text(&process).ok_or_else(|| {
        let detail = format!("{} signed this token and renews it", process.node);
        Problem::new(StatusCode::MISDIRECTED_REQUEST, "other_node", detail)
    })?;
    tracing::info!(node = %process.node, "the text process has renewed its token");
    Ok(Json(TokenAnswer { token }))
}
