//! What must not get worse: counts that a loaded machine does not change, held to `bench/baseline.json`.

use std::{fs, path::Path};

use serde_json::{Map, Value, json};

use crate::{
    function::FUNCTIONS,
    measure::{all_instructions, calls, connections, opened_files, sizes},
    scene::{Credential, Scene},
};

const BASELINE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/baseline.json");
/// How much more than in the baseline a count may be.
const TOLERANCE: f64 = 0.03;

/// Counts what can be counted of each function, and of each call.
pub async fn count(scene: &Scene) -> Result<Value, String> {
    let mut counts = Map::new();
    for function in FUNCTIONS {
        let files = opened_files(scene, function).await?;
        let instructions = all_instructions(scene, function).await?;
        let (sizes, connections) = (sizes(scene, function)?, connections(scene, function).await?);
        let of_function =
            json!({"instructions": instructions, "bytes": sizes, "thousand_requests": connections, "files": files});
        counts.insert(function.to_owned(), of_function);
    }
    counts.insert("calls".to_owned(), calls().await);
    Ok(Value::Object(counts))
}

/// Compares with the baseline, and says each number of before and after.
///
/// # Errors
///
/// All that is worse.
pub async fn check(binaries: &Path) -> Result<(), String> {
    let now = count(&Scene::set(binaries, Credential::IdToken).await?).await?;
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
                    // The order in which tasks get their turn is chance, and moves a few percent.
                    "start" | "start_tls" => before * 1.1,
                    // How many calls overlap is chance; what matters is that they are not made for each request.
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
    }
    if before["calls"] != now["calls"] {
        worse.push(format!("calls: {} before, {} now", before["calls"], now["calls"]));
    }
    println!("{} passed, {} failed", if worse.is_empty() { "all gates" } else { "not all gates" }, worse.len());
    if worse.is_empty() { Ok(()) } else { Err(format!("worse than {BASELINE}:\n{}", worse.join("\n"))) }
}

/// Makes the present counts the baseline.
pub async fn accept(binaries: &Path) -> Result<(), String> {
    let counts = count(&Scene::set(binaries, Credential::IdToken).await?).await?;
    let text = serde_json::to_string_pretty(&counts).map_err(|error| error.to_string())?;
    fs::write(BASELINE, text + "\n").map_err(|error| format!("{BASELINE}: {error}"))
}
