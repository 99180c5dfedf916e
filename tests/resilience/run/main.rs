//! Long runs against the functions: every network and service fault, processes killed and stopped, a soak. Each prints its results.

mod faults;
mod linked_side;
mod linked_visitor;
mod part;
mod processes;
mod random_faults;
mod route;
mod scenario;
mod skew;
mod soak;
mod visitor;

use std::{env, path::PathBuf, time::Duration};

const USAGE: &str = "usage: resilience faults | processes | soak [SECONDS]";

#[tokio::main]
async fn main() -> Result<(), String> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["faults"] => faults::run().await,
        ["processes"] => processes::run().await,
        ["soak"] => soak::run(Duration::from_mins(3)).await,
        ["soak", seconds] => soak::run(Duration::from_secs(seconds.parse().map_err(|_| USAGE)?)).await,
        _ => Err(USAGE.to_owned()),
    }
}

/// Where the functions' binaries are: beside this one.
fn binaries() -> Result<PathBuf, String> {
    let own = env::current_exe().map_err(|error| error.to_string())?;
    own.parent().map(PathBuf::from).ok_or_else(|| "the path of this binary has no folder".to_owned())
}
