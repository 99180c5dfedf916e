//! The `local` command: the whole stack on this machine.

mod run;

use std::{env, process::ExitCode};

const USAGE: &str = "usage: local [run]      the functions, a table and a Kakao stand-in in one process
       local watch      the same, with the functions under `cargo lambda watch`";

#[tokio::main]
async fn main() -> ExitCode {
    let result = match env::args().nth(1).as_deref() {
        None | Some("run") => run::run().await,
        Some("watch") => run::watch().await,
        Some(_) => Err(USAGE.to_owned()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}
