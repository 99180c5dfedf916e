//! The figures in docs/performance.md. Each section between two marks is written by one measurement; the rest is written by hand.

use std::{fmt::Write, fs, process::Command};

use serde_json::Value;

use crate::{MEMORY_SIZES, function::FUNCTIONS, measure::Latencies};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/performance.md");

/// Writes one section, with the date and the machine.
pub fn put(section: &str, text: &str) -> Result<(), String> {
    let page = fs::read_to_string(PAGE).map_err(|error| format!("{PAGE}: {error}"))?;
    let marks = [format!("<!-- {section}: bench -->"), format!("<!-- end of {section} -->")];
    let missing = || format!("{PAGE} has no section {section}");
    let (before, rest) = page.split_once(&marks[0]).ok_or_else(missing)?;
    let (_, after) = rest.split_once(&marks[1]).ok_or_else(missing)?;
    let page = format!("{before}{}\n{}\n\n{text}{}{after}", marks[0], machine(), marks[1]);
    fs::write(PAGE, page).map_err(|error| format!("{PAGE}: {error}"))
}

fn machine() -> String {
    let say = |program: &str, arguments: &[&str]| {
        let output = Command::new(program).args(arguments).output().map(|output| output.stdout).unwrap_or_default();
        String::from_utf8_lossy(&output).trim().to_owned()
    };
    let processor = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = processor.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    format!(
        "Measured on {}: {} cores of {}, Rust {}, load average at the end {}.",
        say("date", &["-u", "+%F"]),
        processor.matches("processor\t").count(),
        model.trim_start_matches([' ', '\t', ':']),
        say("rustc", &["--version"]).split(' ').nth(1).unwrap_or_default(),
        load.split(' ').next().unwrap_or_default(),
    )
}

/// A table of these rows.
fn table(head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut text = format!("| {} |\n|{}\n", head.join(" | "), "---|".repeat(head.len()));
    for row in rows {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "| {} |", row.join(" | "));
    }
    text
}

/// What is counted: of functions, and of calls.
pub fn counts(counts: &Value) -> String {
    let functions = FUNCTIONS.map(|function| {
        let of = &counts[function];
        let (instructions, bytes, thousand) = (&of["instructions"], &of["bytes"], &of["thousand_requests"]);
        let (requests, handshakes) = (&thousand["requests"], &thousand["handshakes"]);
        let name = format!("`{function}`");
        let instructions = ["start", "start_tls", "request"].map(|name| millions(&instructions[name], "M"));
        let bytes = ["binary", "zip"].map(|name| millions(&bytes[name], "MB"));
        [vec![name], instructions.to_vec(), bytes.to_vec(), vec![format!("{requests}, {handshakes}")]].concat()
    });
    let calls = counts["calls"].as_array().into_iter().flatten().map(|call| {
        let requests: Vec<&str> = call["requests"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let units = format!("{} / {}", call["write_units"], call["read_units"]);
        vec![plain(&call["call"]).to_owned(), requests.join(", "), units, call["kakao"].to_string()]
    });
    let head = [
        "function",
        "instructions to the first `/next`, without TLS",
        "with TLS",
        "of a request",
        "binary",
        "zip",
        "DynamoDB requests and handshakes of 1,000 requests",
    ];
    let calls = table(&["call", "DynamoDB requests", "write / read units", "Kakao calls"], calls);
    table(&head, functions) + "\n" + &calls
}

/// The start model.
pub fn starts(all: &Value, away: Latencies) -> String {
    let rows = FUNCTIONS.iter().flat_map(|function| {
        MEMORY_SIZES.map(|memory| {
            let (of, name) = (&all[*function][memory.to_string()], format!("`{function}`, {memory} MB"));
            let warm = &of["warm_ms"];
            let idle = if of["after_idling_ms"].is_null() { "–".to_owned() } else { range(&of["after_idling_ms"]) };
            let (ready, first) = (range(&of["ready_ms"]), range(&of["first_response_ms"]));
            let (warm, peak) = (format!("{} / {} / {}", warm[0], warm[1], warm[2]), range(&of["peak_mib"]));
            vec![name, ready, first, warm, idle, peak, range(&all[*function]["processor_ms"])]
        })
    });
    let head = [
        "function",
        "start to `/next`, ms",
        "first response, ms",
        "warm, 50 / 90 / 99 %, ms",
        "after 20 s of idling, ms",
        "peak memory, MiB",
        "processor time of a request, ms",
    ];
    format!("DynamoDB {} ms away, Kakao {} ms.\n\n{}", away.dynamodb, away.kakao, table(&head, rows))
}

/// The load on a bad day.
pub fn load(load: &Value) -> String {
    let rows = [("refresh", "refresh_ms"), ("login", "login_ms")].map(|(name, key)| {
        let times = load[key].as_array().into_iter().flatten().map(Value::to_string);
        [name.to_owned()].into_iter().chain(times).collect()
    });
    format!(
        "{} sessions refreshed {} times and {} logins within {} s. Logged out: {}. Given up: {}. Retried after a 503: {}. Two tokens of one generation: {}. \
         Sessions that still refresh at the end: {}.\n\n{}",
        load["sessions"],
        load["refreshes"],
        load["logins"],
        load["seconds"],
        load["logged_out"],
        load["given_up"],
        load["retried"],
        load["doubled"],
        load["alive_after"],
        table(&["ms since due", "median", "99 %", "99.9 %", "longest"], rows)
    )
}

/// The comparison with Django.
pub fn django(all: &Value) -> String {
    let rows = all["rows"].as_array().into_iter().flatten().map(|row| {
        let name = format!("{}, {} at once", plain(&row["operation"]), row["connections"]);
        let figures = ["our_ms", "database_ms", "their_ms", "ratio_with", "ratio_without", "our_rate", "their_rate"];
        [name].into_iter().chain(figures.map(|figure| range(&row[figure]))).collect()
    });
    let head = [
        "",
        "ours, ms",
        "our database, ms",
        "Django with SQLite, ms",
        "ratio with our database",
        "ratio without",
        "ours, requests/s",
        "Django, requests/s",
    ];
    format!(
        "{}\nFrom the start of a process to the response to its first login: {} ms, Django {} ms, ratio {}. \
         Peak memory: {:.0} MiB (gateway and four functions), Django {:.0} MiB (one worker).\n",
        table(&head, rows),
        range(&all["our_cold_ms"]),
        range(&all["their_cold_ms"]),
        range(&all["cold_ratio"]),
        all["our_peak_mib"].as_f64().unwrap_or(f64::NAN),
        all["their_peak_mib"].as_f64().unwrap_or(f64::NAN)
    )
}

fn plain(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// `[median, least, greatest]` as `median (least–greatest)`.
fn range(value: &Value) -> String {
    let number = |index: usize| {
        let number = value[index].as_f64().unwrap_or(f64::NAN);
        if number < 10.0 { format!("{number:.2}") } else { format!("{number:.0}") }
    };
    format!("{} ({}–{})", number(0), number(1), number(2))
}

fn millions(value: &Value, unit: &str) -> String {
    format!("{:.2} {unit}", value.as_f64().unwrap_or(f64::NAN) / 1e6)
}
