//! Tests of kauth.kakao.com in a browser: sessions, `prompt`, KakaoTalk's own browser, and logout.

use reqwest::header::{COOKIE, LOCATION, SET_COOKIE, USER_AGENT};

use super::*;

const START: &str = "http://localhost:9000/start";
const CHROME: &str =
    "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36";
const KAKAOTALK: &str = "Mozilla/5.0 (Linux; Android 14; wv) AppleWebKit/537.36 Version/4.0 Chrome/126.0.0.0 Safari/537.36 KAKAOTALK/10.8.1";

/// A browser with at most one cookie of Kakao.
struct Browser<'a> {
    test: &'a Test,
    agent: &'static str,
    cookie: String,
}

impl Browser<'_> {
    fn new<'a>(test: &'a Test, agent: &'static str) -> Browser<'a> {
        Browser { test, agent, cookie: String::new() }
    }

    async fn send(&mut self, request: RequestBuilder) -> reqwest::Response {
        let request = request.header(USER_AGENT, self.agent).header(COOKIE, format!("other=1; {}", self.cookie));
        let response = request.send().await.unwrap();
        if let Some(cookie) = response.headers().get(SET_COOKIE) {
            let cookie = cookie.to_str().unwrap();
            assert!(cookie.contains("; Path=/oauth; ") && cookie.ends_with("; HttpOnly; SameSite=Lax"), "{cookie}");
            let (pair, _) = cookie.split_once(';').unwrap();
            self.cookie = if cookie.contains("Max-Age=0") { String::new() } else { pair.to_owned() };
        }
        response
    }

    /// What an authorize request leads to: `page`, `code` or an error.
    async fn authorize(&mut self, more: &[(&str, &str)]) -> String {
        let query: BTreeMap<_, _> = request().into_iter().chain(more.iter().copied()).collect();
        let response = self.send(self.test.get("/oauth/authorize").query(&query)).await;
        outcome(&response)
    }

    async fn choose(&mut self, person: &str, more: &[(&str, &str)]) -> String {
        let form = request().into_iter().chain([("person", person)]).chain(more.iter().copied()).collect::<Vec<_>>();
        let url = format!("{}/oauth/authorize", self.test.kakao.url());
        let response = self.send(self.test.client.post(url).form(&form)).await;
        outcome(&response)
    }

    async fn log_out(&mut self, choice: Option<&str>) -> reqwest::Response {
        let query = [("client_id", SHOP.rest_api_key), ("logout_redirect_uri", START), ("state", "s t")];
        let Some(choice) = choice else { return self.send(self.test.get("/oauth/logout").query(&query)).await };
        let form = query.into_iter().chain([("logout_with_kakao", choice)]).collect::<Vec<_>>();
        self.send(self.test.client.post(format!("{}/oauth/logout", self.test.kakao.url())).form(&form)).await
    }
}

fn request() -> [(&'static str, &'static str); 4] {
    [("client_id", SHOP.rest_api_key), ("redirect_uri", REDIRECT_URI), ("response_type", "code"), ("state", "s")]
}

fn outcome(response: &reqwest::Response) -> String {
    let Some(location) = response.headers().get(LOCATION) else {
        assert_eq!(response.status(), 200);
        return "page".to_owned();
    };
    let location = location.to_str().unwrap().strip_prefix(REDIRECT_URI).unwrap();
    assert!(location.ends_with("&state=s"), "{location}");
    let (name, value) = location[1..].split_once('&').unwrap().0.split_once('=').unwrap();
    if name == "code" { "code".to_owned() } else { value.to_owned() }
}

async fn talk(test: &Test, body: &Value) -> u16 {
    let request = test.client.post(format!("{}/control/talk", test.kakao.url())).json(body);
    request.send().await.unwrap().status().as_u16()
}

/// Unlinks a person, as in their settings at Kakao.
async fn unlink(test: &Test, person: &str) {
    test.control("webhooks/unlink", &json!({"user": person, "send": false})).await;
}

#[tokio::test]
async fn a_person_who_stays_logged_in_gets_a_code_without_a_page_for_a_month() {
    let test = Test::start().await;
    let mut browser = Browser::new(&test, CHROME);
    assert_eq!(browser.choose("ryan", &[]).await, "code");
    assert_eq!(browser.cookie, "", "they do not stay");
    assert_eq!(browser.authorize(&[]).await, "page");
    browser.choose("ryan", &[("stay", "on")]).await;
    assert_eq!(browser.authorize(&[]).await, "code");
    test.clock.advance(Duration::from_hours(30 * 24) - Duration::from_secs(1));
    assert_eq!(browser.authorize(&[]).await, "code");
    test.clock.advance(Duration::from_secs(1));
    assert_eq!(browser.authorize(&[]).await, "page");
    let mut other = Browser::new(&test, CHROME);
    other.cookie = "kakao_session=guessed".to_owned();
    assert_eq!(other.authorize(&[]).await, "page");
}

#[tokio::test]
async fn prompt_demands_or_forbids_the_page() {
    let test = Test::start().await;
    let mut browser = Browser::new(&test, CHROME);
    let shows = [("none", "login_required"), ("login", "page"), ("select_account", "page"), ("create", "page")];
    for (prompt, expected) in shows {
        assert_eq!(browser.authorize(&[("prompt", prompt)]).await, expected, "{prompt}");
    }
    browser.choose("ryan", &[("stay", "on")]).await;
    for (prompt, expected) in [("none", "code"), ("login", "page"), ("select_account", "page"), ("create", "page")] {
        assert_eq!(browser.authorize(&[("prompt", prompt)]).await, expected, "{prompt}, logged in");
    }
    browser.choose("tube", &[("stay", "on")]).await;
    assert_eq!(browser.authorize(&[("prompt", "none")]).await, "access_denied", "under 14");
}

#[tokio::test]
async fn a_page_asks_for_consent_that_is_missing_and_prompt_none_says_so() {
    let test = Test::start().await;
    let mut browser = Browser::new(&test, CHROME);
    browser.choose("ryan", &[("stay", "on")]).await;
    unlink(&test, "ryan").await;
    assert_eq!(browser.authorize(&[("prompt", "none")]).await, "consent_required");
    let page = browser.send(test.get("/oauth/authorize").query(&request())).await.text().await.unwrap();
    assert!(page.contains("value=\"ryan\"") && !page.contains("value=\"muzi\""), "it knows who is logged in");
    assert!(page.contains("prompt=select_account"), "and offers another account");
    browser.choose("ryan", &[]).await;
    assert_eq!(browser.authorize(&[("prompt", "none")]).await, "code");

    let email = ("scope", "openid,account_email");
    assert_eq!(browser.authorize(&[email, ("prompt", "none")]).await, "code");
    browser.choose("ryan", &[("withhold_email", "on")]).await;
    assert_eq!(browser.authorize(&[email, ("prompt", "none")]).await, "consent_required");
    assert_eq!(browser.authorize(&[email]).await, "page");
    assert_eq!(browser.authorize(&[("prompt", "none")]).await, "code", "without the scope it is not asked for");
}

#[tokio::test]
async fn kakaotalks_browser_needs_no_login_if_the_app_has_a_user() {
    let test = Test::start().await;
    let mut talks = Browser::new(&test, KAKAOTALK);
    assert_eq!(talks.authorize(&[("prompt", "none")]).await, "login_required");
    assert_eq!(talk(&test, &json!({"user": "nobody"})).await, 404);
    assert_eq!(talk(&test, &json!({"person": "ryan"})).await, 422);
    assert_eq!(talk(&test, &json!({"user": "ryan"})).await, 204);
    for (prompt, expected) in [("none", "code"), ("", "code"), ("login", "code"), ("select_account", "page")] {
        assert_eq!(talks.authorize(&[("prompt", prompt)]).await, expected, "{prompt}");
    }
    assert_eq!(Browser::new(&test, CHROME).authorize(&[("prompt", "none")]).await, "login_required");

    talk(&test, &json!({"user": "ryan", "needs_page": true})).await;
    assert_eq!(talks.authorize(&[("prompt", "none")]).await, "interaction_required");
    assert_eq!(talks.authorize(&[]).await, "page");
    assert_eq!(talks.choose("ryan", &[]).await, "code");
    assert_eq!(talks.authorize(&[("prompt", "none")]).await, "code");

    // The login on the page began a session of 24 hours, and the app has lost its user since.
    talk(&test, &json!({"user": null})).await;
    assert_eq!(talks.authorize(&[("prompt", "none")]).await, "code");
    test.clock.advance(Duration::from_hours(24));
    assert_eq!(talks.authorize(&[("prompt", "none")]).await, "login_required");
}

#[tokio::test]
async fn a_logout_ends_the_session_at_kakao_if_the_person_says_so() {
    let test = Test::start().await;
    test.kakao.register_logout_redirect_uris(vec![START.to_owned()]);
    let mut browser = Browser::new(&test, CHROME);
    let back = browser.log_out(None).await;
    assert_eq!(back.status(), 302);
    assert_eq!(back.headers()[LOCATION], START_WITH_STATE, "there is nothing to end");

    browser.choose("ryan", &[("stay", "on")]).await;
    let page = browser.log_out(None).await;
    assert_eq!(page.status(), 200);
    let page = page.text().await.unwrap();
    assert!(page.contains("이 서비스만 로그아웃") && page.contains("카카오계정과 함께 로그아웃"));
    assert_eq!(browser.authorize(&[]).await, "code", "the page alone ends nothing");

    assert_eq!(browser.log_out(Some("false")).await.headers()[LOCATION], START_WITH_STATE);
    assert_eq!(browser.authorize(&[]).await, "code", "of this service only");
    let cookie = browser.cookie.clone();
    assert_eq!(browser.log_out(Some("true")).await.headers()[LOCATION], START_WITH_STATE);
    assert_eq!(browser.cookie, "", "the cookie is removed");
    browser.cookie = cookie;
    assert_eq!(browser.authorize(&[]).await, "page", "and the session has ended");

    talk(&test, &json!({"user": "ryan"})).await;
    let mut talks = Browser::new(&test, KAKAOTALK);
    talks.log_out(Some("true")).await;
    assert_eq!(talks.authorize(&[("prompt", "none")]).await, "code", "KakaoTalk itself stays logged in");
}

const START_WITH_STATE: &str = "http://localhost:9000/start?state=s%20t";

#[tokio::test]
async fn a_logout_redirects_only_to_registered_logout_uris() {
    let test = Test::start().await;
    test.kakao.register_logout_redirect_uris(vec![START.to_owned()]);
    for (name, value, code) in [
        ("logout_redirect_uri", REDIRECT_URI, "KOE007"),
        ("logout_redirect_uri", "http://localhost:9000/start/", "KOE007"),
        ("logout_redirect_uri", "https://evil.example/", "KOE007"),
        ("client_id", "x", "KOE101"),
        ("client_id", "00112233445566778899aabbccddeeff", "KOE007"),
    ] {
        let mut query = BTreeMap::from([("client_id", SHOP.rest_api_key), ("logout_redirect_uri", START)]);
        query.insert(name, value);
        let url = format!("{}/oauth/logout", test.kakao.url());
        for request in [test.client.get(&url).query(&query), test.client.post(&url).form(&query)] {
            let refusal = request.send().await.unwrap();
            assert!(refusal.status() == 400 && refusal.text().await.unwrap().contains(code), "{name}={value}");
        }
    }
}

#[tokio::test]
async fn every_page_says_that_it_is_not_kakao() {
    let test = Test::start().await;
    test.kakao.register_logout_redirect_uris(vec![START.to_owned()]);
    talk(&test, &json!({"user": "ryan"})).await;
    let logout = [("client_id", SHOP.rest_api_key), ("logout_redirect_uri", START)];
    for request in [
        test.get("/"),
        test.get("/oauth/authorize"),
        test.get("/oauth/authorize").query(&request()),
        test.get("/oauth/logout").query(&logout),
    ] {
        let page =
            request.header(USER_AGENT, KAKAOTALK).query(&[("prompt", "login,select_account")]).send().await.unwrap();
        assert!(page.text().await.unwrap().contains("대역 · stand-in, not Kakao"));
    }
}
