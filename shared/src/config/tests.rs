//! What is reported about wrong settings.

use super::*;

fn config(pairs: &[(&str, &str)]) -> Config {
    Config::from_pairs(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
}

#[test]
fn everything_that_is_wrong_is_reported_at_once() {
    let config = config(&[("STAGE", "local"), ("KAKAO_APP_ID", "0123456789abcdef"), ("COOKIE_SAMESITE", "strict")]);
    let _ = (config.store(), config.kakao(), config.cookies(), config.seconds("ACCESS_TTL", 1..=2));
    let error = config.into_error().to_string();
    for name in ["TABLE_NAME", "KAKAO_APP_ID", "KAKAO_REST_API_KEY", "COOKIE_SAMESITE", "ACCESS_TTL"] {
        assert!(error.contains(name), "{name} is not in: {error}");
    }
}

#[test]
fn a_setting_for_developers_is_refused_at_any_other_stage() {
    for (name, value) in [("COOKIE_SECURE", "false"), ("KAKAO_API_URL", "http://127.0.0.1:1"), BUNDLE] {
        let accepts = |stage| {
            let config = config(&[
                ("COOKIE_SAMESITE", "Strict"),
                ("KAKAO_APP_KEYS", ""),
                ("KAKAO_APP_ID", "1"),
                ("KAKAO_REST_API_KEY", "k"),
                ("ID_TOKEN_MAX_AGE", "600"),
                ("AWS_REGION", "ap-northeast-2"),
                ("TABLE_NAME", "t"),
                ("STAGE", stage),
                (name, value),
            ]);
            config.cookies().is_some() && config.kakao().is_some() && config.store().is_some()
        };
        assert!(accepts("local"), "{name}");
        assert!(!accepts("prod"), "{name}");
    }
}

const BUNDLE: (&str, &str) = ("AWS_CA_BUNDLE", concat!(env!("CARGO_MANIFEST_DIR"), "/../bench/tls/root.pem"));

#[test]
fn an_address_that_would_never_match_is_refused_at_start_with_the_one_that_does() {
    for (name, value, right) in [
        ("ALLOWED_ORIGINS", "https://a.example,https://b.example:443", "https://b.example"),
        ("REDIRECT_URIS", "https://a.example/,https://b.example:443/x", "https://b.example/x"),
        ("ISSUER", "https://b.example/", "https://b.example"),
    ] {
        let config = config(&[(name, value)]);
        let refused = match name {
            "ALLOWED_ORIGINS" => config.origins().is_none(),
            "REDIRECT_URIS" => config.redirect_uris().is_none(),
            _ => config.issuer().is_none(),
        };
        let error = config.into_error().to_string();
        assert!(refused && error.contains(name) && error.ends_with(right), "{error}");
    }
    for name in ["ALLOWED_ORIGINS", "REDIRECT_URIS"] {
        let config = config(&[(name, " , ,")]);
        assert!(config.origins().is_none() && config.redirect_uris().is_none(), "{name} without an entry");
    }
    let spaced = config(&[("ALLOWED_ORIGINS", " https://a.example , ,https://b.example")]);
    assert!(spaced.origins().is_some(), "spaces and empty entries between commas are left out");
}

#[test]
fn a_value_out_of_range_is_named_without_being_shown() {
    let config = config(&[("STAGE", "local"), ("ACCESS_TTL", "hunter2"), ("ROTATION_WINDOW", "0")]);
    assert!(config.seconds("ACCESS_TTL", 1..=300).is_none());
    assert!(config.seconds("ROTATION_WINDOW", 1..=300).is_none());
    let error = config.into_error().to_string();
    assert!(error.contains("ACCESS_TTL") && error.contains("between 1 and 300"), "{error}");
    assert!(!error.contains("hunter2"), "{error}");
}

#[test]
fn sessions_are_linked_as_the_setting_says_or_unless_several_origins_share_the_cookie() {
    let (one, two) = ("https://a.example", "https://a.example,https://b.example");
    for (setting, origins, expected) in [
        ("auto", one, Some((true, true))),
        ("auto", two, Some((false, true))),
        ("on", two, Some((true, true))),
        ("off", one, Some((false, false))),
        ("", one, None),
        ("On", one, None),
        ("true", one, None),
        ("auto", "", None),
    ] {
        let config = config(&[("SESSION_LINKS", setting), ("ALLOWED_ORIGINS", origins)]);
        let linked = config.linked_sessions().map(|linked| (linked.by_cookie, linked.by_body));
        assert_eq!(linked, expected, "{setting} {origins}");
    }
    let config = config(&[("SESSION_LINKS", "yes"), ("ALLOWED_ORIGINS", one)]);
    assert_eq!(config.linked_sessions(), None);
    let error = config.into_error().to_string();
    assert!(error.contains("SESSION_LINKS") && error.contains("auto, on or off"), "{error}");
}
