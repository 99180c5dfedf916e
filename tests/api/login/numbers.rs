//! `POST /auth/kakao` where new users get numbers, and where users were imported from Django with theirs.

use std::collections::BTreeSet;

use reqwest::StatusCode;
use serde_json::{Value, json};
use shared::{
    account::{Counter, Reserved},
    id::KakaoId,
    store::ImportStanding,
};
use tests::{
    Stack,
    client::{Response, jwt_part},
    fault_proxy::Fault,
};

async fn with_numbers() -> Stack {
    Stack::with_setting("USER_IDS", "numbers").await
}

fn pk(response: &Response) -> u64 {
    assert_eq!(response.status, StatusCode::OK, "{}", response.body);
    response.body["user"]["pk"].as_u64().unwrap_or_else(|| panic!("{}", response.body))
}

/// A user at Kakao, by name, with the id.
async fn person(stack: &Stack, id: i64) -> (String, KakaoId) {
    (stack.kakao.user(&json!({"id": id})).await, id.try_into().unwrap())
}

#[tokio::test]
async fn new_users_get_the_next_number_and_tokens_name_its_text() {
    let stack = with_numbers().await;
    let user = stack.kakao.new_user().await;
    let first = stack.log_in_as(&user).await;
    assert_eq!((pk(&first), pk(&stack.log_in().await), pk(&stack.log_in_as(&user).await)), (1, 2, 1));
    let claims = jwt_part(first.access(), 1);
    assert_eq!((&claims["sub"], &claims["user_id"]), (&json!("1"), &json!("1")));

    assert_eq!(stack.profile(first.access()).await.body, first.body["user"]);
    assert_eq!(stack.verify(first.access()).await.status, StatusCode::OK);
    let renamed = stack.change_profile(first.access(), &json!({"username": "춘식이"})).await;
    assert_eq!(renamed.body["pk"], 1, "{}", renamed.body);
    let refreshed = stack.refresh_with_user(&first.token()).await;
    assert_eq!(pk(&refreshed), 1);
    assert_eq!(stack.sessions(refreshed.access()).await.body["sessions"].as_array().unwrap().len(), 2);
    assert_eq!(stack.export(refreshed.access()).await.body["user"]["pk"], 1);
}

/// The receipt is read long after that, beside those of users with other ids: it is text.
#[tokio::test]
async fn a_number_whose_user_was_deleted_is_not_given_again() {
    let stack = with_numbers().await;
    let user = stack.kakao.user(&json!({"id": 3_100_000_001_i64})).await;
    let leaving = stack.log_in_at_kakao(&user).await;
    assert_eq!(stack.delete_account(leaving.access()).await.body["id"], "1");
    for wait in [0, 60, 3_600] {
        stack.advance(std::time::Duration::from_secs(wait));
        stack.finish_deletions().await.unwrap();
    }
    assert_eq!(pk(&stack.log_in_as(&user).await), 2);
}

#[tokio::test]
async fn fifty_first_logins_at_once_get_fifty_numbers_and_ten_of_one_person_one() {
    let stack = with_numbers().await;
    let (mut requests, same) = (Vec::new(), stack.kakao.new_user().await);
    for number in 0..60 {
        let user = if number < 50 { stack.kakao.new_user().await } else { same.clone() };
        let (functions, token) = ((*stack).clone(), stack.kakao.token(&user).await);
        requests.push(tokio::spawn(async move { functions.login(&json!({"access_token": token})).await }));
    }
    let mut numbers = Vec::new();
    for request in requests {
        numbers.push(pk(&request.await.unwrap()));
    }
    assert_eq!(numbers[..50].iter().collect::<BTreeSet<_>>().len(), 50, "{numbers:?}");
    assert_eq!(numbers[50..].iter().collect::<BTreeSet<_>>().len(), 1, "{numbers:?}");
    assert!(!numbers[..50].contains(&numbers[50]), "{numbers:?}");
    assert_eq!((stack.count("KAKAO#").await, stack.count("PROFILE").await), (51, 51));
}

#[tokio::test]
async fn a_login_whose_number_is_lost_on_the_way_wastes_it() {
    let stack = with_numbers().await;
    let user = stack.kakao.new_user().await;
    for fault in [Fault::FailAfter, Fault::Reset] {
        stack.table_proxy.fail_after(1, fault);
        let token = stack.kakao.token(&user).await;
        assert_eq!(stack.login(&json!({"access_token": token})).await.status, StatusCode::SERVICE_UNAVAILABLE);
        stack.table_proxy.heal();
    }
    assert_eq!(stack.count("KAKAO#").await, 0);
    let (one, other) = (stack.log_in_as(&user).await, stack.log_in().await);
    assert!(pk(&one) > 2 && pk(&other) == pk(&one) + 1, "{} {}", one.body, other.body);
}

#[tokio::test]
async fn a_person_who_was_imported_keeps_the_number_and_the_names_whichever_ids_new_users_get() {
    for setting in ["random", "numbers"] {
        let stack = Stack::with_setting("USER_IDS", setting).await;
        let (ryan, kakao) = person(&stack, 3_100_000_001).await;
        assert_eq!(stack.import(900, &[(17, kakao)]).await, [ImportStanding::Created]);
        for body in [stack.kakao.code_body(&ryan).await, json!({"access_token": stack.kakao.token(&ryan).await})] {
            let login = stack.login(&body).await;
            assert_eq!(pk(&login), 17, "{setting}");
            assert_eq!(login.body["user"]["username"], "from-django", "{setting}");
            assert_eq!(jwt_part(login.access(), 1)["user_id"], "17", "{setting}");
            assert_eq!(pk(&stack.refresh_with_user(&login.token()).await), 17, "{setting}");
        }
        let next = stack.log_in().await.body["user"]["pk"].clone();
        let is_expected =
            if setting == "numbers" { next == 901 } else { next.as_str().is_some_and(|id| id.len() == 22) };
        assert!(is_expected, "{setting} {next}");
    }
}

#[tokio::test]
async fn a_user_who_was_deleted_here_is_not_imported_again() {
    let stack = with_numbers().await;
    let (ryan, kakao) = person(&stack, 3_100_000_001).await;
    let import = async || stack.import(900, &[(17, kakao)]).await;
    assert_eq!(import().await, [ImportStanding::Created]);
    let leaving = stack.log_in_at_kakao(&ryan).await;
    stack.delete_account(leaving.access()).await;
    assert_eq!(import().await, [ImportStanding::Deleted], "marked");
    for wait in [60, 3_600] {
        stack.advance(std::time::Duration::from_secs(wait));
        stack.finish_deletions().await.unwrap();
        assert_eq!(import().await, [ImportStanding::Deleted]);
    }
    // TTL deletes the tombstone two days later.
    let mut items = stack.dump().await;
    items.retain(|item| item["sk"].as_s().unwrap() != "IDENTITY");
    stack.restore(&items).await;
    assert_eq!(import().await, [ImportStanding::Deleted]);
    assert_eq!(stack.refresh(&leaving.token()).await.status, StatusCode::UNAUTHORIZED);

    let back = stack.log_in_as(&ryan).await;
    assert_eq!((pk(&back), &back.body["user"]["username"] == "from-django"), (901, false));
    let user = "901".parse().unwrap();
    assert_eq!(import().await, [ImportStanding::OtherUser(user)]);
}

#[tokio::test]
async fn a_person_who_came_before_the_import_stays_who_they_are() {
    let stack = with_numbers().await;
    let (ryan, kakao) = person(&stack, 3_100_000_001).await;
    let early = stack.log_in_as(&ryan).await;
    let others = [(1, 3_100_000_002.try_into().unwrap()), (2, 3_100_000_003.try_into().unwrap())];
    let standings = stack.import(900, &[(17, kakao), others[0], others[1]]).await;
    let first = "1".parse().unwrap();
    let expected = [ImportStanding::OtherUser(first), ImportStanding::NotReserved, ImportStanding::Created];
    assert_eq!(standings, expected, "number 1 was given to the person who came before");
    assert_eq!(pk(&stack.refresh_with_user(&early.token()).await), 1);
    let counter = stack.operators_store().counter().await.unwrap();
    assert_eq!(counter, Counter { last: 900, reserved: Some(Reserved { after: 1, to: 900 }) });
}

#[tokio::test]
async fn a_mistyped_setting_stops_the_function_at_its_start() {
    use kakao_login::KakaoLogin;
    use shared::{clock::SystemClock, config::Config, function::Function};

    let mut environment = with_numbers().await.environment("kakao-login");
    for wrong in ["", "Numbers", "number", "1"] {
        environment.insert("USER_IDS".to_owned(), wrong.to_owned());
        let config = Config::from_pairs(environment.clone());
        let error = KakaoLogin::from_config(&config, std::sync::Arc::new(SystemClock)).unwrap_err().to_string();
        assert!(error.contains("USER_IDS"), "{wrong}: {error}");
    }
}

/// Of what Django's own export has, nothing is lost in the account's export.
#[tokio::test]
async fn the_export_of_an_imported_account_is_whole() {
    let stack = Stack::start().await;
    let (ryan, kakao) = person(&stack, 3_100_000_001).await;
    stack.import(900, &[(17, kakao)]).await;
    let login = stack.log_in_as(&ryan).await;
    let export = stack.export(login.access()).await.body;
    assert_eq!(export["user"], login.body["user"]);
    let account = &export["account"];
    assert_eq!((&account["logins"], &account["username"]), (&json!(1), &json!("from-django")));
    assert_eq!(account["kakao_id"], "3100000001");
    assert_ne!(account["revision"], Value::Null);
}
