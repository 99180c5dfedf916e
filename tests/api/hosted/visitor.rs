//! A browser that follows the redirects of a hosted login one by one.

use local::client::http_client_without_pool;
use reqwest::{Method, StatusCode, Url};
use serde_json::json;
use tests::{
    CALLBACK_URI, ORIGIN, Stack,
    client::{Functions, Response, cookie_pair},
};

pub(crate) const SEED: &str = "__Host-Http-kakao_login";

/// A stack with the hosted login switched on.
pub(crate) async fn hosted() -> Stack {
    Stack::with_setting("CALLBACK_URI", CALLBACK_URI).await
}

/// A browser with its cookies.
#[derive(Clone, Debug, Default)]
pub(crate) struct Visitor {
    pub(crate) seed: String,
    pub(crate) session: String,
}

impl Visitor {
    pub(crate) async fn get(&self, functions: &Functions, path: &str) -> Response {
        let mut request = functions.request(Method::GET, path);
        if !self.seed.is_empty() {
            request = request.header("cookie", format!("{SEED}={}", self.seed));
        }
        if !self.session.is_empty() {
            request = request.header("cookie", cookie_pair(&self.session));
        }
        functions.ask(request).await.unwrap()
    }

    /// Begins a login, and takes the cookie. Returns Kakao's login page.
    pub(crate) async fn begin(&mut self, functions: &Functions, query: &str) -> Url {
        let response = self.get(functions, &format!("/auth/kakao/login{query}")).await;
        self.seed = seed_of(&response);
        location(&response)
    }

    /// Sends the browser to the callback, and keeps the cookie of a session.
    pub(crate) async fn finish(&mut self, functions: &Functions, callback: &Url) -> Response {
        let response = self.get(functions, &format!("{}?{}", callback.path(), callback.query().unwrap())).await;
        if let Some(session) = &response.cookie {
            self.session.clone_from(session);
        }
        response
    }

    /// A whole login that returns to this page.
    pub(crate) async fn log_in(&mut self, stack: &Stack, user: &str, next: &str) -> Response {
        let page = self.begin(stack, &format!("?next={next}")).await;
        let callback = choose(&page, user).await;
        self.finish(stack, &callback).await
    }
}

/// Where a response sends the browser.
pub(crate) fn location(response: &Response) -> Url {
    assert_eq!(response.status, StatusCode::SEE_OTHER, "{} {:?}", response.body, response.headers);
    response.headers["location"].to_str().unwrap().parse().unwrap()
}

/// The page with the reason why a login failed.
pub(crate) fn page_with(path: &str, reason: &str) -> String {
    let separator = if path.contains('?') { '&' } else { '?' };
    format!("{ORIGIN}{path}{separator}login_error={reason}")
}

/// The cookie that begins a login.
pub(crate) fn seed_of(response: &Response) -> String {
    let cookies = response.set_cookies();
    let [cookie] = cookies.as_slice() else { panic!("{cookies:?}") };
    let value = cookie.strip_prefix(&format!("{SEED}=")).unwrap();
    value.split_once(';').unwrap().0.to_owned()
}

/// Logs in as this person at Kakao's login page, or cancels if there is no such person. Returns where Kakao sends the browser.
pub(crate) async fn choose(page: &Url, user: &str) -> Url {
    let mut form = page.clone();
    form.query_pairs_mut().append_pair("person", user);
    let request = http_client_without_pool().post(format!("{}oauth/authorize", page.join("/").unwrap()));
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    let response = request.body(form.query().unwrap().to_owned()).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::FOUND);
    let callback = response.headers()["location"].to_str().unwrap();
    assert!(callback.starts_with(&format!("{CALLBACK_URI}?")), "{callback}");
    callback.parse().unwrap()
}

/// The value of a parameter, or `""`.
pub(crate) fn parameter(url: &Url, name: &str) -> String {
    url.query_pairs().find(|(found, _)| found == name).map(|(_, value)| value.into_owned()).unwrap_or_default()
}

/// The address with another value of a parameter.
pub(crate) fn with_parameter(url: &Url, name: &str, value: &str) -> Url {
    let others: Vec<(String, String)> = url.query_pairs().into_owned().filter(|(found, _)| found != name).collect();
    let mut url = url.clone();
    url.query_pairs_mut().clear().extend_pairs(others).append_pair(name, value);
    url
}

/// Asserts that a response tells the page why nobody was logged in, and sets no cookie.
pub(crate) fn assert_failed(response: &Response, path: &str, reason: &str, case: &str) {
    assert_eq!(location(response).as_str(), page_with(path, reason), "{case}");
    assert_eq!((response.set_cookies().len(), &response.body), (0, &json!(null)), "{case}");
}
