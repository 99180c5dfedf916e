//! The refresh token in the body of a response, for clients that carry it in bodies.

use serde_json::Value;

use crate::{clock::Timestamp, session::RefreshToken};

/// Writes a refresh token that the client does not have yet, and when it expires unless its session is renewed.
pub fn write_refresh_token(body: &mut Value, token: &RefreshToken, expires_at: Timestamp) {
    body["refresh"] = token.expose().into();
    body["refresh_expiration"] = token.kept_until(expires_at).to_rfc3339().into();
}

/// Leaves `refresh` out, so that the client keeps the token that it has. An empty one would log out a client that stores whatever it
/// gets, and the presented one could arrive late and replace its successor.
pub fn take_out_refresh_token(body: &mut Value) {
    if let Some(members) = body.as_object_mut() {
        members.remove("refresh");
    }
}
