//! The cookies of browsers that keep none of ours over plain HTTP.

use super::*;

const SAFARI: &str = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15";
const SET: &str = "__Host-Http-refresh_token=AgA; Max-Age=700; Path=/; Secure; HttpOnly; SameSite=Strict";
const SET_ON_HTTP: &str = "refresh_token=AgA; Max-Age=700; Path=/; HttpOnly; SameSite=Strict";

/// What a browser with these headers gets where the functions set `cookies`, and the cookies that they were sent.
async fn exchange(gateway: impl Fn(Gateway) -> Gateway, cookies: &[&str], headers: &str) -> (Vec<String>, Value) {
    let set: Vec<String> = cookies.iter().map(|cookie| (*cookie).to_owned()).collect();
    let echo = function(move |request| {
        let received = request.headers().get_all("cookie").iter().map(|pair| pair.to_str().unwrap());
        let received = received.collect::<Vec<_>>().join("; ");
        let builder = FunctionResponse::builder();
        let builder = set.iter().fold(builder, |builder, cookie| builder.header("set-cookie", cookie));
        builder.body(Body::Text(json!(received).to_string())).unwrap()
    });
    let functions = BTreeMap::from([("one".to_owned(), echo)]);
    let pages = Router::new().route(
        "/page",
        axum::routing::get(async |headers: HeaderMap| json!(headers["cookie"].to_str().unwrap()).to_string()),
    );
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let served = gateway(Gateway::new(&one(), &functions, TrailingSlash::Exact, Some(pages))).serve(listener);
    tokio::spawn(served);
    let path = if headers.contains("page") { "/page" } else { "/x" };
    let lines = headers.lines().filter_map(|line| line.split_once(": "));
    let request = lines.fold(http_client().get(url + path), |request, (name, value)| request.header(name, value));
    let response = request.send().await.unwrap();
    let set = response.headers().get_all("set-cookie").iter();
    let set = set.map(|line| line.to_str().unwrap().to_owned()).collect();
    (set, response.json().await.unwrap())
}

async fn translated(cookies: &[&str], headers: &str) -> (Vec<String>, Value) {
    exchange(Gateway::with_development_cookie, cookies, headers).await
}

#[tokio::test]
async fn webkit_without_tls_gets_cookies_that_it_keeps_and_other_browsers_get_ours() {
    const IOS: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)";
    let chromium = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)";
    for (agent, is_webkit) in [
        (SAFARI, true),
        ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/60.5 Safari/605.1.15", true),
        (&format!("{IOS} CriOS/140.0.7339.39 Mobile/15E148 Safari/604.1"), true),
        (&format!("{IOS} Mobile/15E148 KAKAOTALK/25.8.0 (INAPP)"), true),
        (&format!("{chromium} Chrome/140.0.0.0 Safari/537.36"), false),
        (&format!("{chromium} HeadlessChrome/140.0.0.0 Safari/537.36"), false),
        (&format!("{chromium} Chromium/140.0.0.0 Safari/537.36"), false),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", false),
        ("curl/8.7.1", false),
    ] {
        let expected = if is_webkit { SET_ON_HTTP } else { SET };
        let request = format!("user-agent: {agent}\norigin: http://localhost:9000");
        assert_eq!(translated(&[SET], &request).await.0, [expected], "{agent}");
    }
    for with_tls in ["origin: https://localhost:9000", "x-forwarded-proto: https"] {
        let request = format!("user-agent: {SAFARI}\n{with_tls}\ncookie: refresh_token=1");
        assert_eq!(translated(&[SET], &request).await, (vec![SET.to_owned()], json!("refresh_token=1")), "{with_tls}");
    }
    assert_eq!(translated(&[SET], "").await.0, [SET], "no user agent");
}

#[tokio::test]
async fn every_cookie_of_ours_loses_what_needs_tls_and_the_order_stays() {
    let set = [
        "__Host-Http-refresh_token=; Max-Age=0; Path=/; Secure; HttpOnly; SameSite=None; Partitioned",
        SET,
        "__Host-Http-kakao_login=seed; Max-Age=600; Path=/; Secure; HttpOnly; SameSite=Lax",
        "other=1; Secure; SameSite=None",
    ];
    let expected = [
        "refresh_token=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax",
        SET_ON_HTTP,
        "kakao_login=seed; Max-Age=600; Path=/; HttpOnly; SameSite=Lax",
        "other=1; Secure; SameSite=None",
    ];
    assert_eq!(translated(&set, &format!("user-agent: {SAFARI}")).await.0, expected);
}

#[tokio::test]
async fn functions_get_our_cookies_with_the_prefix_once_whoever_sends_them() {
    let both = "refresh_token=1; __Host-Http-refresh_token=2";
    let others = "Refresh_Token=1; xrefresh_token=2; refresh_token_x=3; v=refresh_token";
    for (sent, expected) in [
        ("refresh_token=1; kakao_login=2", "__Host-Http-refresh_token=1; __Host-Http-kakao_login=2"),
        ("a=1; refresh_token=2=3;b; kakao_login", "a=1; __Host-Http-refresh_token=2=3; b; __Host-Http-kakao_login"),
        ("refresh_token=1; refresh_token=2", "__Host-Http-refresh_token=1; __Host-Http-refresh_token=2"),
        (both, both),
        ("refresh_token=1\ncookie: __Host-Http-refresh_token=2", both),
        (others, others),
        ("refresh_token=e30.e30.c2ln", "refresh_token=e30.e30.c2ln"),
        ("refresh_token=e30.e30.c2ln; refresh_token=1", "refresh_token=e30.e30.c2ln; __Host-Http-refresh_token=1"),
    ] {
        // The thief of the demo presents a browser's cookies without its user agent.
        for agent in [SAFARI, "curl/8.7.1"] {
            let (_, reached) = translated(&[], &format!("user-agent: {agent}\ncookie: {sent}")).await;
            assert_eq!(reached, expected, "{sent}");
        }
    }
    assert_eq!(translated(&[], &format!("user-agent: {SAFARI}")).await.1, "");
    let page = format!("user-agent: {SAFARI}\nx-asks: page\ncookie: refresh_token=1");
    assert_eq!(translated(&[], &page).await.1, "refresh_token=1", "a page sees what the browser has");
}

#[tokio::test]
async fn a_gateway_as_on_aws_translates_nothing() {
    let request = format!("user-agent: {SAFARI}\ncookie: refresh_token=1");
    let plain = exchange(|gateway| gateway, &[SET], &request).await;
    assert_eq!(plain, (vec![SET.to_owned()], json!("refresh_token=1")));
}
