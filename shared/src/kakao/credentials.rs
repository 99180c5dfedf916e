//! Our app's credentials at Kakao.

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

/// The credentials by which Kakao knows our app.
#[derive(Debug, Deserialize)]
pub struct KakaoCredentials {
    #[serde(rename = "KAKAO_CLIENT_SECRET")]
    pub(super) client_secret: SecretString,
    #[serde(rename = "KAKAO_ADMIN_KEY")]
    pub(super) admin_key: SecretString,
}

impl KakaoCredentials {
    /// Reads `{"KAKAO_CLIENT_SECRET": "…", "KAKAO_ADMIN_KEY": "…"}`: the secret of the REST API key, and the admin key, which is
    /// empty if the app must not look users up by their numbers.
    ///
    /// # Errors
    ///
    /// What is wrong, without any part of the document.
    pub fn read(json: &str) -> Result<Self, String> {
        let credentials: Self = serde_json::from_str(json)
            .map_err(|_| "not an object with KAKAO_CLIENT_SECRET and KAKAO_ADMIN_KEY".to_owned())?;
        if credentials.client_secret.expose_secret().is_empty() {
            return Err("KAKAO_CLIENT_SECRET is empty".to_owned());
        }
        Ok(credentials)
    }

    /// The header of calls with the admin key.
    pub(super) fn admin_authorization(&self) -> SecretString {
        format!("KakaoAK {}", self.admin_key.expose_secret()).into()
    }

    /// Whether the app can look users up by their numbers.
    #[must_use]
    pub fn has_admin_key(&self) -> bool {
        !self.admin_key.expose_secret().is_empty()
    }
}
