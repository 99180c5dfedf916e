//! The roles of the template, as the local stack enforces them.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use aws_sdk_dynamodb::{
    error::{ProvideErrorMetadata, SdkError},
    types::{AttributeValue, KeysAndAttributes, Put, TransactWriteItem},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use finish_deletions::Event as Work;
use kakao_login::KakaoLogin;
use local::{
    assemble::TEMPLATE,
    iam::{ADMINISTRATOR, Use, access_key},
    streams::Step,
    table,
};
use reqwest::Method;
use rotate_keys::document::Reason;
use serde_json::{Value, json};
use shared::{
    account::SecurityEvent,
    clock::SystemClock,
    config::Config,
    function::Function,
    id::UserId,
    keys::Document,
    session::{KEPT_SESSIONS, LINK_PACE},
    store::{ImportedUser, Store, StoreError},
};
use tests::{
    Chain, REDIRECT_URI, Settings, Stack, chain,
    client::{Response, cookie_pair},
    fault_proxy::Fault,
};

const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

/// A login by code, as a double tap sends it: twice.
async fn log_in_twice_by_code(stack: &Stack) -> [Response; 2] {
    let user = stack.kakao.new_user().await;
    let challenge = json!({"code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"});
    let code = stack.kakao.code_with(&user, &challenge).await;
    let body = json!({"code": code, "redirect_uri": REDIRECT_URI, "code_verifier": VERIFIER});
    [stack.login(&body).await, stack.login(&body).await]
}

/// Ends a session other than that of this access token.
async fn end_a_session(stack: &Stack, access: &str) {
    let list = stack.sessions(access).await.body;
    let other = list["sessions"].as_array().unwrap().iter().find(|session| session["current"] == false).unwrap();
    assert_eq!(stack.end_session(access, other["id"].as_str().unwrap()).await.status, 204);
}

/// Makes the functions use every AWS action that they ever use.
async fn use_everything(stack: &Stack) {
    let config = Config::from_pairs(stack.environment("kakao-login"));
    KakaoLogin::from_config(&config, Arc::new(SystemClock)).unwrap().warm_up().await;
    let [first, second] = log_in_twice_by_code(stack).await;
    assert_eq!([first.status, second.status], [200, 200], "{} {}", first.body, second.body);
    // The browser has a session, which ends.
    let user = stack.kakao.new_user().await;
    stack.log_in_as(&user).await;
    let token = stack.kakao.token(&user).await;
    let again = stack.request(Method::POST, "/auth/kakao").header("cookie", cookie_pair(&first.token()));
    let logged_in = stack.send(again.json(&json!({"access_token": token}))).await;
    let spent = logged_in.token();
    stack.advance(Duration::from_secs(30));
    let refreshed = stack.refresh_with_user(&spent).await;
    assert_eq!(stack.profile(refreshed.access()).await.status, 200);
    let by_cookie = stack.request(Method::GET, "/auth/session").header("cookie", cookie_pair(&refreshed.token()));
    assert_eq!(stack.send(by_cookie).await.status, 200);
    assert_eq!(stack.verify(refreshed.access()).await.status, 200);
    let changed = stack.change_profile(refreshed.access(), &json!({"username": "x"})).await;
    assert_eq!(changed.status, 200, "{}", changed.body);
    end_a_session(stack, refreshed.access()).await;
    stack.jwks().await;
    stack.advance(Duration::from_secs(30));
    assert_eq!(stack.refresh(&spent).await.status, 401, "a reuse");
    let user = stack.kakao.new_user().await;
    let (here, everywhere) = (stack.log_in_as(&user).await.token(), stack.log_in_as(&user).await.token());
    assert_eq!(stack.logout(&here).await.status, 200);
    assert_eq!(stack.logout_everywhere(&everywhere).await.status, 200);
    let [unlink, event] =
        [stack.kakao.unlink_at_kakao(&user).await, stack.kakao.send_event(&user, "sessions-revoked").await];
    assert_eq!((&unlink["attempts"][0]["status"], &event["attempts"][0]["status"]), (&json!(200), &json!(202)));
    let user = stack.kakao.new_user().await;
    for _ in 0..KEPT_SESSIONS {
        stack.log_in_as(&user).await;
    }
    let leaving = stack.log_in_at_kakao(&stack.kakao.new_user().await).await;
    assert_eq!(stack.export(leaving.access()).await.status, 200);
    assert_eq!(stack.delete_account(leaving.access()).await.status, 202);
    for reason in [Reason::Schedule, Reason::SigningKeys] {
        stack.rotate(reason).await;
    }
    // By an operator, so that no role of a function allows what only an import needs.
    stack.import(900, &[(17, 3_100_000_017.try_into().unwrap())]).await;
    use_links(stack).await;
    finish_everything(stack).await;
    send_recorded_events(stack).await;
    publish_everything(stack).await;
}

/// All changes of users so far, after some time in which `EventBridge` refuses them.
async fn publish_everything(stack: &Stack) {
    stack.event_bus_proxy().fail(Fault::Down);
    assert_eq!(stack.publish_user_events().await, Step::Unfinished);
    stack.advance(Duration::from_hours(22));
    assert_eq!(stack.publish_user_events().await, Step::GivenUp);
    stack.event_bus_proxy().heal();
    stack.log_in().await;
    while stack.publish_user_events().await != Step::Idle {}
    assert!(!stack.user_events().is_empty());
}

/// Linked sessions: each way to renew one, a fork, and a logout everywhere.
async fn use_links(stack: &Stack) {
    let user = stack.kakao.new_user().await;
    let first = chain::link();
    let login = stack.login(&json!({"access_token": stack.kakao.token(&user).await, "link": first})).await;
    let mut chain = Chain::begun(&login);
    let response_lost = Chain { prev: None, next: first, ..chain.clone() };
    assert_eq!(response_lost.ask(stack).await.status, 200);
    let copy = Chain { next: chain::link(), ..chain.clone() };
    stack.advance(LINK_PACE);
    assert_eq!(chain.renew(stack).await.status, 200);
    assert_eq!(copy.ask(stack).await.status, 401, "a fork");
    stack.log_in_linked_as(&user).await;
    let everywhere = stack.log_in_linked_as(&user).await;
    let body = json!({"link": everywhere.links()});
    assert_eq!(stack.send(everywhere.request(stack, "/auth/logout?scope=all", &body)).await.status, 200);
}

/// A deletion to its last sweep, Kakao's events, and a webhook about somebody who is not linked.
async fn finish_everything(stack: &Stack) {
    let store = stack.store();
    // The last one has been imported.
    for (kakao, is_linked) in [(3_100_000_001_i64, true), (3_100_000_002, false), (3_100_000_017, true)] {
        stack.log_in_as(&stack.kakao.user(&json!({"id": kakao})).await).await;
        let kakao = kakao.try_into().unwrap();
        if !is_linked {
            stack.unlink_silently(kakao).await;
        }
        let events = ["x/identifier-changed", "x/sessions-revoked"];
        let events = events.map(|uri| SecurityEvent { uri: uri.to_owned(), scopes: Vec::new() });
        store.put_events(&format!("jti-{kakao}"), kakao, &events, stack.now()).await.unwrap();
        stack.finish_deletions().await.unwrap();
        stack.finish_with(Work::Inquire { kakao_ids: vec![kakao] }).await.unwrap();
    }
    for wait in [0, 60, 3_600] {
        stack.advance(Duration::from_secs(wait));
        stack.finish_deletions().await.unwrap();
    }
}

/// Sends each function its recorded event, so that a function which only reads keys needs no line above.
async fn send_recorded_events(stack: &Stack) {
    let with_routes = stack.template().functions.iter().filter(|(_, declared)| !declared.routes.is_empty());
    for function in with_routes.map(|(function, _)| function) {
        let file = format!("{}/../events/{function}.json", env!("CARGO_MANIFEST_DIR"));
        let event: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
        let method: Method = event["requestContext"]["http"]["method"].as_str().unwrap().parse().unwrap();
        let mut request = stack.request(method, event["rawPath"].as_str().unwrap());
        for name in ["authorization", "content-type"] {
            if let Some(value) = event["headers"][name].as_str() {
                request = request.header(name, value);
            }
        }
        let body = event["body"].as_str().unwrap_or_default();
        let is_binary = event["isBase64Encoded"] == true;
        let body = if is_binary { BASE64_STANDARD.decode(body).unwrap() } else { body.as_bytes().to_vec() };
        let response = stack.ask(request.body(body)).await.unwrap();
        assert!(response.status.as_u16() < 500, "{function}: {} {}", response.status, response.body);
    }
}

/// Holds the partitions that the functions have used to a file, with which `iam.py` compares the roles on AWS.
fn assert_recorded(stack: &Stack, file: &str, recorded: &str) {
    let mut used: BTreeMap<String, BTreeMap<String, BTreeMap<String, BTreeSet<String>>>> = BTreeMap::new();
    for ((key, action, resource), partitions) in stack.uses() {
        let function = key.strip_prefix("local-").unwrap().to_owned();
        // A table of this test, by its name in the template.
        let (table, rest) = resource.split_once('/').map_or((resource.as_str(), ""), |(table, _)| (table, "/stream"));
        let resource = format!("{}{rest}", table.split('-').next().unwrap_or_default());
        let actions = used.entry(function).or_default().entry(resource).or_default();
        // The kind of partition, of whichever user, person or token.
        let kinds = partitions.iter().map(|key| key.split_inclusive('#').next().unwrap_or_default().to_owned());
        actions.entry(action).or_default().extend(kinds);
    }
    let used = serde_json::to_string_pretty(&used).unwrap() + "\n";
    if used != recorded {
        let folder = format!("{}/../target/uses", env!("CARGO_MANIFEST_DIR"));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(format!("{folder}/{file}"), used).unwrap();
        panic!("the functions use other partitions. If that is right: cp target/uses/{file} tests/contract/uses/");
    }
}

#[tokio::test]
async fn each_role_allows_what_its_function_does_and_nothing_else() {
    let stack = Stack::with_setting("USER_EVENTS", "on").await;
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
    assert_eq!(stack.uses().into_keys().collect::<BTreeSet<_>>(), allowed);
    assert_recorded(&stack, "user-events.json", include_str!("uses/user-events.json"));
}

/// What every way to exchange and to spend a token from Django needs.
async fn use_django(stack: &Stack) {
    let tokens = [stack.import_one(17, 1_700_000_001).await, stack.django_token(17), stack.django_token(17)];
    let credential = json!({"access_token": stack.kakao.token(&stack.kakao.new_user().await).await});
    for (path, token, body) in [
        ("/auth/refresh", &tokens[0], json!({})),
        ("/auth/refresh", &tokens[0], json!({})),
        ("/auth/logout", &tokens[1], json!({})),
        ("/auth/kakao", &tokens[2], credential),
        ("/auth/logout?scope=all", &stack.django_token(17), json!({})),
    ] {
        let response = stack.send(stack.with_django_cookie(path, token).json(&body)).await;
        assert_eq!(response.status, 200, "{path}: {}", response.body);
    }
}

/// Function, action, table, and the keys that the action is limited to.
fn allowed(stack: &Stack) -> BTreeSet<(String, String, String, String)> {
    let functions = stack.template().functions.iter();
    let statements = functions.flat_map(|(name, function)| function.policies.iter().map(move |one| (name, one)));
    let allowed = statements.flat_map(|(name, one)| {
        let tables = one.resources.iter().map(|table| table.split('-').next().unwrap_or_default().to_owned());
        let limits = format!("{:?}", one.conditions);
        tables.flat_map(move |table| {
            let limits = limits.clone();
            one.actions.iter().map(move |action| (name.clone(), action.clone(), table.clone(), limits.clone()))
        })
    });
    allowed.collect()
}

#[tokio::test]
async fn while_tokens_from_django_are_exchanged_three_roles_allow_what_that_needs_and_only_then() {
    let (off, on) = (Stack::start().await, Stack::from_django().await);
    use_django(&on).await;
    let more: BTreeSet<_> = allowed(&on).difference(&allowed(&off)).cloned().collect();
    assert!(allowed(&off).is_subset(&allowed(&on)));
    let functions: BTreeSet<&str> = more.iter().map(|(function, ..)| function.as_str()).collect();
    assert_eq!(functions.into_iter().collect::<Vec<_>>(), ["kakao-login", "logout", "refresh"]);
    let uses = on.uses();
    for (function, action, table, limits) in &more {
        let is_used = uses.keys().any(|(key, used, on)| {
            *key == access_key(function) && used == action && on.split('-').next() == Some(table.as_str())
        });
        assert!(is_used, "{function} {action} {table} {limits}");
    }
    assert_recorded(&on, "from-django.json", include_str!("uses/from-django.json"));
    let client = table::client_as(&access_key("refresh"), on.keys_proxy.url());
    let get = client.get_item().table_name(&on.template().keys.name).set_key(Some(Document::Django.key()));
    assert_eq!(code(get.send().await), "", "refresh reads Django's key, and without the setting it may not");
}

/// A stack with the project's template, with `from` replaced by `to`.
async fn stack_with(from: &str, to: &str) -> Stack {
    assert!(TEMPLATE.contains(from), "{from}");
    let template = Some(TEMPLATE.replacen(from, to, 1));
    Stack::with(Settings { template, ..Settings::default() }).await
}

/// A retried login by code failed on AWS, where kakao-login had no permission for `BatchGetItem`.
#[tokio::test]
async fn an_action_missing_from_the_template_fails_locally_too() {
    let stack = stack_with("                - dynamodb:BatchGetItem\n", "").await;
    let [first, second] = log_in_twice_by_code(&stack).await;
    assert_eq!((first.status.as_u16(), second.status.as_u16()), (200, 503), "{}", second.body);

    let stack = stack_with("[dynamodb:DeleteItem, dynamodb:Query]", "dynamodb:DeleteItem").await;
    assert_eq!(stack.logout_everywhere(&stack.log_in().await.token()).await.status, 503);

    // Of `refresh`: what follows its actions, up to its keys.
    let at = TEMPLATE.find("[dynamodb:GetItem, dynamodb:UpdateItem, dynamodb:DeleteItem]").unwrap();
    let its_keys = TEMPLATE[at..].split_inclusive("\"USER#*\"").next().unwrap();
    let other_keys = its_keys.replace("USER#*", "KAKAO#*");
    let stack = stack_with(its_keys, &other_keys).await;
    assert_eq!(stack.refresh(&stack.log_in().await.token()).await.status, 503, "another partition");
}

pub(crate) fn code<T, E: ProvideErrorMetadata, R>(result: Result<T, SdkError<E, R>>) -> String {
    match result {
        Ok(_) => String::new(),
        Err(error) => error.as_service_error().and_then(|error| error.code()).unwrap_or("no response").to_owned(),
    }
}

#[tokio::test]
async fn a_function_is_denied_actions_that_its_role_lacks() {
    const DENIED: &str = "AccessDeniedException";
    let stack = Stack::start().await;
    let logged_in = stack.log_in().await;
    let user = format!("USER#{}", logged_in.body["user"]["pk"].as_str().unwrap());
    let table = &stack.template().table.name;
    let key = |pk: &str| {
        [("pk", pk), ("sk", "PROFILE")].map(|(name, value)| (name.to_owned(), AttributeValue::S(value.to_owned())))
    };

    for (function, own_partition, other_partition) in [
        ("kakao-login", "", ""),
        ("refresh", "", DENIED),
        ("logout", DENIED, DENIED),
        ("profile", DENIED, DENIED),
        ("sessions", DENIED, DENIED),
    ] {
        let client = table::client_as(&access_key(function), stack.table_proxy.url());
        for (pk, expected) in [(user.as_str(), own_partition), ("KAKAO#1", other_partition)] {
            let get = client.get_item().table_name(table).set_key(Some(key(pk).into())).send().await;
            assert_eq!(code(get), expected, "{function} GetItem {pk}");
        }
        assert_eq!(code(client.scan().table_name(table).send().await), DENIED, "{function} Scan");
        assert_eq!(code(client.delete_table().table_name(table).send().await), DENIED, "{function} DeleteTable");
        let get = client.get_item().table_name("Another").set_key(Some(key(&user).into())).send().await;
        assert_eq!(code(get), DENIED, "{function} in another table");
    }
    let login = table::client_as(&access_key("kakao-login"), stack.table_proxy.url());
    for (pk, expected) in [(user.as_str(), ""), ("KAKAO#1", DENIED)] {
        let query = login.query().table_name(table).key_condition_expression("pk = :pk");
        let query = query.expression_attribute_values(":pk", AttributeValue::S(pk.to_owned()));
        assert_eq!(code(query.send().await), expected, "kakao-login Query {pk}");
    }
    let profile = table::client_as(&access_key("profile"), stack.table_proxy.url());
    for (pks, expected) in [(vec![user.as_str()], ""), (vec![user.as_str(), "KAKAO#1"], DENIED)] {
        let keys = pks.iter().fold(KeysAndAttributes::builder(), |keys, pk| keys.keys(key(pk).into()));
        let get = profile.batch_get_item().request_items(table, keys.build().unwrap()).send().await;
        assert_eq!(code(get), expected, "profile {pks:?}");
    }

    // Each function reads its own documents of keys, and none writes them but rotate-keys.
    let keys = &stack.template().keys.name;
    let all = [Document::Issuing, Document::Verifying, Document::Logout, Document::Kakao, Document::Django];
    for (function, readable) in [
        ("kakao-login", vec![Document::Issuing, Document::Kakao]),
        ("refresh", vec![Document::Issuing]),
        ("logout", vec![Document::Logout]),
        ("profile", vec![Document::Verifying, Document::Logout]),
        ("sessions", vec![Document::Verifying]),
        ("account", vec![Document::Verifying]),
        ("verify", vec![Document::Verifying]),
        ("jwks", vec![Document::Verifying]),
        ("kakao-events", vec![]),
        ("finish-deletions", vec![Document::Kakao]),
        ("rotate-keys", all.to_vec()),
    ] {
        let client = table::client_as(&access_key(function), stack.keys_proxy.url());
        for document in all {
            let get = client.get_item().table_name(keys).set_key(Some(document.key())).send().await;
            let expected = if readable.contains(&document) { "" } else { DENIED };
            assert_eq!(code(get), expected, "{function} {document:?}");
        }
        assert_eq!(code(client.scan().table_name(keys).send().await), DENIED, "{function} Scan");
        if function != "rotate-keys" {
            let put = client.put_item().table_name(keys).set_item(Some(Document::Kakao.key())).send().await;
            assert_eq!(code(put), DENIED, "{function} PutItem");
        }
    }
}

/// kakao-login creates users itself, so its role would allow it.
#[tokio::test]
async fn no_other_function_than_kakao_login_can_import_users() {
    let stack = Stack::start().await;
    let counter = stack.operators_store().reserve_numbers(900).await.unwrap();
    let user = ImportedUser {
        id: UserId::from_number(17).unwrap(),
        kakao: 3_100_000_017.try_into().unwrap(),
        username: None,
        first_name: None,
        last_name: None,
        email: None,
        nickname: None,
        profile_image: None,
        created_at: stack.now(),
        last_login_at: None,
    };
    let table = &stack.template().table.name;
    for function in stack.template().functions.keys().filter(|function| *function != "kakao-login") {
        let client = table::client_as(&access_key(function), stack.table_proxy.url());
        let store = Store::new(client, table.clone());
        let imported = store.import_users(std::slice::from_ref(&user), counter, stack.now()).await;
        assert!(matches!(imported, Err(StoreError::Refused { .. })), "{function}: {imported:?}");
        let reserved = store.reserve_numbers(1_000).await;
        assert!(matches!(reserved, Err(StoreError::Refused { .. })), "{function}: {reserved:?}");
    }
}

/// An administrator of the account may do everything else.
#[tokio::test]
async fn only_the_functions_read_or_write_keys() {
    const DENIED: &str = "AccessDeniedException";
    let stack = Stack::start().await;
    let client = table::client_as(ADMINISTRATOR, stack.keys_proxy.url());
    let (keys, key) = (&stack.template().keys.name, Document::Issuing.key());
    let put = Put::builder().table_name(keys).set_item(Some(key.clone())).build().unwrap();
    let item = TransactWriteItem::builder().put(put).build();
    let batch = KeysAndAttributes::builder().keys(key.clone()).build().unwrap();
    for (what, code) in [
        ("GetItem", code(client.get_item().table_name(keys).set_key(Some(key.clone())).send().await)),
        ("BatchGetItem", code(client.batch_get_item().request_items(keys, batch).send().await)),
        ("Scan", code(client.scan().table_name(keys).send().await)),
        ("PutItem", code(client.put_item().table_name(keys).set_item(Some(key.clone())).send().await)),
        ("DeleteItem", code(client.delete_item().table_name(keys).set_key(Some(key.clone())).send().await)),
        ("TransactWriteItems", code(client.transact_write_items().transact_items(item).send().await)),
    ] {
        assert_eq!(code, DENIED, "{what}");
    }
    assert_eq!(code(client.describe_table().table_name(keys).send().await), "", "the table can be managed");
    let table = &stack.template().table.name;
    assert_eq!(code(client.scan().table_name(table).send().await), "", "the main table is not restricted");
}

#[tokio::test]
async fn unknown_credentials_and_unsigned_requests_are_refused() {
    let stack = Stack::start().await;
    let table = &stack.template().table.name;
    for nobody in [access_key("other"), "AKIAIOSFODNN7EXAMPLE".to_owned(), "locals".to_owned()] {
        let scan = table::client_as(&nobody, stack.table_proxy.url()).scan().table_name(table).send().await;
        assert_eq!(code(scan), "UnrecognizedClientException", "{nobody}");
    }
    for target in ["DynamoDB_20120810.Scan", "DynamoDB_20120810.GetItem"] {
        let url = stack.table_proxy.url();
        let request = local::client::http_client().post(url).header("x-amz-target", target).body("{}");
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 400);
        let body: Value = response.json().await.unwrap();
        assert_eq!(body["__type"], "com.amazon.coral.service#MissingAuthenticationTokenException", "{target}");
    }
}
