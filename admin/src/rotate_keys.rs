//! Commands for the function rotate-keys, the only one that may read and write all keys.

use secrecy::{ExposeSecret, SecretString};
use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::lambda::{self, InvokeError};

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
    PutDjangoKey {
        algorithm: &'a str,
        #[serde(serialize_with = "exposed")]
        key: &'a SecretString,
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

/// Invokes the function and returns its result.
pub(crate) fn invoke(function: &str, command: &Command<'_>) -> Result<Value, InvokeError> {
    lambda::invoke("rotate-keys", function, command)
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
        let django = Command::PutDjangoKey { algorithm: "HS256", key: &secret };
        let Ok(Event::PutDjangoKey { algorithm, key }) = read(django) else { panic!("put_django_key") };
        assert_eq!((algorithm.as_str(), key.expose_secret()), ("HS256", "s3cret"));
        let Ok(Event::CarryOver { ring }) = read(Command::CarryOver { ring: &secret }) else { panic!("carry_over") };
        assert_eq!(ring.expose_secret(), "s3cret");
        let put = read(Command::PutKakaoSecrets { client_secret: &secret, admin_key: &SecretString::from("") });
        let Ok(Event::PutKakaoSecrets { client_secret, admin_key }) = put else { panic!("put_kakao_secrets") };
        assert_eq!((client_secret.expose_secret(), admin_key.expose_secret()), ("s3cret", ""));
    }
}
