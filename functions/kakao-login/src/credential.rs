//! Credentials: a request has exactly one, of a kind that this installation accepts.

use std::str::FromStr;

use secrecy::SecretString;
use shared::{config::Config, error::Error, http::JsonObject, kakao::AuthorizationCode};

/// A Kakao credential from a request's body.
#[derive(Debug)]
pub(crate) enum Credential {
    /// From Kakao's SDK for apps, or the older one for browsers.
    AccessToken(SecretString),
    /// From the redirect back from Kakao's login page.
    Code(AuthorizationCode),
    /// From Kakao's SDK for apps, with the nonce of the login or its preimage.
    IdToken { token: SecretString, nonce: SecretString },
}

/// A kind of credential, by the member of the body that carries it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    AccessToken,
    Code,
    IdToken,
}

/// Which credentials an installation accepts.
#[derive(Debug)]
pub struct CredentialPolicy {
    kinds: Vec<Kind>,
    redirect_uris: Vec<String>,
    requires_binding: bool,
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "access_token" => Ok(Self::AccessToken),
            "code" => Ok(Self::Code),
            "id_token" => Ok(Self::IdToken),
            _ => Err("each must be access_token, code or id_token".to_owned()),
        }
    }
}

impl CredentialPolicy {
    /// `CREDENTIALS`, `REDIRECT_URIS` and `REQUIRE_BINDING`.
    pub(crate) fn from_config(config: &Config) -> Option<Self> {
        let kinds = config.parsed_list("CREDENTIALS", Kind::from_str);
        let (redirect_uris, requires_binding) = (config.redirect_uris(), config.flag("REQUIRE_BINDING"));
        Some(Self { kinds: kinds?, redirect_uris: redirect_uris?, requires_binding: requires_binding? })
    }

    /// Reads the credential of a body. As in dj-rest-auth, an access token has precedence and other credentials are ignored.
    ///
    /// A code may come without its redirect URI if there is only one, or only one on the origin of the calling page. Kakao compares it
    /// with the one of the login, so a wrong guess is refused.
    pub(crate) fn read(&self, body: &JsonObject, origin: Option<&str>) -> Result<Credential, Error> {
        if let Some(token) = body.text("access_token", 1_024)? {
            self.accept(Kind::AccessToken, "access_token")?;
            return access_token(token);
        }
        match (body.text("code", 1_024)?, body.text("id_token", 8 * 1_024)?) {
            (Some(code), None) => {
                self.accept(Kind::Code, "code")?;
                self.authorization_code(code, body, origin)
            }
            (None, Some(token)) => {
                self.accept(Kind::IdToken, "id_token")?;
                let nonce = body.text("nonce", 256)?.ok_or_else(|| invalid("`nonce` is required with `id_token`."))?;
                Ok(Credential::IdToken { token: token.into(), nonce: nonce.into() })
            }
            (None, None) => Err(invalid("Incorrect input. access_token, code or id_token is required.")),
            (Some(_), Some(_)) => Err(invalid("Send one credential, not several.")),
        }
    }

    fn accept(&self, kind: Kind, name: &str) -> Result<(), Error> {
        if self.kinds.contains(&kind) {
            Ok(())
        } else {
            Err(invalid(&format!("`{name}` is not accepted here (setting Credentials).")))
        }
    }

    fn authorization_code(&self, code: &str, body: &JsonObject, origin: Option<&str>) -> Result<Credential, Error> {
        let (redirect_uri, nonce) = (body.text("redirect_uri", 2_048)?, body.text("nonce", 256)?);
        let code_verifier = body.text("code_verifier", 128)?;
        if code_verifier.is_some_and(|verifier| !is_code_verifier(verifier)) {
            return Err(invalid("`code_verifier` must be 43 to 128 letters, digits or any of -._~"));
        }
        if self.requires_binding && code_verifier.is_none() && nonce.is_none() {
            let why =
                "`code` needs the `code_verifier` or `nonce` that its login started with (setting RequireBinding).";
            return Err(invalid(why));
        }
        let redirect_uri = match redirect_uri {
            Some(given) if self.redirect_uris.iter().any(|ours| ours == given) => given,
            Some(_) => return Err(invalid("`redirect_uri` is not one of this app's.")),
            None => self
                .only_redirect_uri(origin)
                .ok_or_else(|| invalid("`redirect_uri` is required with `code`, as this app has several."))?,
        };
        Ok(Credential::Code(AuthorizationCode {
            code: code.into(),
            redirect_uri: redirect_uri.to_owned(),
            code_verifier: code_verifier.map(Into::into),
            nonce: nonce.map(ToOwned::to_owned),
        }))
    }
}

impl CredentialPolicy {
    /// The redirect URI if there is one, or one on this origin.
    fn only_redirect_uri(&self, origin: Option<&str>) -> Option<&str> {
        if let [only] = self.redirect_uris.as_slice() {
            return Some(only);
        }
        let is_there = |uri: &&String| origin.and_then(|origin| uri.strip_prefix(origin)).is_some_and(is_path);
        let mut there = self.redirect_uris.iter().filter(is_there);
        let (Some(only), None) = (there.next(), there.next()) else { return None };
        Some(only)
    }
}

/// Whether the rest of an address behind its origin is a path or a query, so that the origin was whole.
fn is_path(rest: &str) -> bool {
    rest.is_empty() || rest.starts_with(['/', '?'])
}

/// An access token is sent in a header, so it must have the alphabet of RFC 6750 §2.1.
fn access_token(token: &str) -> Result<Credential, Error> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
    if token.bytes().all(allowed) {
        Ok(Credential::AccessToken(token.into()))
    } else {
        Err(invalid("`access_token` holds characters that it cannot have."))
    }
}

/// RFC 7636 §4.1.
fn is_code_verifier(text: &str) -> bool {
    text.len() >= 43 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
}

fn invalid(detail: &str) -> Error {
    Error::InvalidRequest(detail.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(credentials: &str, require_binding: &str) -> Result<CredentialPolicy, String> {
        let pairs = [
            ("CREDENTIALS", credentials),
            ("REDIRECT_URIS", "https://a.example/"),
            ("REQUIRE_BINDING", require_binding),
        ];
        let config = Config::from_pairs(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())));
        CredentialPolicy::from_config(&config).ok_or_else(|| config.into_error().to_string())
    }

    #[test]
    fn kinds_that_are_unknown_or_none_are_refused_at_start() {
        assert_eq!(policy("code, id_token", "true").unwrap().kinds, [Kind::Code, Kind::IdToken]);
        for wrong in ["", ",", "password", "code,Code", "access_token;code"] {
            assert!(policy(wrong, "true").unwrap_err().contains("CREDENTIALS"), "{wrong}");
        }
        for wrong in ["", "True", "0", "off"] {
            assert!(policy("code", wrong).unwrap_err().contains("REQUIRE_BINDING"), "{wrong}");
        }
    }
}
