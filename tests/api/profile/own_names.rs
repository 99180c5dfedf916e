//! Names that a user has set here, as each route shows them.

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};
use tests::{Stack, client::Response};

/// Stores these attributes in the only profile.
async fn set(stack: &Stack, attributes: &[(&str, &str)]) {
    let mut items = stack.dump().await;
    let profile = items.iter_mut().find(|item| item["sk"].as_s().is_ok_and(|sk| sk == "PROFILE")).unwrap();
    for (name, value) in attributes {
        profile.insert((*name).to_owned(), AttributeValue::S((*value).to_owned()));
    }
    stack.restore(&items).await;
}

fn names(user: &Value) -> [&str; 4] {
    ["username", "nickname", "first_name", "last_name"].map(|name| user[name].as_str().unwrap())
}

#[tokio::test]
async fn a_username_of_ones_own_is_shown_instead_of_the_nickname_and_no_login_changes_it() {
    let stack = Stack::start().await;
    let named = async |nickname: &str| {
        stack.kakao.user(&json!({"id": 4_848_484_848_i64, "account": {"profile": {"nickname": nickname}}})).await
    };
    let first = stack.log_in_as(&named("라이언").await).await;
    assert_eq!(names(&first.body["user"]), ["라이언", "라이언", "", ""]);
    set(&stack, &[("username", "ryan"), ("first_name", "언"), ("last_name", "라이")]).await;
    assert_eq!(names(&stack.profile(first.access()).await.body), ["ryan", "라이언", "언", "라이"]);

    let renamed = named("춘식이").await;
    let by_token = stack.log_in_as(&renamed).await;
    let by_code = stack.login(&stack.kakao.code_body(&renamed).await).await;
    let refreshed = async |response: &Response| stack.refresh_with_user(&response.token()).await;
    for response in [&by_token, &by_code, &refreshed(&by_code).await] {
        assert_eq!(names(&response.body["user"]), ["ryan", "춘식이", "언", "라이"]);
        assert_eq!(stack.profile(response.access()).await.body, response.body["user"]);
    }
}
