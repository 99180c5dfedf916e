//! The member `link` of a body: the links that a client presents with the token of a linked session.

use serde_json::Value;

use super::JsonObject;
use crate::{
    error::Error,
    id::SessionId,
    session::{PresentedLinks, RefreshTokenKeys, UnusableLinks},
};

/// Reads `{"link": {"prev": …, "next": …}}`. `prev` may be absent: then the response of the login was lost.
///
/// # Errors
///
/// - [`Error::InvalidRequest`] if `link` is not an object, or `next` is missing, malformed or the link in `prev`.
/// - [`Error::LinkRequired`] if there is no `link`, or `prev` was not confirmed for this session.
pub fn links(body: &JsonObject, session: SessionId, keys: &RefreshTokenKeys) -> Result<PresentedLinks, Error> {
    let unlinked = || Error::LinkRequired { session };
    let link = match body.member("link") {
        None | Some(Value::Null) => return Err(unlinked()),
        Some(Value::Object(link)) => link,
        Some(_) => return Err(Error::InvalidRequest("`link` must be an object.".to_owned())),
    };
    let next = link.get("next").and_then(Value::as_str).unwrap_or_default();
    let prev = match link.get("prev") {
        None | Some(Value::Null) => None,
        // A `prev` of another type is as unknown as any other text.
        Some(prev) => Some(prev.as_str().unwrap_or_default()),
    };
    PresentedLinks::read(keys, session, prev, next).map_err(|unusable| match unusable {
        UnusableLinks::MalformedNext => {
            Error::InvalidRequest("`link.next` must be a new link: 16 random bytes in base64url.".to_owned())
        }
        UnusableLinks::UnknownPrev => unlinked(),
    })
}
