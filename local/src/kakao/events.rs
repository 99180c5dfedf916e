//! The events of the account status webhook, as the claims of a security event token (RFC 8417).

use serde_json::{Map, Value, json};
use shared::{clock::Timestamp, random};

use super::{
    data::{App, Person},
    oidc::ISSUER,
};

/// The URIs of all types of event.
pub(super) const EVENT_TYPES: [&str; 18] = [
    "https://schemas.openid.net/secevent/oauth/event-type/user-linked",
    "https://schemas.openid.net/secevent/oauth/event-type/user-unlinked",
    "https://schemas.openid.net/secevent/oauth/event-type/user-scope-consent",
    "https://schemas.openid.net/secevent/oauth/event-type/user-scope-withdraw",
    "https://schemas.openid.net/secevent/oauth/event-type/tokens-revoked",
    "https://schemas.openid.net/secevent/oauth/event-type/token-issued",
    "https://schemas.openid.net/secevent/oauth/event-type/token-revoked",
    "https://schemas.openid.net/secevent/risc/event-type/account-purged",
    "https://schemas.openid.net/secevent/risc/event-type/account-credential-change-required",
    "https://schemas.openid.net/secevent/risc/event-type/account-disabled",
    "https://schemas.openid.net/secevent/risc/event-type/account-enabled",
    "https://schemas.openid.net/secevent/risc/event-type/credential-compromise",
    "https://schemas.openid.net/secevent/risc/event-type/identifier-changed",
    "https://schemas.openid.net/secevent/risc/event-type/identifier-recycled",
    "https://schemas.openid.net/secevent/risc/event-type/sessions-revoked",
    "https://schemas.openid.net/secevent/caep/event-type/assurance-level-change",
    "https://schemas.openid.net/secevent/caep/event-type/credential-change",
    "https://schemas.kakao.com/platevent/kakao/event-type/user-profile-changed",
];

/// The claims with Kakao's names. There is no `exp`. The name of `scopes` is not documented.
pub(super) fn claims(person: &Person, app: &App, uris: &[&str], scopes: &[String], now: Timestamp) -> Value {
    let sub = person.id_in(app).to_string();
    let events: Map<String, Value> = uris
        .iter()
        .map(|uri| {
            let mut event = json!({"subject": {"subject_type": "iss-sub", "iss": ISSUER, "sub": sub}});
            if uri.contains("user-scope") {
                event["scopes"] = json!(scopes);
            }
            ((*uri).to_owned(), event)
        })
        .collect();
    let (first, second) = (u64::from_be_bytes(random::bytes()), u64::from_be_bytes(random::bytes()));
    json!({
        "iss": ISSUER, "aud": app.rest_api_key, "app_id": app.app_id, "sub": sub, "iat": now, "toe": now,
        "jti": format!("{first:016x}{second:016x}"), "events": events,
    })
}
