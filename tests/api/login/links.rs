//! `POST /auth/kakao` with a link: the login begins a linked session.

use std::time::Duration;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tests::{
    Chain, Credential, Stack,
    chain::{confirmed, link, parts, refusal},
    client::{Response, cookie_pair},
};

use super::redemption::{KINDS, login_of};
use crate::recorder::{Log, line_of};

const CREDENTIALS: [Credential; 3] = [Credential::AccessToken, Credential::Code, Credential::IdToken];

const USED_BEFORE: (StatusCode, &str, Option<&str>) = (StatusCode::BAD_REQUEST, "kakao_rejected", None);

pub(super) fn with_link(credential: &Value, link: &str) -> Value {
    let mut body = credential.clone();
    body["link"] = json!(link);
    body
}

/// The version of the token in the response's cookie: 2 if its session rotates, 3 if it is linked.
pub(super) fn version(response: &Response) -> u8 {
    assert_eq!(response.status, StatusCode::OK, "{}", response.body);
    let version = BASE64_URL_SAFE_NO_PAD.decode(response.token()).unwrap()[0];
    assert_eq!(response.body.get("link").is_some(), version == 3, "{}", response.body);
    version
}

#[tokio::test]
async fn a_login_with_a_link_confirms_it_with_the_number_0_and_is_a_cookie_for_thirty_days() {
    let stack = Stack::start().await;
    for kind in CREDENTIALS {
        let user = stack.kakao.new_user().await;
        for _ in ["a first login", "a known user's"] {
            let link = link();
            let response = stack.login(&with_link(&stack.kakao.credential(&user, kind).await, &link)).await;
            assert_eq!(version(&response), 3, "{kind:?}");
            assert_eq!(parts(&confirmed(&response).unwrap()), (0, link), "{kind:?}");
            assert!(response.set_cookie().contains("; Max-Age=2592000;"), "{}", response.set_cookie());
            assert_eq!(stack.profile(response.access()).await.status, StatusCode::OK, "{kind:?}");
            stack.advance(Duration::from_secs(15));
            let grown = Chain::begun(&response).renew(&stack).await;
            assert_eq!(confirmed(&grown).map(|link| parts(&link).0), Some(1), "{kind:?}");
        }
    }
}

#[tokio::test]
async fn a_login_without_a_link_begins_a_rotating_session() {
    let stack = Stack::start().await;
    for kind in CREDENTIALS {
        for absent in [None, Some(json!(null)), Some(json!(""))] {
            let mut body = stack.kakao.credential(&stack.kakao.new_user().await, kind).await;
            if let Some(absent) = absent {
                body["link"] = absent;
            }
            let response = stack.login(&body).await;
            assert_eq!(version(&response), 2, "{kind:?}");
            assert!(response.set_cookie().contains("; Max-Age=604800;"), "{}", response.set_cookie());
            stack.advance(Duration::from_secs(30));
            assert_eq!(version(&stack.refresh(&response.token()).await), 2, "{kind:?}");
        }
    }
}

#[tokio::test]
async fn the_same_login_sent_again_with_its_link_is_the_same_session() {
    let stack = Stack::start().await;
    for kind in KINDS {
        let body = with_link(&login_of(&stack, &stack.kakao.new_user().await, kind).await, &link());
        let first = stack.login(&body).await;
        let sessions = stack.count("SESSION#").await;
        stack.advance(Duration::from_secs(20));
        for cookie in ["", &first.token()] {
            let request = stack.request(Method::POST, "/auth/kakao").header("cookie", cookie_pair(cookie));
            let again = stack.send(request.json(&body)).await;
            assert_eq!((again.status, again.token()), (StatusCode::OK, first.token()), "{kind:?}");
            assert_eq!(confirmed(&again), confirmed(&first), "{kind:?}");
            assert!(again.set_cookie().contains("; Max-Age=2591980;"), "{}", again.set_cookie());
            assert_eq!(Chain::begun(&again).session(), Chain::begun(&first).session());
        }
        assert_eq!(stack.count("SESSION#").await, sessions, "{kind:?}");
        let grown = Chain::begun(&first).renew(&stack).await;
        assert!(confirmed(&grown).is_some(), "{kind:?}: the cookie works");
        // The chain has grown. The repetition still confirms the first link; its next renewal tells the client.
        let again = stack.login(&body).await;
        assert_eq!((again.token(), confirmed(&again)), (first.token(), confirmed(&first)), "{kind:?}");
        stack.advance(Duration::from_secs(10));
        assert_eq!(refusal(&stack.login(&body).await), USED_BEFORE, "{kind:?}: after thirty seconds");
    }
}

/// A request with another link does not come from the client that began this login.
#[tokio::test]
async fn the_same_login_with_another_link_or_none_was_used_before() {
    let stack = Stack::start().await;
    for kind in KINDS {
        let credential = login_of(&stack, &stack.kakao.new_user().await, kind).await;
        let linked = with_link(&credential, &link());
        let mut chain = Chain::begun(&stack.login(&linked).await);
        for other in [with_link(&credential, &link()), credential] {
            assert_eq!(refusal(&stack.login(&other).await), USED_BEFORE, "{kind:?} {other}");
        }
        stack.advance(Duration::from_secs(15));
        assert!(confirmed(&chain.renew(&stack).await).is_some(), "{kind:?}: the session is untouched");
    }
}

#[tokio::test]
async fn a_malformed_link_is_a_400_before_kakao_is_asked_and_the_credential_stays_good() {
    let stack = Stack::start().await;
    stack.log_in().await;
    let good = link();
    let malformed = [
        json!(5),
        json!(true),
        json!([good]),
        json!({"next": good}),
        json!(good[..21]),
        json!(format!("{good}A")),
        json!(format!("{}B", &good[..21])),
        json!(format!("{}=", &good[..21])),
        json!(format!("{} ", &good[..21])),
        json!("한글한글한글한"),
    ];
    for kind in CREDENTIALS {
        let credential = stack.kakao.credential(&stack.kakao.new_user().await, kind).await;
        let (_, calls) = (stack.table_proxy.take_traffic(), stack.kakao.calls().await);
        for link in &malformed {
            let mut body = credential.clone();
            body["link"] = link.clone();
            let response = stack.login(&body).await;
            assert_eq!(refusal(&response), (StatusCode::BAD_REQUEST, "invalid_request", None), "{kind:?} {link}");
        }
        assert!(stack.table_proxy.take_traffic().operations.is_empty(), "{kind:?}");
        assert_eq!(stack.kakao.calls().await, calls, "{kind:?}");
        assert_eq!(version(&stack.login(&with_link(&credential, &good)).await), 3, "{kind:?}");
    }
}

/// A login never continues a session, of either kind, and the browser's previous one ends.
#[tokio::test]
async fn the_browsers_previous_session_ends_with_the_login_and_not_with_a_refused_one() {
    let log = Log::start();
    let stack = Stack::start().await;
    let log_in_with = async |cookie: &str, body: Value| {
        let request = stack.request(Method::POST, "/auth/kakao").header("cookie", cookie_pair(cookie));
        stack.send(request.json(&body)).await
    };
    for next_is_linked in [true, false] {
        let user = stack.kakao.new_user().await;
        let mut chain = stack.log_in_linked_as(&user).await;
        stack.advance(Duration::from_secs(15));
        let response = log_in_with(&chain.token, json!({"access_token": "wrong", "link": link()})).await;
        assert_eq!((response.status, response.cookie.as_deref()), (StatusCode::BAD_REQUEST, None));
        assert!(confirmed(&chain.renew(&stack).await).is_some(), "a refused login leaves it alone");

        let mut body = json!({"access_token": stack.kakao.token(&user).await});
        if next_is_linked {
            body["link"] = json!(link());
        }
        let next = log_in_with(&chain.token, body).await;
        assert_eq!(version(&next), if next_is_linked { 3 } else { 2 });
        assert_eq!(chain.ask(&stack).await.code(), "token_not_valid");
        assert_eq!(line_of(&log, &next).get("refresh_reuse"), None, "it is not reported as reuse");
        assert_eq!(stack.profile(next.access()).await.status, StatusCode::OK);
    }
    // And a rotating one.
    let rotating = stack.log_in().await;
    let body = json!({"access_token": stack.kakao.token(&stack.kakao.new_user().await).await, "link": link()});
    assert_eq!(version(&log_in_with(&rotating.token(), body).await), 3);
    assert_eq!(stack.refresh(&rotating.token()).await.status, StatusCode::UNAUTHORIZED);
}

/// A copy of the write that started the session arrives after the chain has grown.
#[tokio::test]
async fn a_delayed_write_of_the_login_does_not_put_the_first_link_back() {
    for (kind, write) in [(Credential::AccessToken, "PutItem"), (Credential::Code, "TransactWriteItems")] {
        let stack = Stack::start().await;
        let user = stack.kakao.new_user().await;
        let body = with_link(&stack.kakao.credential(&user, kind).await, &link());
        let mut chain = Chain::begun(&stack.login(&body).await);
        stack.advance(Duration::from_secs(15));
        chain.renew(&stack).await;
        stack.advance(Duration::from_secs(15));
        assert_eq!(stack.table_proxy.repeat_last(write).await.unwrap(), StatusCode::BAD_REQUEST, "{kind:?}");
        assert!(confirmed(&chain.renew(&stack).await).is_some(), "{kind:?}");
    }
}

#[tokio::test]
async fn a_link_costs_no_request_more() {
    let stack = Stack::start().await;
    for kind in CREDENTIALS {
        let user = stack.kakao.new_user().await;
        // The first ID token fetches Kakao's keys.
        stack.login(&stack.kakao.credential(&user, kind).await).await;
        let mut costs = Vec::new();
        for link in [None, Some(link())] {
            stack.advance(Duration::from_mins(1));
            let mut body = stack.kakao.credential(&user, kind).await;
            if let Some(link) = link {
                body["link"] = json!(link);
            }
            let (_, calls) = (stack.table_proxy.take_traffic(), stack.kakao.calls().await);
            stack.login(&body).await;
            let mut traffic = stack.table_proxy.take_traffic();
            traffic.operations.sort_unstable();
            costs.push((traffic, stack.kakao.calls().await - calls));
        }
        assert_eq!(costs[0], costs[1], "{kind:?}");
    }
}
