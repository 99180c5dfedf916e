//! Cookies, refresh tokens, access tokens and key documents: only what was issued is accepted.

use std::{str, sync::LazyLock, time::Duration};

use lambda_http::{Body, http::Request};
use secrecy::ExposeSecret;
use shared::{
    access_token::Audience,
    clock::Timestamp,
    http::{Cookies, SameSite},
    id::{SessionId, UserId},
    kakao::KakaoCredentials,
    keys::{IssuingKeys, LogoutKeys, PublishedKeys, VerificationKeys},
    roles::Roles,
    session::{Link, PresentedLinks, Proof, UnusableLinks, Version},
};

use super::{NOW, document};

/// The first link of the session.
const LINK: &str = "YSBsaW5rLCAxNiBieXRlcw";

/// A link that could follow it.
const OTHER_LINK: &str = "YW5vdGhlciBvbmUsIG1vcg";

/// Keys and valid tokens.
pub struct Known {
    issuing: IssuingKeys,
    verification: VerificationKeys,
    user: UserId,
    /// The session of all tokens.
    pub session: SessionId,
    /// Refresh tokens that were issued: the first one of a session in each version.
    pub refresh: [String; Version::ALL.len()],
    /// The first link of the session, confirmed.
    pub confirmed: String,
}

impl Known {
    /// An access token that was signed a moment ago.
    pub fn access(&self) -> String {
        let now = Timestamp::from_unix_seconds(NOW);
        let signed = self.issuing.signer.sign(self.user, self.session, now, &Roles::default(), now).to_json();
        signed["access"].as_str().expect("it has one").to_owned()
    }
}

pub static KNOWN: LazyLock<Known> = LazyLock::new(|| {
    let now = Timestamp::from_unix_seconds(NOW);
    let (_, issuing) = IssuingKeys::read(&document("ISSUING"), &audience(), Duration::from_mins(5)).expect("keys");
    let (_, verification) = VerificationKeys::read(&document("VERIFYING"), &audience()).expect("keys");
    let user = UserId::generate();
    let proof = Proof::new(&"code".into(), &"verifier".into());
    let session = issuing.refresh_tokens.new_session(Some(&proof), now).id;
    let refresh = Version::ALL.map(|version| {
        let new_session = issuing.refresh_tokens.new_session(Some(&proof), now);
        let token = issuing.refresh_tokens.issue(version, user, new_session, now + Duration::from_hours(24), now);
        token.expose().to_owned()
    });
    let link = Link::parse(LINK).expect("a link");
    let confirmed = issuing.refresh_tokens.confirm_link(session, 0, &link, now).expose_secret().to_owned();
    Known { issuing, verification, user, session, refresh, confirmed }
});

fn audience() -> Audience {
    Audience { issuer: "https://a.example".to_owned(), audience: "api".to_owned() }
}

/// Each line is a header: every cookie of our name is presented, and no other.
pub fn cookie(data: &[u8]) {
    let cookies = Cookies { secure: true, same_site: SameSite::Strict };
    let mut request = Request::builder();
    for header in data.split(|byte| *byte == b'\n') {
        request = request.header("cookie", header);
    }
    let Ok(request) = request.body(Body::Empty) else { return };
    let pairs =
        request.headers().get_all("cookie").iter().flat_map(|header| header.as_bytes().split(|byte| *byte == b';'));
    let names = pairs.map(|pair| pair.split(|byte| *byte == b'=').next().unwrap_or_default().trim_ascii());
    let ours = names.filter(|name| *name == b"__Host-Http-refresh_token").count();
    let presented = cookies.presented(&request);
    assert_eq!(presented.len(), ours);
    assert!(presented.iter().all(|text| !text.expose_secret().contains(';')), "two cookies in one");
    assert_eq!(cookies.clear(&presented).is_empty(), presented.is_empty(), "what is cleared was presented");
}

/// An issued text, from a place on overwritten and continued by these bytes.
fn overwritten(issued: &str, at: u8, over: &[u8]) -> Vec<u8> {
    let mut text = issued.to_owned().into_bytes();
    let at = usize::from(at) % text.len();
    let rest = over.iter().skip(text.len() - at).copied().collect::<Vec<_>>();
    for (old, new) in text[at..].iter_mut().zip(over) {
        *old = *new;
    }
    text.extend(rest);
    text
}

/// The bytes overwrite an issued token of each version, and a confirmed link; only unchanged ones are accepted.
pub fn refresh_token(data: &[u8]) {
    let Some((at, over)) = data.split_first() else { return };
    let keys = &KNOWN.issuing.refresh_tokens;
    for candidate in KNOWN.refresh.iter().map(|issued| overwritten(issued, *at, over)).chain([data.to_owned()]) {
        let Ok(candidate) = str::from_utf8(&candidate) else { continue };
        if let Ok(token) = keys.verify(candidate) {
            assert!(KNOWN.refresh.iter().any(|issued| issued == candidate), "a token that was never issued");
            assert_eq!((token.user, token.session), (KNOWN.user, KNOWN.session));
        }
    }
    let prev = overwritten(&KNOWN.confirmed, *at, over);
    for (prev, next) in [(prev.as_slice(), OTHER_LINK.as_bytes()), (KNOWN.confirmed.as_bytes(), data), (over, over)] {
        let (Ok(prev), Ok(next)) = (str::from_utf8(prev), str::from_utf8(next)) else { continue };
        links(prev, next);
    }
}

/// Links are accepted only with the one that was confirmed, and for its session.
fn links(prev: &str, next: &str) {
    let keys = &KNOWN.issuing.refresh_tokens;
    let is_link = Link::parse(next).is_ok();
    match PresentedLinks::read(keys, KNOWN.session, Some(prev), next) {
        Ok(links) => {
            assert!(prev == KNOWN.confirmed && is_link && next != LINK, "links that were never confirmed");
            assert_eq!(links.prev.map(|prev| prev.number), Some(0));
        }
        Err(UnusableLinks::MalformedNext) => assert!(!is_link || next == LINK, "a link that is well-formed"),
        Err(UnusableLinks::UnknownPrev) => assert!(prev != KNOWN.confirmed && is_link, "a link that was confirmed"),
    }
    let of_another = PresentedLinks::read(keys, SessionId::generate(), Some(prev), next);
    assert!(of_another.is_err(), "links of another session");
    assert_eq!(PresentedLinks::read(keys, KNOWN.session, None, next).is_ok(), is_link);
}

/// The bytes replace a part of a signed token; an accepted token has the claims that were signed.
pub fn access_token(data: &[u8]) {
    let now = Timestamp::from_unix_seconds(NOW);
    let signed = KNOWN.access();
    let Some((part, bytes)) = data.split_first() else { return };
    let Ok(bytes) = str::from_utf8(bytes) else { return };
    let mut parts: Vec<&str> = signed.split('.').collect();
    let encoded = base64::Engine::encode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, bytes);
    match part % 8 {
        at @ 0..3 => parts[usize::from(at)] = bytes,
        at @ 3..6 => parts[usize::from(at - 3)] = &encoded,
        6 => parts = vec![bytes],
        _ => {}
    }
    let candidate = parts.join(".");
    if let Ok(access) = KNOWN.verification.verifier.verify(&candidate, now) {
        assert_eq!((access.user, access.session), (KNOWN.user, KNOWN.session), "claims that nobody signed");
    } else {
        assert_ne!(candidate, signed, "what was signed is good");
    }
}

/// A key document is read or refused.
pub fn key_document(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let version = IssuingKeys::read(text, &audience(), Duration::from_mins(5)).map(|(version, _)| version);
    if let (Ok(one), Ok((other, _))) = (version, LogoutKeys::read(text)) {
        assert_eq!(one, other);
    }
    let _ = VerificationKeys::read(text, &audience());
    let _ = PublishedKeys::read(text);
    if let Err(reason) = KakaoCredentials::read(text) {
        assert!(reason.is_ascii() && reason.len() < 100, "a part of a secret in an error: {reason}");
    }
}
