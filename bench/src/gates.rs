//! Counts that do not depend on how busy the machine is, compared with `bench/baseline.json`.

use std::{fs, path::Path};

use serde_json::{Map, Value, json};

use crate::{
    function::FUNCTIONS,
    measure::{all_instructions, calls, connections, opened_files, sizes},
    scenario::{Credential, Scenario},
};

const BASELINE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/baseline.json");
/// By how much a count may exceed the baseline.
const TOLERANCE: f64 = 0.03;
/// What the AWS SDK logs at TRACE together with a request's body. `tracing`'s feature `release_max_level_info` keeps it out of the
/// binaries.
const MESSAGE_AT_TRACE: &[u8] = b"transmitting request";

/// The counts of each function and of each kind of call.
pub async fn count(scenario: &Scenario) -> Result<Value, String> {
    let mut counts = Map::from_iter([("calls".to_owned(), calls().await)]);
    for function in FUNCTIONS {
        let files = opened_files(scenario, function).await?;
        let instructions = all_instructions(scenario, function).await?;
        let (sizes, connections) = (sizes(scenario, function)?, connections(scenario, function).await?);
        let of_function =
            json!({"instructions": instructions, "bytes": sizes, "thousand_requests": connections, "files": files});
        eprintln!("{function}: {of_function}");
        counts.insert(function.to_owned(), of_function);
    }
    Ok(Value::Object(counts))
}

/// Compares the counts with the baseline, and prints both.
///
/// # Errors
///
/// The counts that are worse.
pub async fn check(binaries: &Path) -> Result<(), String> {
    let scenario = Scenario::set(binaries, Credential::IdToken).await?;
    let now = count(&scenario).await?;
    let text = fs::read_to_string(BASELINE).map_err(|error| format!("{BASELINE}: {error}"))?;
    let before: Value = serde_json::from_str(&text).map_err(|error| format!("{BASELINE}: {error}"))?;
    let mut worse = Vec::new();
    for function in FUNCTIONS {
        for (kind, tolerance) in [("instructions", TOLERANCE), ("bytes", TOLERANCE), ("thousand_requests", 0.0)] {
            let (before, now) = (&before[function][kind], &now[function][kind]);
            for name in before.as_object().into_iter().flat_map(Map::keys) {
                let (before, now) = (before[name].as_f64().unwrap_or_default(), now[name].as_f64().unwrap_or(f64::MAX));
                let change = (now / before - 1.0) * 100.0;
                let line = format!("{function} {kind} {name}: {before} before, {now} now ({change:+.1} %)");
                println!("{line}");
                let most = match name.as_str() {
                    // The order in which tasks are polled is chance, which changes a few percent.
                    "start" | "start_tls" => before * 1.1,
                    // How many calls overlap is chance. What matters is that not every request makes a handshake.
                    "handshakes" => before + 3.0,
                    _ => before * (1.0 + tolerance),
                };
                if now > most {
                    worse.push(line);
                }
            }
        }
        let files = now[function]["files"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let authorities = |file: &&str| ["cert", "ssl", ".pem", ".crt"].iter().any(|word| file.contains(word));
        worse.extend(files.filter(authorities).map(|file| format!("{function} opens {file}")));
        let binary = fs::read(scenario.binary(function)).map_err(|error| format!("{function}: {error}"))?;
        if binary.windows(MESSAGE_AT_TRACE.len()).any(|bytes| bytes == MESSAGE_AT_TRACE) {
            worse.push(format!("{function} can log at TRACE"));
        }
    }
    if before["calls"] != now["calls"] {
        worse.push(format!("calls: {} before, {} now", before["calls"], now["calls"]));
    }
    println!("{} passed, {} failed", if worse.is_empty() { "all gates" } else { "not all gates" }, worse.len());
    if worse.is_empty() { Ok(()) } else { Err(format!("worse than {BASELINE}:\n{}", worse.join("\n"))) }
}

/// Writes the present counts as the baseline.
pub async fn accept(binaries: &Path) -> Result<(), String> {
    let counts = count(&Scenario::set(binaries, Credential::IdToken).await?).await?;
    let text = serde_json::to_string_pretty(&counts).map_err(|error| error.to_string())?;
    fs::write(BASELINE, text + "\n").map_err(|error| format!("{BASELINE}: {error}"))
}
