//! The AWS command line, `aws`. It has the operator's credentials, region and endpoints.
//!
//! Every call is a list of arguments, never a line for a shell. Secrets go through standard input and output only, so they are
//! neither in a process's arguments nor on disk.

use std::{
    io::{self, Write},
    process::{Command, Output, Stdio},
};

use serde_json::Value;
use zeroize::Zeroizing;

/// Where `make venv` installs the command line, from the root of the repository.
const OF_THE_PROJECT: &str = ".venv/bin/aws";

/// Why a call had no result.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AwsError {
    /// The command line could not be started.
    #[error(
        "the AWS command line `aws` could not be started: {0}. Install it, or run `make venv` and then this command again"
    )]
    NotStarted(io::Error),
    /// It ended with an error: AWS refused, or could not be reached.
    #[error("`aws {call}` failed: {message}")]
    Failed {
        /// Service and operation.
        call: String,
        /// The error's name in AWS, such as `AccessDeniedException`, if it came from there.
        code: Option<String>,
        /// What the command line printed.
        message: String,
    },
    /// The output is not JSON.
    #[error("`aws {0}` printed something that is not JSON. Is it the AWS command line, version 1 or 2?")]
    NotJson(String),
}

impl AwsError {
    /// The error's name in AWS.
    pub(crate) fn code(&self) -> Option<&str> {
        match self {
            Self::Failed { code, .. } => code.as_deref(),
            Self::NotStarted(_) | Self::NotJson(_) => None,
        }
    }
}

/// The result of a call that only reads or deletes. Pages are put together by the command line.
pub(crate) fn call(arguments: &[&str]) -> Result<Value, AwsError> {
    let output = run(arguments, None)?;
    // Some operations have no result, and then nothing is printed.
    if output.trim_ascii().is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_slice(&output).map_err(|_| AwsError::NotJson(name(arguments)))
}

/// Runs the command line with JSON as its output format, and returns what it prints.
pub(crate) fn run(arguments: &[&str], input: Option<&[u8]>) -> Result<Zeroizing<Vec<u8>>, AwsError> {
    let output = match output_of("aws", arguments, input) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => output_of(OF_THE_PROJECT, arguments, input),
        other => other,
    };
    let output = output.map_err(AwsError::NotStarted)?;
    let stdout = Zeroizing::new(output.stdout);
    if output.status.success() {
        return Ok(stdout);
    }
    let message = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(AwsError::Failed { call: name(arguments), code: error_code(&message), message })
}

fn output_of(program: &str, arguments: &[&str], input: Option<&[u8]>) -> io::Result<Output> {
    let mut command = Command::new(program);
    command.args(arguments).args(["--output", "json"]).env("AWS_PAGER", "");
    command.stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() });
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let written = match (child.stdin.take(), input) {
        (Some(mut stdin), Some(input)) => stdin.write_all(input),
        _ => Ok(()),
    };
    let output = child.wait_with_output()?;
    // If it ended before it read its input, its own message says more than "broken pipe".
    if output.status.success() {
        written?;
    }
    Ok(output)
}

fn name(arguments: &[&str]) -> String {
    arguments.iter().take(2).copied().collect::<Vec<_>>().join(" ")
}

/// From "An error occurred (`AccessDeniedException`) when calling the `GetResourcePolicy` operation: …".
fn error_code(message: &str) -> Option<String> {
    let (_, rest) = message.split_once("An error occurred (")?;
    rest.split_once(')').map(|(code, _)| code.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_of_an_error_is_read_from_what_either_version_of_the_command_line_prints() {
        let text = "An error occurred (PolicyNotFoundException) when calling the GetResourcePolicy operation: none (x)";
        for message in [text.to_owned(), format!("aws: [ERROR]: {text}")] {
            assert_eq!(error_code(&message).as_deref(), Some("PolicyNotFoundException"));
        }
        assert_eq!(
            error_code("Unable to locate credentials. You can configure them by running \"aws configure\""),
            None
        );
    }
}
