//! The audit trail: each line of it is as `docs/audit.md` says, and each event of that page happens.

use std::{collections::BTreeMap, time::Duration};

use reqwest::Method;
use serde_json::{Value, json};
use shared::{id::KakaoId, roles::Roles, session::LINK_PACE};
use tests::{
    Stack, chain,
    client::{Response, cookie_pair},
};

use crate::recorder::{Log, lines_with};

const WINDOW: Duration = Duration::from_secs(30);

/// What a row of the page allows.
#[derive(Debug)]
struct Row {
    by: Vec<String>,
    reasons: Vec<String>,
    functions: Vec<String>,
}

/// The table of the page.
fn documented() -> BTreeMap<String, Row> {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/audit.md")).unwrap();
    let section = page.split("\n## ").find(|section| section.starts_with("Events")).unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        let cells: Vec<Vec<String>> = row.split('|').skip(1).map(words).collect();
        (cells[0][0].clone(), Row { by: cells[1].clone(), reasons: cells[2].clone(), functions: cells[3].clone() })
    })
    .collect()
}

/// What is between backticks.
fn words(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The events of a request, in the order of their lines, each with its reason or an empty text.
fn trail(log: &Log, response: &Response) -> Vec<(String, String)> {
    let id = response.headers["apigw-requestid"].to_str().unwrap();
    let lines = lines_with(log, id).into_iter().filter(|line| line.get("audit").is_some());
    let text = |line: &Value, name: &str| line[name].as_str().unwrap_or_default().to_owned();
    lines.map(|line| (text(&line, "audit"), text(&line, "reason"))).collect()
}

fn assert_trail(log: &Log, response: &Response, expected: &[(&str, &str)]) {
    let expected: Vec<_> = expected.iter().map(|(audit, reason)| ((*audit).to_owned(), (*reason).to_owned())).collect();
    assert_eq!(trail(log, response), expected, "{} {}", response.status, response.body);
}

fn assert_as_documented(line: &Value, rows: &BTreeMap<String, Row>) {
    let row = rows.get(line["audit"].as_str().unwrap()).unwrap_or_else(|| panic!("not documented: {line}"));
    let is_one_of = |words: &[String], name: &str| words.iter().any(|word| line[name] == word.as_str());
    assert!(is_one_of(&row.by, "by"), "{line}");
    assert!(is_one_of(&row.functions, "function"), "{line}");
    match line.get("reason") {
        None => assert!(row.reasons.is_empty(), "{line}"),
        Some(_) => assert!(is_one_of(&row.reasons, "reason"), "{line}"),
    }
    assert!(line.get("count").is_none_or(Value::is_u64), "{line}");
    for name in ["user", "session", "timestamp", "message"] {
        assert!(line[name].is_string(), "{name} of {line}");
    }
    assert_eq!(line["level"], "INFO", "{line}");
}

#[tokio::test]
async fn the_trail_says_how_each_session_began_went_on_and_ended() {
    let (log, stack) = (Log::start(), Stack::start().await);
    let user = stack.kakao.new_user().await;
    let first = stack.log_in_as(&user).await;
    assert_trail(&log, &first, &[("session_started", ""), ("account_created", "")]);
    let body = stack.kakao.code_body(&user).await;
    let begun = stack.login(&body).await;
    assert_trail(&log, &begun, &[("session_started", "")]);
    assert_trail(&log, &stack.login(&body).await, &[("session_resumed", "")]);

    let credential = json!({"access_token": stack.kakao.token(&user).await});
    let again = stack.request(Method::POST, "/auth/kakao").header("cookie", cookie_pair(&begun.token()));
    let again = stack.send(again.json(&credential)).await;
    assert_trail(&log, &again, &[("session_started", ""), ("session_ended", "replaced")]);
    let [ended] = &lines_with(&log, again.headers["apigw-requestid"].to_str().unwrap())
        .into_iter()
        .filter(|line| line["audit"] == "session_ended")
        .collect::<Vec<_>>()[..]
    else {
        panic!("one line")
    };
    let of = |response: &Response| lines_with(&log, response.headers["apigw-requestid"].to_str().unwrap())[0].clone();
    assert_eq!(ended["session"], of(&begun)["session"], "the previous session, not the new one");
    assert_eq!(ended["user"], of(&again)["user"]);
    assert_ne!(of(&begun)["session"], of(&again)["session"]);

    stack.advance(WINDOW);
    let renewed = stack.refresh(&again.token()).await;
    assert_trail(&log, &renewed, &[("session_renewed", "")]);
    let changed = stack.change_profile(renewed.access(), &json!({"username": "x"})).await;
    assert_trail(&log, &changed, &[("account_changed", "")]);
    let sessions = stack.sessions(renewed.access()).await;
    let other = sessions.body["sessions"].as_array().unwrap().iter().find(|one| one["current"] == false).unwrap();
    let ended = stack.end_session(renewed.access(), other["id"].as_str().unwrap()).await;
    assert_trail(&log, &ended, &[("session_ended", "device_list")]);
    stack.advance(WINDOW);
    assert_trail(&log, &stack.refresh(&again.token()).await, &[("session_ended", "reuse")]);
    assert_trail(&log, &stack.refresh(&renewed.token()).await, &[]);

    let [one, two, three] =
        [stack.log_in_as(&user).await, stack.log_in_as(&user).await, stack.log_in_as(&user).await].map(|login| login.token());
    assert_trail(&log, &stack.logout(&one).await, &[("session_ended", "logout")]);
    assert_trail(&log, &stack.logout_others(&two).await, &[("session_ended", "logout_others")]);
    assert_trail(&log, &stack.logout(&three).await, &[]);
    assert_trail(&log, &stack.logout_everywhere(&two).await, &[("session_ended", "logout_everywhere")]);
}

#[tokio::test]
async fn the_trail_says_which_sessions_of_a_refused_request_go_on() {
    let (log, stack) = (Log::start(), Stack::start().await);
    let login = stack.log_in_linked_as(&stack.kakao.new_user().await).await;
    let bare = stack.refresh(&login.token).await;
    assert_trail(&log, &bare, &[("session_kept", "unlinked")]);
    let everywhere = stack.logout_everywhere(&login.token).await;
    assert_trail(&log, &everywhere, &[("session_kept", "link_required")]);
    let mut chain = login.clone();
    let old = login;
    for _ in 0..3 {
        stack.advance(LINK_PACE);
        assert_eq!(chain.renew(&stack).await.status, 200);
    }
    let stale = chain::Chain { next: chain::link(), ..old };
    assert_trail(&log, &stale.ask(&stack).await, &[("session_kept", "stale")]);
}

#[tokio::test]
async fn the_trail_says_what_happened_to_each_account() {
    let (log, stack) = (Log::start(), Stack::start().await);
    let person = stack.kakao.new_user().await;
    let login = stack.log_in_at_kakao(&person).await;
    assert_trail(&log, &stack.export(login.access()).await, &[("account_exported", "")]);
    assert_trail(&log, &stack.delete_account(login.access()).await, &[("account_deleted", "")]);
    let refused = stack.login(&stack.kakao.code_body(&person).await).await;
    assert_trail(&log, &refused, &[("login_refused", "account_being_deleted")]);

    let kakao: KakaoId = 3_200_000_001_i64.try_into().unwrap();
    let person = stack.kakao.user(&json!({"id": 3_200_000_001_i64})).await;
    let login = stack.log_in_as(&person).await;
    let user = login.body["user"]["pk"].as_str().unwrap().parse().unwrap();
    let store = stack.operators_store();
    store.set_roles(user, kakao, &Roles::new(["staff".to_owned()]).unwrap(), stack.now()).await.unwrap();
    store.disable(user, kakao, stack.now()).await.unwrap();
    let refused = stack.login(&stack.kakao.code_body(&person).await).await;
    assert_trail(&log, &refused, &[("login_refused", "account_disabled")]);
    assert!(!refused.body.to_string().contains("token"));
}

/// Also the lines of all other tests of this process.
#[tokio::test]
async fn every_line_of_the_trail_is_as_its_page_says() {
    let (log, stack) = (Log::start(), Stack::start().await);
    let rows = documented();
    assert!(rows.len() > 10, "{rows:?}");
    let user = stack.kakao.new_user().await;
    for _ in 0..20 {
        stack.log_in_as(&user).await;
    }
    let refused = stack.login(&json!({"access_token": stack.kakao.token(&user).await})).await;
    // A session of its own is started beside the write that counts the login.
    assert_trail(&log, &refused, &[("login_refused", "too_many_logins"), ("session_ended", "refused_login")]);
    let lines = log.text().lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).collect::<Vec<_>>();
    let trail: Vec<_> = lines.iter().filter(|line| line.get("audit").is_some()).collect();
    assert!(trail.len() > 20);
    for line in trail {
        assert_as_documented(line, &rows);
    }
}
