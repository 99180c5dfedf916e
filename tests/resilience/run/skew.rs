//! Functions on machines whose clocks are up to ten seconds apart, over one table.

use std::time::Duration;

use serde_json::json;
use tests::{
    Browser, Chain, Stack,
    chain::{confirmed, link},
    client::{Functions, unique},
};

/// Seconds by which the two clocks are ahead of Kakao's.
const SKEWS: [(i64, i64); 4] = [(5, -5), (-5, 5), (0, 5), (-5, 0)];

/// Runs sessions that are served by two machines in turn. Returns a description.
pub async fn play(failures: &mut Vec<String>) -> String {
    for (one, other) in SKEWS {
        let stack = Stack::start().await;
        let [one_side, other_side] = [stack.skewed(one).await, stack.skewed(other).await];
        for (first, second) in [(&one_side, &other_side), (&other_side, &one_side)] {
            let mut wrong = session(&stack, first, second).await;
            wrong.extend(linked_session(&stack, first, second).await);
            failures.extend(wrong.iter().map(|wrong| format!("clocks ahead by {one} s and {other} s: {wrong}")));
        }
    }
    let skews = SKEWS.map(|(one, other)| format!("{one:+} and {other:+}")).join(", ");
    format!(
        "With functions on two machines whose clocks are wrong by {skews} seconds, over one table: an ID token that was just issued, an \
         access token of one used at the other, refreshes at both in turn and at once, a response lost at one and retried at the \
         other 19 s later, a logout at one seen by the other. The same for a linked session, whose response is repeated a day later."
    )
}

async fn session(stack: &Stack, first: &Functions, second: &Functions) -> Vec<String> {
    let mut wrong = Vec::new();
    let (user, nonce) = (stack.kakao.new_user().await, unique());
    let id_token = stack.kakao.id_token(&user, &json!({"nonce": nonce})).await;
    let response = first.login(&json!({"id_token": id_token, "nonce": nonce})).await;
    if response.status != 200 {
        return vec![format!("a fresh ID token gives {} {}", response.status, response.code())];
    }
    let mut browser = Browser::logged_in(&response);
    let mut sides = [first, second];
    for seconds in [0, 29, 30, 31, 41, 300] {
        stack.advance(Duration::from_secs(seconds));
        let [here, there] = sides;
        let (one, other) = tokio::join!(here.refresh(browser.cookie()), there.refresh(browser.cookie()));
        for response in [&one, &other] {
            if response.status != 200 {
                wrong.push(format!("{seconds} s later a renewal gives {} {}", response.status, response.code()));
                return wrong;
            }
            for side in sides {
                let profile = side.profile(response.access()).await;
                if profile.status != 200 {
                    wrong.push(format!("an access token gives {} {}", profile.status, profile.code()));
                }
            }
        }
        wrong.extend([&one, &other].into_iter().filter_map(|response| browser.take(response).err()));
        sides.reverse();
    }
    stack.advance(Duration::from_mins(1));
    let lost = first.refresh(browser.cookie()).await;
    stack.advance(Duration::from_secs(19));
    let again = second.refresh(browser.cookie()).await;
    if again.cookie.is_none() || again.cookie != lost.cookie {
        wrong.push(format!("after a lost response it gets {} and no cookie", again.status));
    }
    let jar = again.cookie.unwrap_or_default();
    second.logout(&jar).await;
    let after = first.refresh(&jar).await.status;
    if after != 401 {
        wrong.push(format!("after a logout at the other the cookie gets {after}"));
    }
    wrong
}

async fn linked_session(stack: &Stack, first: &Functions, second: &Functions) -> Vec<String> {
    let mut wrong = Vec::new();
    let login = json!({"access_token": stack.kakao.token(&stack.kakao.new_user().await).await, "link": link()});
    let mut chain = Chain::begun(&first.login(&login).await);
    let mut sides = [first, second];
    for seconds in [0, 4, 5, 14, 15, 16, 25, 26, 300] {
        stack.advance(Duration::from_secs(seconds));
        let [here, there] = sides;
        let (one, other) = tokio::join!(chain.ask(here), chain.ask(there));
        for response in [&one, &other] {
            if response.status != 200 {
                wrong.push(format!("{seconds} s later links give {} {}", response.status, response.code()));
                return wrong;
            }
        }
        let is_confirmed = [&one, &other].map(confirmed);
        if is_confirmed[0].is_some() && is_confirmed[1].is_some() && is_confirmed[0] != is_confirmed[1] {
            wrong.push("one link is confirmed twice".to_owned());
        }
        chain.take(if is_confirmed[0].is_some() { &one } else { &other });
        sides.reverse();
    }
    stack.advance(Duration::from_mins(1));
    let lost = confirmed(&chain.ask(first).await);
    stack.advance(Duration::from_hours(24));
    let again = chain.renew(second).await;
    if lost.is_none() || confirmed(&again) != lost {
        wrong.push(format!("after a lost response its repetition gets {} {}", again.status, again.code()));
    }
    second.logout(&chain.token).await;
    let after = chain.ask(first).await.status;
    if after != 401 {
        wrong.push(format!("after a logout at the other the links get {after}"));
    }
    wrong
}
