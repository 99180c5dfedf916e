//! `admin`: commands for the operator of a deployed stack.

use std::process::ExitCode;

fn main() -> ExitCode {
    admin::run()
}
