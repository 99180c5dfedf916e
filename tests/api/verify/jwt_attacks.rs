//! Attacks with JWTs (RFC 8725, RFC 9068) on every route that takes an access token. Each token is signed with the right key
//! where possible, so that only the rule that it breaks can refuse it.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use reqwest::{Method, StatusCode};
use ring::{
    hmac,
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair},
};
use serde_json::{Value, json};
use shared::keys::Document;
use tests::{
    Stack,
    client::{Response, cookie_pair, jwt_part},
};

struct Attack {
    stack: Stack,
    logged_in: Response,
    /// The key that signs, as the key ring has it.
    jwk: Value,
}

fn base64url(bytes: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

impl Attack {
    async fn start() -> Self {
        let stack = Stack::start().await;
        let logged_in = stack.log_in().await;
        let ring: Value = serde_json::from_str(&stack.key_document(Document::Issuing).await.unwrap()).unwrap();
        Self { stack, logged_in, jwk: ring["signing_keys"][0]["jwk"].clone() }
    }

    fn member(&self, name: &str) -> Vec<u8> {
        BASE64_URL_SAFE_NO_PAD.decode(self.jwk[name].as_str().unwrap()).unwrap()
    }

    /// A token with this header and these claims, signed with the right key.
    fn sign(&self, header: &Value, claims: &Value) -> String {
        let public = [&[4], self.member("x").as_slice(), &self.member("y")].concat();
        let pair = EcdsaKeyPair::from_private_key_and_public_key(
            &ECDSA_P256_SHA256_FIXED_SIGNING,
            &self.member("d"),
            &public,
            &SystemRandom::new(),
        )
        .unwrap();
        let message = format!("{}.{}", base64url(header.to_string()), base64url(claims.to_string()));
        let signature = pair.sign(&SystemRandom::new(), message.as_bytes()).unwrap();
        format!("{message}.{}", base64url(signature))
    }

    fn header(&self) -> Value {
        jwt_part(self.logged_in.access(), 0)
    }

    fn claims(&self) -> Value {
        jwt_part(self.logged_in.access(), 1)
    }

    fn with_header(&self, member: &str, value: Value) -> String {
        let mut header = self.header();
        header[member] = value;
        self.sign(&header, &self.claims())
    }

    fn with_claim(&self, name: &str, value: Value) -> String {
        let mut claims = self.claims();
        claims[name] = value;
        self.sign(&self.header(), &claims)
    }

    async fn refuses(&self, rule: &str, token: &str) {
        let profile = self.stack.profile(token).await;
        assert_eq!((profile.status, profile.code()), (StatusCode::UNAUTHORIZED, "token_not_valid"), "{rule}: {token}");
        let verify = self.stack.verify(token).await;
        assert_eq!((verify.status, verify.code()), (StatusCode::UNAUTHORIZED, "token_not_valid"), "{rule}: {token}");
    }
}

#[tokio::test]
async fn these_attacks_start_from_a_token_that_is_accepted() {
    let attack = Attack::start().await;
    let good = attack.sign(&attack.header(), &attack.claims());
    assert_eq!(attack.stack.profile(&good).await.status, StatusCode::OK);
    assert_eq!(attack.stack.verify(&good).await.status, StatusCode::OK);
}

#[tokio::test]
async fn rfc_8725_3_1_the_key_determines_the_algorithm() {
    let attack = Attack::start().await;
    for algorithm in
        ["none", "None", "nOnE", "", "es256", "ES384", "ES512", "RS256", "PS256", "HS256", "HS512", "EdDSA"]
    {
        attack.refuses("alg", &attack.with_header("alg", json!(algorithm))).await;
    }
    let header = json!({"alg": "none", "kid": attack.header()["kid"], "typ": "at+jwt"});
    let unsigned = format!("{}.{}.", base64url(header.to_string()), base64url(attack.claims().to_string()));
    attack.refuses("alg none without a signature", &unsigned).await;
}

#[tokio::test]
async fn rfc_8725_2_1_a_public_key_is_not_accepted_as_an_hmac_secret() {
    let attack = Attack::start().await;
    let header = json!({"alg": "HS256", "kid": attack.header()["kid"], "typ": "at+jwt"});
    let message = format!("{}.{}", base64url(header.to_string()), base64url(attack.claims().to_string()));
    let set = attack.stack.jwks().await;
    let point = [&[4], attack.member("x").as_slice(), &attack.member("y")].concat();
    for secret in
        [point, attack.member("x"), set["keys"][0].to_string().into_bytes(), set.to_string().into_bytes(), vec![]]
    {
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &secret), message.as_bytes());
        attack.refuses("HS256 with the public key", &format!("{message}.{}", base64url(tag))).await;
    }
}

#[tokio::test]
async fn rfc_8725_3_10_keys_named_or_carried_by_a_token_are_not_used() {
    let attack = Attack::start().await;
    let kid = attack.header()["kid"].as_str().unwrap().to_owned();
    for bad in [
        json!(""),
        json!("../../../../dev/null"),
        json!("x' UNION SELECT 'key"),
        json!("http://evil.example/key"),
        json!(format!("{kid} ")),
        json!(kid.to_lowercase().replace(char::is_numeric, "A")),
        json!([kid]),
        json!({"kid": kid}),
        json!(0),
        Value::Null,
    ] {
        attack.refuses("kid", &attack.with_header("kid", bad)).await;
    }
    // The attacker's own key is in the token: the signature is valid under that key only.
    let other = Attack::start().await;
    let own = json!({"kty": "EC", "crv": "P-256", "x": other.jwk["x"], "y": other.jwk["y"], "kid": "mine"});
    for (member, value) in
        [("jwk", own), ("jku", json!("http://127.0.0.1:1/jwks.json")), ("x5u", json!("http://127.0.0.1:1/"))]
    {
        let mut header = attack.header();
        header[member] = value;
        for kid in [attack.header()["kid"].clone(), json!("mine")] {
            header["kid"] = kid;
            attack.refuses(member, &other.sign(&header, &attack.claims())).await;
        }
    }
}

#[tokio::test]
async fn rfc_8725_3_14_only_a_compact_jws_of_three_parts_is_a_token() {
    let attack = Attack::start().await;
    let good = attack.logged_in.access();
    let parts: Vec<&str> = good.split('.').collect();
    let [head, claims, signature] = parts[..] else { panic!("three parts") };
    let jwe = json!({"alg": "ECDH-ES", "enc": "A256GCM", "kid": attack.header()["kid"], "typ": "at+jwt"}).to_string();
    for (rule, token) in [
        ("a JWE", format!("{}..{claims}.{claims}.{signature}", base64url(jwe))),
        ("four parts", format!("{good}.")),
        ("two parts", format!("{head}.{claims}")),
        ("JSON serialisation", json!({"protected": head, "payload": claims, "signature": signature}).to_string()),
        (
            "general JSON serialisation",
            json!({"payload": claims, "signatures": [{"protected": head, "signature": signature}]}).to_string(),
        ),
        ("padding", format!("{head}.{claims}.{signature}==")),
        ("ordinary base64", format!("{head}.{claims}.{}", signature.replace(['-', '_'], "+"))),
    ] {
        // If no character was replaced, it is the valid token.
        if token != good {
            attack.refuses(rule, &token).await;
        }
    }
}

#[tokio::test]
async fn rfc_7515_4_1_11_an_unknown_critical_extension_is_refused() {
    let attack = Attack::start().await;
    for critical in [json!(["exp"]), json!(["b64"]), json!(["x"]), json!([]), json!("exp")] {
        attack.refuses("crit", &attack.with_header("crit", critical)).await;
    }
}

#[tokio::test]
async fn rfc_9068_4_audience_issuer_and_type_must_be_ours() {
    let attack = Attack::start().await;
    for audience in [json!("other-api"), json!(["api", "other-api"]), json!(["other-api"]), json!(""), json!("API")] {
        attack.refuses("aud", &attack.with_claim("aud", audience)).await;
    }
    for issuer in ["http://localhost:9000/", "http://localhost:9001", "https://kauth.kakao.com", ""] {
        attack.refuses("iss", &attack.with_claim("iss", json!(issuer))).await;
    }
    for kind in
        [json!("JWT"), json!("jwt"), json!("rt+jwt"), json!("secevent+jwt"), json!("dpop+jwt"), json!(""), Value::Null]
    {
        attack.refuses("typ", &attack.with_header("typ", kind)).await;
    }
    attack.refuses("token_type", &attack.with_claim("token_type", json!("refresh"))).await;
    let expired = attack.claims()["iat"].as_i64().unwrap();
    let token = attack.with_claim("exp", json!(expired));
    attack.refuses("exp", &token).await;
    assert_eq!(attack.stack.verify(&token).await.body["detail"], "Token is expired");
}

/// RFC 8725 §3.12: each kind of token is valid for its own purpose only.
#[tokio::test]
async fn rfc_8725_3_12_a_token_is_not_accepted_as_another_kind() {
    let attack = Attack::start().await;
    let stack = &attack.stack;
    let (access, refresh) = (attack.logged_in.access(), attack.logged_in.token());
    let user = stack.kakao.new_user().await;
    let (kakao_access, nonce) = (stack.kakao.token(&user).await, tests::client::unique());
    let kakao_id = stack.kakao.id_token(&user, &json!({"nonce": nonce})).await;

    for foreign in [&refresh, &kakao_access, &kakao_id] {
        attack.refuses("cross-feeding", foreign).await;
    }
    for cookie in [access, &kakao_access, &kakao_id] {
        assert_eq!(stack.refresh(cookie).await.status, StatusCode::UNAUTHORIZED);
    }
    for body in [
        json!({"access_token": access}),
        json!({"access_token": refresh}),
        json!({"access_token": kakao_id}),
        json!({"id_token": access, "nonce": nonce}),
        json!({"id_token": refresh, "nonce": nonce}),
        json!({"id_token": kakao_access, "nonce": nonce}),
    ] {
        let response = stack.login(&body).await;
        assert_eq!((response.status, response.code()), (StatusCode::BAD_REQUEST, "kakao_rejected"), "{body}");
    }
    let by_id_token = stack.login(&json!({"id_token": kakao_id, "nonce": nonce})).await;
    assert_eq!(by_id_token.status, StatusCode::OK, "each is accepted where it belongs: {}", by_id_token.body);
    let both = stack.request(Method::GET, "/auth/profile").header("cookie", cookie_pair(&refresh));
    assert_eq!(stack.send(both).await.code(), "not_authenticated", "a cookie does not replace a bearer token");
}
