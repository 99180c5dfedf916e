//! Tests of kauth.kakao.com: codes, tokens, ID tokens and pages.

use super::*;

#[tokio::test]
async fn a_code_can_be_exchanged_once() {
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
async fn an_exchange_is_refused_with_kakaos_code() {
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
async fn a_code_with_a_challenge_needs_the_verifier() {
    let test = Test::start().await;
    // RFC 7636 appendix B.
    let challenge = json!({"code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"});
    for (verifier, status) in [("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", 200), ("wrong", 400), ("", 400)] {
        let code = test.code(&challenge).await;
        assert_eq!(test.exchange_code(&code, &[("code_verifier", verifier)]).await.0, status, "{verifier}");
    }
}

#[tokio::test]
async fn the_client_secret_is_accepted_only_in_a_form() {
    let test = Test::start().await;
    let url = format!("{}/oauth/token", test.kakao.url());
    let json = response(test.client.post(&url).json(&json!({"grant_type": "authorization_code"}))).await;
    assert_eq!((json.0, &json.1["error"]), (400, &json!("invalid_request")));
    let basic = test.client.post(&url).basic_auth(SHOP.rest_api_key, Some(SHOP.client_secret));
    let basic = response(basic.form(&[("grant_type", "authorization_code")])).await;
    assert_eq!(basic.1["error_description"], "Not exist client_id [null]");
}

#[tokio::test]
async fn the_authorize_page_redirects_only_to_registered_uris() {
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
    let (_, me) = response(test.get("/v2/user/me").bearer_auth(&token)).await;
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
async fn the_control_route_for_codes_makes_the_checks_of_the_page() {
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
async fn an_id_token_is_issued_if_the_app_and_the_scope_allow_it() {
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
async fn a_renewed_id_token_keeps_the_time_of_the_login() {
    let test = Test::start().await;
    let (_, tokens) = test.exchange(&[]).await;
    test.clock.advance(Duration::from_mins(1));
    let renewal = [("grant_type", "refresh_token"), ("refresh_token", tokens["refresh_token"].as_str().unwrap())];
    let (_, renewed) = test.exchange(&renewal).await;
    let url = format!("{}/oauth/tokeninfo", test.kakao.url());
    let form = [("id_token", renewed["id_token"].as_str().unwrap())];
    let (_, claims) = response(test.client.post(url).form(&form)).await;
    assert_eq!(claims["iat"].as_i64().unwrap() - claims["auth_time"].as_i64().unwrap(), 60);
}

#[tokio::test]
async fn tokeninfo_returns_the_claims_of_valid_id_tokens_only() {
    let test = Test::start().await;
    let url = format!("{}/oauth/tokeninfo", test.kakao.url());
    let read = async |kind: &str| {
        let body = json!({"user": "neo", "nonce": "n", "kind": kind});
        let token = test.control("id-tokens", &body).await["id_token"].as_str().unwrap().to_owned();
        response(test.client.post(&url).form(&[("id_token", token)])).await
    };
    let (status, claims) = read("good").await;
    assert_eq!((status, &claims["aud"], &claims["nonce"]), (200, &json!(SHOP.rest_api_key), &json!("n")));
    assert_eq!(
        (&claims["sub"], claims.get("picture")),
        (&json!("2000000005"), None),
        "sub is a string; there is no picture without a thumbnail"
    );
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 21_599);
    for kind in ["expired", "alg_none", "hs256_public_key", "unknown_kid", "no_kid", "jku"] {
        let (status, refusal) = read(kind).await;
        assert_eq!((status, &refusal["error_code"]), (400, &json!("KOE400")), "{kind}");
    }
}

#[tokio::test]
async fn logout_revokes_one_refresh_token_and_unlink_all_of_them() {
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
async fn a_refresh_token_is_replaced_only_in_its_last_month() {
    let test = Test::start().await;
    let (_, tokens) = test.exchange(&[]).await;
    let first = tokens["refresh_token"].as_str().unwrap().to_owned();
    let renew = async |token: &str| test.exchange(&[("grant_type", "refresh_token"), ("refresh_token", token)]).await;
    let (status, early) = renew(&first).await;
    assert_eq!((status, early.get("refresh_token")), (200, None));
    test.clock.advance(Duration::from_hours(31 * 24));
    let second = renew(&first).await.1["refresh_token"].as_str().unwrap().to_owned();
    assert_eq!(renew(&first).await.1["error_code"], "KOE322", "the old one was revoked");
    test.clock.advance(Duration::from_hours(60 * 24));
    assert_eq!(renew(&second).await.1["error_code"], "KOE322", "expired after two months");
}

#[tokio::test]
async fn two_keys_are_published_and_rotate() {
    let test = Test::start().await;
    let (_, discovery) = response(test.get("/.well-known/openid-configuration")).await;
    assert_eq!(
        (&discovery["issuer"], discovery.get("end_session_endpoint")),
        (&json!("https://kauth.kakao.com"), None)
    );
    let kids = async || {
        let (_, set) = response(test.get("/.well-known/jwks.json")).await;
        set["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let before = kids().await;
    test.client.post(format!("{}/control/rotate-keys", test.kakao.url())).send().await.unwrap();
    let after = kids().await;
    assert_eq!((before.len(), after.len(), &before[1]), (2, 2, &after[0]));
    assert!(!after.contains(&before[0]));
}
