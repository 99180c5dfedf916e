//! Commands for the function rotate-keys, the only one that may read and write all keys.

use secrecy::{ExposeSecret, SecretString};
use serde::{Serialize, Serializer};
use serde_json::Value;
use zeroize::Zeroizing;

use crate::aws::{self, AwsError};

/// What rotate-keys is invoked with by an operator. The function has the same list, as what it reads.
#[derive(Serialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub(crate) enum Command<'a> {
    Replace {
        keys: &'a str,
        attempt: &'a str,
    },
    BeginAfresh {
        attempt: &'a str,
    },
    Describe,
    ExportSymmetricKeys,
    PutKakaoSecrets {
        #[serde(serialize_with = "exposed")]
        client_secret: &'a SecretString,
        #[serde(serialize_with = "exposed")]
        admin_key: &'a SecretString,
    },
    CarryOver {
        #[serde(serialize_with = "exposed")]
        ring: &'a SecretString,
    },
}

/// Only the function's event has the secret in clear.
fn exposed<S: Serializer>(secret: &SecretString, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(secret.expose_secret())
}

/// Why a command was not carried out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InvokeError {
    /// The function was not reached.
    #[error(transparent)]
    Aws(#[from] AwsError),
    /// The function refused or failed.
    #[error("rotate-keys did not carry the command out: {0}")]
    Function(String),
    /// The response is not one of rotate-keys.
    #[error("the response of {0} is not one of rotate-keys: is it the right function?")]
    Unreadable(String),
}

/// Invokes the function and returns its result.
pub(crate) fn invoke(function: &str, command: &Command<'_>) -> Result<Value, InvokeError> {
    let unreadable = || InvokeError::Unreadable(function.to_owned());
    let event = Zeroizing::new(serde_json::to_vec(command).map_err(|_| unreadable())?);
    // Both major versions of the command line take a file of bytes as it stands, and a pipe for a file.
    let arguments = ["lambda", "invoke", "--function-name", function, "--payload", "fileb:///dev/stdin", "/dev/stdout"];
    read(&aws::run(&arguments, Some(&event))?, function)
}

/// Reads what the command line prints: the function's result, and after it what Lambda says of the invocation.
fn read(output: &[u8], function: &str) -> Result<Value, InvokeError> {
    let values: Result<Vec<Value>, _> = serde_json::Deserializer::from_slice(output).into_iter().collect();
    let Ok([mut result, invocation]) = <[Value; 2]>::try_from(values.unwrap_or_default()) else {
        return Err(InvokeError::Unreadable(function.to_owned()));
    };
    if invocation["FunctionError"].is_string() {
        let message = result["errorMessage"].take();
        return Err(InvokeError::Function(message.as_str().unwrap_or("it gave no reason").to_owned()));
    }
    Ok(result)
}

#[cfg(test)]
mod tests {
    use rotate_keys::Event;

    use super::*;

    #[test]
    fn every_command_is_one_that_the_function_reads() {
        let secret = SecretString::from("s3cret");
        let read = |command: Command<'_>| serde_json::from_slice::<Event>(&serde_json::to_vec(&command).unwrap());
        for keys in ["signing_keys", "session_secrets", "schedule"] {
            assert!(matches!(read(Command::Replace { keys, attempt: "a" }), Ok(Event::Replace { .. })), "{keys}");
        }
        assert!(
            matches!(read(Command::BeginAfresh { attempt: "a" }), Ok(Event::BeginAfresh { attempt }) if attempt == "a")
        );
        assert!(matches!(read(Command::Describe), Ok(Event::Describe)));
        assert!(matches!(read(Command::ExportSymmetricKeys), Ok(Event::ExportSymmetricKeys)));
        let Ok(Event::CarryOver { ring }) = read(Command::CarryOver { ring: &secret }) else { panic!("carry_over") };
        assert_eq!(ring.expose_secret(), "s3cret");
        let put = read(Command::PutKakaoSecrets { client_secret: &secret, admin_key: &SecretString::from("") });
        let Ok(Event::PutKakaoSecrets { client_secret, admin_key }) = put else { panic!("put_kakao_secrets") };
        assert_eq!((client_secret.expose_secret(), admin_key.expose_secret()), ("s3cret", ""));
    }

    #[test]
    fn a_result_is_told_from_a_failure_of_the_function() {
        let done = read(br#""rotated"{"StatusCode": 200, "ExecutedVersion": "$LATEST"}"#, "f");
        assert_eq!(done.unwrap(), "rotated");
        let failed =
            read(br#"{"errorMessage":"there are keys already"}{"StatusCode":200,"FunctionError":"Unhandled"}"#, "f");
        let message = failed.unwrap_err().to_string();
        assert_eq!(message, "rotate-keys did not carry the command out: there are keys already");
        for odd in [&b""[..], b"x", br#"{"StatusCode": 200}"#] {
            assert!(matches!(read(odd, "f"), Err(InvokeError::Unreadable(_))), "{odd:?}");
        }
    }
}
