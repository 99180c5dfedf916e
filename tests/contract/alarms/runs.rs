//! Runs of a stack, each with what goes wrong in it and the alarms that must fire.

use std::{sync::atomic::Ordering, time::Duration};

use finish_deletions::Event as Work;
use local::streams::Step;
use reqwest::Method;
use rotate_keys::{Event as Rotation, document::Reason};
use serde_json::json;
use shared::keys::Document;
use tests::{Settings, Stack, client::cookie_pair, fault_proxy::Fault};

use super::{
    cloud_watch::CloudWatch,
    watched::{MINUTE, SECOND, Visitor, Watched, fault, with_setting},
};

/// Twenty tokens come back within an hour, at every route that takes one, and one more: somebody copies cookies.
pub(super) async fn reuse(cloud_watch: CloudWatch) {
    let run = Watched::start(&cloud_watch, Settings::default()).await;
    let mut spent = Vec::new();
    for _ in 0..21 {
        spent.push(run.new_visitor().await);
    }
    run.advance(Duration::from_secs(30)).await;
    for visitor in &spent {
        assert_eq!(run.functions.refresh(&visitor.login.token()).await.status, 200);
    }
    run.advance(MINUTE).await;
    let [by_login, by_logout, others @ ..] = spent.as_slice() else { panic!("there are 21") };
    let kakao = json!({"access_token": run.stack.kakao.token(&by_login.user).await});
    let login = run.functions.request(Method::POST, "/auth/kakao").json(&kakao);
    run.functions.send(login.header("cookie", cookie_pair(&by_login.login.token()))).await;
    run.functions.logout(&by_logout.login.token()).await;
    for visitor in others {
        assert_eq!(run.functions.refresh(&visitor.login.token()).await.status, 401);
    }
}

/// DynamoDB fails, for six requests a minute.
pub(super) async fn unavailable(cloud_watch: CloudWatch) {
    let run = Watched::start(&cloud_watch, Settings::default()).await;
    let visitor = run.new_visitor().await;
    run.advance(MINUTE).await;
    for _ in 0..2 {
        run.stack.table_proxy.fail(Fault::Refuse("InternalServerError"));
        for _ in 0..6 {
            assert_eq!(run.functions.profile(visitor.login.access()).await.status, 503);
        }
        run.stack.table_proxy.heal();
        run.advance(MINUTE).await;
    }
}

/// DynamoDB does not answer, so that a request in each five minutes takes as long as a function has.
pub(super) async fn slow(cloud_watch: CloudWatch) {
    let mut run = Watched::start(&cloud_watch, Settings::default()).await;
    let visitor = run.new_visitor().await;
    run.has_schedule = false;
    run.has_latencies.store(true, Ordering::SeqCst);
    run.stack.table_proxy.fail(Fault::Hang);
    let mut refreshes = Vec::new();
    for number in 0..3 {
        let (functions, token) = (run.functions.clone(), visitor.login.token());
        refreshes.push(tokio::spawn(async move { functions.refresh(&token).await.status.as_u16() }));
        // The first request was the login.
        run.arrived(number + 2).await;
        if number < 2 {
            run.advance(5 * MINUTE).await;
        }
    }
    for refresh in refreshes {
        assert_eq!(refresh.await.unwrap(), 503);
    }
}

/// The processes of the functions end before they answer, and those of refresh in the next minute too.
pub(super) async fn dying(cloud_watch: CloudWatch) {
    let run = Watched::with(&cloud_watch, Settings::default(), true).await;
    let login = run.stack.log_in().await;
    let visitor = Visitor { user: run.stack.kakao.new_user().await, login };
    assert_eq!(run.ask_every_function(&visitor).await, [500; 9]);
    run.advance(MINUTE).await;
    let refresh = run.functions.request(Method::POST, "/auth/refresh");
    assert_eq!(run.functions.ask(refresh).await.unwrap().status, 500);
}

/// Lambda does not run the functions.
pub(super) async fn throttled_functions(cloud_watch: CloudWatch) {
    let run = Watched::start(&cloud_watch, Settings::default()).await;
    let visitor = run.new_visitor().await;
    run.is_throttled.store(true, Ordering::SeqCst);
    assert_eq!(run.ask_every_function(&visitor).await, [503; 9]);
}

/// DynamoDB refuses what is sent to both tables, in three minutes in a row, because it is too much.
pub(super) async fn throttled_tables(cloud_watch: CloudWatch) {
    throttle_tables(cloud_watch, 2).await;
}

/// In two minutes.
pub(super) async fn less_throttled_tables(cloud_watch: CloudWatch) {
    throttle_tables(cloud_watch, 1).await;
}

/// In one minute for the keys, and after that in some for the other table.
async fn throttle_tables(cloud_watch: CloudWatch, minutes: usize) {
    let run = Watched::start(&cloud_watch, Settings::default()).await;
    let visitor = run.new_visitor().await;
    let _ = run.stack.keys_proxy.take_traffic();
    run.stack.keys_proxy.fail(Fault::Throttle);
    run.rotate_keys().await;
    run.count_throttles(&run.stack.keys_proxy, "Keys", 0);
    run.stack.keys_proxy.fail_after(1, Fault::Throttle);
    let replace = Rotation::Replace { keys: Reason::Schedule, attempt: rotate_keys::new_attempt() };
    run.stack.rotate_with(replace).await.unwrap_err();
    run.count_throttles(&run.stack.keys_proxy, "Keys", 1);
    run.stack.keys_proxy.heal();
    for _ in 0..minutes {
        run.advance(MINUTE).await;
        let _ = run.stack.table_proxy.take_traffic();
        run.stack.table_proxy.fail(Fault::Throttle);
        assert_eq!(run.functions.refresh(&visitor.login.token()).await.status, 503);
        assert_eq!(run.functions.profile(visitor.login.access()).await.status, 503);
        run.count_throttles(&run.stack.table_proxy, "Table", 0);
        run.stack.table_proxy.heal();
    }
}

/// The client secret is not that of Kakao's console.
pub(super) async fn misconfigured(cloud_watch: CloudWatch) {
    let settings = with_setting("KAKAO_CLIENT_SECRET", "NotTheSecretOfThisRestApiKey0001");
    let run = Watched::start(&cloud_watch, settings).await;
    let code = run.stack.kakao.code_body(&run.stack.kakao.new_user().await).await;
    assert_eq!(run.functions.login(&code).await.status, 503);
}

/// Roles that do not allow what the functions need.
pub(super) async fn denied(cloud_watch: CloudWatch) {
    let run = Watched::start(&cloud_watch, with_setting("USER_EVENTS", "on")).await;
    let visitor = run.new_visitor().await;
    run.stack.event_bus_proxy().fail(Fault::Deny);
    assert_eq!(run.stack.publish_user_events().await, Step::Unfinished);
    run.stack.table_proxy.fail(Fault::Deny);
    run.ask_every_function(&visitor).await;
}

/// The table of keys is empty for a quarter of an hour.
pub(super) async fn no_keys(cloud_watch: CloudWatch) {
    let elsewhere = Stack::start().await;
    let login = elsewhere.log_in().await;
    let mut run = Watched::start(&cloud_watch, Settings { without_keys: true, ..Settings::default() }).await;
    run.stack.delete_keys(Document::Kakao).await;
    let kakao_ids = vec![4_100_000_001_i64.try_into().unwrap()];
    run.stack.finish_with(Work::Inquire { kakao_ids }).await.unwrap();
    let visitor = Visitor { user: run.stack.kakao.new_user().await, login };
    for _ in 0..2 {
        run.ask_every_function(&visitor).await;
        run.advance(4 * MINUTE + 59 * SECOND).await;
    }
    run.has_schedule = false;
    run.advance(2 * SECOND).await;
    assert_eq!(run.functions.profile(visitor.login.access()).await.status, 503);
}

/// Kakao does not answer: five logins a minute fail, most of them without a call, as a process asks only every ten seconds.
pub(super) async fn kakao_down(cloud_watch: CloudWatch) {
    let run = Watched::start(&cloud_watch, Settings::default()).await;
    run.stack.kakao.fail("*", &fault("down")).await;
    for _ in 0..3 {
        for _ in 0..5 {
            fail_to_log_in(&run).await;
        }
        run.advance(MINUTE).await;
    }
}

/// Kakao says that the quota is used up, for fewer people than in an outage.
pub(super) async fn kakao_quota(cloud_watch: CloudWatch) {
    let run = Watched::start(&cloud_watch, Settings::default()).await;
    run.stack.kakao.fail("*", &fault("quota")).await;
    for _ in 0..4 {
        fail_to_log_in(&run).await;
    }
    let code = run.stack.kakao.code_body(&run.stack.kakao.new_user().await).await;
    assert_eq!(run.functions.login(&code).await.status, 503);
}

async fn fail_to_log_in(run: &Watched) {
    let token = run.stack.kakao.token(&run.stack.kakao.new_user().await).await;
    assert_eq!(run.functions.login(&json!({"access_token": token})).await.status, 503);
}

/// A minute with 25 logins, which make two calls each.
pub(super) async fn busy_minute(cloud_watch: CloudWatch) {
    logins_in_a_minute(cloud_watch, 25).await;
}

/// A minute with one login less.
pub(super) async fn less_busy_minute(cloud_watch: CloudWatch) {
    logins_in_a_minute(cloud_watch, 24).await;
}

async fn logins_in_a_minute(cloud_watch: CloudWatch, logins: usize) {
    let run = Watched::start(&cloud_watch, Settings::default()).await;
    for _ in 0..logins {
        run.new_visitor().await;
    }
}

/// Everything works, and of each thing that may go wrong so much happens as passes by itself.
pub(super) async fn quiet(cloud_watch: CloudWatch) {
    let run = Watched::start(&cloud_watch, with_setting("USER_EVENTS", "on")).await;
    run.rotate_keys().await;
    let (visitor, spent) = (run.new_visitor().await, run.new_visitor().await);
    assert_eq!(run.ask_every_function(&visitor).await, [200, 200, 200, 200, 200, 200, 200, 202, 200]);
    run.functions.login(&json!({"access_token": "unknown"})).await;
    run.functions.profile("not a token").await;
    run.advance(Duration::from_secs(30)).await;
    assert_eq!(run.functions.refresh(&spent.login.token()).await.status, 200);
    run.advance(MINUTE).await;
    assert_eq!(run.functions.refresh(&spent.login.token()).await.status, 401, "reuse");
    run.stack.kakao.fail("*", &fault("down")).await;
    run.stack.table_proxy.fail(Fault::Refuse("InternalServerError"));
    for _ in 0..2 {
        fail_to_log_in(&run).await;
    }
    run.stack.table_proxy.heal();
    run.stack.kakao.heal().await;
    run.advance(15 * MINUTE).await;
    run.rotate_keys().await;
    run.new_visitor().await;
    assert_eq!(run.stack.publish_user_events().await, Step::Idle);
    run.advance(60 * MINUTE).await;
}
