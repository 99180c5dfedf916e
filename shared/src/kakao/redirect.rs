//! The redirect to Kakao's login page, and what it says when it sends the browser back without a code.

use reqwest::Url;

use super::{Kakao, KakaoError, codes};

/// Why Kakao sent the browser back without a code (RFC 6749 §4.1.2.1, OpenID Connect Core §3.1.2.6).
#[derive(Debug)]
pub enum NoCode {
    /// The user cancelled.
    Denied,
    /// Kakao has to show a page, which `prompt=none` forbids.
    Interaction,
    /// The login failed. Never [`KakaoError::Misconfigured`]: anybody can write such an address.
    Failed(KakaoError),
}

impl NoCode {
    /// Reads `error` and `error_description`. Only the latter tells an age restriction from a cancelled login.
    #[must_use]
    pub fn read(error: &str, description: &str) -> Self {
        let mut words = description.split(|character: char| !character.is_ascii_alphanumeric());
        match error {
            "access_denied" if words.any(|word| word.eq_ignore_ascii_case("age")) => Self::Failed(KakaoError::Underage),
            "access_denied" => Self::Denied,
            error if error.ends_with("_required") => Self::Interaction,
            error => Self::Failed(match codes::of_auth(None, Some(error)) {
                Some(failure) if failure.meaning.is_worth_a_retry() => failure.into(),
                Some(failure) => KakaoError::Rejected(format!("its login page sent {}", failure.cause)),
                None => KakaoError::Rejected("its login page sent an unknown error".to_owned()),
            }),
        }
    }
}

impl Kakao {
    /// The address of Kakao's login page for this app, with these parameters.
    ///
    /// # Panics
    ///
    /// If the app's `auth_url` is not an address.
    #[must_use]
    pub fn authorize_url(&self, parameters: &[(&str, &str)]) -> String {
        let own = [("response_type", "code"), ("client_id", self.app.rest_api_key.as_str())];
        let page = format!("{}/oauth/authorize", self.app.auth_url);
        let url = Url::parse_with_params(&page, own.iter().chain(parameters));
        url.expect("the address of Kakao's login page is an address").into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_on_the_way_back_says_whether_the_user_kakao_or_the_login_is_the_cause() {
        let word = |error: &str, description: &str| match NoCode::read(error, description) {
            NoCode::Denied => "denied",
            NoCode::Interaction => "interaction",
            NoCode::Failed(KakaoError::Underage) => "underage",
            NoCode::Failed(KakaoError::Unavailable { .. }) => "unavailable",
            NoCode::Failed(KakaoError::Rejected(_)) => "rejected",
            NoCode::Failed(error) => panic!("{error}"),
        };
        for (error, description, expected) in [
            ("access_denied", "User denied access", "denied"),
            ("access_denied", "", "denied"),
            ("access_denied", "the page was closed by its manager", "denied"),
            ("access_denied", "Not allowed under age 14", "underage"),
            ("login_required", "user login required.", "interaction"),
            ("consent_required", "user consent required.", "interaction"),
            ("interaction_required", "", "interaction"),
            ("account_selection_required", "", "interaction"),
            ("server_error", "", "unavailable"),
            ("temporarily_unavailable", "", "unavailable"),
            ("invalid_scope", "", "rejected"),
            ("invalid_client", "", "rejected"),
            ("unauthorized_client", "", "rejected"),
            ("misconfigured", "", "rejected"),
            ("KOE006", "", "rejected"),
            ("", "", "rejected"),
        ] {
            assert_eq!(word(error, description), expected, "{error} {description}");
        }
    }

    #[test]
    fn the_log_gets_listed_errors_only() {
        let reason = |error: &str| match NoCode::read(error, "canary") {
            NoCode::Failed(error) => error.to_string(),
            other => panic!("{other:?}"),
        };
        assert_eq!(reason("invalid_scope"), "Kakao refused the credential: its login page sent kauth invalid_scope");
        assert_eq!(reason("canary"), "Kakao refused the credential: its login page sent an unknown error");
    }
}
