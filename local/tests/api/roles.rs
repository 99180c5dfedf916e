//! The roles of the template, as the local stack enforces them.

use std::{collections::BTreeSet, time::Duration};

use aws_sdk_dynamodb::{
    error::{ProvideErrorMetadata, SdkError},
    types::{AttributeValue, KeysAndAttributes},
};
use local::{
    REDIRECT_URI, Settings, Stack,
    client::{Answer, cookie_pair},
    cloud::TEMPLATE,
    iam::{Use, access_key},
    secrets, table,
};
use reqwest::Method;
use rotate_keys::document::Reason;
use serde_json::{Value, json};

const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

/// A login by code, as a double tap sends it: twice.
async fn log_in_twice_by_code(stack: &Stack) -> [Answer; 2] {
    let user = stack.kakao.new_user().await;
    let challenge = json!({"code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"});
    let code = stack.kakao.code_with(&user, &challenge).await;
    let body = json!({"code": code, "redirect_uri": REDIRECT_URI, "code_verifier": VERIFIER});
    [stack.login(&body).await, stack.login(&body).await]
}

/// Everything that the functions ever ask AWS for.
async fn use_everything(stack: &Stack) {
    let [first, second] = log_in_twice_by_code(stack).await;
    assert_eq!([first.status, second.status], [200, 200], "{} {}", first.body, second.body);
    // The browser comes with a session, which ends.
    let token = stack.kakao.token(&stack.kakao.new_user().await).await;
    let again = stack.request(Method::POST, "/auth/kakao").header("cookie", cookie_pair(&first.token()));
    let signed_in = stack.send(again.json(&json!({"access_token": token}))).await;
    let spent = signed_in.token();
    stack.advance(Duration::from_secs(30));
    let refreshed = stack.refresh_with_user(&spent).await;
    assert_eq!(stack.profile(refreshed.access()).await.status, 200);
    assert_eq!(stack.verify(refreshed.access()).await.status, 200);
    stack.jwks().await;
    stack.advance(Duration::from_secs(30));
    assert_eq!(stack.refresh(&spent).await.status, 401, "a reuse");
    let user = stack.kakao.new_user().await;
    let (here, everywhere) = (stack.sign_in_as(&user).await.token(), stack.sign_in_as(&user).await.token());
    assert_eq!(stack.logout(&here).await.status, 200);
    assert_eq!(stack.logout_everywhere(&everywhere).await.status, 200);
    for reason in [Reason::Schedule, Reason::SigningKeys] {
        stack.rotate(reason).await;
    }
}

#[tokio::test]
async fn each_role_allows_what_its_function_does_and_nothing_else() {
    let stack = Stack::start().await;
    use_everything(&stack).await;
    let mut allowed = BTreeSet::<Use>::new();
    for (function, declared) in &stack.template().functions {
        for statement in &declared.policies {
            for action in &statement.actions {
                let uses = statement.resources.iter().map(|name| (access_key(function), action.clone(), name.clone()));
                allowed.extend(uses);
            }
        }
    }
    assert_eq!(stack.uses(), allowed);
}

/// The project's template, in which `from` has become `to`.
async fn stack_with(from: &str, to: &str) -> Stack {
    assert!(TEMPLATE.contains(from), "{from}");
    let template = Some(TEMPLATE.replacen(from, to, 1));
    Stack::with(Settings { template, ..Settings::default() }).await
}

/// What a login by code that came twice met on AWS, where kakao-login had no `BatchGetItem`.
#[tokio::test]
async fn without_a_verb_in_the_template_the_request_that_needs_it_fails_here_too() {
    let stack = stack_with("                - dynamodb:BatchGetItem\n", "").await;
    let [first, second] = log_in_twice_by_code(&stack).await;
    assert_eq!((first.status.as_u16(), second.status.as_u16()), (200, 503), "{}", second.body);

    let stack = stack_with("[dynamodb:DeleteItem, dynamodb:Query]", "dynamodb:DeleteItem").await;
    assert_eq!(stack.logout_everywhere(&stack.sign_in().await.token()).await.status, 503);

    let stack = stack_with("[\"USER#*\"]", "[\"KAKAO#*\"]").await;
    assert_eq!(stack.refresh(&stack.sign_in().await.token()).await.status, 503, "another partition");
}

fn code<T, E: ProvideErrorMetadata, R>(result: Result<T, SdkError<E, R>>) -> String {
    match result {
        Ok(_) => String::new(),
        Err(error) => error.as_service_error().and_then(|error| error.code()).unwrap_or("no answer").to_owned(),
    }
}

#[tokio::test]
async fn a_functions_credentials_are_refused_what_its_role_lacks() {
    const DENIED: &str = "AccessDeniedException";
    let stack = Stack::start().await;
    let signed_in = stack.sign_in().await;
    let user = format!("USER#{}", signed_in.body["user"]["pk"].as_str().unwrap());
    let table = &stack.template().table.name;
    let key = |pk: &str| {
        [("pk", pk), ("sk", "PROFILE")].map(|(name, value)| (name.to_owned(), AttributeValue::S(value.to_owned())))
    };

    for (function, own_partition, other_partition) in
        [("kakao-login", "", ""), ("refresh", "", DENIED), ("logout", DENIED, DENIED), ("profile", DENIED, DENIED)]
    {
        let client = table::client_as(&access_key(function), stack.wire.url());
        for (pk, expected) in [(user.as_str(), own_partition), ("KAKAO#1", other_partition)] {
            let get = client.get_item().table_name(table).set_key(Some(key(pk).into())).send().await;
            assert_eq!(code(get), expected, "{function} GetItem {pk}");
        }
        assert_eq!(code(client.scan().table_name(table).send().await), DENIED, "{function} Scan");
        assert_eq!(code(client.delete_table().table_name(table).send().await), DENIED, "{function} DeleteTable");
        let get = client.get_item().table_name("Another").set_key(Some(key(&user).into())).send().await;
        assert_eq!(code(get), DENIED, "{function} in another table");
    }
    let profile = table::client_as(&access_key("profile"), stack.wire.url());
    for (pks, expected) in [(vec![user.as_str()], ""), (vec![user.as_str(), "KAKAO#1"], DENIED)] {
        let keys = pks.iter().fold(KeysAndAttributes::builder(), |keys, pk| keys.keys(key(pk).into()));
        let get = profile.batch_get_item().request_items(table, keys.build().unwrap()).send().await;
        assert_eq!(code(get), expected, "profile {pks:?}");
    }

    for (function, readable) in [
        ("kakao-login", vec!["KEY_RING_ID", "KAKAO_SECRET_ID"]),
        ("refresh", vec!["KEY_RING_ID"]),
        ("logout", vec!["LOGOUT_KEYS_ID"]),
        ("profile", vec!["VERIFICATION_KEYS_ID"]),
        ("verify", vec!["VERIFICATION_KEYS_ID"]),
        ("jwks", vec!["VERIFICATION_KEYS_ID"]),
        ("rotate-keys", vec!["KEY_RING_ID", "VERIFICATION_KEYS_ID", "LOGOUT_KEYS_ID"]),
    ] {
        let client = secrets::client_as(&access_key(function), stack.secrets_wire.url());
        for name in secrets::NAMES {
            let get = client.get_secret_value().secret_id(stack.secret_name(name)).send().await;
            let expected = if readable.contains(&name) { "" } else { DENIED };
            assert_eq!(code(get), expected, "{function} {name}");
        }
        let put = client.put_secret_value().secret_id(stack.secret_name("KAKAO_SECRET_ID")).secret_string("{}");
        assert_eq!(code(put.client_request_token(secrets::version()).send().await), DENIED, "{function}");
    }
}

#[tokio::test]
async fn credentials_of_nobody_are_refused_and_so_is_a_request_without_any() {
    let stack = Stack::start().await;
    let table = &stack.template().table.name;
    for nobody in [access_key("other"), "AKIAIOSFODNN7EXAMPLE".to_owned(), "locals".to_owned()] {
        let scan = table::client_as(&nobody, stack.wire.url()).scan().table_name(table).send().await;
        assert_eq!(code(scan), "UnrecognizedClientException", "{nobody}");
        let secret = stack.secret_name("KEY_RING_ID");
        let client = secrets::client_as(&nobody, stack.secrets_wire.url());
        assert_eq!(code(client.get_secret_value().secret_id(secret).send().await), "UnrecognizedClientException");
    }
    for (url, target) in
        [(stack.wire.url(), "DynamoDB_20120810.Scan"), (stack.secrets_wire.url(), "secretsmanager.GetSecretValue")]
    {
        let request = local::client::http_client().post(url).header("x-amz-target", target).body("{}");
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 400);
        let body: Value = answer.json().await.unwrap();
        assert_eq!(body["__type"], "com.amazon.coral.service#MissingAuthenticationTokenException", "{target}");
    }
}
