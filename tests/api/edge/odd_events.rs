//! Events that no HTTP client can cause locally, but AWS's gateway might produce.

use std::{collections::BTreeMap, time::Duration};

use local::lambda::{Function, Invocation};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tests::{
    ORIGIN, Stack,
    client::{COOKIE_NAME, cookie_pair},
};

/// A recorded event with these members replaced.
fn event(function: &str, members: &Value) -> Value {
    let file = format!("{}/../events/{function}.json", env!("CARGO_MANIFEST_DIR"));
    let mut event: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    for (name, value) in members.as_object().unwrap() {
        event[name] = value.clone();
    }
    event
}

async fn invoke(functions: &BTreeMap<String, Function>, name: &str, members: &Value) -> Value {
    let (event, request_id) = (event(name, members), "id".to_owned());
    let invocation = Invocation { event, request_id, timeout: Duration::from_secs(10) };
    (functions[name])(invocation).await.unwrap_or_else(|failed| panic!("{name} with {members}: {failed:?}"))
}

/// Control characters do not pass the local gateway's HTTP parser. Whether they pass AWS's gateway is not documented.
#[tokio::test]
async fn a_control_character_in_another_cookie_or_header_does_not_affect_our_cookie() {
    let stack = Stack::start().await;
    let functions = stack.past_the_gateway();
    let token = stack.log_in().await.token();
    for odd in ["a=\u{0}", "a=x\r\ny", "\u{1}", "a=\u{7f}", "a=한글", "", "=", "a=\u{b}\u{c}"] {
        for cookies in [vec![odd.to_owned(), cookie_pair(&token)], vec![cookie_pair(&token), odd.to_owned()]] {
            let response = invoke(&functions, "refresh", &json!({"cookies": cookies})).await;
            assert_eq!((&response["statusCode"], &response["cookies"]), (&json!(200), &json!([])), "{odd:?}");
        }
        let mut headers = event("refresh", &json!({}))["headers"].clone();
        headers["x-odd"] = json!(odd);
        let changed = json!({"headers": headers, "cookies": [cookie_pair(&token)]});
        let response = invoke(&functions, "refresh", &changed).await;
        assert_eq!(response["statusCode"], 200, "{odd:?} in a header");
    }
    let within = format!("{COOKIE_NAME}={}\u{0}{}", &token[..9], &token[9..]);
    let response = invoke(&functions, "refresh", &json!({"cookies": [within]})).await;
    assert_eq!(response["statusCode"], 401, "in our own cookie");
    let mut headers = event("refresh", &json!({}))["headers"].clone();
    headers["origin"] = json!(format!("{ORIGIN}\u{1}"));
    let changed = json!({"headers": headers, "cookies": [cookie_pair(&token)]});
    let response = invoke(&functions, "refresh", &changed).await;
    assert_eq!(response["statusCode"], 403, "a malformed origin is not treated as a missing one");
}

#[tokio::test]
async fn no_function_fails_on_a_malformed_query_path_host_or_body() {
    let stack = Stack::start().await;
    let functions = stack.past_the_gateway();
    let token = stack.log_in().await.token();
    for function in
        ["kakao-login", "refresh", "logout", "profile", "sessions", "account", "verify", "jwks", "kakao-events"]
    {
        let headers = |name: &str, value: &str| {
            let mut headers = event(function, &json!({}))["headers"].clone();
            headers[name] = json!(value);
            json!({ "headers": headers })
        };
        let mut odd = vec![
            json!({"rawPath": "/a b<\">", "pathParameters": {"proxy": " b<\">"}}),
            json!({"rawPath": "한글"}),
            json!({"rawPath": ""}),
            json!({"body": "=", "isBase64Encoded": true}),
            headers("x-forwarded-proto", ":"),
        ];
        odd.extend(
            ["a b", "<", "\"", "{", "|", "^", "\\", "%", "한글", "\u{1}"].map(|query| json!({"rawQueryString": query})),
        );
        odd.extend(["", "a b", "[", "user@host", "host:99999", "<>"].map(|host| headers("host", host)));
        for members in odd {
            let status = invoke(&functions, function, &members).await["statusCode"].as_u64().unwrap();
            assert!((200..=499).contains(&status), "{function} {members}: {status}");
        }
    }
    let query = json!({"rawQueryString": "a=<\"{|}^`\\>한글 &scope=all", "cookies": [cookie_pair(&token)]});
    assert_eq!(invoke(&functions, "logout", &query).await["statusCode"], 200);
    assert_eq!(
        stack.refresh(&token).await.status,
        StatusCode::UNAUTHORIZED,
        "the scope was read although the query is malformed"
    );
}

#[tokio::test]
async fn a_body_that_is_not_utf8_is_refused() {
    let stack = Stack::start().await;
    for path in ["/auth/kakao", "/auth/refresh", "/auth/logout"] {
        for (content_type, expected) in [
            ("application/json", StatusCode::BAD_REQUEST),
            ("application/octet-stream", StatusCode::UNSUPPORTED_MEDIA_TYPE),
        ] {
            let request = stack.request(Method::POST, path).header("content-type", content_type);
            let response = stack.send(request.body(b"{\"access_token\":\"\xff\xfe\"}".to_vec())).await;
            assert_eq!(response.status, expected, "{path} {content_type}");
        }
    }
}
