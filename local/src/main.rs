//! `local`: the whole stack on this machine for people, and the few things that a deployment needs done here.

mod examine;
mod run;

use std::{env, process::ExitCode};

const USAGE: &str = "usage: local [run]      the functions, a table and a Kakao stand-in in one process
       local watch      the same, with the functions under `cargo lambda watch`
       local doctor [STACK]
                        what is wrong with the configuration of a deployed stack, or of this environment; status 1 if
                        anything is. API_URL says where browsers reach the API, if that is not the stack's own address";

#[tokio::main]
async fn main() -> ExitCode {
    let result = match env::args().nth(1).as_deref() {
        None | Some("run") => run::run().await,
        Some("watch") => run::watch().await,
        Some("doctor") => return examine::doctor(env::args().nth(2).as_deref()).await,
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
