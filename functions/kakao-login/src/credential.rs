//! What a client signs in with: exactly one credential, bounded and typed.

use secrecy::SecretString;
use shared::{error::Error, http::JsonObject, kakao::AuthorizationCode};

/// A Kakao credential from a request's body.
#[derive(Debug)]
pub(crate) enum Credential {
    /// From Kakao's SDK for apps, or the older one for browsers.
    AccessToken(SecretString),
    /// From the redirect back from Kakao's login page.
    Code(AuthorizationCode),
    /// From Kakao's SDK for apps, with the nonce that the sign-in began with or its preimage.
    IdToken { token: SecretString, nonce: SecretString },
}

impl Credential {
    pub(crate) fn from_body(body: &JsonObject, redirect_uris: &[String]) -> Result<Self, Error> {
        let names = [body.text("access_token", 1_024)?, body.text("code", 1_024)?, body.text("id_token", 8 * 1_024)?];
        match names {
            [Some(token), None, None] => access_token(token),
            [None, Some(code), None] => authorization_code(code, body, redirect_uris),
            [None, None, Some(token)] => {
                let nonce = body.text("nonce", 256)?.ok_or_else(|| invalid("`nonce` is required with `id_token`."))?;
                Ok(Self::IdToken { token: token.into(), nonce: nonce.into() })
            }
            [None, None, None] => Err(invalid("Incorrect input. access_token, code or id_token is required.")),
            _ => Err(invalid("Send one credential, not several.")),
        }
    }
}

/// An access token goes into a header, so it has to be of RFC 6750's alphabet (§2.1).
fn access_token(token: &str) -> Result<Credential, Error> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
    if token.bytes().all(allowed) {
        Ok(Credential::AccessToken(token.into()))
    } else {
        Err(invalid("`access_token` holds characters that it cannot have."))
    }
}

fn authorization_code(code: &str, body: &JsonObject, redirect_uris: &[String]) -> Result<Credential, Error> {
    let redirect_uri =
        body.text("redirect_uri", 2_048)?.ok_or_else(|| invalid("`redirect_uri` is required with `code`."))?;
    if !redirect_uris.iter().any(|ours| ours == redirect_uri) {
        return Err(invalid("`redirect_uri` is not one of this app's."));
    }
    let code_verifier = body.text("code_verifier", 128)?;
    if code_verifier.is_some_and(|verifier| !is_code_verifier(verifier)) {
        return Err(invalid("`code_verifier` must be 43 to 128 letters, digits or any of -._~"));
    }
    Ok(Credential::Code(AuthorizationCode {
        code: code.into(),
        redirect_uri: redirect_uri.to_owned(),
        code_verifier: code_verifier.map(Into::into),
        nonce: body.text("nonce", 256)?.map(ToOwned::to_owned),
    }))
}

/// RFC 7636 §4.1.
fn is_code_verifier(text: &str) -> bool {
    text.len() >= 43 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
}

fn invalid(detail: &str) -> Error {
    Error::InvalidRequest(detail.to_owned())
}
