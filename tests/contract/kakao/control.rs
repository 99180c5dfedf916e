//! Tests of the stand-in's own features: faults, call counts, quotas and a home page.

use super::*;

#[tokio::test]
async fn faults_can_be_set_and_cleared() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let kakao = Kakao::start(listener, Arc::new(SystemClock), Vec::new()).unwrap();
    let client = http_client();
    let faults = format!("{}/control/faults", kakao.url());
    let me = || client.get(format!("{}/v2/user/me", kakao.url())).send();
    client.post(&faults).json(&json!({"fault": {"kind": "down"}})).send().await.unwrap();
    assert!(me().await.is_err(), "closed without a response");
    client.post(&faults).json(&json!({"fault": {"kind": "quota"}})).send().await.unwrap();
    assert_eq!(me().await.unwrap().json::<Value>().await.unwrap()["code"], -10);
    client.delete(&faults).send().await.unwrap();
    assert_eq!(me().await.unwrap().json::<Value>().await.unwrap()["code"], -401);
}

#[tokio::test]
async fn a_fault_can_be_limited_to_a_person_a_token_or_a_number_of_requests() {
    let test = Test::start().await;
    let (ryan, muzi) = (test.token(&json!({"user": "ryan"})).await, test.token(&json!({"user": "muzi"})).await);
    let me = async |token: &str| response(test.get("/v2/user/me").bearer_auth(token)).await.1["code"].as_i64();
    let fail = async |rule: Value| {
        let post = test.client.post(format!("{}/control/faults", test.kakao.url())).json(&rule);
        post.send().await.unwrap().status().as_u16()
    };
    let fault = json!({"kind": "api_code", "code": -7});
    assert_eq!(fail(json!({"endpoint": "/v2/user/me", "fault": fault, "user": "ryan", "times": 2})).await, 204);
    assert_eq!([me(&muzi).await, me(&ryan).await, me(&ryan).await, me(&ryan).await], [None, Some(-7), Some(-7), None]);

    fail(json!({"fault": fault, "token": muzi})).await;
    fail(json!({"fault": {"kind": "quota"}})).await;
    assert_eq!([me(&muzi).await, me(&ryan).await], [Some(-7), Some(-10)], "the more specific rule applies");

    fail(json!({"fault": fault, "user": "ryan"})).await;
    test.client.delete(format!("{}/control/faults?user=ryan", test.kakao.url())).send().await.unwrap();
    assert_eq!([me(&muzi).await, me(&ryan).await], [Some(-7), Some(-10)], "only the faults of that person are cleared");
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
    let (status, response) = response(test.get("/v2/user/me").bearer_auth(&ryan)).await;
    assert!(status == 200 && response.get("id").is_none() && response["kakao_account"].is_object());

    assert_eq!(fail(json!({"endpoint": "user_me", "fault": fault})).await, 400, "not a path at Kakao");
    assert_eq!(fail(json!({"fault": fault, "users": "ryan"})).await, 422, "a misspelt member");
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
    let (_, all) = response(test.get("/control/calls")).await;
    assert_eq!(all, json!({"/v2/user/me": 2, "/oauth/token": 2}));
    let (_, ryans) = response(test.get("/control/calls?user=ryan")).await;
    assert_eq!(ryans, json!({"/v2/user/me": 1, "/oauth/token": 2}), "a spent code still belongs to its person");
    assert_eq!(response(test.get("/control/calls?user=muzi")).await.1, json!({}));
}

#[tokio::test]
async fn the_home_page_lists_people_and_apps() {
    let test = Test::start().await;
    let page = test.get("/").send().await.unwrap().text().await.unwrap();
    for name in ["라이언", "choonsik", "1376016924429759228", "plain", SHOP.rest_api_key] {
        assert!(page.contains(name), "{name}");
    }
    assert!(!page.contains(SHOP.client_secret));
}

#[tokio::test]
async fn quotas_are_enforced() {
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
        assert_eq!(test.exchange(&[]).await.0, 200, "refused requests do not count");
    }

    let quota =
        |left: Value| test.client.post(format!("{}/control/quota", test.kakao.url())).json(&json!({"left": left}));
    quota(json!(1)).send().await.unwrap();
    test.get("/.well-known/jwks.json").send().await.unwrap();
    let me = async || response(test.get("/v2/user/me")).await.1["code"].as_i64();
    assert_eq!([me().await, me().await], [Some(-401), Some(-10)]);
    quota(Value::Null).send().await.unwrap();
    assert_eq!(me().await, Some(-401));
}

#[tokio::test]
async fn raw_bytes_replace_the_members_that_are_named() {
    let test = Test::start().await;
    let token = test.token(&json!({"user": "ryan"})).await;
    let respond_with = async |endpoint: &str, changes: Value| {
        let rule = json!({"endpoint": endpoint, "fault": {"kind": "raw", "changes": changes}});
        test.client.post(format!("{}/control/faults", test.kakao.url())).json(&rule).send().await.unwrap();
        let response = test.get(endpoint).bearer_auth(&token).send().await.unwrap();
        response.bytes().await.unwrap().to_vec()
    };
    let changes =
        json!({"/kakao_account/profile/nickname": "\"\u{ea}\u{b0}\"", "/id": "1, \"id\": 2", "/new": r#""\ud83d""#});
    let me = respond_with("/v2/user/me", changes).await;
    for expected in [&b"\"nickname\":\"\xea\xb0\""[..], br#""id":1, "id": 2"#, br#""new":"\ud83d""#] {
        assert!(me.windows(expected.len()).any(|window| window == expected), "{}", String::from_utf8_lossy(&me));
    }
    let keys = respond_with("/.well-known/jwks.json", json!({"/keys/0": "null", "/keys/2": "7"})).await;
    let keys: Value = serde_json::from_slice(&keys).unwrap();
    assert_eq!((&keys["keys"][0], &keys["keys"][2]), (&Value::Null, &json!(7)));

    let body = json!({"user": "ryan", "header": {"/typ": "7"}, "claims": {"/exp": "1.5"}});
    let token = test.control("id-tokens", &body).await["id_token"].as_str().unwrap().to_owned();
    assert_eq!(tests::client::jwt_part(&token, 0)["typ"], 7);
    assert_eq!(tests::client::jwt_part(&token, 1)["exp"], 1.5);
}
