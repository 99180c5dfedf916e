//! `OpenID` Connect: discovery, keys, and ID tokens, valid ones and those with a defect.

use std::sync::Arc;

use axum::{
    extract::{Form, State, rejection::FormRejection},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use ring::{digest, hmac, rand::SystemRandom, rsa::PublicKeyComponents, signature};
use serde_json::{Value, json};

use super::{
    Grant, Parameters, Standin, auth_error,
    data::{App, Person},
    json_answer,
    raw::{self, Changes},
};

pub(super) const ISSUER: &str = "https://kauth.kakao.com";
/// Generated for the stand-in and not secret. Two are published at any time; a rotation drops the older one.
const KEYS: [(&str, &[u8]); 3] = [
    ("3f96980381e451efad0d2ddd30e3d3", include_bytes!("keys/one.pk8")),
    ("9f252dadd5f233f93d2fa528d12fea", include_bytes!("keys/two.pk8")),
    ("c0ffee0123456789abcdef01234567", include_bytes!("keys/three.pk8")),
];
/// An ID token lives as long as the access token that is issued with it.
const LIFETIME: i64 = 21_599;

/// `GET /.well-known/openid-configuration`
pub(super) async fn discovery() -> Response {
    json_answer(
        StatusCode::OK,
        &json!({
            "issuer": ISSUER,
            "authorization_endpoint": format!("{ISSUER}/oauth/authorize"),
            "token_endpoint": format!("{ISSUER}/oauth/token"),
            "userinfo_endpoint": "https://kapi.kakao.com/v1/oidc/userinfo",
            "jwks_uri": format!("{ISSUER}/.well-known/jwks.json"),
            "token_endpoint_auth_methods_supported": ["client_secret_post"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "request_uri_parameter_supported": false,
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": ["authorization_code", "refresh_token"],
            "code_challenge_methods_supported": ["S256"],
            "claims_supported": ["iss", "aud", "sub", "auth_time", "exp", "iat", "nonce", "nickname", "picture", "email"],
        }),
    )
}

/// `GET /.well-known/jwks.json`
pub(super) async fn jwks(State(standin): State<Arc<Standin>>) -> Response {
    let rotations = standin.data().rotations;
    let keys: Vec<Value> = [rotations, rotations + 1]
        .into_iter()
        .map(|number| {
            let public = public(number);
            let encode = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
            json!({"kid": kid(number), "kty": "RSA", "alg": "RS256", "use": "sig", "n": encode(&public.n), "e": encode(&public.e)})
        })
        .collect();
    json_answer(StatusCode::OK, &json!({"keys": keys}))
}

/// `POST /control/rotate-keys`: drops the older key and signs with a new one.
pub(super) async fn rotate(State(standin): State<Arc<Standin>>) -> Response {
    standin.data().rotations += 1;
    StatusCode::NO_CONTENT.into_response()
}

/// `POST /oauth/tokeninfo`: the claims of a valid ID token, for debugging.
pub(super) async fn token_info(
    State(standin): State<Arc<Standin>>,
    form: Result<Form<Parameters>, FormRejection>,
) -> Response {
    let Ok(Form(form)) = form else {
        return auth_error(StatusCode::BAD_REQUEST, "invalid_request", "KOE204", "the body must be a form");
    };
    let token = form.get("id_token").map(String::as_str).unwrap_or_default();
    match standin.payload(token) {
        Some(payload) => json_answer(StatusCode::OK, &payload),
        None => auth_error(StatusCode::BAD_REQUEST, "invalid_token", "KOE400", "this ID token is not valid"),
    }
}

/// The kinds of ID token for tests. Each but `good` differs from a regular one in a single point.
pub(super) const KINDS: [&str; 20] = [
    "good",
    "other_aud",
    "aud_list",
    "other_iss",
    "expired",
    "just_expired",
    "future",
    "old",
    "almost_old",
    "fractions",
    "no_nonce",
    "no_sub",
    "odd_sub",
    "no_iat",
    "alg_none",
    "hs256_public_key",
    "unknown_kid",
    "no_kid",
    "crit",
    "jku",
];

impl Standin {
    /// An ID token as the token endpoint issues it.
    pub(super) fn id_token(&self, person: &Person, grant: &Grant, nonce: Option<&str>, access_token: &str) -> String {
        let mut claims = self.claims(person, grant.app, grant.app.rest_api_key, nonce);
        claims["auth_time"] = json!(grant.logged_in_at);
        let hash = digest::digest(&digest::SHA256, access_token.as_bytes());
        claims["at_hash"] = json!(BASE64_URL_SAFE_NO_PAD.encode(&hash.as_ref()[..16]));
        let number = self.data().rotations + 1;
        signed(number, &header(number), &claims)
    }

    /// A token of this type for tests, of one of [`KINDS`], with these changes.
    pub(super) fn token_of_kind(
        &self,
        typ: &str,
        kind: &str,
        mut claims: Value,
        header_changes: &Changes,
        claim_changes: &Changes,
    ) -> String {
        let number = self.data().rotations + 1;
        let now = self.clock.now().unix_seconds();
        let mut header = header(number);
        header["typ"] = json!(typ);
        match kind {
            "other_aud" => claims["aud"] = json!("00112233445566778899aabbccddeeff"),
            "aud_list" => claims["aud"] = json!([claims["aud"], "00112233445566778899aabbccddeeff"]),
            "other_iss" => claims["iss"] = json!("https://kauth.kakao.com/"),
            "expired" => claims["exp"] = json!(now - 61),
            "just_expired" => claims["exp"] = json!(now - 30),
            "future" => claims["iat"] = json!(now + 3_600),
            "old" => claims["iat"] = json!(now - 660),
            "almost_old" => claims["iat"] = json!(now - 659),
            "fractions" => {
                for (claim, whole) in [("iat", now), ("exp", now + LIFETIME)] {
                    claims[claim] = json!(whole.to_string().parse::<f64>().unwrap_or_default() + 0.25);
                }
            }
            "no_nonce" => remove(&mut claims, "nonce"),
            "no_sub" => remove(&mut claims, "sub"),
            "odd_sub" => claims["sub"] = json!("me@example.com"),
            "no_iat" => remove(&mut claims, "iat"),
            "alg_none" => {
                header["alg"] = json!("none");
                return format!("{}.", message(&header, &claims));
            }
            "hs256_public_key" => {
                header["alg"] = json!("HS256");
                let message = message(&header, &claims);
                let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &public(number).n), message.as_bytes());
                return format!("{message}.{}", BASE64_URL_SAFE_NO_PAD.encode(tag));
            }
            "unknown_kid" => header["kid"] = json!("ffffffffffffffffffffffffffffff"),
            "no_kid" => remove(&mut header, "kid"),
            "crit" => header["crit"] = json!(["exp"]),
            // Signed with a key that is not published, but would be found at the URL in the header.
            "jku" => {
                header["jku"] = json!("http://169.254.169.254/jwks.json");
                return signed(number + 1, &header, &claims);
            }
            _ => {}
        }
        let parts = [(header, header_changes), (claims, claim_changes)];
        let [header, claims] = parts.map(|(part, changes)| BASE64_URL_SAFE_NO_PAD.encode(raw::write(part, changes)));
        signed_message(number, &format!("{header}.{claims}"))
    }

    /// The claims, if a published key signed them and they have not expired.
    fn payload(&self, token: &str) -> Option<Value> {
        let decode = |part: &str| BASE64_URL_SAFE_NO_PAD.decode(part).ok();
        let (message, signature) = token.rsplit_once('.')?;
        let (header, claims) = message.split_once('.')?;
        let header: Value = serde_json::from_slice(&decode(header)?).ok()?;
        let claims: Value = serde_json::from_slice(&decode(claims)?).ok()?;
        let rotations = self.data().rotations;
        let number = [rotations, rotations + 1].into_iter().find(|number| header["kid"] == kid(*number))?;
        let key = public(number);
        key.verify(&signature::RSA_PKCS1_2048_8192_SHA256, message.as_bytes(), &decode(signature)?).ok()?;
        let expires_at = claims["exp"].as_i64()?;
        (header["alg"] == "RS256" && expires_at > self.clock.now().unix_seconds()).then_some(claims)
    }

    pub(super) fn claims(&self, person: &Person, app: &App, aud: &str, nonce: Option<&str>) -> Value {
        let now = self.clock.now().unix_seconds();
        let mut claims = json!({
            "iss": ISSUER, "aud": aud, "sub": person.id_in(app).to_string(), "iat": now, "exp": now + LIFETIME, "auth_time": now,
        });
        if let Some(nonce) = nonce {
            claims["nonce"] = json!(nonce);
        }
        if let Some(nickname) = person.account["profile"]["nickname"].as_str() {
            claims["nickname"] = json!(nickname);
        }
        if let Some(thumbnail) = person.account["profile"]["thumbnail_image_url"].as_str() {
            claims["picture"] = json!(thumbnail);
        }
        let proven = person.account["is_email_valid"] == true && person.account["is_email_verified"] == true;
        if let Some(email) = person.account["email"].as_str().filter(|_| proven) {
            claims["email"] = json!(email);
        }
        claims
    }
}

fn kid(number: usize) -> &'static str {
    KEYS[number % KEYS.len()].0
}

fn header(number: usize) -> Value {
    json!({"kid": kid(number), "typ": "JWT", "alg": "RS256"})
}

fn remove(value: &mut Value, name: &str) {
    if let Some(members) = value.as_object_mut() {
        members.remove(name);
    }
}

fn key(number: usize) -> signature::RsaKeyPair {
    let (_, document) = KEYS[number % KEYS.len()];
    signature::RsaKeyPair::from_pkcs8(document).expect("the keys in this folder are readable")
}

fn public(number: usize) -> PublicKeyComponents<Vec<u8>> {
    key(number).public().into()
}

fn message(header: &Value, claims: &Value) -> String {
    let encode = |part: &Value| BASE64_URL_SAFE_NO_PAD.encode(part.to_string());
    format!("{}.{}", encode(header), encode(claims))
}

fn signed(number: usize, header: &Value, claims: &Value) -> String {
    signed_message(number, &message(header, claims))
}

fn signed_message(number: usize, message: &str) -> String {
    let key = key(number);
    let mut signed = vec![0; key.public().modulus_len()];
    key.sign(&signature::RSA_PKCS1_SHA256, &SystemRandom::new(), message.as_bytes(), &mut signed)
        .expect("an RSA key signs");
    format!("{message}.{}", BASE64_URL_SAFE_NO_PAD.encode(signed))
}
