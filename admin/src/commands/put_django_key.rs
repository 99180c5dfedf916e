//! `admin put-django-key`.

use clap::Args;
use secrecy::{ExposeSecret, SecretString};

use super::{CommandError, StackName, put_kakao_secrets::line};
use crate::{
    rotate_keys::{self, Command},
    stack,
};

/// Below so many bytes a key for HS256 can be guessed more easily than its signatures (RFC 7518 §3.2).
const SHORT: usize = 32;

/// Store the key with which Django signed its refresh tokens, or remove it.
///
/// Asks for it, or reads a line of standard input: `SIGNING_KEY` of Django's `SIMPLE_JWT`, or else `SECRET_KEY`. While the parameter
/// `DjangoRefreshUntil` is set, each refresh token that Django has signed with it starts one session here.
#[derive(Args)]
pub(super) struct PutDjangoKey {
    #[command(flatten)]
    stack: StackName,
    /// `ALGORITHM` of Django's `SIMPLE_JWT`
    #[arg(long, default_value = "HS256", value_parser = ["HS256", "HS384", "HS512"])]
    algorithm: String,
    /// Remove the key, so that no token of Django's counts any more
    #[arg(long, conflicts_with = "algorithm")]
    delete: bool,
}

impl PutDjangoKey {
    pub(super) fn run(&self) -> Result<(), CommandError> {
        // A wrong name of the stack is told before anything is typed.
        let function = stack::rotate_keys_function(&self.stack.stack)?;
        let key = if self.delete { SecretString::default() } else { line("Django's signing key: ")? };
        let length = key.expose_secret().len();
        if length == 0 && !self.delete {
            return Err(CommandError::Other("the key is empty, so nothing was stored".to_owned()));
        }
        rotate_keys::invoke(&function, &Command::PutDjangoKey { algorithm: &self.algorithm, key: &key })?;
        if self.delete {
            println!("Django's key is removed. The functions accept no token of Django's after ten minutes at most.");
            return Ok(());
        }
        println!("Django's key is stored. The functions read it within ten minutes.");
        if length < SHORT {
            println!(
                "It has only {length} bytes. Whoever guesses it can log in as any imported user until DjangoRefreshUntil."
            );
        }
        Ok(())
    }
}
