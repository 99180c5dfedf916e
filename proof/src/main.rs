//! Shows what the session protocol withstands, and writes it down. `make evidence` runs all of it.

mod browser;
mod evidence;
mod faults;
mod fuzzing;
mod log;
mod part;
mod processes;
mod scene;
mod skew;
mod soak;
mod weather;

use std::{env, path::PathBuf, time::Duration};

const USAGE: &str = "proof evidence LOG | faults | fuzzing LOGS | processes | soak [SECONDS]";

#[tokio::main]
async fn main() -> Result<(), String> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["evidence", log] => evidence::run(log),
        ["faults"] => faults::run().await,
        ["fuzzing", logs] => fuzzing::run(logs),
        ["processes"] => processes::run().await,
        ["soak"] => soak::run(Duration::from_mins(3)).await,
        ["soak", seconds] => soak::run(Duration::from_secs(seconds.parse().map_err(|_| USAGE)?)).await,
        _ => Err(USAGE.to_owned()),
    }
}

/// Where the functions' binaries are: beside this one.
fn binaries() -> Result<PathBuf, String> {
    let own = env::current_exe().map_err(|error| error.to_string())?;
    own.parent().map(PathBuf::from).ok_or_else(|| "this binary is nowhere".to_owned())
}
