//! Invalid input gets a clear error, and never a 500.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tests::{ORIGIN, REDIRECT_URI, Remote, client::cookie_pair};

const POSTS: [&str; 3] = ["/auth/kakao", "/auth/refresh", "/auth/logout"];

#[tokio::test]
async fn a_body_that_is_not_a_json_object_is_refused() {
    let stack = Remote::start().await;
    let token = stack.log_in().await.token();
    let deep = format!("{}1{}", "[".repeat(2_000), "]".repeat(2_000));
    let deep_object = format!("{}1{}", r#"{"a":"#.repeat(1_000), "}".repeat(1_000));
    let mut bodies: Vec<Vec<u8>> = [
        "{",
        "[1]",
        "[{}]",
        "1",
        "0",
        "\"text\"",
        "\" \"",
        "true",
        "false",
        "{\"a\":}",
        "{'a':1}",
        "NaN",
        &deep,
        &deep_object,
    ]
    .iter()
    .map(|text| text.as_bytes().to_vec())
    .collect();
    bodies.push(b"\xef\xbb\xbf\xef\xbb\xbf{}".to_vec());
    bodies.push(vec![0]);
    for path in POSTS {
        for body in &bodies {
            let request = stack.request(Method::POST, path).header("cookie", cookie_pair(&token));
            let response = stack.send(request.header("content-type", "application/json").body(body.clone())).await;
            let shown = String::from_utf8_lossy(&body[..body.len().min(40)]).into_owned();
            assert_eq!(
                (response.status, response.code()),
                (StatusCode::BAD_REQUEST, "invalid_request"),
                "{path} {shown}"
            );
        }
    }
    assert_eq!(stack.refresh(&token).await.status, StatusCode::OK);
}

/// axios sends `null` for `post(url, null)`, other clients an empty string: a logout must not fail because of it.
#[tokio::test]
async fn an_empty_body_is_accepted_where_none_is_needed() {
    let stack = Remote::start().await;
    let json = Some("application/json");
    let bodies: [(Option<&str>, &[u8]); 15] = [
        (None, b""),
        (None, b" \t\r\n"),
        (None, b"\xef\xbb\xbf"),
        (Some("text/plain"), b""),
        (Some("text/plain"), b"\n"),
        (Some("application/x-www-form-urlencoded"), b" "),
        (json, b""),
        (json, b"  "),
        (json, b"\xef\xbb\xbf \n"),
        (json, b"null"),
        (json, b"\"\""),
        (json, b"[]"),
        (json, b" [ ] "),
        (json, b"\xef\xbb\xbfnull"),
        (json, b"\xef\xbb\xbf{}"),
    ];
    for (content_type, body) in bodies {
        let token = stack.log_in().await.token();
        for (path, after) in [("/auth/refresh", StatusCode::OK), ("/auth/logout", StatusCode::UNAUTHORIZED)] {
            let mut request =
                stack.request(Method::POST, path).header("cookie", cookie_pair(&token)).body(body.to_vec());
            if let Some(content_type) = content_type {
                request = request.header("content-type", content_type);
            }
            let shown = String::from_utf8_lossy(body);
            assert_eq!(stack.send(request).await.status, StatusCode::OK, "{path} {content_type:?} {shown:?}");
            assert_eq!(stack.refresh(&token).await.status, after, "{path} {content_type:?} {shown:?}");
        }
        let login = stack.request(Method::POST, "/auth/kakao").header("content-type", "application/json");
        assert_eq!(stack.send(login.body(body.to_vec())).await.code(), "invalid_request", "a login needs a credential");
    }
}

/// An HTTP API joins a header that was sent twice.
#[tokio::test]
async fn a_content_type_that_is_sent_twice_must_be_json_both_times() {
    let stack = Remote::start().await;
    let token = stack.log_in().await.token();
    for (content_type, expected) in [
        (Some("application/json,application/json"), StatusCode::OK),
        (Some("application/json, application/json; charset=utf-8"), StatusCode::OK),
        (Some("application/json;charset=UTF-8"), StatusCode::OK),
        (Some("application/json,text/plain"), StatusCode::UNSUPPORTED_MEDIA_TYPE),
        (Some("text/plain,application/json"), StatusCode::UNSUPPORTED_MEDIA_TYPE),
        (Some("text/plain; x, application/json"), StatusCode::UNSUPPORTED_MEDIA_TYPE),
        (Some("application/json,"), StatusCode::UNSUPPORTED_MEDIA_TYPE),
        (Some("application/problem+json"), StatusCode::UNSUPPORTED_MEDIA_TYPE),
        (None, StatusCode::UNSUPPORTED_MEDIA_TYPE),
    ] {
        let request = stack.request(Method::POST, "/auth/refresh").header("cookie", cookie_pair(&token)).body("{}");
        let request = content_type.iter().fold(request, |request, one| request.header("content-type", *one));
        assert_eq!(stack.send(request).await.status, expected, "{content_type:?}");
    }
}

/// A form on another site can post these types without a preflight.
#[tokio::test]
async fn a_body_that_is_neither_json_nor_a_programs_form_is_refused() {
    const FORM: &str = "application/x-www-form-urlencoded";
    let stack = Remote::start().await;
    let token = stack.log_in().await.token();
    let html = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    for path in POSTS {
        for (content_type, browser) in [
            ("text/plain", None),
            ("multipart/form-data; boundary=x", None),
            ("json", None),
            ("", None),
            ("application/x-www-form-urlencoded-more", None),
            (FORM, Some(("origin", ORIGIN))),
            (FORM, Some(("sec-fetch-site", "same-origin"))),
            (FORM, Some(("sec-fetch-dest", "document"))),
            // Browsers without fetch metadata, of which some send no `Origin` either.
            (FORM, Some(("accept", html))),
            (FORM, Some(("accept", "TEXT/HTML"))),
            ("Application/X-WWW-Form-URLencoded; charset=utf-8", Some(("accept", html))),
        ] {
            let request = stack.request(Method::POST, path).header("cookie", cookie_pair(&token));
            let request = request.header("content-type", content_type);
            let request = browser.into_iter().fold(request, |request, (name, value)| request.header(name, value));
            let response = stack.send(request.body("a=b")).await;
            let expected = (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type");
            assert_eq!((response.status, response.code()), expected, "{path} {content_type} {browser:?}");
        }
    }
    let request = stack.request(Method::POST, "/auth/refresh").header("cookie", cookie_pair(&token));
    let response = stack.send(request.header("content-type", "Application/JSON; charset=utf-8").body("{}")).await;
    assert_eq!(response.status, StatusCode::OK);
}

/// Servers and apps that were written for Django send forms: `requests.post(url, data=…)`, `URLSearchParams` under Node.
#[tokio::test]
async fn a_program_may_send_a_form() {
    let stack = Remote::start().await;
    let user = stack.kakao.new_user().await;
    let token = stack.kakao.token(&user).await;
    let form = |path: &str, fields: &[(&str, &str)]| stack.request(Method::POST, path).form(fields);
    let twice = form("/dj-rest-auth/kakao/", &[("access_token", "x"), ("access_token", &token), ("more", "한글 & =")]);
    let logged_in = stack.send(twice.header("accept", "application/json, text/plain, */*")).await;
    assert_eq!(logged_in.status, StatusCode::OK, "the last of two counts: {}", logged_in.body);
    let verified = stack.send(form("/api/token/verify/", &[("token", logged_in.access())])).await;
    assert_eq!(verified.status, StatusCode::OK);
    let refresh = form("/api/token/refresh/", &[("refresh", "of another server")]);
    // The `fetch` of Node sends this one alone.
    let refresh = refresh.header("cookie", cookie_pair(&logged_in.token())).header("sec-fetch-mode", "cors");
    assert_eq!(stack.send(refresh).await.status, StatusCode::OK);
    for fields in [&[][..], &[("access_token", "")], &[("access", &*token)]] {
        let response = stack.send(form("/auth/kakao", fields)).await;
        assert_eq!((response.status, response.code()), (StatusCode::BAD_REQUEST, "invalid_request"), "{fields:?}");
    }
}

#[tokio::test]
async fn a_body_may_have_sixteen_kibibytes() {
    let stack = Remote::start().await;
    let padded = |length: usize| format!(r#"{{"a":"{}"}}"#, "x".repeat(length - r#"{"a":""}"#.len()));
    for path in POSTS {
        for (length, fits) in [(16 * 1024, true), (16 * 1024 + 1, false), (200_000, false)] {
            let request = stack.request(Method::POST, path).header("content-type", "application/json");
            let response = stack.send(request.body(padded(length))).await;
            let too_large = response.status == StatusCode::PAYLOAD_TOO_LARGE && response.code() == "payload_too_large";
            assert_eq!(!too_large, fits, "{path} {length}: {}", response.status);
        }
    }
}

#[tokio::test]
async fn exactly_one_credential_is_required() {
    let stack = Remote::start().await;
    let user = stack.kakao.new_user().await;
    let token = stack.kakao.token(&user).await;
    for body in [
        json!({}),
        json!({"access_token": ""}),
        json!({"access_token": null}),
        json!({"access_token": null, "code": ""}),
        json!({"id_token_or_so": "x"}),
        json!({"code": "x", "redirect_uri": REDIRECT_URI, "id_token": "x", "nonce": "n"}),
        json!({"id_token": "x"}),
    ] {
        let response = stack.login(&body).await;
        assert_eq!((response.status, response.code()), (StatusCode::BAD_REQUEST, "invalid_request"), "{body}");
    }
    let body = json!({"access_token": token, "code": null, "unknown": {"is": ["ignored"]}, "callback_url": 1});
    assert_eq!(stack.login(&body).await.status, StatusCode::OK);
}

/// As in dj-rest-auth.
#[tokio::test]
async fn an_access_token_takes_precedence_over_other_credentials() {
    let stack = Remote::start().await;
    let user = stack.kakao.new_user().await;
    for (name, value) in [
        ("code", json!("x")),
        ("code", json!({"a": 1})),
        ("id_token", json!("x")),
        ("id_token", json!(7)),
        ("callback_url", json!("https://elsewhere.example/")),
        ("redirect_uri", json!("https://elsewhere.example/")),
    ] {
        let mut body = json!({"access_token": stack.kakao.token(&user).await});
        body[name] = value;
        assert_eq!(stack.login(&body).await.status, StatusCode::OK, "{name}");
    }
}

#[tokio::test]
async fn an_invalid_field_is_named() {
    let stack = Remote::start().await;
    let code = |name: &str, value: Value| {
        let mut body = json!({"code": "x", "redirect_uri": REDIRECT_URI, "nonce": "n"});
        body[name] = value;
        body
    };
    for (name, body) in [
        ("access_token", json!({"access_token": 12345})),
        ("access_token", json!({"access_token": ["a"]})),
        ("access_token", json!({"access_token": {"a": 1}})),
        ("access_token", json!({"access_token": true})),
        ("access_token", json!({"access_token": "a".repeat(1_025)})),
        ("access_token", json!({"access_token": "tok\r\nX: y"})),
        ("access_token", json!({"access_token": "tok\u{0}"})),
        ("access_token", json!({"access_token": "토큰"})),
        ("access_token", json!({"access_token": "a b"})),
        ("access_token", json!({"access_token": "a\"b"})),
        ("code", json!({"code": "x".repeat(1_025), "redirect_uri": REDIRECT_URI})),
        ("code", json!({"code": "코드", "redirect_uri": REDIRECT_URI})),
        ("code", json!({"code": 1, "redirect_uri": REDIRECT_URI})),
        ("redirect_uri", code("redirect_uri", json!(7))),
        ("redirect_uri", code("redirect_uri", json!("x".repeat(2_049)))),
        ("code_verifier", code("code_verifier", json!("short"))),
        ("code_verifier", code("code_verifier", json!("x".repeat(129)))),
        ("code_verifier", code("code_verifier", json!(format!("{}+", "x".repeat(43))))),
        ("nonce", code("nonce", json!("x".repeat(257)))),
    ] {
        let response = stack.login(&body).await;
        assert_eq!((response.status, response.code()), (StatusCode::BAD_REQUEST, "invalid_request"), "{body}");
        assert!(response.body["detail"].as_str().unwrap().contains(&format!("`{name}`")), "{}", response.body);
    }
    let token = stack.log_in().await.token();
    let request = stack.request(Method::POST, "/auth/refresh").header("cookie", cookie_pair(&token));
    let response = stack.send(request.json(&json!({"user": "yes"}))).await;
    assert_eq!(response.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn invalid_input_is_never_echoed() {
    let stack = Remote::start().await;
    for body in [
        json!({"access_token": "canary\u{0}"}),
        json!({"code": "x", "redirect_uri": "https://canary.example/"}),
        json!({"access_token": "canary-unknown"}),
    ] {
        let response = stack.login(&body).await;
        assert!(!response.body.to_string().contains("canary"), "{}", response.body);
    }
}
