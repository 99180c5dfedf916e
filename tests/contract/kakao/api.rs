//! Tests of kapi.kakao.com.

use super::*;

#[tokio::test]
async fn an_access_token_reads_the_account_of_its_person() {
    let test = Test::start().await;
    let token = test.token(&json!({"user": "choonsik", "expires_in": 100})).await;
    let (status, info) = response(test.get("/v1/user/access_token_info").bearer_auth(&token)).await;
    assert_eq!((status, &info["app_id"], &info["expires_in"]), (200, &json!(SHOP.app_id), &json!(100)));
    assert_eq!(info["id"], json!(1_376_016_924_429_759_228_i64));
    let (_, me) = response(test.get("/v2/user/me").bearer_auth(&token)).await;
    assert_eq!(me["id"], info["id"]);
    assert!(me["kakao_account"]["profile"]["profile_image_url"].as_str().unwrap().starts_with("http://"));
    assert_eq!(me["properties"]["nickname"], "춘식이");
    assert!(me["properties"]["thumbnail_image"].is_string());
    let post = test.client.post(format!("{}/v2/user/me", test.kakao.url())).bearer_auth(&token);
    let form = post.try_clone().unwrap().form(&[("property_keys", r#"["kakao_account.email"]"#)]);
    assert_eq!(response(form).await.1["kakao_account"].get("profile"), None);
    assert_eq!(response(post.json(&json!({}))).await.1["code"], -8);
    let plain = test.token(&json!({"user": "jay-g"})).await;
    assert_eq!(response(test.get("/v2/user/me").bearer_auth(&plain)).await.1.get("properties"), None);

    let lean =
        test.get("/v2/user/me").query(&[("secure_resource", "true"), ("property_keys", r#"["kakao_account.email"]"#)]);
    let (_, me) = response(lean.bearer_auth(&token)).await;
    assert_eq!(me.get("properties"), None);
    assert_eq!(me["kakao_account"].get("profile"), None);
    assert_eq!(me["kakao_account"]["email"], "choonsik@example.com");
}

#[tokio::test]
async fn a_call_is_refused_with_kakaos_code() {
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
            let (found, refusal) = response(test.get(path).bearer_auth(token)).await;
            assert_eq!((found, &refusal["code"]), (status, &json!(code)), "{path}");
            assert!(refusal["msg"].is_string());
        }
    }
    let response = test.get("/v2/user/me").send().await.unwrap();
    assert_eq!(response.headers()["www-authenticate"], "Bearer error=invalid_token");
}

#[tokio::test]
async fn a_person_has_another_id_in_another_app() {
    let test = Test::start().await;
    let ours = test.token(&json!({"user": "ryan"})).await;
    let theirs = test.token(&json!({"user": "ryan", "app": "other"})).await;
    let (_, one) = response(test.get("/v1/user/access_token_info").bearer_auth(&ours)).await;
    let (_, two) = response(test.get("/v1/user/access_token_info").bearer_auth(&theirs)).await;
    assert!(one["id"] != two["id"] && one["app_id"] != two["app_id"]);
    assert_eq!(response(test.get("/v2/user/me").bearer_auth(&theirs)).await.0, 200, "Kakao itself accepts the token");
}

#[tokio::test]
async fn an_admin_key_reads_any_user_of_its_app() {
    let test = Test::start().await;
    let target = [("target_id_type", "user_id"), ("target_id", "1029384756")];
    let as_admin = |key: &str, path: &str| test.get(path).header("authorization", format!("KakaoAK {key}"));
    let (status, me) = response(as_admin(SHOP.admin_key, "/v2/user/me").query(&target)).await;
    assert_eq!((status, &me["id"]), (200, &json!(1_029_384_756)));
    for (key, query, expected) in [
        ("wrong", target, (401, -401)),
        (SHOP.admin_key, [("target_id_type", "uuid"), ("target_id", "1029384756")], (400, -2)),
        (SHOP.admin_key, [("target_id_type", "user_id"), ("target_id", "1")], (400, -101)),
        (SHOP.admin_key, [("target_id_type", "user_id"), ("target_id", "2000000007")], (400, -101)),
    ] {
        let (status, refusal) = response(as_admin(key, "/v2/user/me").query(&query)).await;
        assert_eq!((status, refusal["code"].as_i64()), (expected.0, Some(expected.1)), "{key} {query:?}");
    }
    assert_eq!(
        response(as_admin(SHOP.admin_key, "/v1/user/access_token_info")).await.0,
        401,
        "accepts an access token only"
    );
}

#[tokio::test]
async fn logout_revokes_one_token_and_unlink_all_of_them() {
    let test = Test::start().await;
    let [one, two] = [test.token(&json!({"user": "ryan"})).await, test.token(&json!({"user": "ryan"})).await];
    let info = async |token: &str| response(test.get("/v1/user/access_token_info").bearer_auth(token)).await.0;
    let post = |path: &str, token: &str| test.client.post(format!("{}{path}", test.kakao.url())).bearer_auth(token);
    assert_eq!(response(post("/v1/user/logout", &one)).await, (200, json!({"id": 1_029_384_756})));
    assert_eq!((info(&one).await, info(&two).await), (401, 200));
    assert_eq!(response(post("/v1/user/unlink", &two)).await.0, 200);
    assert_eq!(info(&two).await, 401);
    let target = [("target_id_type", "user_id"), ("target_id", "1029384756")];
    let as_admin = test.get("/v2/user/me").header("authorization", format!("KakaoAK {}", SHOP.admin_key));
    assert_eq!(response(as_admin.query(&target)).await.1["code"], -101);
    let other = test.token(&json!({"user": "ryan", "app": "other"})).await;
    assert_eq!(info(&other).await, 200, "still linked to the other app");
    let later = test.token(&json!({"user": "ryan"})).await;
    assert_eq!(info(&later).await, 200, "logging in again links the person");
}

#[tokio::test]
async fn scopes_and_userinfo_follow_the_consents() {
    let test = Test::start().await;
    let token = test.token(&json!({"user": "apeach"})).await;
    let (_, scopes) = response(test.get("/v2/user/scopes").bearer_auth(&token)).await;
    let agreed: Vec<bool> = scopes["scopes"].as_array().unwrap().iter().map(|scope| scope["agreed"] == true).collect();
    assert_eq!(agreed, [true, true, false]);
    let asked = test.get("/v2/user/scopes").query(&[("scopes", r#"["account_email"]"#)]).bearer_auth(&token);
    assert_eq!(response(asked).await.1["scopes"].as_array().unwrap().len(), 1);
    let (_, info) = response(test.get("/v1/oidc/userinfo").bearer_auth(&token)).await;
    assert_eq!((&info["sub"], info.get("email")), (&json!("2000000001"), None));
    let plain = test.token(&json!({"user": "ryan", "app": "plain"})).await;
    assert_eq!(response(test.get("/v1/oidc/userinfo").bearer_auth(&plain)).await.1["code"], -3);
}

#[tokio::test]
async fn the_linked_users_are_listed_with_the_admin_key() {
    let test = Test::start().await;
    let list = async |key: &str, query: &[(&str, &str)]| {
        let request = test.get("/v1/user/ids").header("authorization", format!("KakaoAK {key}")).query(query);
        response(request).await
    };
    let (status, all) = list(SHOP.admin_key, &[]).await;
    let ids =
        |page: &Value| page["elements"].as_array().unwrap().iter().map(|id| id.as_i64().unwrap()).collect::<Vec<_>>();
    let mut expected = ids(&all);
    expected.sort_unstable();
    assert_eq!((status, ids(&all), &all["after_url"]), (200, expected.clone(), &Value::Null));
    assert!(!expected.contains(&2_000_000_007), "jordy is not linked");
    let (_, first) = list(SHOP.admin_key, &[("limit", "2")]).await;
    assert_eq!(ids(&first), expected[..2]);
    assert!(first["after_url"].as_str().unwrap().ends_with(&format!("from_id={}", expected[2])));
    let from = expected[1].to_string();
    assert_eq!(ids(&list(SHOP.admin_key, &[("from_id", &from)]).await.1), expected[1..]);
    expected.reverse();
    assert_eq!(ids(&list(SHOP.admin_key, &[("order", "desc")]).await.1), expected);
    let (status, refusal) = list("x", &[]).await;
    assert_eq!((status, &refusal["code"]), (401, &json!(-401)));
    for wrong in [("limit", "0"), ("limit", "101"), ("from_id", "x"), ("order", "up")] {
        let (status, refusal) = list(SHOP.admin_key, &[wrong]).await;
        assert_eq!((status, &refusal["code"]), (400, &json!(-2)), "{wrong:?}");
    }
}

#[tokio::test]
async fn who_was_unlinked_is_connected_since_the_next_login() {
    let test = Test::start().await;
    let connected_at =
        async |token: &str| response(test.get("/v2/user/me").bearer_auth(token)).await.1["connected_at"].clone();
    let token = test.token(&json!({"user": "ryan"})).await;
    let before = connected_at(&token).await;
    let again = test.token(&json!({"user": "ryan"})).await;
    assert_eq!(connected_at(&again).await, before, "another login");
    let unlink = test.client.post(format!("{}/v1/user/unlink", test.kakao.url())).bearer_auth(&token);
    assert_eq!(response(unlink).await.0, 200);
    let token = test.token(&json!({"user": "ryan"})).await;
    assert_eq!(connected_at(&token).await, test.clock.now().to_rfc3339());
}
