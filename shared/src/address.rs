//! Addresses in settings. They are compared character by character with what browsers and Kakao send, so another spelling would
//! never match. It is refused with a message that has the right spelling.

use reqwest::Url;

/// Checks an origin, such as `https://www.example.com`, as browsers send it in the header `Origin`.
///
/// # Errors
///
/// What is wrong, and what to write instead.
pub fn check_origin(text: &str) -> Result<(), String> {
    let url = parse(text)?;
    let origin = url.origin().ascii_serialization();
    // A dot at the end of the host is part of the origin, and correct only for users who type it.
    let usual = origin.replace(".:", ":");
    let usual = usual.trim_end_matches('.');
    if text.contains('*') {
        Err(format!("{text} is a pattern: list every origin"))
    } else if usual == text {
        Ok(())
    } else {
        Err(format!("{text} matches no page: browsers send {usual}"))
    }
}

/// Checks an address to which Kakao may redirect the browser.
///
/// # Errors
///
/// What is wrong, and what to write instead.
pub fn check_redirect_uri(text: &str) -> Result<(), String> {
    let url = parse(text)?;
    if url.fragment().is_some() {
        return Err(format!("{text} has a fragment, which redirect URIs must not have (RFC 6749 §3.1.2)"));
    }
    check_spelling(text, &url)
}

/// Checks the issuer of the access tokens: a prefix of the addresses of its keys and metadata (OpenID Connect Discovery §3).
///
/// # Errors
///
/// What is wrong, and what to write instead.
pub fn check_issuer(text: &str) -> Result<(), String> {
    let url = parse(text)?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err(format!("{text} has a query or a fragment, which issuers must not have"));
    }
    if text.ends_with('/') {
        return Err(format!("{text} ends with a slash: write {}", text.trim_end_matches('/')));
    }
    check_spelling(text, &url)
}

fn parse(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).ok().filter(|url| ["https", "http"].contains(&url.scheme()));
    let url = url.ok_or_else(|| format!("{text} is not an address: write one such as https://www.example.com"))?;
    if url.username().is_empty() && url.password().is_none() {
        Ok(url)
    } else {
        Err("an address has a user name or password: remove it".to_owned())
    }
}

/// Checks for the spelling of browsers: the host in lower-case ASCII, no default port, other characters escaped.
fn check_spelling(text: &str, url: &Url) -> Result<(), String> {
    let spelt = url.as_str();
    let host = url.host_str().unwrap_or_default();
    if host.ends_with('.') {
        Err(format!("{text} has a dot at the end of its host: remove it"))
    } else if spelt == text || spelt.strip_suffix('/') == Some(text) {
        Ok(())
    } else {
        Err(format!("{text} is not spelled as browsers spell it: write {spelt}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_browser_sends_is_an_origin_and_any_other_spelling_is_corrected() {
        for good in [
            "https://www.example.com",
            "https://example.com:8443",
            "http://localhost:5173",
            "http://127.0.0.1",
            "http://[::1]:3000",
            "https://xn--bj0bj06e.example",
        ] {
            assert_eq!(check_origin(good), Ok(()));
        }
        for (wrong, right) in [
            ("https://www.example.com:443", "https://www.example.com"),
            ("http://localhost:80", "http://localhost"),
            ("https://www.example.com:0443", "https://www.example.com"),
            ("https://WWW.example.com", "https://www.example.com"),
            ("HTTPS://www.example.com", "https://www.example.com"),
            ("https://www.example.com/", "https://www.example.com"),
            ("https://www.example.com/app", "https://www.example.com"),
            ("https://www.example.com?x", "https://www.example.com"),
            ("https://www.example.com#x", "https://www.example.com"),
            ("https://www.example.com.", "https://www.example.com"),
            ("https://www.example.com.:8443", "https://www.example.com:8443"),
            ("https://한글.example", "https://xn--bj0bj06e.example"),
            ("http://127.1", "http://127.0.0.1"),
            ("http://[0:0:0:0:0:0:0:1]", "http://[::1]"),
            ("https://www.example.com ", "https://www.example.com"),
            ("https:www.example.com", "https://www.example.com"),
        ] {
            let said = check_origin(wrong).unwrap_err();
            assert!(said.starts_with(wrong) && said.ends_with(&format!(" {right}")), "{said}");
        }
        for bad in [
            "*",
            "https://*.example.com",
            "www.example.com",
            "https://",
            "null",
            "",
            "capacitor://localhost",
            "https://a:99999",
        ] {
            assert!(check_origin(bad).unwrap_err().contains(bad), "{bad}");
        }
        let with_password = check_origin("https://user:hunter2@www.example.com").unwrap_err();
        assert!(!with_password.contains("hunter2"), "{with_password}");
    }

    #[test]
    fn a_redirect_uri_is_spelt_as_the_front_end_sends_it() {
        for good in [
            "https://www.example.com",
            "https://www.example.com/",
            "https://www.example.com/callback",
            "https://www.example.com/callback/?from=kakao",
            "http://localhost:5173/%ED%95%9C",
        ] {
            assert_eq!(check_redirect_uri(good), Ok(()));
        }
        for (wrong, right) in [
            ("https://www.example.com:443/callback", "https://www.example.com/callback"),
            ("http://localhost:80/", "http://localhost/"),
            ("https://WWW.example.com/Callback", "https://www.example.com/Callback"),
            ("https://www.example.com/한", "https://www.example.com/%ED%95%9C"),
            ("https://www.example.com/a b", "https://www.example.com/a%20b"),
            ("https://www.example.com/a/../b", "https://www.example.com/b"),
            ("https://www.example.com\\callback", "https://www.example.com/callback"),
            ("https://www.example.com?x=1", "https://www.example.com/?x=1"),
        ] {
            let said = check_redirect_uri(wrong).unwrap_err();
            assert!(said.starts_with(wrong) && said.ends_with(&format!("write {right}")), "{said}");
        }
        for bad in [
            "https://www.example.com/#x",
            "https://www.example.com/#",
            "callback",
            "https://www.example.com./",
            "app://x",
        ] {
            assert!(check_redirect_uri(bad).unwrap_err().contains(bad), "{bad}");
        }
        assert!(check_redirect_uri("https://user@www.example.com/").is_err());
    }

    #[test]
    fn an_issuer_is_a_prefix_of_addresses() {
        for good in ["https://www.example.com", "https://www.example.com/auth", "http://localhost:9000"] {
            assert_eq!(check_issuer(good), Ok(()));
        }
        for (wrong, right) in [
            ("https://www.example.com/", "https://www.example.com"),
            ("https://www.example.com/auth//", "https://www.example.com/auth"),
            ("https://www.example.com:443/auth", "https://www.example.com/auth"),
            ("https://Example.com/auth", "https://example.com/auth"),
        ] {
            let said = check_issuer(wrong).unwrap_err();
            assert!(said.ends_with(&format!("write {right}")), "{said}");
        }
        for bad in
            ["https://www.example.com?x", "https://www.example.com/#x", "www.example.com", "https://u@www.example.com"]
        {
            assert!(check_issuer(bad).is_err(), "{bad}");
        }
    }
}
