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

#[cfg(test)]
mod tests {
    use lambda_http::{
        Body, Request,
        http::{HeaderValue, header::CONTENT_TYPE},
    };
    use secrecy::ExposeSecret;
    use serde_json::json;

    use super::*;
    use crate::{clock::Timestamp, session::Link};

    const NEXT: &str = "BAQEBAQEBAQEBAQEBAQEBA";
    const IN_PREV: &str = "AwMDAwMDAwMDAwMDAwMDAw";
    const SESSION: SessionId = SessionId::from_bytes([2; 16]);

    fn keys() -> RefreshTokenKeys {
        let key = json!({"secret": "A".repeat(43), "mints_from": 0});
        RefreshTokenKeys::new(&[serde_json::from_value(key).unwrap()]).unwrap()
    }

    fn read(link: &Value) -> Result<PresentedLinks, Error> {
        let mut request = Request::new(Body::from(json!({"link": link}).to_string()));
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        links(&JsonObject::optional(&request).unwrap(), SESSION, &keys())
    }

    fn prev(session: SessionId) -> String {
        let link = Link::parse(IN_PREV).unwrap();
        keys().confirm_link(session, 7, &link, Timestamp::from_unix_seconds(1)).expose_secret().to_owned()
    }

    #[test]
    fn good_links_are_read() {
        let good = read(&json!({"prev": prev(SESSION), "next": NEXT, "more": 5})).unwrap();
        assert_eq!(good.prev.map(|prev| prev.number), Some(7));
        assert_eq!(good.next.hash(), Link::parse(NEXT).unwrap().hash());
        for link in [json!({"next": NEXT}), json!({"prev": null, "next": NEXT})] {
            assert!(read(&link).unwrap().prev.is_none(), "the response of the login was lost");
        }
    }

    #[test]
    fn what_is_no_object_or_has_no_new_link_is_invalid() {
        let prev = prev(SESSION);
        for link in [
            json!(NEXT),
            json!(5),
            json!(false),
            json!([NEXT]),
            json!({}),
            json!({"prev": prev}),
            json!({"prev": prev, "next": null}),
            json!({"prev": prev, "next": 5}),
            json!({"prev": prev, "next": "x"}),
            json!({"prev": prev, "next": IN_PREV}),
            json!({"prev": "made up", "next": "x"}),
        ] {
            let error = read(&link).err();
            assert!(matches!(error, Some(Error::InvalidRequest(_))), "{link}: {error:?}");
        }
    }

    #[test]
    fn no_links_or_those_of_another_session_are_required() {
        let elsewhere = prev(SessionId::from_bytes([3; 16]));
        for link in [
            json!(null),
            json!({"prev": elsewhere, "next": NEXT}),
            json!({"prev": "made up", "next": NEXT}),
            json!({"prev": "", "next": NEXT}),
            json!({"prev": 5, "next": NEXT}),
            json!({"prev": {}, "next": NEXT}),
        ] {
            let error = read(&link).err();
            assert!(matches!(error, Some(Error::LinkRequired { session: SESSION })), "{link}: {error:?}");
        }
        let nothing = JsonObject::optional(&Request::default()).unwrap();
        assert!(matches!(links(&nothing, SESSION, &keys()), Err(Error::LinkRequired { .. })));
    }
}
