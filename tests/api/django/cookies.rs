//! Which of several cookies count, and which are cleared.

use reqwest::{Method, StatusCode};
use serde_json::json;
use tests::{
    Settings, Stack,
    client::{Response, cookie_pair, jwt_part},
    django::{OPEN_FOR, SECRET_KEY, claims, django_pair, jwt},
};

use super::once::{REFRESH, assert_logged_out, exchange};

async fn refresh(stack: &Stack, cookies: &[String]) -> Response {
    stack.send(stack.request(Method::POST, REFRESH).header("cookie", cookies.join("; "))).await
}

/// A browser keeps a cookie of the host and one of its domain under one name.
#[tokio::test]
async fn of_two_cookies_of_djangos_one_good_one_is_enough() {
    let stack = Stack::from_django().await;
    let good = stack.import_one(17, 1_700_000_001).await;
    let header = json!({"alg": "HS256", "typ": "JWT"});
    let forged = jwt(&header, &claims(17, stack.now() + OPEN_FOR), "another key");
    let spent = stack.django_token(17);
    stack.send(stack.with_django_cookie("/auth/logout", &spent)).await;
    for other in [&forged, &spent, "garbage", ""] {
        for pairs in [[other, &good], [&good, other]] {
            let response = refresh(&stack, &pairs.map(django_pair)).await;
            assert_eq!(response.status, StatusCode::OK, "{pairs:?}");
            assert!(response.set_cookies()[0].starts_with("refresh_token=; Max-Age=0"), "{:?}", response.set_cookies());
        }
    }
    assert_eq!(stack.count("SESSION#").await, 1);
    // One of them may be good as soon as the right key is stored.
    let refused = refresh(&stack, &[django_pair(&spent), django_pair(&forged)]).await;
    assert_logged_out(&refused, "neither is good");
    assert_eq!(refused.set_cookies(), Vec::<&str>::new());
}

#[tokio::test]
async fn djangos_cookie_is_tried_if_no_session_of_ours_can_be_renewed() {
    let stack = Stack::from_django().await;
    let django = stack.import_one(17, 1_700_000_001).await;
    let ours = stack.log_in().await.token();
    stack.logout(&ours).await;
    let response = refresh(&stack, &[cookie_pair(&ours), django_pair(&django)]).await;
    assert_eq!(jwt_part(response.access(), 1)["sub"], "17");
    let [django, set] = response.set_cookies()[..] else { panic!("{:?}", response.set_cookies()) };
    assert!(django.starts_with("refresh_token=;") && set.starts_with("__Host-Http-refresh_token=A"), "{django} {set}");
}

/// Whoever has the cookie of a linked session without its links learns which session it is, and nothing starts.
#[tokio::test]
async fn beside_a_linked_session_without_its_links_nothing_is_exchanged() {
    let stack = Stack::from_django().await;
    let django = stack.import_one(17, 1_700_000_001).await;
    let linked = stack.log_in_linked_as(&stack.kakao.new_user().await).await.token;
    let response = refresh(&stack, &[cookie_pair(&linked), django_pair(&django)]).await;
    assert_eq!(response.code(), "link_required", "{}", response.body);
    assert_eq!(stack.count("SIMPLEJWT#").await, 0);
}

#[tokio::test]
async fn djangos_cookie_has_the_name_that_the_setting_gives_it() {
    let stack = Stack::from_django_with(&[("DJANGO_REFRESH_COOKIE", "my-refresh-token")]).await;
    let token = stack.import_one(17, 1_700_000_001).await;
    assert_logged_out(&exchange(&stack, &token).await, "the default name");
    let response = refresh(&stack, &[format!("my-refresh-token={token}")]).await;
    assert!(response.set_cookies()[0].starts_with("my-refresh-token=; Max-Age=0"), "{:?}", response.set_cookies());
}

#[tokio::test]
async fn a_front_end_on_another_site_has_its_cookie_cleared_as_browsers_accept_it() {
    let stack = Stack::from_django_with(&[("COOKIE_SAMESITE", "None")]).await;
    let token = stack.import_one(17, 1_700_000_001).await;
    let response = exchange(&stack, &token).await;
    assert_eq!(response.set_cookies()[0], "refresh_token=; Max-Age=0; Path=/; Secure; HttpOnly; SameSite=None");
}

/// On a developer's machine our cookie may have Django's name: values of both kinds come under one name.
#[tokio::test]
async fn under_one_name_both_kinds_of_cookies_are_told_apart() {
    let mut environment = std::collections::BTreeMap::new();
    environment.insert("COOKIE_SECURE".to_owned(), "false".to_owned());
    environment.insert("DJANGO_REFRESH_UNTIL".to_owned(), "2026-12-20T15:00:00Z".to_owned());
    let stack = Stack::with(Settings { environment, ..Settings::default() }).await;
    let until = (stack.now() + OPEN_FOR).to_rfc3339();
    stack.put_django_key(SECRET_KEY).await;
    let django = stack.import_one(17, 1_700_000_001).await;
    let functions = stack.with_other_setting("DJANGO_REFRESH_UNTIL", &until).await;
    let ask = async |cookies: &[&str]| {
        let cookies: Vec<String> = cookies.iter().map(|token| django_pair(token)).collect();
        functions.send(functions.request(Method::POST, REFRESH).header("cookie", cookies.join("; "))).await
    };
    let exchanged = ask(&[&django]).await;
    let [set] = exchanged.set_cookies()[..] else { panic!("{:?}", exchanged.set_cookies()) };
    assert!(set.starts_with("refresh_token=A") && !set.contains("Secure"), "ours replaces it: {set}");
    let ours = exchanged.token();
    stack.advance(std::time::Duration::from_secs(30));
    let rotated = ask(&[&django, &ours]).await;
    assert_ne!(rotated.token(), ours, "ours is tried first");
    let request = functions.request(Method::POST, "/auth/logout").header("cookie", django_pair(&rotated.token()));
    assert_eq!(
        functions.send(request).await.set_cookie(),
        "refresh_token=; Max-Age=0; Path=/; HttpOnly; SameSite=Strict"
    );
    assert_logged_out(&ask(&[&django, &rotated.token()]).await, "spent");
}
