//! Each alarm fires when it should: a stack runs, and the template's own patterns and thresholds are applied to what `CloudWatch` gets.

use std::{
    collections::{BTreeMap, BTreeSet},
    pin::Pin,
    sync::{
        Mutex, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use shared::log;

use super::{
    cloud_watch::{CloudWatch, Entry, What},
    declared::Declared,
    runs, worker_runs,
};

type Running = Pin<Box<dyn Future<Output = ()>>>;

/// A run, and the alarms that fire in it.
struct Run {
    name: &'static str,
    start: fn(CloudWatch) -> Running,
    /// Those that would not fire without the last data point.
    barely: &'static [&'static str],
    more: &'static [&'static str],
    /// How many times the run is repeated, a minute later each time.
    minutes: u64,
}

const fn run(
    name: &'static str,
    start: fn(CloudWatch) -> Running,
    barely: &'static [&'static str],
    more: &'static [&'static str],
) -> Run {
    Run { name, start, barely, more, minutes: 1 }
}

const A_DAY: u64 = 24 * 60;
/// How many runs take place at the same time.
const AT_ONCE: usize = 4;

const RUNS: [Run; 21] = [
    // First, as it takes longest.
    run("slow", |c| Box::pin(runs::slow(c)), &["SlowAlarm"], &[]),
    run("quiet", |c| Box::pin(runs::quiet(c)), &[], &[]),
    run("reuse", |c| Box::pin(runs::reuse(c)), &["ReuseAlarm"], &[]),
    run("unavailable", |c| Box::pin(runs::unavailable(c)), &["ServerErrorsAlarm", "UnavailableAlarm"], &[]),
    run("dying", |c| Box::pin(runs::dying(c)), &["FunctionErrorsAlarm"], &[]),
    run("throttled_functions", |c| Box::pin(runs::throttled_functions(c)), &[], &["LambdaThrottlesAlarm"]),
    run("throttled_tables", |c| Box::pin(runs::throttled_tables(c)), &[], &["TableThrottlesAlarm"]),
    run("less_throttled_tables", |c| Box::pin(runs::less_throttled_tables(c)), &[], &[]),
    run("misconfigured", |c| Box::pin(runs::misconfigured(c)), &["OperatorErrorsAlarm"], &[]),
    run("denied", |c| Box::pin(runs::denied(c)), &[], &["OperatorErrorsAlarm"]),
    run("no_keys", |c| Box::pin(runs::no_keys(c)), &["NoKeysAlarm"], &["OperatorErrorsAlarm"]),
    run("kakao_down", |c| Box::pin(runs::kakao_down(c)), &["KakaoOutageAlarm"], &[]),
    run("kakao_quota", |c| Box::pin(runs::kakao_quota(c)), &[], &[]),
    Run { minutes: A_DAY, ..run("busy_minute", |c| Box::pin(runs::busy_minute(c)), &[], &["KakaoQuotaAlarm"]) },
    Run { minutes: A_DAY, ..run("less_busy_minute", |c| Box::pin(runs::less_busy_minute(c)), &[], &[]) },
    run("rotation_fails", |c| Box::pin(worker_runs::rotation_fails(c)), &["RotationAlarm"], &["OperatorErrorsAlarm"]),
    run("deletion_waits", |c| Box::pin(worker_runs::deletion_waits(c)), &[], &["DeletionAlarm"]),
    run("deletion_waits_less", |c| Box::pin(worker_runs::deletion_waits_less(c)), &[], &[]),
    run("deletions_do_not_run", |c| Box::pin(worker_runs::deletions_do_not_run(c)), &[], &["DeletionAlarm"]),
    run(
        "deletions_fail",
        |c| Box::pin(worker_runs::deletions_fail(c)),
        &["DeletionErrorsAlarm"],
        &["OperatorErrorsAlarm"],
    ),
    run(
        "user_events_wait",
        |c| Box::pin(worker_runs::user_events_wait(c)),
        &["UserEventsQueueAlarm"],
        &["UserEventsDelayAlarm"],
    ),
];

/// What `CloudWatch` got in each run. They take place once.
pub(super) fn recordings() -> &'static BTreeMap<&'static str, Vec<Entry>> {
    static RECORDINGS: OnceLock<BTreeMap<&str, Vec<Entry>>> = OnceLock::new();
    RECORDINGS.get_or_init(|| {
        let next = AtomicUsize::new(0);
        let recordings = Mutex::new(BTreeMap::new());
        thread::scope(|scope| {
            for _ in 0..AT_ONCE {
                scope.spawn(|| {
                    while let Some(run) = RUNS.get(next.fetch_add(1, Ordering::SeqCst)) {
                        let entries = record(run);
                        recordings.lock().unwrap().insert(run.name, entries);
                    }
                });
            }
        });
        recordings.into_inner().unwrap()
    })
}

fn record(run: &Run) -> Vec<Entry> {
    let cloud_watch = CloudWatch::default();
    let writer = cloud_watch.clone();
    // Of this thread only, as everything that belongs to a run is.
    let subscriber = log::subscriber(move || writer.clone(), &["dynoxide"]);
    let _log = tracing::subscriber::set_default(subscriber);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on((run.start)(cloud_watch.clone()));
    let once = cloud_watch.entries();
    let later = |minute: u64| once.iter().map(move |entry| Entry { at: entry.at + 60 * minute, ..entry.clone() });
    (0..run.minutes).flat_map(later).collect()
}

#[test]
fn in_each_run_those_alarms_fire_that_should_and_no_others() {
    let declared = Declared::read();
    let fired = RUNS.map(|run| (run.name, declared.fired(&recordings()[run.name])));
    let expected = RUNS.map(|run| (run.name, run.barely.iter().chain(run.more).copied().collect()));
    assert_eq!(fired, expected);
}

#[test]
fn an_alarm_waits_for_the_last_data_point_beyond_its_threshold() {
    let declared = Declared::read();
    let mut too_early = Vec::new();
    for run in &RUNS {
        for name in run.barely {
            let alarm = &declared.alarms[*name];
            let counts = |entry: &Entry| {
                declared.points(entry).iter().any(|(metric, value)| *value > 0.0 && alarm.metrics.contains(metric))
            };
            let mut entries = recordings()[run.name].clone();
            entries.remove(entries.iter().rposition(counts).expect(name));
            if declared.fired(&entries).contains(name) {
                too_early.push((run.name, name));
            }
        }
    }
    assert_eq!(too_early, []);
}

#[test]
fn every_alarm_has_a_run_and_every_filter_and_metric_of_an_alarm_gets_data_in_one() {
    let declared = Declared::read();
    let with_a_run: BTreeSet<&str> = RUNS.iter().flat_map(|run| run.barely.iter().chain(run.more)).copied().collect();
    assert_eq!(declared.alarms.keys().map(String::as_str).collect::<BTreeSet<_>>(), with_a_run);
    let entries: Vec<&Entry> = recordings().values().flatten().collect();
    for (name, filter) in &declared.filters {
        let is_matched = entries
            .iter()
            .any(|entry| matches!(&entry.what, What::Line(function, line) if filter.matches(function, line)));
        assert!(is_matched, "no line matches {name}");
    }
    let points: Vec<_> = entries.iter().flat_map(|entry| declared.points(entry)).collect();
    for (name, alarm) in &declared.alarms {
        for metric in &alarm.metrics {
            assert!(
                points.iter().any(|(other, value)| other == metric && *value > 0.0),
                "{name}: no data for {metric:?}"
            );
        }
    }
}
