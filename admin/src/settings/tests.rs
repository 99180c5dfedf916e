//! Each mistake by itself.

use super::{
    addresses::{API_PATHS, CALLBACK_PATHS},
    *,
};
use crate::template::Template;

const NOW: Timestamp = Timestamp::from_unix_seconds(1_796_000_000);

fn good() -> Settings {
    let settings = [
        ("STAGE", "prod"),
        ("ALLOWED_ORIGINS", "https://www.example.com"),
        ("REDIRECT_URIS", "https://www.example.com/callback"),
        ("ISSUER", "https://www.example.com"),
        ("KAKAO_APP_ID", "1234567"),
        ("CREDENTIALS", "access_token,code,id_token"),
        ("REQUIRE_BINDING", "true"),
        ("COOKIE_SAMESITE", "Strict"),
        ("SESSION_LINKS", "auto"),
        ("NATIVE_CLIENTS", "true"),
        ("COMPATIBILITY", "none"),
        ("DJANGO_REFRESH_UNTIL", ""),
        ("ALLOW_HEADERS", "Authorization,content-type"),
        ("KAKAO_REST_API_KEY", "5f0ab1c2d3e4f5061728394a5b6c7d8e"),
        ("KAKAO_APP_KEYS", "0a1b2c3d4e5f60718293a4b5c6d7e8f9"),
        ("KAKAO_CLIENT_SECRET", "AbCdEfGhIjKlMnOpQrStUvWxYz012345"),
        ("KAKAO_ADMIN_KEY", "adadadadadadadadadadadadadadad01"),
        ("API_URL", "https://api.example.com"),
        ("ACCESS_TTL", "300"),
        ("SESSION_IDLE_TTL", "604800"),
        ("SESSION_MAX_TTL", "2592000"),
        ("ROTATION_WINDOW", "30"),
        ("KEY_RING", "made"),
        ("ALARM_TOPIC_ARN", "arn:aws:sns:ap-northeast-2:123456789012:alarms"),
    ];
    settings.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

fn findings(name: &str, value: &str) -> Vec<String> {
    let mut settings = good();
    settings.insert(name.to_owned(), value.to_owned());
    examine(&settings, NOW).iter().map(ToString::to_string).collect()
}

#[test]
fn a_good_configuration_has_nothing_to_mend() {
    assert_eq!(examine(&good(), NOW), []);
}

#[test]
fn each_mistake_is_named() {
    for (name, value, part) in [
        ("KAKAO_APP_ID", "5f0ab1c2d3e4f5061728394a5b6c7d8e", "error:     KAKAO_APP_ID is a key"),
        ("KAKAO_APP_ID", "12x", "error:     KAKAO_APP_ID is not a number"),
        ("KAKAO_APP_ID", "", "error:     KAKAO_APP_ID is missing"),
        ("COMPATIBILITY", "dj-rest-auth", "warning:   COMPATIBILITY=dj-rest-auth: pages can hold refresh tokens"),
        ("COMPATIBILITY", "django", "error:     COMPATIBILITY must be"),
        ("NATIVE_CLIENTS", "yes", "error:     NATIVE_CLIENTS must be"),
        ("ALLOW_HEADERS", "content-type,x-authorization", "error:     ALLOW_HEADERS lacks authorization"),
        ("ALLOW_HEADERS", "authorization", "error:     ALLOW_HEADERS lacks content-type"),
        ("KAKAO_REST_API_KEY", "1234567", "looks like the app ID"),
        ("KAKAO_REST_API_KEY", "5F0AB1C2D3E4F5061728394A5B6C7D8E", "lower case"),
        ("KAKAO_APP_KEYS", "x", "error:     KAKAO_APP_KEYS: x"),
        (
            "KAKAO_CLIENT_SECRET",
            "5f0ab1c2d3e4f5061728394a5b6c7d8e",
            "error:     KAKAO_CLIENT_SECRET is one of the app's public",
        ),
        ("KAKAO_CLIENT_SECRET", "adadadadadadadadadadadadadadad01", "are the same"),
        ("KAKAO_CLIENT_SECRET", "ffffffffffffffffffffffffffffffff", "warning:   KAKAO_CLIENT_SECRET looks like a key"),
        ("KAKAO_CLIENT_SECRET", "", "error:     KAKAO_CLIENT_SECRET is missing"),
        (
            "KAKAO_ADMIN_KEY",
            "0a1b2c3d4e5f60718293a4b5c6d7e8f9",
            "error:     KAKAO_ADMIN_KEY is one of the app's public",
        ),
        ("KAKAO_ADMIN_KEY", "", "warning:   KAKAO_ADMIN_KEY is empty"),
        ("KAKAO_ADMIN_KEY", "AbC", "error:     KAKAO_ADMIN_KEY is not"),
        ("CREDENTIALS", "", "error:     CREDENTIALS is empty"),
        ("CREDENTIALS", "code,password", "error:     CREDENTIALS: password is not"),
        ("REQUIRE_BINDING", "false", "warning:   REQUIRE_BINDING=false"),
        ("REQUIRE_BINDING", "no", "error:     REQUIRE_BINDING must be"),
        ("REDIRECT_URIS", "https://www.example.com:8443/callback", "has another port"),
        ("REDIRECT_URIS", "http://www.example.com/callback", "has another scheme"),
        ("REDIRECT_URIS", "https://example.com/callback", "differs by www"),
        (
            "REDIRECT_URIS",
            "https://other.example/callback",
            "error:     REDIRECT_URIS: https://other.example/callback is not on",
        ),
        ("REDIRECT_URIS", "https://www.example.com/callback,https://www.example.com/callback/", "differ by a slash"),
        ("REDIRECT_URIS", "https://www.example.com/#x", "fragment"),
        ("REDIRECT_URIS", "https://www.example.com:443/callback", "write https://www.example.com/callback"),
        ("REDIRECT_URIS", "callback", "is not an address"),
        ("ALLOWED_ORIGINS", "https://www.example.com/", "browsers send https://www.example.com"),
        ("ALLOWED_ORIGINS", "https://www.example.com:443", "browsers send https://www.example.com"),
        (
            "ALLOWED_ORIGINS",
            "http://www.example.com",
            "error:     ALLOWED_ORIGINS: http://www.example.com is http at the stage prod",
        ),
        (
            "ALLOWED_ORIGINS",
            "https://www.example.com,http://localhost:5173",
            "warning:   ALLOWED_ORIGINS: http://localhost:5173",
        ),
        ("ISSUER", "https://www.example.com/", "ends with a slash"),
        ("API_URL", "https://abc.execute-api.ap-northeast-2.amazonaws.com", "different sites"),
        ("COOKIE_SAMESITE", "None", "Strict is safer"),
        ("SESSION_IDLE_TTL", "9999999", "longer than SESSION_MAX_TTL"),
        ("ACCESS_TTL", "604800", "must be shorter"),
        ("ROTATION_WINDOW", "10", "four times"),
        ("ROTATION_WINDOW", "28", "four times"),
        (
            "REDIRECT_URIS",
            "https://www.example.com/auth/callback",
            "warning:   REDIRECT_URIS: https://www.example.com/auth/c",
        ),
        ("REDIRECT_URIS", "https://www.example.com/auth", "under /auth."),
        ("REDIRECT_URIS", "https://www.example.com/dj-rest-auth/kakao/callback", "under /dj-rest-auth."),
        ("REDIRECT_URIS", "https://www.example.com/api/profile/", "under /api/profile."),
        ("CALLBACK_URI", "callback", "error:     CALLBACK_URI: callback is not an address"),
        (
            "CALLBACK_URI",
            "https://api.example.com:443/auth/kakao/callback",
            "write https://api.example.com/auth/kakao/callback",
        ),
        ("CALLBACK_URI", "https://api.example.com/auth/kakao/callback#x", "fragment"),
        (
            "CALLBACK_URI",
            "http://api.example.com/auth/kakao/callback",
            "error:     CALLBACK_URI: http://api.example.com/auth/kakao/callback is http at the stage prod",
        ),
        ("CALLBACK_URI", "https://api.example.com/auth/kakao", "Its path must be /auth/kakao/callback or /accounts/"),
        ("CALLBACK_URI", "https://api.example.com/auth/kakao/callback/x", "Its path must be"),
        ("CALLBACK_URI", "https://www.example.com/callback", "is in REDIRECT_URIS too"),
        (
            "CALLBACK_URI",
            "https://www.example.com/auth/kakao/callback",
            "error:     CALLBACK_URI: https://www.example.com/auth/kakao/callback is not on the API's address https://api.",
        ),
        ("KEY_RING", "none", "error:     there are no keys yet"),
        ("KEY_RING", "lost", "error:     the key ring was deleted"),
        ("ALARM_TOPIC_ARN", "", "warning:   ALARM_EMAIL and ALARM_TOPIC_ARN are empty"),
    ] {
        let found = findings(name, value);
        assert!(found.iter().any(|finding| finding.contains(part)), "{name}={value}: {found:?}");
    }
}

#[test]
fn what_exceeds_the_limit_by_one_or_only_looks_like_a_path_of_the_api_is_well() {
    for (name, value) in [
        ("ROTATION_WINDOW", "29"),
        ("REDIRECT_URIS", "https://www.example.com/authenticated"),
        ("CALLBACK_URI", ""),
        ("CALLBACK_URI", "https://api.example.com/auth/kakao/callback"),
        ("CALLBACK_URI", "https://api.example.com/accounts/kakao/login/callback/"),
        ("REDIRECT_URIS", "https://www.example.com/login/auth/callback"),
    ] {
        assert_eq!(findings(name, value), Vec::<String>::new(), "{name}={value}");
    }
    let mut by_email = good();
    by_email.extend(
        [("ALARM_TOPIC_ARN", ""), ("ALARM_EMAIL", "a@example.com")]
            .map(|(name, value)| (name.to_owned(), value.to_owned())),
    );
    assert_eq!(examine(&by_email, NOW), []);
    let mut unknown = good();
    for name in ["KEY_RING", "ALARM_TOPIC_ARN"] {
        unknown.remove(name);
    }
    assert_eq!(examine(&unknown, NOW), [], "a configuration of this machine has neither");
}

#[test]
fn a_redirect_to_where_the_api_answers_is_wrong() {
    let mut settings = good();
    settings.insert("API_URL".to_owned(), "https://www.example.com".to_owned());
    settings.insert("REDIRECT_URIS".to_owned(), "https://www.example.com/auth/callback".to_owned());
    let found = examine(&settings, NOW);
    assert!(matches!(found.as_slice(), [Finding::Error(why)] if why.contains("where the API answers")), "{found:?}");
    let template = Template::new();
    let paths = template.paths();
    assert!(paths.len() > 10, "{paths:?}");
    assert!(CALLBACK_PATHS.iter().all(|path| paths.contains(path)), "{paths:?}");
    for path in paths {
        assert!(API_PATHS.iter().any(|api| path.starts_with(api)), "{path}");
    }
}

#[test]
fn a_stack_that_waits_for_its_keys_is_told_how_to_get_them() {
    let mut settings = good();
    settings.insert("KEY_RING".to_owned(), "none".to_owned());
    settings.insert("FIRST_KEYS".to_owned(), "wait".to_owned());
    let found = examine(&settings, NOW);
    assert!(matches!(found.as_slice(), [Finding::Error(why)] if why.contains("carry-over-keys")), "{found:?}");
}

/// doctor and kakao-login use one rule for which origins share the cookie.
#[test]
fn sessions_that_rotate_for_want_of_a_common_storage_are_named() {
    const ONE: &str = "https://www.example.com";
    const TWO: &str = "https://www.example.com,https://m.example.com";
    let rotate = "warning:   SESSION_LINKS=auto: sessions rotate: 2 allowed origins share the cookie, not the storage.";
    let again = "warning:   SESSION_LINKS=on, but 2 allowed origins share the cookie, not the storage:";
    for (stage, links, origins, expected) in [
        ("prod", "auto", ONE.to_owned(), None),
        ("prod", "auto", format!("{ONE},http://localhost:5173"), None),
        ("prod", "auto", TWO.to_owned(), Some(rotate)),
        ("prod", "auto", format!("{TWO},http://localhost:5173"), Some(rotate)),
        ("prod", "auto", format!("{ONE},http://localhost:5173,http://localhost:9000"), Some(rotate)),
        ("prod", "off", TWO.to_owned(), None),
        ("prod", "on", ONE.to_owned(), None),
        ("prod", "on", TWO.to_owned(), Some(again)),
        ("local", "on", TWO.to_owned(), None),
        // Of a release without the setting.
        ("prod", "", TWO.to_owned(), None),
    ] {
        let mut settings = good();
        for (name, value) in [("STAGE", stage), ("SESSION_LINKS", links), ("ALLOWED_ORIGINS", &origins)] {
            settings.insert(name.to_owned(), value.to_owned());
        }
        let found: Vec<String> = examine(&settings, NOW).iter().map(ToString::to_string).collect();
        let found: Vec<&String> = found.iter().filter(|finding| finding.contains("SESSION_LINKS")).collect();
        assert_eq!(found.len(), usize::from(expected.is_some()), "{stage} {links} {origins}: {found:?}");
        assert!(found.iter().zip(expected).all(|(found, start)| found.starts_with(start)), "{found:?}");
    }
}

/// A cookie of another site depends on the browser: nothing to recommend, and nothing to be silent about.
#[test]
fn another_site_is_never_answered_by_a_cookie_for_other_sites() {
    for (policy, is_wrong) in [("Strict", true), ("Lax", true), ("None", false)] {
        let mut settings = good();
        settings.insert("API_URL".to_owned(), "https://abc.execute-api.ap-northeast-2.amazonaws.com".to_owned());
        settings.insert("COOKIE_SAMESITE".to_owned(), policy.to_owned());
        let found = examine(&settings, NOW);
        let [finding] = found.as_slice() else { panic!("{policy}: {found:?}") };
        assert_eq!(matches!(finding, Finding::Error(_)), is_wrong, "{finding}");
        let text = finding.to_string();
        assert!(text.ends_with("Put the API behind the front end's own host") && !text.contains("use None"), "{text}");
    }
}

#[test]
fn two_names_of_one_machine_are_two_sites() {
    let mut settings = good();
    settings.insert("STAGE".to_owned(), "local".to_owned());
    settings.insert("ALLOWED_ORIGINS".to_owned(), "http://localhost:5173".to_owned());
    settings.insert("REDIRECT_URIS".to_owned(), "http://127.0.0.1:5173/".to_owned());
    let found = examine(&settings, NOW);
    assert!(found.iter().any(|finding| finding.to_string().contains("by another name")), "{found:?}");
}

#[test]
fn a_secret_is_never_shown() {
    for (name, value) in [("KAKAO_CLIENT_SECRET", "ffffffffffffffffffffffffffffffff"), ("KAKAO_ADMIN_KEY", "hunter2")] {
        assert!(findings(name, value).iter().all(|finding| !finding.contains(value)));
    }
}

#[test]
fn the_admin_key_and_its_hash_belong_together() {
    let (key, hash) = ("0123456789abcdef0123456789abcdef", "1".repeat(64));
    let own = shared::kakao::AdminKeyHashes::hash_of(&key.into());
    for (key, hashes, complaint) in [
        ("", "", "KAKAO_ADMIN_KEY is empty"),
        ("", hash.as_str(), "never end"),
        (key, "", "cannot be deleted"),
        (STORED, "", "cannot be deleted"),
        (key, &hash, "does not have the hash"),
        (key, "x", "64 hexadecimal digits"),
    ] {
        let mut settings = good();
        settings.insert("KAKAO_ADMIN_KEY".to_owned(), key.to_owned());
        settings.insert("KAKAO_ADMIN_KEY_HASHES".to_owned(), hashes.to_owned());
        let found = examine(&settings, NOW);
        assert!(found.iter().any(|finding| finding.to_string().contains(complaint)), "{key} {hashes}: {found:?}");
    }
    for (key, hashes) in [(STORED, &hash), (key, &own)] {
        let mut settings = good();
        if key == STORED {
            settings.insert("KAKAO_CLIENT_SECRET".to_owned(), STORED.to_owned());
        }
        settings.insert("KAKAO_ADMIN_KEY".to_owned(), key.to_owned());
        settings.insert("KAKAO_ADMIN_KEY_HASHES".to_owned(), hashes.clone());
        assert_eq!(examine(&settings, NOW), [], "{key}");
    }
}

#[test]
fn the_end_of_exchanging_djangos_tokens_is_examined_by_the_time_and_by_whether_its_key_is_stored() {
    let at = |days: u64| (NOW + std::time::Duration::from_hours(24 * days)).to_rfc3339();
    let soon = at(30);
    for (until, key, expected) in [
        ("", Some(""), ""),
        ("", None, ""),
        ("", Some(STORED), "warning:   Django's key is stored"),
        ("20 December", Some(STORED), "error:     DJANGO_REFRESH_UNTIL must be a time"),
        (&at(31), Some(STORED), "error:     DJANGO_REFRESH_UNTIL is more than 30 days ahead"),
        (&at(0), Some(STORED), "warning:   DJANGO_REFRESH_UNTIL is over"),
        (&soon, Some(""), "error:     DJANGO_REFRESH_UNTIL is set, and Django's key is not stored"),
        (&soon, Some(STORED), ""),
        (&soon, None, ""),
    ] {
        let mut settings = good();
        settings.insert("DJANGO_REFRESH_UNTIL".to_owned(), until.to_owned());
        settings.extend(key.map(|key| (DJANGO_KEY.to_owned(), key.to_owned())));
        let found: Vec<String> = examine(&settings, NOW).iter().map(ToString::to_string).collect();
        match found.as_slice() {
            [] => assert_eq!(expected, "", "{until} {key:?}"),
            [one] => assert!(!expected.is_empty() && one.starts_with(expected), "{until} {key:?}: {one}"),
            several => panic!("{several:?}"),
        }
    }
}
