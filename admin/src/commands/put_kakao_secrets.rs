//! `admin put-kakao-secrets`.

use std::io::{self, IsTerminal};

use clap::Args;
use secrecy::{ExposeSecret, SecretString};
use shared::kakao::AdminKeyHashes;
use zeroize::Zeroizing;

use super::{CommandError, StackName};
use crate::{
    rotate_keys::{self, Command},
    stack,
};

/// Store Kakao's client secret and admin key in a stack.
///
/// Asks for both, or reads them from two lines of standard input. Run it again whenever Kakao's console has new ones. The stack makes
/// all other keys itself.
#[derive(Args)]
pub(super) struct PutKakaoSecrets {
    #[command(flatten)]
    stack: StackName,
}

impl PutKakaoSecrets {
    pub(super) fn run(&self) -> Result<(), CommandError> {
        // A wrong name of the stack is told before anything is typed.
        let function = stack::rotate_keys_function(&self.stack.stack)?;
        let client_secret = secret("Kakao client secret (in Kakao's console beside the REST API key): ")?;
        if client_secret.expose_secret().is_empty() {
            let why =
                "the client secret is empty, so nothing was stored. Kakao's console shows it beside the REST API key";
            return Err(CommandError::Other(why.to_owned()));
        }
        let admin_key =
            secret("Kakao admin key, to delete accounts and for new users who log in by ID token (empty: none): ")?;
        let command = Command::PutKakaoSecrets { client_secret: &client_secret, admin_key: &admin_key };
        rotate_keys::invoke(&function, &command)?;
        println!("Kakao's secrets are stored. The functions read them within ten minutes.");
        if !admin_key.expose_secret().is_empty() {
            // A hash of 128 random bits tells nothing about them.
            println!(
                "KakaoAdminKeyHashes of the stack must have the admin key's hash: {}",
                AdminKeyHashes::hash_of(&admin_key)
            );
        }
        Ok(())
    }
}

/// The next line, without the spaces around it.
fn secret(prompt: &str) -> Result<SecretString, CommandError> {
    Ok(line(prompt)?.expose_secret().trim().into())
}

/// The next line, without its end. A terminal does not show what is typed.
pub(super) fn line(prompt: &str) -> Result<SecretString, CommandError> {
    let line = if io::stdin().is_terminal() {
        rpassword::prompt_password(prompt)
    } else {
        let mut line = String::new();
        io::stdin().read_line(&mut line).map(|_| line)
    };
    let line = line.map(Zeroizing::new);
    let line = line.map_err(|error| CommandError::Other(format!("the secret could not be read: {error}")))?;
    Ok(line.trim_end_matches(['\r', '\n']).into())
}
