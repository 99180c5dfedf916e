//! Kakao's responses and ID tokens: no user is logged in whom Kakao did not name.

use std::{
    cell::RefCell,
    str,
    sync::{Arc, LazyLock, Mutex, PoisonError},
    time::Duration,
};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use ring::{
    rand::SystemRandom,
    signature::{KeyPair, RSA_PKCS1_SHA256, RsaKeyPair},
};
use secrecy::SecretString;
use serde_json::{Value, json};
use shared::{
    clock::Timestamp,
    kakao::{AuthorizationCode, Kakao, KakaoApp, KakaoCredentials},
};
use tokio::runtime::Runtime;

use super::{NOW, server};

const APP: i64 = 42;
const KEY: &[u8] = include_bytes!("../../../../local/src/kakao/keys/one.pk8");

struct World {
    runtime: Runtime,
    kakao: Kakao,
    /// Every run is an hour after the previous one, so that the circuit breaker is closed.
    now: RefCell<i64>,
}

static ANSWER: LazyLock<server::Answer> =
    LazyLock::new(|| Arc::new(Mutex::new(Box::new(|_, _| (200, b"{}".to_vec())))));

thread_local! {
    static WORLD: World = {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let url = server::start(Arc::clone(&ANSWER));
        let app = KakaoApp {
            app_id: APP,
            rest_api_key: "k".to_owned(),
            audiences: vec!["k".to_owned()],
            id_token_max_age: Duration::from_mins(10),
            auth_url: url.clone(),
            api_url: url,
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let kakao = runtime.block_on(async { Kakao::new(app) });
        World { runtime, kakao, now: RefCell::new(NOW) }
    };
}

fn in_world(run: impl AsyncFnOnce(&Kakao, Timestamp)) {
    WORLD.with(|world| {
        *world.now.borrow_mut() += 3_600;
        let now = Timestamp::from_unix_seconds(*world.now.borrow());
        world.runtime.block_on(run(&world.kakao, now));
    });
}

fn answers(answer: impl Fn(&str, &str) -> (u16, Vec<u8>) + Send + 'static) {
    *ANSWER.lock().unwrap_or_else(PoisonError::into_inner) = Box::new(answer);
}

/// The first byte selects the call, the second one the status; the rest is the body.
pub fn answer(data: &[u8]) {
    let [what, status, body @ ..] = data else { return };
    let status = [200, 200, 200, 400, 401, 403, 429, 500, 502, 503][usize::from(*status) % 10];
    let (body, sent) = (body.to_vec(), body.to_vec());
    answers(move |_, _| (status, sent.clone()));
    let text = String::from_utf8_lossy(&body).into_owned();
    // An optional member may hold anything, even what no JSON library can read.
    let said: Option<Value> = serde_json::from_str(&text).ok();
    let names = |id: &str| match &said {
        Some(said) => status == 200 && format!("{}", said["id"]) == id,
        None => status == 200 && text.contains(id),
    };
    let secrets = KakaoCredentials::read(r#"{"KAKAO_CLIENT_SECRET":"s","KAKAO_ADMIN_KEY":"a"}"#).expect("secrets");
    in_world(async |kakao, now| match what % 3 {
        0 => {
            if let Ok(holder) = kakao.user_of_access_token(&"t".into(), now).await {
                assert!(names(&holder.user.id.to_string()), "{status} {text}: {}", holder.user.id);
                assert!(said.as_ref().is_none_or(|said| said["app_id"] == APP), "a token of another app");
            }
        }
        1 => {
            let grant = AuthorizationCode {
                code: "c".into(),
                redirect_uri: "https://a.example/".to_owned(),
                code_verifier: None,
                nonce: None,
            };
            if kakao.exchange(&grant, &secrets, now).await.is_ok() {
                assert!(status == 200 && said.as_ref().is_none_or(|said| said["access_token"].is_string()));
            }
        }
        _ => {
            let id = "7".parse().expect("an id");
            if let Ok(Some(user)) = kakao.user_by_id(id, &secrets, now).await {
                assert!(names(&user.id.to_string()), "{status} {text}: {}", user.id);
            }
        }
    });
}

static SIGNER: LazyLock<RsaKeyPair> = LazyLock::new(|| RsaKeyPair::from_pkcs8(KEY).expect("a key"));

fn keys() -> Vec<u8> {
    let public = SIGNER.public_key();
    // A DER sequence of two integers, the modulus first.
    let modulus = &public.as_ref()[public.as_ref().len() - 5 - 256..public.as_ref().len() - 5];
    let key = json!({"kid": "k", "kty": "RSA", "alg": "RS256", "use": "sig", "n": BASE64_URL_SAFE_NO_PAD.encode(modulus), "e": "AQAB"});
    json!({"keys": [key]}).to_string().into_bytes()
}

/// After the first byte follows a token, or its header and claims, which are then signed with Kakao's key. Returns the token, and the
/// claims if it was signed and they are JSON.
fn token(data: &[u8], header: &str) -> Option<(SecretString, bool, Option<Value>)> {
    let [mode, rest @ ..] = data else { return None };
    let text = str::from_utf8(rest).ok()?;
    if mode % 2 == 0 {
        return Some((SecretString::from(text), false, None));
    }
    let (header, claims) = text.split_once('\n').unwrap_or((header, text));
    let signed = [header, claims].map(|part| BASE64_URL_SAFE_NO_PAD.encode(part)).join(".");
    let mut signature = vec![0; SIGNER.public().modulus_len()];
    SIGNER.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature).expect("it signs");
    let token = format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature));
    Some((SecretString::from(token), true, serde_json::from_str(claims).ok()))
}

/// A time as a claim has it, which may have fractions.
fn seconds(at: i64) -> f64 {
    i32::try_from(at).map(f64::from).expect("a time before 2038")
}

/// No ID token identifies a user whom Kakao did not sign for.
pub fn id_token(data: &[u8]) {
    let Some((token, is_signed, claims)) = token(data, r#"{"alg":"RS256","kid":"k","typ":"JWT"}"#) else { return };
    answers(|_, _| (200, keys()));
    in_world(async |kakao, _| {
        let now = Timestamp::from_unix_seconds(NOW);
        if let Ok(identity) = kakao.identity_of_id_token(&token, "n", now).await {
            assert!(is_signed, "accepted although it was not signed");
            // An optional claim may hold what no JSON library can read.
            let Some(claims) = claims else { return };
            assert_eq!(claims["sub"].as_str(), Some(identity.user.id.to_string().as_str()));
            assert_eq!((&claims["iss"], &claims["nonce"]), (&json!("https://kauth.kakao.com"), &json!("n")));
            assert_eq!(claims["aud"], "k", "for another app");
            let since =
                |claim: &str, age: i64| claims[claim].as_f64().is_some_and(|at| at.trunc() > seconds(NOW - age));
            assert!(since("exp", 120) && since("iat", 720), "too old: {claims}");
        }
    });
}

/// No security event is accepted that Kakao did not sign for this app and one person.
pub fn security_event(data: &[u8]) {
    let Some((token, is_signed, claims)) = token(data, r#"{"alg":"RS256","kid":"k","typ":"secevent+jwt"}"#) else {
        return;
    };
    answers(|_, _| (200, keys()));
    in_world(async |kakao, _| {
        let now = Timestamp::from_unix_seconds(NOW);
        if let Ok(accepted) = kakao.security_event(&token, now).await {
            assert!(is_signed, "accepted although it was not signed");
            assert!(!accepted.events.is_empty() && (1..=128).contains(&accepted.jti.len()));
            let Some(claims) = claims else { return };
            let is_ours = |aud: &Value| aud == "k";
            assert!(is_ours(&claims["aud"]) || claims["aud"].as_array().is_some_and(|all| all.iter().any(is_ours)));
            assert_eq!((&claims["iss"], &claims["jti"]), (&json!("https://kauth.kakao.com"), &json!(accepted.jti)));
            let issued_at = claims["iat"].as_f64().expect("a time").trunc();
            assert!((seconds(NOW - 864_000)..=seconds(NOW + 60)).contains(&issued_at), "{issued_at}");
            let person = json!(accepted.kakao_id.to_string());
            let events = claims["events"].as_object().expect("events");
            let subjects = events.values().map(|event| &event["subject"]["sub"]).chain([&claims["sub"]]);
            assert!(subjects.filter(|sub| !sub.is_null()).all(|sub| *sub == person), "about somebody else");
            assert_eq!(events.len(), accepted.events.len());
        }
    });
}
