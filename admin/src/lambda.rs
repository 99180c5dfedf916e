//! Commands for functions: each is an event that invokes the function.

use serde::Serialize;
use serde_json::Value;
use zeroize::Zeroizing;

use crate::aws::{self, AwsError};

/// Why a command was not carried out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InvokeError {
    /// The function was not reached.
    #[error(transparent)]
    Aws(#[from] AwsError),
    /// The function refused or failed.
    #[error("{0} did not carry the command out: {1}")]
    Function(&'static str, String),
    /// The response is not one of the function's.
    #[error("the response of {1} is not one of {0}: is it the right function?")]
    Unreadable(&'static str, String),
}

/// Invokes a function and returns its result. `name` is what the project calls it.
pub(crate) fn invoke(name: &'static str, function: &str, command: &impl Serialize) -> Result<Value, InvokeError> {
    let unreadable = || InvokeError::Unreadable(name, function.to_owned());
    let event = Zeroizing::new(serde_json::to_vec(command).map_err(|_| unreadable())?);
    // Both major versions of the command line take a file of bytes as it stands, and a pipe for a file.
    let arguments = ["lambda", "invoke", "--function-name", function, "--payload", "fileb:///dev/stdin", "/dev/stdout"];
    read(&aws::run(&arguments, Some(&event))?, name, function)
}

/// Reads what the command line prints: the function's result, and after it what Lambda says of the invocation.
fn read(output: &[u8], name: &'static str, function: &str) -> Result<Value, InvokeError> {
    let values: Result<Vec<Value>, _> = serde_json::Deserializer::from_slice(output).into_iter().collect();
    let Ok([mut result, invocation]) = <[Value; 2]>::try_from(values.unwrap_or_default()) else {
        return Err(InvokeError::Unreadable(name, function.to_owned()));
    };
    if invocation["FunctionError"].is_string() {
        let message = result["errorMessage"].take();
        return Err(InvokeError::Function(name, message.as_str().unwrap_or("it gave no reason").to_owned()));
    }
    Ok(result)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_is_told_from_a_failure_of_the_function() {
        let done = read(br#""rotated"{"StatusCode": 200, "ExecutedVersion": "$LATEST"}"#, "rotate-keys", "f");
        assert_eq!(done.unwrap(), "rotated");
        let failed = read(
            br#"{"errorMessage":"there are keys already"}{"StatusCode":200,"FunctionError":"Unhandled"}"#,
            "rotate-keys",
            "f",
        );
        let message = failed.unwrap_err().to_string();
        assert_eq!(message, "rotate-keys did not carry the command out: there are keys already");
        for odd in [&b""[..], b"x", br#"{"StatusCode": 200}"#] {
            assert!(matches!(read(odd, "rotate-keys", "f"), Err(InvokeError::Unreadable(..))), "{odd:?}");
        }
    }
}
