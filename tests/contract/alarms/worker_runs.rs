//! Runs in which something goes wrong with the functions that no request waits for.

use std::time::Duration;

use local::streams::Step;
use reqwest::Method;
use tests::{Settings, fault_proxy::Fault};

use super::{
    cloud_watch::{CloudWatch, Metric},
    watched::{MINUTE, Watched, fault, of_user_events, with_setting},
};

/// A refusal that somebody must act on, without a second attempt.
const NO_TABLE: Fault = Fault::Refuse("ResourceNotFoundException");

/// rotate-keys fails three times within an hour.
pub(super) async fn rotation_fails(cloud_watch: CloudWatch) {
    let run = Watched::start(&cloud_watch, Settings::default()).await;
    run.stack.keys_proxy.fail(NO_TABLE);
    for _ in 0..3 {
        run.rotate_keys().await;
        run.advance(5 * MINUTE).await;
    }
}

/// Kakao does not unlink a deleted user for more than an hour.
pub(super) async fn deletion_waits(cloud_watch: CloudWatch) {
    wait_with_a_deletion(cloud_watch, Duration::from_secs(3601)).await;
}

/// It does after an hour.
pub(super) async fn deletion_waits_less(cloud_watch: CloudWatch) {
    wait_with_a_deletion(cloud_watch, Duration::from_hours(1)).await;
}

async fn wait_with_a_deletion(cloud_watch: CloudWatch, time: Duration) {
    let run = Watched::start(&cloud_watch, Settings::default()).await;
    let user = run.stack.kakao.new_user().await;
    let login = run.functions.login(&run.stack.kakao.code_body(&user).await).await;
    let delete = run.functions.request(Method::DELETE, "/auth/account").bearer_auth(login.access());
    assert!(run.functions.ask(delete).await.unwrap().status.is_success());
    run.stack.kakao.fail("*", &fault("down")).await;
    run.advance(time).await;
}

/// The schedule of finish-deletions is off.
pub(super) async fn deletions_do_not_run(cloud_watch: CloudWatch) {
    let mut run = Watched::start(&cloud_watch, Settings::default()).await;
    run.has_schedule = false;
    run.advance(31 * MINUTE).await;
    run.new_visitor().await;
}

/// finish-deletions fails eleven times within an hour.
pub(super) async fn deletions_fail(cloud_watch: CloudWatch) {
    let run = Watched::start(&cloud_watch, Settings::default()).await;
    run.stack.table_proxy.fail(NO_TABLE);
    for _ in 0..11 {
        run.advance(MINUTE).await;
    }
}

/// `EventBridge` is down for 22 hours.
pub(super) async fn user_events_wait(cloud_watch: CloudWatch) {
    let run = Watched::start(&cloud_watch, with_setting("USER_EVENTS", "on")).await;
    run.new_visitor().await;
    let changed_at = run.stack.now();
    run.stack.event_bus_proxy().fail(Fault::Down);
    let age = Metric::new("AWS/Lambda", "IteratorAge", ("FunctionName", "PublishUserEvents"));
    let messages =
        Metric::new("AWS/SQS", "ApproximateNumberOfMessagesVisible", ("QueueName", "local:UserEventsQueue.QueueName"));
    for (later, step) in
        [(Duration::ZERO, Step::Unfinished), (16 * MINUTE, Step::Unfinished), (1305 * MINUTE, Step::GivenUp)]
    {
        run.advance(later).await;
        assert_eq!(run.stack.publish_user_events().await, step);
        if step == Step::Unfinished {
            let seconds = u32::try_from(run.stack.now().seconds_since(changed_at)).unwrap();
            of_user_events(&run, age.clone(), f64::from(seconds) * 1e3);
        }
        let waiting = u32::try_from(run.stack.given_up_user_events().await.len()).unwrap();
        of_user_events(&run, messages.clone(), f64::from(waiting));
    }
}
