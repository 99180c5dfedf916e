//! `admin replace-keys`.

use std::{thread, time::Duration};

use clap::{Args, ValueEnum};
use shared::id::SessionId;

use super::{CommandError, StackName};
use crate::{
    rotate_keys::{self, Command},
    stack,
};

/// How often it is tried, in the hope that what failed was the connection.
const TRIES: u64 = 3;

/// Replace keys of a stack at once, as after a leak.
#[derive(Args)]
pub(super) struct ReplaceKeys {
    #[command(flatten)]
    stack: StackName,
    /// What to replace.
    what: What,
    /// Id of an earlier run whose outcome is unknown. If that run was carried out, nothing is replaced again.
    #[arg(long, value_name = "ID")]
    attempt: Option<String>,
}

#[derive(Clone, Copy, ValueEnum)]
#[value(rename_all = "snake_case")]
enum What {
    /// A signing key leaked: the new one signs at once. Nobody is logged out.
    SigningKeys,
    /// A refresh-token key leaked, or the main table was restored from a backup: everybody logs in again.
    #[value(alias = "session_secrets")]
    RefreshTokenKeys,
    /// An ordinary rotation, now. Nobody notices.
    Schedule,
    /// The key ring was deleted: makes a new one. Everybody logs in again.
    BeginAfresh,
}

impl What {
    fn command(self, attempt: &str) -> Command<'_> {
        match self {
            Self::SigningKeys => Command::Replace { keys: "signing_keys", attempt },
            Self::RefreshTokenKeys => Command::Replace { keys: "session_secrets", attempt },
            Self::Schedule => Command::Replace { keys: "schedule", attempt },
            Self::BeginAfresh => Command::BeginAfresh { attempt },
        }
    }

    fn effect(self) -> &'static str {
        match self {
            Self::SigningKeys => {
                "The signing keys are replaced. Within ten minutes no function accepts a token of the old keys. Nobody is logged \
                 out. Services that cache the JWK Set accept such tokens until they fetch it again."
            }
            Self::RefreshTokenKeys => {
                "The refresh-token keys are replaced. Within ten minutes every session has ended, and everybody logs in again."
            }
            Self::Schedule => {
                "A new key is published. It signs as soon as every verifier can know it. Nobody is logged out."
            }
            Self::BeginAfresh => "There are new keys. Everybody logs in again.",
        }
    }
}

impl ReplaceKeys {
    pub(super) fn run(&self) -> Result<(), CommandError> {
        let attempt = self.attempt.clone().unwrap_or_else(|| SessionId::generate().to_string());
        let function = stack::rotate_keys_function(&self.stack.stack)?;
        eprintln!("attempt {attempt}");
        let mut tried = 1;
        while let Err(error) = rotate_keys::invoke(&function, &self.what.command(&attempt)) {
            if tried == TRIES {
                return Err(CommandError::Other(format!(
                    "{error}\nIt is not known to be done. Run the same command again with --attempt {attempt}: it does nothing \
                     twice."
                )));
            }
            eprintln!("{error}\nTrying again.");
            thread::sleep(Duration::from_secs(tried));
            tried += 1;
        }
        println!("{}", self.what.effect());
        Ok(())
    }
}
