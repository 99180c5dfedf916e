//! The stand-in refuses what Kakao refuses, with Kakao's codes and in Kakao's shapes.

use reqwest::{Client, RequestBuilder};
use serde_json::Value;
use shared::clock::SystemClock;

use super::*;
use crate::{client::http_client, clock::ManualClock};

const REDIRECT_URI: &str = "http://localhost:9000/";

struct Test {
    kakao: Kakao,
    client: Client,
    clock: Arc<ManualClock>,
}

impl Test {
    async fn start() -> Self {
        let clock = Arc::new(ManualClock::new());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let kakao = Kakao::start(listener, Arc::<ManualClock>::clone(&clock), vec![REDIRECT_URI.to_owned()]).unwrap();
        Self { kakao, client: http_client(), clock }
    }

    fn get(&self, path: &str) -> RequestBuilder {
        self.client.get(format!("{}{path}", self.kakao.url()))
    }

    async fn control(&self, path: &str, body: &Value) -> Value {
        let request = self.client.post(format!("{}/control/{path}", self.kakao.url())).json(body);
        request.send().await.unwrap().json().await.unwrap()
    }

    async fn code(&self, more: &Value) -> String {
        let mut body = json!({"user": "ryan", "redirect_uri": REDIRECT_URI});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.control("codes", &body).await["code"].as_str().unwrap().to_owned()
    }

    async fn token(&self, body: &Value) -> String {
        self.control("tokens", body).await["access_token"].as_str().unwrap().to_owned()
    }

    async fn exchange(&self, changes: &[(&str, &str)]) -> (u16, Value) {
        let code = self.code(&json!({})).await;
        self.exchange_code(&code, changes).await
    }

    async fn exchange_code(&self, code: &str, changes: &[(&str, &str)]) -> (u16, Value) {
        let mut form = BTreeMap::from([
            ("grant_type", "authorization_code"),
            ("client_id", SHOP.rest_api_key),
            ("client_secret", SHOP.client_secret),
            ("redirect_uri", REDIRECT_URI),
            ("code", code),
        ]);
        form.extend(changes.iter().copied());
        form.retain(|_, value| !value.is_empty());
        answer(self.client.post(format!("{}/oauth/token", self.kakao.url())).form(&form)).await
    }
}

async fn answer(request: RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

#[tokio::test]
async fn a_code_is_exchanged_once() {
    let test = Test::start().await;
    let code = test.code(&json!({"nonce": "n"})).await;
    let (status, tokens) = test.exchange_code(&code, &[]).await;
    assert_eq!((status, &tokens["token_type"], &tokens["expires_in"]), (200, &json!("bearer"), &json!(21_599)));
    assert_eq!(tokens["id_token"].as_str().unwrap().split('.').count(), 3);
    let (status, refusal) = test.exchange_code(&code, &[]).await;
    assert_eq!((status, &refusal["error"], &refusal["error_code"]), (400, &json!("invalid_grant"), &json!("KOE320")));
    assert!(refusal["error_description"].as_str().unwrap().contains(&code), "Kakao echoes the code");
}

#[tokio::test]
async fn an_exchange_is_refused_as_at_kakao() {
    let test = Test::start().await;
    for (change, status, code) in [
        (("client_secret", ""), 401, "KOE010"),
        (("client_secret", "wrong"), 401, "KOE010"),
        (("client_id", "wrong"), 401, "KOE101"),
        (("client_id", ""), 401, "KOE101"),
        (("client_id", SHOP.admin_key), 400, "KOE008"),
        (("client_id", "9f8e7d6c5b4a39281706f5e4d3c2b1a0"), 400, "KOE009"),
        (("client_id", "00112233445566778899aabbccddeeff"), 401, "KOE010"),
        (("redirect_uri", "http://localhost:9000"), 400, "KOE303"),
        (("redirect_uri", ""), 400, "KOE303"),
        (("grant_type", "password"), 400, "KOE310"),
        (("grant_type", "refresh_token"), 400, "KOE319"),
        (("code", "never-issued"), 400, "KOE320"),
    ] {
        let (found, refusal) = test.exchange(&[change]).await;
        assert_eq!((found, &refusal["error_code"]), (status, &json!(code)), "{change:?}");
    }
    let code = test.code(&json!({})).await;
    test.clock.advance(Duration::from_mins(5));
    assert_eq!(test.exchange_code(&code, &[]).await.1["error_code"], "KOE320", "expired");
}

#[tokio::test]
async fn a_challenge_asks_for_its_verifier() {
    let test = Test::start().await;
    // RFC 7636 appendix B.
    let challenge = json!({"code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"});
    for (verifier, status) in [("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", 200), ("wrong", 400), ("", 400)] {
        let code = test.code(&challenge).await;
        assert_eq!(test.exchange_code(&code, &[("code_verifier", verifier)]).await.0, status, "{verifier}");
    }
}

#[tokio::test]
async fn only_a_form_with_the_secret_in_it_is_read() {
    let test = Test::start().await;
    let url = format!("{}/oauth/token", test.kakao.url());
    let json = answer(test.client.post(&url).json(&json!({"grant_type": "authorization_code"}))).await;
    assert_eq!((json.0, &json.1["error"]), (400, &json!("invalid_request")));
    let basic = test.client.post(&url).basic_auth(SHOP.rest_api_key, Some(SHOP.client_secret));
    let basic = answer(basic.form(&[("grant_type", "authorization_code")])).await;
    assert_eq!(basic.1["error_description"], "Not exist client_id [null]");
}

#[tokio::test]
async fn an_access_token_opens_what_it_should() {
    let test = Test::start().await;
    let token = test.token(&json!({"user": "choonsik", "expires_in": 100})).await;
    let (status, info) = answer(test.get("/v1/user/access_token_info").bearer_auth(&token)).await;
    assert_eq!((status, &info["app_id"], &info["expires_in"]), (200, &json!(SHOP.app_id), &json!(100)));
    assert_eq!(info["id"], json!(1_376_016_924_429_759_228_i64));
    let (_, me) = answer(test.get("/v2/user/me").bearer_auth(&token)).await;
    assert_eq!(me["id"], info["id"]);
    assert!(me["kakao_account"]["profile"]["profile_image_url"].as_str().unwrap().starts_with("http://"));
    assert_eq!(me["properties"]["nickname"], "춘식이");
    assert!(me["properties"]["thumbnail_image"].is_string());
    let post = test.client.post(format!("{}/v2/user/me", test.kakao.url())).bearer_auth(&token);
    let form = post.try_clone().unwrap().form(&[("property_keys", r#"["kakao_account.email"]"#)]);
    assert_eq!(answer(form).await.1["kakao_account"].get("profile"), None);
    assert_eq!(answer(post.json(&json!({}))).await.1["code"], -8);
    let plain = test.token(&json!({"user": "jay-g"})).await;
    assert_eq!(answer(test.get("/v2/user/me").bearer_auth(&plain)).await.1.get("properties"), None);

    let lean =
        test.get("/v2/user/me").query(&[("secure_resource", "true"), ("property_keys", r#"["kakao_account.email"]"#)]);
    let (_, me) = answer(lean.bearer_auth(&token)).await;
    assert_eq!(me.get("properties"), None);
    assert_eq!(me["kakao_account"].get("profile"), None);
    assert_eq!(me["kakao_account"]["email"], "choonsik@example.com");
}

#[tokio::test]
async fn a_call_is_refused_as_at_kakao() {
    let test = Test::start().await;
    let short = test.token(&json!({"user": "ryan", "expires_in": 100})).await;
    test.clock.advance(Duration::from_secs(100));
    let child = test.token(&json!({"user": "tube"})).await;
    let unlinked = test.token(&json!({"user": "jordy"})).await;
    for (token, status, code) in [
        ("never-issued", 401, -401),
        (short.as_str(), 401, -401),
        (&"x".repeat(513), 400, -2),
        (&child, 401, -406),
        (&unlinked, 400, -101),
    ] {
        for path in ["/v1/user/access_token_info", "/v2/user/me"] {
            let (found, refusal) = answer(test.get(path).bearer_auth(token)).await;
            assert_eq!((found, &refusal["code"]), (status, &json!(code)), "{path}");
            assert!(refusal["msg"].is_string());
        }
    }
    let response = test.get("/v2/user/me").send().await.unwrap();
    assert_eq!(response.headers()["www-authenticate"], "Bearer error=invalid_token");
}

#[tokio::test]
async fn another_app_knows_a_person_by_another_number() {
    let test = Test::start().await;
    let ours = test.token(&json!({"user": "ryan"})).await;
    let theirs = test.token(&json!({"user": "ryan", "app": "other"})).await;
    let (_, one) = answer(test.get("/v1/user/access_token_info").bearer_auth(&ours)).await;
    let (_, two) = answer(test.get("/v1/user/access_token_info").bearer_auth(&theirs)).await;
    assert!(one["id"] != two["id"] && one["app_id"] != two["app_id"]);
    assert_eq!(answer(test.get("/v2/user/me").bearer_auth(&theirs)).await.0, 200, "good at Kakao all the same");
}

#[tokio::test]
async fn the_authorize_page_redirects_only_where_it_may() {
    let test = Test::start().await;
    let good =
        [("client_id", SHOP.rest_api_key), ("redirect_uri", REDIRECT_URI), ("response_type", "code"), ("state", "s t")];
    let page = test.get("/oauth/authorize").query(&good).send().await.unwrap();
    assert_eq!(page.status(), 200);
    assert!(page.text().await.unwrap().contains("라이언"));
    for (name, value, code) in [
        ("client_id", "x", "KOE101"),
        ("redirect_uri", "http://localhost:9000", "KOE006"),
        ("response_type", "token", "KOE202"),
        ("response_type", "x", "KOE201"),
        ("scope", "talk_message", "KOE205"),
        ("code_challenge", "x", "KOE204"),
        ("prompt", "x", "KOE204"),
    ] {
        let query: BTreeMap<_, _> = good.into_iter().chain([(name, value)]).collect();
        let refusal = test.get("/oauth/authorize").query(&query).send().await.unwrap();
        assert_eq!(refusal.status(), 400);
        assert!(refusal.text().await.unwrap().contains(code), "{name}={value}");
    }
    let url = format!("{}/oauth/authorize", test.kakao.url());
    let chosen = test.client.post(&url).form(&good.into_iter().chain([("person", "ryan")]).collect::<Vec<_>>());
    let chosen = chosen.send().await.unwrap();
    assert_eq!(chosen.status(), 302);
    let location = chosen.headers()["location"].to_str().unwrap().to_owned();
    assert!(location.starts_with("http://localhost:9000/?code=") && location.ends_with("&state=s%20t"), "{location}");
    let withheld = good.into_iter().chain([("person", "ryan"), ("withhold_email", "on")]).collect::<Vec<_>>();
    test.client.post(&url).form(&withheld).send().await.unwrap();
    let token = test.token(&json!({"user": "ryan"})).await;
    let (_, me) = answer(test.get("/v2/user/me").bearer_auth(&token)).await;
    assert_eq!((&me["kakao_account"]["email_needs_agreement"], me["kakao_account"].get("email")), (&json!(true), None));
    let cancelled = test.client.post(&url).form(&good).send().await.unwrap();
    let location = cancelled.headers()["location"].to_str().unwrap();
    assert_eq!(
        location,
        "http://localhost:9000/?error=access_denied&error_description=User%20denied%20access&state=s%20t"
    );
    let child = test.client.post(&url).form(&good.into_iter().chain([("person", "tube")]).collect::<Vec<_>>());
    let child = child.send().await.unwrap();
    assert!(child.headers()["location"].to_str().unwrap().contains("Not%20allowed%20under%20age%2014"));
}

#[tokio::test]
async fn a_code_from_the_control_route_keeps_the_rules_of_the_page() {
    let test = Test::start().await;
    for (change, code) in [
        (json!({"redirect_uri": "https://elsewhere.example/"}), "KOE006"),
        (json!({"scope": "talk_message"}), "KOE205"),
        (json!({"app": "plain", "scope": "openid"}), "KOE205"),
        (json!({"app": "other"}), "KOE006"),
        (json!({"code_challenge": "short"}), "KOE204"),
    ] {
        let mut body = json!({"user": "ryan", "redirect_uri": REDIRECT_URI});
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let refusal = test.control("codes", &body).await;
        assert!(refusal["detail"].as_str().unwrap().starts_with(code), "{change}: {refusal}");
    }
    let short = test.code(&json!({"expires_in": 2})).await;
    test.clock.advance(Duration::from_secs(2));
    assert_eq!(test.exchange_code(&short, &[]).await.1["error_code"], "KOE320");
}

#[tokio::test]
async fn an_id_token_comes_to_who_may_have_one() {
    let test = Test::start().await;
    for (parameters, expected) in [
        (json!({}), true),
        (json!({"scope": "openid,account_email"}), true),
        (json!({"scope": "openid account_email"}), true),
        (json!({"scope": "account_email"}), false),
    ] {
        let code = test.code(&parameters).await;
        let (_, tokens) = test.exchange_code(&code, &[]).await;
        assert_eq!(tokens.get("id_token").is_some(), expected, "{parameters}");
        assert_eq!(tokens["scope"].as_str().unwrap().contains("openid"), expected, "{parameters}");
        let refresh_token = tokens["refresh_token"].as_str().unwrap();
        let (_, renewed) = test.exchange(&[("grant_type", "refresh_token"), ("refresh_token", refresh_token)]).await;
        assert_eq!(renewed.get("id_token").is_some(), expected, "{parameters}");
    }
    let code = test.code(&json!({"app": "plain"})).await;
    let key = "abcdefabcdefabcdefabcdefabcdef00";
    let (status, tokens) = test.exchange_code(&code, &[("client_id", key), ("client_secret", "")]).await;
    assert_eq!((status, tokens.get("id_token")), (200, None), "neither secret nor OpenID Connect");
}

#[tokio::test]
async fn a_renewed_id_token_tells_when_its_owner_signed_in() {
    let test = Test::start().await;
    let (_, tokens) = test.exchange(&[]).await;
    test.clock.advance(Duration::from_mins(1));
    let renewal = [("grant_type", "refresh_token"), ("refresh_token", tokens["refresh_token"].as_str().unwrap())];
    let (_, renewed) = test.exchange(&renewal).await;
    let url = format!("{}/oauth/tokeninfo", test.kakao.url());
    let form = [("id_token", renewed["id_token"].as_str().unwrap())];
    let (_, claims) = answer(test.client.post(url).form(&form)).await;
    assert_eq!(claims["iat"].as_i64().unwrap() - claims["auth_time"].as_i64().unwrap(), 60);
}

#[tokio::test]
async fn a_good_id_token_can_be_read_and_a_wrong_one_cannot() {
    let test = Test::start().await;
    let url = format!("{}/oauth/tokeninfo", test.kakao.url());
    let read = async |kind: &str| {
        let body = json!({"user": "neo", "nonce": "n", "kind": kind});
        let token = test.control("id-tokens", &body).await["id_token"].as_str().unwrap().to_owned();
        answer(test.client.post(&url).form(&[("id_token", token)])).await
    };
    let (status, claims) = read("good").await;
    assert_eq!((status, &claims["aud"], &claims["nonce"]), (200, &json!(SHOP.rest_api_key), &json!("n")));
    assert_eq!((&claims["sub"], claims.get("picture")), (&json!("2000000005"), None), "a text; no picture of theirs");
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 21_599);
    for kind in ["expired", "alg_none", "hs256_public_key", "unknown_kid", "no_kid", "jku"] {
        let (status, refusal) = read(kind).await;
        assert_eq!((status, &refusal["error_code"]), (400, &json!("KOE400")), "{kind}");
    }
}

#[tokio::test]
async fn faults_come_and_go() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let kakao = Kakao::start(listener, Arc::new(SystemClock), Vec::new()).unwrap();
    let client = http_client();
    let faults = format!("{}/control/faults", kakao.url());
    let me = || client.get(format!("{}/v2/user/me", kakao.url())).send();
    client.post(&faults).json(&json!({"fault": {"kind": "down"}})).send().await.unwrap();
    assert!(me().await.is_err(), "closed without an answer");
    client.post(&faults).json(&json!({"fault": {"kind": "quota"}})).send().await.unwrap();
    assert_eq!(me().await.unwrap().json::<Value>().await.unwrap()["code"], -10);
    client.delete(&faults).send().await.unwrap();
    assert_eq!(me().await.unwrap().json::<Value>().await.unwrap()["code"], -401);
}

#[tokio::test]
async fn a_fault_can_be_one_persons_or_one_tokens_and_wear_off() {
    let test = Test::start().await;
    let (ryan, muzi) = (test.token(&json!({"user": "ryan"})).await, test.token(&json!({"user": "muzi"})).await);
    let me = async |token: &str| answer(test.get("/v2/user/me").bearer_auth(token)).await.1["code"].as_i64();
    let fail = async |rule: Value| {
        let post = test.client.post(format!("{}/control/faults", test.kakao.url())).json(&rule);
        post.send().await.unwrap().status().as_u16()
    };
    let fault = json!({"kind": "api_code", "code": -7});
    assert_eq!(fail(json!({"endpoint": "/v2/user/me", "fault": fault, "user": "ryan", "times": 2})).await, 204);
    assert_eq!([me(&muzi).await, me(&ryan).await, me(&ryan).await, me(&ryan).await], [None, Some(-7), Some(-7), None]);

    fail(json!({"fault": fault, "token": muzi})).await;
    fail(json!({"fault": {"kind": "quota"}})).await;
    assert_eq!([me(&muzi).await, me(&ryan).await], [Some(-7), Some(-10)], "the closer one strikes");

    fail(json!({"fault": fault, "user": "ryan"})).await;
    test.client.delete(format!("{}/control/faults?user=ryan", test.kakao.url())).send().await.unwrap();
    assert_eq!([me(&muzi).await, me(&ryan).await], [Some(-7), Some(-10)], "only that person's end");
    test.client.delete(format!("{}/control/faults", test.kakao.url())).send().await.unwrap();
    let [ours, theirs] = [
        test.code(&json!({})).await,
        test.control("codes", &json!({"user": "muzi", "redirect_uri": REDIRECT_URI})).await["code"]
            .as_str()
            .unwrap()
            .to_owned(),
    ];
    fail(json!({"endpoint": "/oauth/token", "fault": {"kind": "auth_code", "code": "KOE003", "error": "server_error"}, "user": "ryan"})).await;
    assert_eq!(test.exchange_code(&ours, &[]).await.1["error_code"], "KOE003");
    assert_eq!(test.exchange_code(&theirs, &[]).await.0, 200);

    fail(json!({"endpoint": "/v2/user/me", "fault": {"kind": "no_id"}})).await;
    let (status, answer) = answer(test.get("/v2/user/me").bearer_auth(&ryan)).await;
    assert!(status == 200 && answer.get("id").is_none() && answer["kakao_account"].is_object());

    assert_eq!(fail(json!({"endpoint": "user_me", "fault": fault})).await, 400, "no path of Kakao's");
    assert_eq!(fail(json!({"fault": fault, "users": "ryan"})).await, 422, "a slip of the pen");
}

#[tokio::test]
async fn calls_are_counted_for_each_person() {
    let test = Test::start().await;
    let token = test.token(&json!({"user": "ryan"})).await;
    test.get("/v2/user/me").bearer_auth(&token).send().await.unwrap();
    let code = test.code(&json!({})).await;
    for _ in 0..2 {
        test.exchange_code(&code, &[]).await;
    }
    test.get("/v2/user/me").send().await.unwrap();
    let (_, all) = answer(test.get("/control/calls")).await;
    assert_eq!(all, json!({"/v2/user/me": 2, "/oauth/token": 2}));
    let (_, ryans) = answer(test.get("/control/calls?user=ryan")).await;
    assert_eq!(ryans, json!({"/v2/user/me": 1, "/oauth/token": 2}), "a spent code is still theirs");
    assert_eq!(answer(test.get("/control/calls?user=muzi")).await.1, json!({}));
}

#[tokio::test]
async fn the_first_page_lists_people_and_apps() {
    let test = Test::start().await;
    let page = test.get("/").send().await.unwrap().text().await.unwrap();
    for name in ["라이언", "choonsik", "1376016924429759228", "plain", SHOP.rest_api_key] {
        assert!(page.contains(name), "{name}");
    }
    assert!(!page.contains(SHOP.client_secret));
}

#[tokio::test]
async fn an_admin_key_speaks_for_every_user_of_its_app() {
    let test = Test::start().await;
    let target = [("target_id_type", "user_id"), ("target_id", "1029384756")];
    let as_admin = |key: &str, path: &str| test.get(path).header("authorization", format!("KakaoAK {key}"));
    let (status, me) = answer(as_admin(SHOP.admin_key, "/v2/user/me").query(&target)).await;
    assert_eq!((status, &me["id"]), (200, &json!(1_029_384_756)));
    for (key, query, expected) in [
        ("wrong", target, (401, -401)),
        (SHOP.admin_key, [("target_id_type", "uuid"), ("target_id", "1029384756")], (400, -2)),
        (SHOP.admin_key, [("target_id_type", "user_id"), ("target_id", "1")], (400, -101)),
        (SHOP.admin_key, [("target_id_type", "user_id"), ("target_id", "2000000007")], (400, -101)),
    ] {
        let (status, refusal) = answer(as_admin(key, "/v2/user/me").query(&query)).await;
        assert_eq!((status, refusal["code"].as_i64()), (expected.0, Some(expected.1)), "{key} {query:?}");
    }
    assert_eq!(answer(as_admin(SHOP.admin_key, "/v1/user/access_token_info")).await.0, 401, "by access token only");
}

#[tokio::test]
async fn a_log_out_ends_one_token_and_an_unlink_all_of_them() {
    let test = Test::start().await;
    let [one, two] = [test.token(&json!({"user": "ryan"})).await, test.token(&json!({"user": "ryan"})).await];
    let info = async |token: &str| answer(test.get("/v1/user/access_token_info").bearer_auth(token)).await.0;
    let post = |path: &str, token: &str| test.client.post(format!("{}{path}", test.kakao.url())).bearer_auth(token);
    assert_eq!(answer(post("/v1/user/logout", &one)).await, (200, json!({"id": 1_029_384_756})));
    assert_eq!((info(&one).await, info(&two).await), (401, 200));
    assert_eq!(answer(post("/v1/user/unlink", &two)).await.0, 200);
    assert_eq!(info(&two).await, 401);
    let target = [("target_id_type", "user_id"), ("target_id", "1029384756")];
    let as_admin = test.get("/v2/user/me").header("authorization", format!("KakaoAK {}", SHOP.admin_key));
    assert_eq!(answer(as_admin.query(&target)).await.1["code"], -101);
    let other = test.token(&json!({"user": "ryan", "app": "other"})).await;
    assert_eq!(info(&other).await, 200, "linked to another app all the same");
    let later = test.token(&json!({"user": "ryan"})).await;
    assert_eq!(info(&later).await, 200, "whoever signs in again is linked again");
}

#[tokio::test]
async fn a_refresh_token_dies_with_the_access_token_beside_it() {
    for (path, survivor) in [("/v1/user/logout", 200), ("/v1/user/unlink", 400)] {
        let test = Test::start().await;
        let (one, two) = (test.exchange(&[]).await.1, test.exchange(&[]).await.1);
        let renew = async |tokens: &Value| {
            let token = tokens["refresh_token"].as_str().unwrap();
            test.exchange(&[("grant_type", "refresh_token"), ("refresh_token", token)]).await.0
        };
        let post = test.client.post(format!("{}{path}", test.kakao.url()));
        post.bearer_auth(one["access_token"].as_str().unwrap()).send().await.unwrap();
        assert_eq!((renew(&one).await, renew(&two).await), (400, survivor), "{path}");
    }
}

#[tokio::test]
async fn consents_and_userinfo_are_told() {
    let test = Test::start().await;
    let token = test.token(&json!({"user": "apeach"})).await;
    let (_, scopes) = answer(test.get("/v2/user/scopes").bearer_auth(&token)).await;
    let agreed: Vec<bool> = scopes["scopes"].as_array().unwrap().iter().map(|scope| scope["agreed"] == true).collect();
    assert_eq!(agreed, [true, true, false]);
    let asked = test.get("/v2/user/scopes").query(&[("scopes", r#"["account_email"]"#)]).bearer_auth(&token);
    assert_eq!(answer(asked).await.1["scopes"].as_array().unwrap().len(), 1);
    let (_, info) = answer(test.get("/v1/oidc/userinfo").bearer_auth(&token)).await;
    assert_eq!((&info["sub"], info.get("email")), (&json!("2000000001"), None));
    let plain = test.token(&json!({"user": "ryan", "app": "plain"})).await;
    assert_eq!(answer(test.get("/v1/oidc/userinfo").bearer_auth(&plain)).await.1["code"], -3);
}

#[tokio::test]
async fn a_refresh_token_is_renewed_in_its_last_month_only() {
    let test = Test::start().await;
    let (_, tokens) = test.exchange(&[]).await;
    let first = tokens["refresh_token"].as_str().unwrap().to_owned();
    let renew = async |token: &str| test.exchange(&[("grant_type", "refresh_token"), ("refresh_token", token)]).await;
    let (status, early) = renew(&first).await;
    assert_eq!((status, early.get("refresh_token")), (200, None));
    test.clock.advance(Duration::from_hours(31 * 24));
    let second = renew(&first).await.1["refresh_token"].as_str().unwrap().to_owned();
    assert_eq!(renew(&first).await.1["error_code"], "KOE322", "the old one died");
    test.clock.advance(Duration::from_hours(60 * 24));
    assert_eq!(renew(&second).await.1["error_code"], "KOE322", "two months are over");
}

#[tokio::test]
async fn quotas_run_out() {
    let test = Test::start().await;
    let mut tokens = Value::Null;
    for _ in 0..20 {
        tokens = test.exchange(&[]).await.1;
    }
    let refresh_token = tokens["refresh_token"].as_str().unwrap();
    let renewal = [("grant_type", "refresh_token"), ("refresh_token", refresh_token)];
    test.clock.advance(Duration::from_mins(5));
    for again in [&[] as &[_], &renewal] {
        assert_eq!(test.exchange(again).await.1["error_code"], "KOE237");
    }
    test.clock.advance(Duration::from_mins(5));
    for _ in 0..20 {
        assert_eq!(test.exchange(&[]).await.0, 200, "what was refused does not count");
    }

    let quota =
        |left: Value| test.client.post(format!("{}/control/quota", test.kakao.url())).json(&json!({"left": left}));
    quota(json!(1)).send().await.unwrap();
    test.get("/.well-known/jwks.json").send().await.unwrap();
    let me = async || answer(test.get("/v2/user/me")).await.1["code"].as_i64();
    assert_eq!([me().await, me().await], [Some(-401), Some(-10)]);
    quota(Value::Null).send().await.unwrap();
    assert_eq!(me().await, Some(-401));
}

#[tokio::test]
async fn two_keys_are_published_and_rotate() {
    let test = Test::start().await;
    let (_, discovery) = answer(test.get("/.well-known/openid-configuration")).await;
    assert_eq!(
        (&discovery["issuer"], discovery.get("end_session_endpoint")),
        (&json!("https://kauth.kakao.com"), None)
    );
    let kids = async || {
        let (_, set) = answer(test.get("/.well-known/jwks.json")).await;
        set["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let before = kids().await;
    test.client.post(format!("{}/control/rotate-keys", test.kakao.url())).send().await.unwrap();
    let after = kids().await;
    assert_eq!((before.len(), after.len(), &before[1]), (2, 2, &after[0]));
    assert!(!after.contains(&before[0]));
}

#[tokio::test]
async fn a_browser_that_logs_out_or_must_not_be_asked_goes_back() {
    let test = Test::start().await;
    let query = [("client_id", SHOP.rest_api_key), ("logout_redirect_uri", REDIRECT_URI), ("state", "s")];
    let back = test.get("/oauth/logout").query(&query).send().await.unwrap();
    assert_eq!(back.headers()["location"], "http://localhost:9000/?state=s");
    let nowhere: BTreeMap<_, _> = query.into_iter().chain([("logout_redirect_uri", "https://evil.example/")]).collect();
    let refusal = test.get("/oauth/logout").query(&nowhere).send().await.unwrap();
    assert!(refusal.status() == 400 && refusal.text().await.unwrap().contains("KOE007"));

    let silent = [
        ("client_id", SHOP.rest_api_key),
        ("redirect_uri", REDIRECT_URI),
        ("response_type", "code"),
        ("prompt", "none"),
    ];
    let back = test.get("/oauth/authorize").query(&silent).send().await.unwrap();
    assert!(back.headers()["location"].to_str().unwrap().contains("error=login_required"));
}
