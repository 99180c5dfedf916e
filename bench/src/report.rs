//! The figures' file, and the page and the chart that are made of it.

use std::{fmt::Write, fs, process::Command};

use serde_json::{Value, json};

use crate::{chart, function::FUNCTIONS};

const RESULTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/results.json");
const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../BENCHMARKS.md");
const CHART: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/chart.svg");
/// In the page, what stands between these is made here and the rest by hand.
const MARKS: [&str; 2] = ["<!-- figures: make bench -->", "<!-- end of figures -->"];

/// The last figures.
pub fn read() -> Result<Value, String> {
    let text = fs::read_to_string(RESULTS).map_err(|error| format!("{RESULTS}: {error}"))?;
    serde_json::from_str(&text).map_err(|error| format!("{RESULTS}: {error}"))
}

/// Writes figures, page and chart.
pub fn write(results: &Value) -> Result<(), String> {
    let text = serde_json::to_string_pretty(results).map_err(|error| error.to_string())?;
    put(RESULTS, &(text + "\n"))?;
    put(CHART, &chart::draw(results))?;
    let page = fs::read_to_string(PAGE).map_err(|error| format!("{PAGE}: {error}"))?;
    let (before, rest) = page.split_once(MARKS[0]).ok_or("BENCHMARKS.md has lost its first mark")?;
    let (_, after) = rest.split_once(MARKS[1]).ok_or("BENCHMARKS.md has lost its second mark")?;
    put(PAGE, &format!("{before}{}\n{}{}{after}", MARKS[0], figures(results), MARKS[1]))
}

fn put(file: &str, text: &str) -> Result<(), String> {
    fs::write(file, text).map_err(|error| format!("{file}: {error}"))
}

/// Where this is measured.
pub fn machine() -> Value {
    let say = |program: &str, arguments: &[&str]| {
        let output = Command::new(program).args(arguments).output().map(|output| output.stdout).unwrap_or_default();
        String::from_utf8_lossy(&output).trim().to_owned()
    };
    let processor = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = processor.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
    json!({
        "processor": model.trim_start_matches([' ', '\t', ':']), "cores": processor.matches("processor\t").count(),
        "kernel": say("uname", &["-sr"]), "rust": say("rustc", &["--version"]), "date": say("date", &["-u", "+%F"]),
    })
}

fn figures(results: &Value) -> String {
    let mut page = String::new();
    // Writing to a String cannot fail.
    let mut line = |text: String| {
        let _ = writeln!(page, "{text}");
    };
    let (machine, counts) = (&results["machine"], &results["counts"]);
    line(format!(
        "Measured on {} with {} cores of {}, {}, {}.\n",
        plain(&machine["date"]),
        machine["cores"],
        plain(&machine["processor"]),
        plain(&machine["kernel"]),
        plain(&machine["rust"])
    ));

    line("### Counted\n".to_owned());
    line("| | instructions to the first `/next` | with the TLS connection | for a request | binary | zip | requests to DynamoDB and TLS handshakes for 1,000 requests |".to_owned());
    line("|---|---|---|---|---|---|---|".to_owned());
    for function in FUNCTIONS {
        let of = &counts[function];
        let (instructions, bytes, thousand) = (&of["instructions"], &of["bytes"], &of["thousand_requests"]);
        line(format!(
            "| `{function}` | {} | {} | {} | {} | {} | {}, {} |",
            millions(&instructions["start"]),
            millions(&instructions["start_tls"]),
            millions(&instructions["request"]),
            megabytes(&bytes["binary"]),
            megabytes(&bytes["zip"]),
            thousand["requests"],
            thousand["handshakes"]
        ));
    }
    line("\n| call | requests to DynamoDB | write / read units | calls to Kakao |\n|---|---|---|---|".to_owned());
    for call in counts["calls"].as_array().into_iter().flatten() {
        let requests: Vec<&str> = call["requests"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let (name, requests) = (plain(&call["call"]), requests.join(", "));
        line(format!("| {name} | {requests} | {} / {} | {} |", call["write_units"], call["read_units"], call["kakao"]));
    }

    line("\n### Started\n".to_owned());
    line(
        "| | Lambda of | start to first `/next` | first answer | peak memory | processor time for a request |"
            .to_owned(),
    );
    line("|---|---|---|---|---|---|".to_owned());
    for function in FUNCTIONS {
        let of = &results["cold"][function];
        for memory in ["128", "256"] {
            let cold = &of[memory];
            let (ready, answer) = (range(&cold["ready_ms"]), range(&cold["first_answer_ms"]));
            let (peak, processor) = (range(&cold["peak_mib"]), range(&of["processor_ms"]));
            line(format!("| `{function}` | {memory} MB | {ready} ms | {answer} ms | {peak} MiB | {processor} ms |"));
        }
    }
    if !results["peer"].is_null() {
        beside(&results["peer"], &mut line);
    }
    let load = &results["load"];
    line(format!(
        "\n### A bad day\n\n{} sessions renewed {} times and {} people signed in within {} s, due at fixed moments. \
         Logged out: **{}**. Given up: {}. Tried again after a 503: {}. Sessions that still refresh at the end: {}.\n",
        load["sessions"],
        load["refreshes"],
        load["sign_ins"],
        load["seconds"],
        load["logged_out"],
        load["given_up"],
        load["tried_again"],
        load["alive_after"]
    ));
    line("| ms since due | median | 99 % | 99.9 % | longest |\n|---|---|---|---|---|".to_owned());
    for (name, key) in [("refresh", "refresh_ms"), ("sign-in", "sign_in_ms")] {
        let of = &load[key];
        line(format!("| {name} | {} | {} | {} | {} |", of[0], of[1], of[2], of[3]));
    }
    page
}

fn beside(peer: &Value, line: &mut impl FnMut(String)) {
    line("\n### Beside the Django stack\n".to_owned());
    line("| | connections | ours /s | Django /s | ratio | ours, processor time | Django | ratio |".to_owned());
    line("|---|---|---|---|---|---|---|---|".to_owned());
    for row in peer["rows"].as_array().into_iter().flatten() {
        line(format!(
            "| {} | {} | {} | {} | {} | {} ms | {} ms | **{}** |",
            plain(&row["operation"]),
            row["connections"],
            range(&row["our_rate"]),
            range(&row["their_rate"]),
            range(&row["rate_ratio"]),
            range(&row["our_processor_ms"]),
            range(&row["their_processor_ms"]),
            range(&row["processor_ratio"])
        ));
    }
    let cold = &peer["cold"];
    line(format!(
        "\nStart of a process to its first sign-in: {} ms here, {} ms there, **{}** times sooner. Peak memory of a Django worker: {:.0} MiB.",
        range(&cold["ours_ms"]),
        range(&cold["theirs_ms"]),
        range(&cold["ratio"]),
        peer["their_peak_mib"].as_f64().unwrap_or_default()
    ));
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

fn millions(value: &Value) -> String {
    format!("{:.2} M", value.as_f64().unwrap_or(f64::NAN) / 1e6)
}

fn megabytes(value: &Value) -> String {
    format!("{:.2} MB", value.as_f64().unwrap_or(f64::NAN) / 1e6)
}
