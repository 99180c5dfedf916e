//! Which refresh token is accepted where: every version, in the cookie and in the body, of apps and of pages, with and without
//! compatibility mode.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use shared::{
    config::Config,
    id::UserId,
    keys::{Document, IssuingKeys},
    roles::Roles,
    session::{Kind, Link, Transport, Version},
    store::{Device, SessionStart},
};
use tests::{
    Carrier, ORIGIN, Stack,
    chain::link,
    client::{Functions, Response, cookie_pair, jwt_part},
};

use crate::rotate_keys::rotation::audience;

const DAY: Duration = Duration::from_hours(24);

/// What browsers and programs add to a request.
const HEADERS: [(bool, &[(&str, &str)]); 4] = [
    (false, &[]),
    (false, &[("sec-fetch-mode", "cors")]),
    (true, &[("origin", ORIGIN), ("sec-fetch-site", "same-origin"), ("sec-fetch-mode", "cors")]),
    (true, &[("sec-fetch-site", "same-origin")]),
];

/// What becomes of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// Its session is renewed or ended.
    Accepted,
    /// It is no token there: the session has ended, and a cookie is cleared.
    Malformed,
    /// It is not looked at.
    NotRead,
    /// The request is refused.
    NativeOnly,
}

fn fate(version: Version, carrier: Carrier, is_page: bool, mode_is_on: bool) -> Fate {
    match (version.transport(), carrier) {
        (Transport::App | Transport::Page, Carrier::Cookie) => Fate::Malformed,
        (Transport::App, Carrier::Body) if is_page => Fate::NativeOnly,
        (Transport::Page, Carrier::Body) if mode_is_on => Fate::Accepted,
        (Transport::Cookie, Carrier::Cookie) | (Transport::App, Carrier::Body) => Fate::Accepted,
        (Transport::Cookie | Transport::Page, Carrier::Body) => Fate::NotRead,
    }
}

/// A session that was just begun.
pub(crate) struct Begun {
    session: String,
    token: String,
    /// `link` of a request, or `null`.
    link: Value,
}

/// Begins sessions of one user, as logins do.
pub(crate) struct Beginner<'a> {
    stack: &'a Stack,
    pub(crate) user: UserId,
    keys: IssuingKeys,
}

impl<'a> Beginner<'a> {
    pub(crate) async fn new(stack: &'a Stack) -> Self {
        let user = jwt_part(stack.log_in().await.access(), 1)["sub"].as_str().unwrap().parse().unwrap();
        let ring = stack.key_document(Document::Issuing).await.unwrap();
        let (_, keys) = IssuingKeys::read(&ring, &audience(), DAY).unwrap();
        Self { stack, user, keys }
    }

    pub(crate) async fn begin(&self, version: Version) -> Begun {
        let (keys, now) = (&self.keys.refresh_tokens, self.stack.now());
        let first = keys.issue(version, self.user, keys.new_session(None, now), now + DAY, now);
        let next = link();
        let hash = (version.kind() == Kind::Linked).then(|| Link::parse(&next).unwrap().hash());
        let store = Config::from_pairs(self.stack.environment("kakao-login")).store().unwrap();
        let start = SessionStart {
            first: &first,
            device: &Device::default(),
            link: hash,
            authenticated_at: None,
            roles: &Roles::default(),
            expires_at: now + DAY,
            now,
        };
        store.start_session(&start).await.unwrap();
        let link = hash.map_or(Value::Null, |_| json!({"next": next}));
        Begun { session: first.session.to_string(), token: first.expose().to_owned(), link }
    }
}

/// A refresh by a client of this version, and how often DynamoDB was asked. A page's needs compatibility mode.
pub(crate) async fn renew(stack: &Stack, version: Version, begun: &Begun) -> (Response, usize) {
    let carrier = if version.transport() == Transport::Cookie { Carrier::Cookie } else { Carrier::Body };
    send((stack, stack), ("/auth/refresh", carrier, &[]), begun, None).await
}

/// Sends a token, alone or beside a cookie. Returns the response, and how often DynamoDB was asked.
async fn send(
    (stack, functions): (&Stack, &Functions),
    (path, carrier, headers): (&str, Carrier, &[(&str, &str)]),
    begun: &Begun,
    beside: Option<&Begun>,
) -> (Response, usize) {
    let mut body = json!({"link": begun.link});
    let mut cookies: Vec<String> = beside.iter().map(|beside| cookie_pair(&beside.token)).collect();
    match carrier {
        Carrier::Cookie => cookies.push(cookie_pair(&begun.token)),
        Carrier::Body => body["refresh"] = json!(begun.token),
    }
    let mut request = functions.request(Method::POST, path).json(&body);
    if !cookies.is_empty() {
        request = request.header("cookie", cookies.join("; "));
    }
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    let _ = stack.table_proxy.take_traffic();
    let response = functions.send(request).await;
    (response, stack.table_proxy.take_traffic().operations.len())
}

#[tokio::test]
async fn each_version_of_token_is_accepted_where_its_transport_carries_it_and_nowhere_else() {
    let stack = Stack::start().await;
    let on = stack.with_other_setting("COMPATIBILITY", "dj-rest-auth").await;
    let beginner = Beginner::new(&stack).await;
    for (mode_is_on, functions) in [(false, &*stack), (true, &on)] {
        for version in Version::ALL {
            for carrier in [Carrier::Cookie, Carrier::Body] {
                for (is_page, headers) in HEADERS {
                    let fate = fate(version, carrier, is_page, mode_is_on);
                    let case = format!("{version:?} {carrier:?} {headers:?} mode {mode_is_on}: {fate:?}");
                    let begun = beginner.begin(version).await;
                    alone((&stack, functions), (carrier, headers), &begun, fate, &case).await;
                    if version.transport() != Transport::Cookie || carrier == Carrier::Body {
                        let begun = beginner.begin(version).await;
                        let beside = beginner.begin(Version::Two).await;
                        beside_a_cookie((&stack, functions), (carrier, headers), [&begun, &beside], fate, &case).await;
                    }
                }
            }
        }
    }
}

async fn alone(
    of: (&Stack, &Functions),
    (carrier, headers): (Carrier, &[(&str, &str)]),
    begun: &Begun,
    fate: Fate,
    case: &str,
) {
    let (refreshed, asked) = send(of, ("/auth/refresh", carrier, headers), begun, None).await;
    let cleared = (carrier == Carrier::Cookie).then_some("");
    let (status, code, cookie, calls) = match fate {
        Fate::Accepted => (StatusCode::OK, "", None, 1),
        Fate::Malformed => (StatusCode::UNAUTHORIZED, "token_not_valid", cleared, 0),
        Fate::NotRead => (StatusCode::UNAUTHORIZED, "token_not_valid", None, 0),
        Fate::NativeOnly => (StatusCode::FORBIDDEN, "native_only", None, 0),
    };
    let expected = (status, code, cookie, calls);
    assert_eq!((refreshed.status, refreshed.code(), refreshed.cookie.as_deref(), asked), expected, "refresh {case}");

    for (scope, calls) in [("all", 0), ("local", 1)] {
        if scope == "all" && fate == Fate::Accepted {
            continue;
        }
        let path = format!("/auth/logout?scope={scope}");
        let (logged_out, asked) = send(of, (&path, carrier, headers), begun, None).await;
        let status = if fate == Fate::NativeOnly { StatusCode::FORBIDDEN } else { StatusCode::OK };
        let cleared = cleared.filter(|_| fate != Fate::NativeOnly);
        let calls = if fate == Fate::Accepted { calls } else { 0 };
        let found = (logged_out.status, logged_out.cookie.as_deref(), asked);
        assert_eq!(found, (status, cleared, calls), "logout {scope} {case}");
    }
}

/// A second token in a cookie that is good decides unless the first one counts.
async fn beside_a_cookie(
    of: (&Stack, &Functions),
    (carrier, headers): (Carrier, &[(&str, &str)]),
    [begun, beside]: [&Begun; 2],
    fate: Fate,
    case: &str,
) {
    let (refreshed, asked) = send(of, ("/auth/refresh", carrier, headers), begun, Some(beside)).await;
    if fate == Fate::NativeOnly {
        let refused = (refreshed.status, refreshed.code(), refreshed.set_cookies(), asked);
        assert_eq!(refused, (StatusCode::FORBIDDEN, "native_only", vec![], 0), "refresh beside {case}");
        return;
    }
    let decides = if fate == Fate::Accepted { begun } else { beside };
    assert_eq!((refreshed.status, asked), (StatusCode::OK, 1), "refresh beside {case}: {}", refreshed.body);
    assert_eq!(jwt_part(refreshed.access(), 1)["sid"], decides.session, "refresh beside {case}");
    assert!(refreshed.set_cookies().is_empty(), "refresh beside {case}");

    let (logged_out, asked) = send(of, ("/auth/logout", carrier, headers), begun, Some(beside)).await;
    let cleared = (fate != Fate::Accepted).then_some("");
    let found = (logged_out.status, logged_out.cookie.as_deref(), asked);
    assert_eq!(found, (StatusCode::OK, cleared, 1), "logout beside {case}");
    let ended: Vec<String> =
        of.0.table_proxy.last_body("DeleteItem")["Key"]["sk"]["S"].as_str().map(ToOwned::to_owned).into_iter().collect();
    assert_eq!(ended, [format!("SESSION#{}", decides.session)], "logout beside {case}");
}
