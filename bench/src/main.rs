//! Measures the functions' release binaries. `make bench` takes all measurements; `make gates` counts what must not get worse.

mod aws;
mod chart;
mod function;
mod gates;
mod load;
mod measure;
mod peer;
mod report;
mod runtime;
mod scene;

use std::{env, path::Path};

use serde_json::{Map, Value, json};

use crate::{function::FUNCTIONS, peer::Peer, scene::Scene};

const USAGE: &str = "bench gates | accept | report
bench all [PEER_BASE_URL PEER_PID PEER_TOKEN [PEER_COLD_COMMAND]]

PEER_TOKEN is a Kakao access token that the peer's own stand-in takes, with {} for a user's number. PEER_COLD_COMMAND
answers one sign-in in a new process and then writes a line. BINARIES says where the binaries are, if not in target/release..";
const BINARIES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/release");
const MEMORY_SIZES: [u32; 2] = [128, 256];
const COLD_RUNS: usize = 21;

#[tokio::main]
async fn main() -> Result<(), String> {
    let binaries = env::var("BINARIES").unwrap_or_else(|_| BINARIES.to_owned());
    let binaries = Path::new(&binaries);
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["gates"] => gates::check(binaries).await,
        ["accept"] => gates::accept(binaries).await,
        ["report"] => report::write(&report::read()?),
        ["all"] => all(binaries, None).await,
        ["all", base, pid, token, cold @ ..] if cold.len() < 2 => {
            let pid = pid.parse().map_err(|_| format!("{pid} is no process id"))?;
            let peer = Peer {
                base: base.trim_end_matches('/').to_owned(),
                pid,
                token: (*token).to_owned(),
                cold: cold.first().map(|command| (*command).to_owned()),
            };
            all(binaries, Some(peer)).await
        }
        _ => Err(USAGE.to_owned()),
    }
}

/// Takes all measurements, those of time first.
async fn all(binaries: &Path, peer: Option<Peer>) -> Result<(), String> {
    let mut results = report::read().unwrap_or_else(|_| json!({}));
    results["machine"] = report::machine();
    let scene = Scene::set(binaries).await?;
    let mut cold = Map::new();
    for function in FUNCTIONS {
        let mut of_function = Map::new();
        for memory in MEMORY_SIZES {
            let figures = measure::cold(&scene, function, memory, COLD_RUNS).await?;
            of_function.insert(memory.to_string(), figures);
        }
        of_function.insert("processor_ms".to_owned(), measure::processor(&scene, function).await?);
        cold.insert(function.to_owned(), Value::Object(of_function));
        eprintln!("{function}: {}", cold[function]);
    }
    results["cold"] = Value::Object(cold);
    if let Some(peer) = peer {
        results["peer"] = peer::beside(&peer, &binaries.join("local")).await?;
        if let Some(command) = &peer.cold {
            // In turn, so that both meet the same machine.
            let mut pairs = Vec::new();
            for _ in 0..COLD_RUNS {
                let ours = measure::cold_sign_in(&scene).await?;
                pairs.push([ours, peer::cold(command).await?]);
            }
            results["peer"]["cold"] = json!({
                "ours_ms": measure::spread(&pairs, |pair| pair[0]), "theirs_ms": measure::spread(&pairs, |pair| pair[1]),
                "ratio": measure::spread(&pairs, |pair| pair[1] / pair[0]),
            });
        }
        eprintln!("{}", results["peer"]);
    }
    results["load"] = load::run().await;
    eprintln!("{}", results["load"]);
    results["counts"] = gates::count(&scene).await?;
    report::write(&results)
}
