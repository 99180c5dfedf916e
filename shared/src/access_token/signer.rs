//! Signing access tokens.

use std::time::Duration;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jsonwebtoken::Header;
use serde::{Deserialize, Serialize};

use super::{
    AccessToken, Audience, Claims, TYPE,
    jwk::{PrivateJwk, SigningKey},
};
use crate::{
    clock::Timestamp,
    id::{SessionId, UserId},
    random,
    roles::Roles,
};

/// The one client that this server knows: the app whose users it logs in.
const CLIENT_ID: &str = "app";

/// A private key of the key ring, and when it becomes active.
#[derive(Debug, Deserialize)]
pub struct SigningJwk {
    jwk: PrivateJwk,
    #[serde(rename = "signs_from")]
    active_from: Timestamp,
}

/// Signs access tokens.
#[derive(Debug)]
pub struct Signer {
    /// The key that is active first comes first.
    pub(super) keys: Vec<Signing>,
    audience: Audience,
    lifetime: Duration,
}

#[derive(Debug)]
pub(super) struct Signing {
    active_from: Timestamp,
    key_id: String,
    pub(super) key: SigningKey,
}

impl Signer {
    /// A signer that uses the newest active one of these keys.
    ///
    /// `lifetime` is an access token's longest life. Each token gets up to 5 % less, at random, so that users who logged in within
    /// the same minute do not all refresh in the same second.
    ///
    /// # Errors
    ///
    /// What is wrong, without any part of a key.
    pub fn new(keys: Vec<SigningJwk>, audience: Audience, lifetime: Duration) -> Result<Self, String> {
        let parse = |SigningJwk { jwk, active_from }| {
            let (key_id, key) = jwk.into_signing_key()?;
            Ok::<_, String>(Signing { active_from, key_id, key })
        };
        let mut keys = keys.into_iter().map(parse).collect::<Result<Vec<_>, _>>()?;
        if keys.is_empty() {
            return Err("no signing key".to_owned());
        }
        keys.sort_by_key(|key| key.active_from);
        Ok(Self { keys, audience, lifetime })
    }

    /// The newest active key. With a clock that is behind the first key's time it is the first key.
    fn signing(&self, now: Timestamp) -> &Signing {
        let position = self.keys.iter().rposition(|key| key.active_from <= now);
        &self.keys[position.unwrap_or_default()]
    }

    /// An access token for this session, which a login at `logged_in_at` started.
    #[must_use]
    pub fn sign(
        &self,
        user: UserId,
        session: SessionId,
        logged_in_at: Timestamp,
        roles: &Roles,
        now: Timestamp,
    ) -> AccessToken {
        let lifetime = self.lifetime.as_secs();
        let expires_in = lifetime - random::up_to(lifetime / 20);
        let expires_at = now + Duration::from_secs(expires_in);
        let claims = Claims {
            iss: self.audience.issuer.clone(),
            aud: self.audience.audience.clone(),
            sub: user.to_string(),
            iat: now.unix_seconds(),
            exp: expires_at.unix_seconds(),
            jti: BASE64_URL_SAFE_NO_PAD.encode(random::bytes::<16>()),
            sid: session.to_string(),
            client_id: CLIENT_ID.to_owned(),
            auth_time: Some(logged_in_at.unix_seconds()),
            token_type: "access".to_owned(),
            user_id: user.to_string(),
            roles: roles.clone(),
        };
        AccessToken { text: self.sign_claims(&claims, now).into(), expires_at, expires_in }
    }

    fn sign_claims(&self, claims: &impl Serialize, now: Timestamp) -> String {
        let signing = self.signing(now);
        let mut header = Header::new(signing.key.algorithm());
        header.typ = Some(TYPE.to_owned());
        header.kid = Some(signing.key_id.clone());
        let mut token = base64url_json(&header);
        token.push('.');
        token.push_str(&base64url_json(claims));
        let signature = signing.key.sign(token.as_bytes());
        token.push('.');
        BASE64_URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        token
    }
}

pub(super) fn base64url_json(value: &impl Serialize) -> String {
    let json = serde_json::to_vec(value).expect("plain structs of text and numbers serialise");
    BASE64_URL_SAFE_NO_PAD.encode(json)
}
