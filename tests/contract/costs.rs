//! What each call costs at DynamoDB and at Kakao, counted by proxies in front of them.

use std::time::Duration;

use serde_json::json;
use shared::{account::MarkedBy, roles::Roles};
use tests::{REDIRECT_URI, Stack, client::cookie_pair, fault_proxy::Traffic};

const WINDOW: Duration = Duration::from_secs(30);
const MINUTE: Duration = Duration::from_mins(1);

/// Operations that run at once arrive in any order.
pub(crate) fn sorted(traffic: &Traffic, from: usize) -> Vec<&str> {
    let (in_order, at_once) = traffic.operations.split_at(from);
    let mut at_once: Vec<&str> = at_once.iter().map(String::as_str).collect();
    at_once.sort_unstable();
    in_order.iter().map(String::as_str).chain(at_once).collect()
}

pub(crate) fn units(traffic: &Traffic) -> (f64, f64) {
    (traffic.write_units, traffic.read_units)
}

#[tokio::test]
async fn a_first_login_costs_three_writes_and_a_read() {
    let stack = Stack::start().await;
    let token = stack.kakao.token(&stack.kakao.new_user().await).await;
    let before = stack.kakao.calls().await;
    stack.login(&json!({"access_token": token})).await;
    let traffic = stack.table_proxy.take_traffic();
    assert_eq!(sorted(&traffic, 2), ["GetItem", "UpdateItem", "PutItem", "UpdateItem"]);
    assert_eq!(units(&traffic), (3.0, 1.0));
    assert_eq!(stack.kakao.calls().await - before, 2, "access_token_info and user/me");
}

#[tokio::test]
async fn a_first_login_with_numbers_costs_one_write_more_and_that_of_a_known_or_an_imported_user_none() {
    let stack = Stack::with_setting("USER_IDS", "numbers").await;
    let imported = stack.kakao.user(&json!({"id": 3_100_000_001_i64})).await;
    stack.import(900, &[(17, 3_100_000_001.try_into().unwrap())]).await;
    let user = stack.kakao.new_user().await;
    let known = (vec!["GetItem", "PutItem", "UpdateItem"], (2.0, 1.0));
    for (user, in_order, expected) in [
        (&user, 3, (vec!["GetItem", "UpdateItem", "UpdateItem", "PutItem", "UpdateItem"], (4.0, 1.0))),
        (&user, 1, known.clone()),
        (&imported, 1, known),
    ] {
        stack.advance(MINUTE);
        let _ = stack.table_proxy.take_traffic();
        stack.log_in_as(user).await;
        let traffic = stack.table_proxy.take_traffic();
        assert_eq!((sorted(&traffic, in_order), units(&traffic)), expected);
    }
}

#[tokio::test]
async fn an_import_costs_six_writes_for_each_user_in_one_request_for_thirty_three() {
    let stack = Stack::start().await;
    let users: Vec<_> = (1..=33).map(|number| (number, i64::try_from(number).unwrap().try_into().unwrap())).collect();
    let _ = stack.table_proxy.take_traffic();
    stack.import(33, &users).await;
    let traffic = stack.table_proxy.take_traffic();
    assert_eq!(sorted(&traffic, 3), ["GetItem", "UpdateItem", "TransactWriteItems"]);
    assert_eq!(units(&traffic), (1.0 + 33.0 * 6.0, 1.0), "DynamoDB bills a transaction twice");
    stack.import(33, &users).await;
    let again = stack.table_proxy.take_traffic();
    assert_eq!(sorted(&again, 3), ["GetItem", "TransactWriteItems", "BatchGetItem"]);
}

#[tokio::test]
async fn starting_the_login_function_calls_neither_dynamodb_nor_kakao() {
    let stack = Stack::start().await;
    let start = async |cookie: &str| {
        let _ = (stack.table_proxy.take_traffic(), stack.keys_proxy.take_traffic());
        let before = stack.kakao.calls().await;
        let request = stack.request(reqwest::Method::GET, "/auth/kakao").header("cookie", cookie_pair(cookie));
        assert_eq!(stack.ask(request).await.unwrap().status, 204);
        assert_eq!(stack.table_proxy.take_traffic(), Traffic::default());
        assert_eq!(stack.keys_proxy.take_traffic(), Traffic::default());
        assert_eq!(stack.kakao.calls().await, before);
    };
    // First where no key has been read yet, then where there is a session that could be looked up.
    start("x").await;
    start(&stack.log_in().await.token()).await;
}

#[tokio::test]
async fn a_known_users_login_costs_two_writes_and_a_read() {
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    stack.log_in_as(&user).await;
    stack.advance(MINUTE);
    let _ = stack.table_proxy.take_traffic();
    stack.log_in_as(&user).await;
    let traffic = stack.table_proxy.take_traffic();
    assert_eq!(sorted(&traffic, 1), ["GetItem", "PutItem", "UpdateItem"]);
    assert_eq!(units(&traffic), (2.0, 1.0));
    stack.log_in_as(&user).await;
    let again = stack.table_proxy.take_traffic();
    assert_eq!(sorted(&again, 1), ["GetItem", "PutItem", "UpdateItem", "UpdateItem"], "in the same minute");
}

#[tokio::test]
async fn every_twentieth_login_costs_a_query_more_and_a_write_for_each_session_that_it_ends() {
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    for login in 1..=60 {
        stack.advance(MINUTE);
        let _ = stack.table_proxy.take_traffic();
        stack.log_in_as(&user).await;
        let operations = stack.table_proxy.take_traffic().operations;
        let mut expected = vec![];
        if login % 20 == 0 {
            expected.push("Query");
            expected.extend(vec!["DeleteItem"; if login == 20 { 0 } else { 20 }]);
        }
        let of_a_login = if login == 1 { 4 } else { 3 };
        assert_eq!(operations[of_a_login..], expected, "login {login}: {operations:?}");
    }
}

#[tokio::test]
async fn a_refresh_costs_one_request_in_every_case_but_reuse() {
    let stack = Stack::start().await;
    let first = stack.log_in().await.token();
    let cost = async |token: &str| {
        let _ = stack.table_proxy.take_traffic();
        let response = stack.refresh(token).await;
        (response, stack.table_proxy.take_traffic())
    };
    let (_, current) = cost(&first).await;
    assert_eq!(current.operations, ["UpdateItem"], "current, inside the window");
    stack.advance(WINDOW);
    let (rotated, rotation) = cost(&first).await;
    assert_eq!((rotation.operations.clone(), units(&rotation)), (vec!["UpdateItem".to_owned()], (1.0, 0.0)));
    let (_, repeat) = cost(&first).await;
    assert_eq!(repeat.operations, ["UpdateItem"], "parent, inside the window");
    stack.advance(WINDOW);
    let (_, reuse) = cost(&first).await;
    assert_eq!(reuse.operations, ["UpdateItem", "DeleteItem"], "reuse");
    let (_, gone) = cost(&rotated.token()).await;
    assert_eq!(gone.operations, ["UpdateItem"], "no session");
}

/// Of a browser with the longest `User-Agent` that is kept.
#[tokio::test]
async fn roles_cost_a_refresh_no_request_and_up_to_a_hundred_bytes_no_unit_either() {
    let stack = Stack::start().await;
    let token = stack.kakao.token(&stack.kakao.user(&json!({"id": 3_100_000_001_i64})).await).await;
    let login = stack.request(reqwest::Method::POST, "/auth/kakao").header("user-agent", "b".repeat(256));
    let login = stack.send(login.json(&json!({"access_token": token}))).await;
    let user = login.body["user"]["pk"].as_str().unwrap().parse().unwrap();
    let mut token = login.token();
    for (names, bytes, expected) in [(3, 100, 1.0), (15, 1_006, 2.0)] {
        let length = if names == 3 { 30 } else { 64 };
        let roles = Roles::new((0..names).map(|at| format!("{}{at:02}", "a".repeat(length - 2)))).unwrap();
        assert_eq!(roles.to_stored().unwrap().len(), bytes);
        stack.operators_store().set_roles(user, 3_100_000_001.try_into().unwrap(), &roles, stack.now()).await.unwrap();
        stack.advance(WINDOW);
        let _ = stack.table_proxy.take_traffic();
        let refreshed = stack.refresh(&token).await;
        let traffic = stack.table_proxy.take_traffic();
        assert_eq!((sorted(&traffic, 1), units(&traffic)), (vec!["UpdateItem"], (expected, 0.0)), "{bytes} bytes");
        token = refreshed.token();
    }
}

#[tokio::test]
async fn a_refresh_with_the_user_costs_half_a_read_more() {
    let stack = Stack::start().await;
    let token = stack.log_in().await.token();
    stack.advance(WINDOW);
    let _ = stack.table_proxy.take_traffic();
    stack.refresh_with_user(&token).await;
    let traffic = stack.table_proxy.take_traffic();
    assert_eq!((sorted(&traffic, 0), units(&traffic)), (vec!["GetItem", "UpdateItem"], (1.0, 0.5)));
}

#[tokio::test]
async fn an_invalid_token_costs_nothing() {
    let stack = Stack::start().await;
    let token = stack.log_in().await.token();
    let _ = stack.table_proxy.take_traffic();
    let mut forged = token.clone();
    forged.replace_range(50..51, if &token[50..51] == "A" { "B" } else { "A" });
    for garbage in ["", "x", &forged, &"A".repeat(119), &"z".repeat(4_000)] {
        stack.refresh(garbage).await;
        stack.logout(garbage).await;
        stack.logout_everywhere(garbage).await;
        stack.logout_others(garbage).await;
        let access = if garbage.is_empty() { "-" } else { garbage };
        stack.profile(access).await;
        stack.change_profile(access, &json!({"username": "x"})).await;
        stack.sessions(access).await;
        stack.end_session(access, "x").await;
    }
    assert_eq!(stack.table_proxy.take_traffic(), Traffic::default());
}

#[tokio::test]
async fn a_session_past_its_end_costs_nothing() {
    let stack = Stack::start().await;
    let token = stack.log_in().await.token();
    stack.advance(Duration::from_hours(30 * 24));
    let _ = stack.table_proxy.take_traffic();
    stack.refresh(&token).await;
    assert_eq!(stack.table_proxy.take_traffic(), Traffic::default());
}

#[tokio::test]
async fn a_logout_costs_one_write() {
    let stack = Stack::start().await;
    let token = stack.log_in().await.token();
    let _ = stack.table_proxy.take_traffic();
    stack.logout(&token).await;
    let traffic = stack.table_proxy.take_traffic();
    assert_eq!((traffic.operations.clone(), units(&traffic)), (vec!["DeleteItem".to_owned()], (1.0, 0.0)));
}

#[tokio::test]
async fn a_logout_everywhere_costs_one_query_and_one_write_per_session() {
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    let mut last = String::new();
    for _ in 0..30 {
        stack.advance(MINUTE);
        last = stack.log_in_as(&user).await.token();
    }
    let _ = stack.table_proxy.take_traffic();
    stack.logout_everywhere(&last).await;
    let traffic = stack.table_proxy.take_traffic();
    assert_eq!(traffic.operations[0], "Query");
    assert_eq!(traffic.operations[1..], vec!["DeleteItem"; 30]);
    assert!((traffic.write_units - 30.0).abs() < f64::EPSILON, "{traffic:?}");
    assert_eq!(stack.count("SESSION#").await, 0);
}

#[tokio::test]
async fn a_profile_costs_one_request_and_one_read() {
    let stack = Stack::start().await;
    let access = stack.log_in().await.access().to_owned();
    let _ = stack.table_proxy.take_traffic();
    stack.profile(&access).await;
    let traffic = stack.table_proxy.take_traffic();
    assert_eq!((traffic.operations.clone(), units(&traffic)), (vec!["BatchGetItem".to_owned()], (0.0, 1.0)));
}

#[tokio::test]
async fn a_list_of_two_sessions_costs_one_request_and_one_read_and_ending_one_a_write_more() {
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    stack.log_in_as(&user).await;
    let access = stack.log_in_as(&user).await.access().to_owned();
    let _ = stack.table_proxy.take_traffic();
    let list = stack.sessions(&access).await.body;
    let traffic = stack.table_proxy.take_traffic();
    assert_eq!((traffic.operations.clone(), units(&traffic)), (vec!["Query".to_owned()], (0.0, 1.0)));
    let sessions = list["sessions"].as_array().unwrap();
    let other = sessions.iter().find(|session| session["current"] == false).unwrap();
    stack.end_session(&access, other["id"].as_str().unwrap()).await;
    let traffic = stack.table_proxy.take_traffic();
    assert_eq!((sorted(&traffic, 2), units(&traffic)), (vec!["Query", "DeleteItem"], (1.0, 1.0)));
}

#[tokio::test]
async fn a_logout_of_the_other_sessions_costs_one_query_and_one_write_for_each() {
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    stack.log_in_as(&user).await;
    let token = stack.log_in_as(&user).await.token();
    let _ = stack.table_proxy.take_traffic();
    stack.logout_others(&token).await;
    let traffic = stack.table_proxy.take_traffic();
    assert_eq!((sorted(&traffic, 2), units(&traffic)), (vec!["Query", "DeleteItem"], (1.0, 1.0)));
}

#[tokio::test]
async fn a_change_of_names_costs_a_consistent_read_and_one_write_and_one_of_nothing_no_write() {
    let stack = Stack::start().await;
    let access = stack.log_in().await.access().to_owned();
    for (body, operations, expected) in [
        (json!({"username": "x"}), vec!["BatchGetItem", "UpdateItem"], (1.0, 2.0)),
        (json!({"username": "x"}), vec!["BatchGetItem"], (0.0, 2.0)),
        (json!({"username": ""}), vec![], (0.0, 0.0)),
    ] {
        let _ = stack.table_proxy.take_traffic();
        stack.change_profile(&access, &body).await;
        let traffic = stack.table_proxy.take_traffic();
        assert_eq!((sorted(&traffic, operations.len()), units(&traffic)), (operations, expected));
    }
}

/// A write unit of DynamoDB is 1 KB: the largest session and user still fit.
#[tokio::test]
async fn the_largest_items_still_cost_one_unit() {
    let stack = Stack::start().await;
    let user = stack.kakao.user(&json!({"nickname": "가".repeat(100)})).await;
    let token = stack.kakao.token(&user).await;
    let request = stack.request(reqwest::Method::POST, "/auth/kakao").header("user-agent", "u".repeat(5_000));
    stack.send(request.json(&json!({"access_token": token}))).await;
    assert!((stack.table_proxy.take_traffic().write_units - 3.0).abs() < f64::EPSILON);
}

#[tokio::test]
async fn a_login_by_code_that_can_be_retried_costs_one_request_and_four_writes_more() {
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    stack.log_in_as(&user).await;
    let code = stack.kakao.code_with(&user, &json!({"nonce": "n"})).await;
    let once = json!({"code": code, "redirect_uri": REDIRECT_URI, "nonce": "n"});
    let twice = stack.kakao.code_body(&user).await;
    for (body, in_order, operations, expected) in [
        (once, 1, vec!["GetItem", "PutItem", "UpdateItem"], (2.0, 1.0)),
        (twice, 2, vec!["PutItem", "GetItem", "TransactWriteItems", "UpdateItem"], (6.0, 1.0)),
    ] {
        stack.advance(MINUTE);
        let (_, before) = (stack.table_proxy.take_traffic(), stack.kakao.calls().await);
        stack.login(&body).await;
        let traffic = stack.table_proxy.take_traffic();
        assert_eq!((sorted(&traffic, in_order), units(&traffic)), (operations, expected));
        assert_eq!(stack.kakao.calls().await - before, 1, "the exchange, whose ID token identifies the user");
    }
}

#[tokio::test]
async fn an_unlink_webhook_costs_one_write_and_an_event_four() {
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    // The first token fetches Kakao's keys.
    stack.kakao.send_event(&user, "user-linked").await;
    let _ = stack.table_proxy.take_traffic();
    let calls = stack.kakao.calls().await;
    stack.kakao.unlink_at_kakao(&user).await;
    let unlink = stack.table_proxy.take_traffic();
    assert_eq!((unlink.operations.clone(), units(&unlink)), (vec!["PutItem".to_owned()], (1.0, 0.0)));
    let event = stack.kakao.send_event(&user, "user-unlinked").await;
    let written = stack.table_proxy.take_traffic();
    let transaction = vec!["TransactWriteItems".to_owned()];
    assert_eq!((written.operations.clone(), units(&written)), (transaction.clone(), (4.0, 0.0)));
    stack.kakao.send_webhook(&event).await;
    assert_eq!(stack.table_proxy.take_traffic().operations, transaction, "the same token again");
    assert_eq!(stack.kakao.calls().await, calls);
}

#[tokio::test]
async fn a_deletion_costs_two_requests_and_two_for_its_session() {
    let stack = Stack::start().await;
    let user = stack.kakao.new_user().await;
    let logged_in = stack.log_in_at_kakao(&user).await;
    let (_, before) = (stack.table_proxy.take_traffic(), stack.kakao.calls().await);
    stack.delete_account(logged_in.access()).await;
    let traffic = stack.table_proxy.take_traffic();
    assert_eq!(traffic.operations, ["BatchGetItem", "TransactWriteItems", "Query", "DeleteItem"]);
    assert_eq!(units(&traffic), (7.0, 3.0), "the mark is three writes, which DynamoDB bills twice");
    stack.delete_account(logged_in.access()).await;
    let repeat = stack.table_proxy.take_traffic();
    assert_eq!(repeat.operations, ["BatchGetItem", "Query"]);
    assert_eq!(stack.kakao.calls().await, before, "another function unlinks");
}

#[tokio::test]
async fn an_export_costs_one_request() {
    let stack = Stack::start().await;
    let access = stack.log_in().await.access().to_owned();
    let _ = stack.table_proxy.take_traffic();
    stack.export(&access).await;
    let traffic = stack.table_proxy.take_traffic();
    assert_eq!((traffic.operations.clone(), units(&traffic)), (vec!["Query".to_owned()], (0.0, 1.0)));
}

#[tokio::test]
async fn a_deletion_costs_seventeen_writes_and_two_calls_to_kakao_and_looking_for_work_half_a_read() {
    let stack = Stack::start().await;
    let name = stack.kakao.user(&json!({"id": 3_100_000_001_i64})).await;
    let login = stack.log_in_as(&name).await;
    let (user, kakao) =
        (login.body["user"]["pk"].as_str().unwrap().parse().unwrap(), 3_100_000_001.try_into().unwrap());
    let run = async || {
        let _ = (stack.table_proxy.take_traffic(), stack.kakao_proxy.take_traffic());
        stack.finish_deletions().await.unwrap();
        (stack.table_proxy.take_traffic(), stack.kakao_proxy.take_traffic().operations)
    };
    let (idle, calls) = run().await;
    assert_eq!((sorted(&idle, 0), units(&idle), calls), (vec!["Query"], (0.0, 0.5), Vec::new()));
    stack.store().mark_deleted(user, kakao, MarkedBy::Person, stack.now()).await.unwrap();
    let marked = stack.table_proxy.take_traffic();
    assert_eq!((sorted(&marked, 0), units(&marked)), (vec!["TransactWriteItems"], (6.0, 0.0)));

    stack.advance(MINUTE);
    let (finished, calls) = run().await;
    let expected =
        ["Query", "UpdateItem", "Query", "DeleteItem", "UpdateItem", "UpdateItem", "TransactWriteItems"].to_vec();
    assert_eq!((sorted(&finished, 7), units(&finished)), (expected, (8.0, 1.5)));
    assert_eq!(calls, ["/v2/user/me", "/v1/user/unlink"]);
    stack.advance(MINUTE * 60);
    let (swept, calls) = run().await;
    let expected = ["Query", "UpdateItem", "Query", "DeleteItem", "DeleteItem"].to_vec();
    assert_eq!((sorted(&swept, 5), units(&swept), calls), (expected, (3.0, 1.5), Vec::new()));
}
