//! Measures the functions' release binaries. `make gates` compares counts with a baseline; `make bench` and `make bench-django`
//! write their measurements into docs/performance.md.

mod django;
mod dynamodb;
mod function;
mod gates;
mod load;
mod measure;
mod peer;
mod report;
mod scenario;
mod share;

use std::{env, path::Path};

use serde_json::{Map, Value};

use crate::{
    function::FUNCTIONS,
    measure::Latencies,
    scenario::{Credential, Scenario},
};

const USAGE: &str = "bench gates | accept         compares the counts with bench/baseline.json, or replaces it
bench counts | starts | load writes one section of docs/performance.md; DYNAMODB_MS and KAKAO_MS are the latencies for starts
bench django VENV            the same for the comparison with Django, which is installed in VENV

BINARIES is the folder of the binaries, by default target/release.";
const BINARIES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/release");
const MEMORY_SIZES: [u32; 3] = [128, 256, 512];

#[tokio::main]
async fn main() -> Result<(), String> {
    let binaries = env::var("BINARIES").unwrap_or_else(|_| BINARIES.to_owned());
    let binaries = Path::new(&binaries);
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["gates"] => gates::check(binaries).await,
        ["accept"] => Box::pin(gates::accept(binaries)).await,
        ["counts"] => {
            let scenario = Scenario::set(binaries, Credential::IdToken).await?;
            report::put("counts", &report::counts(&gates::count(&scenario).await?))
        }
        ["starts"] => {
            let away = Latencies { dynamodb: milliseconds("DYNAMODB_MS", 4)?, kakao: milliseconds("KAKAO_MS", 30)? };
            report::put("starts", &report::starts(&Box::pin(starts(binaries, away)).await?, away))
        }
        ["load"] => report::put("load", &report::load(&load::run().await)),
        // The database process of the comparison.
        ["dynamodb"] => django::dynamodb().await,
        ["django", venv] => {
            let bin = Path::new(venv).canonicalize().map_err(|error| format!("{venv}: {error}"))?.join("bin");
            report::put("django", &report::django(&Box::pin(django::compare(binaries, &bin)).await?))
        }
        _ => Err(USAGE.to_owned()),
    }
}

fn milliseconds(name: &str, usual: u64) -> Result<u64, String> {
    let given = env::var(name).unwrap_or_else(|_| usual.to_string());
    given.parse().map_err(|_| format!("{name}: {given} is not a number of milliseconds"))
}

async fn starts(binaries: &Path, away: Latencies) -> Result<Value, String> {
    let scenario = Scenario::set(binaries, Credential::IdToken).await?;
    let mut all = Map::new();
    for function in FUNCTIONS {
        let mut of_function = Map::new();
        for memory in MEMORY_SIZES {
            let mut figures = measure::model(&scenario, function, memory, away).await?;
            if function == "refresh" {
                figures["after_idling_ms"] = measure::after_idling(&scenario, function, memory, away).await?;
            }
            eprintln!("{function} {memory} MB: {figures}");
            of_function.insert(memory.to_string(), figures);
        }
        of_function.insert("processor_ms".to_owned(), measure::processor(&scenario, function).await?);
        all.insert(function.to_owned(), Value::Object(of_function));
    }
    Ok(Value::Object(all))
}
