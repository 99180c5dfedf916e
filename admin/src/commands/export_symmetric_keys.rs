//! `admin export-symmetric-keys`.

use clap::Args;
use serde_json::Value;

use super::{CommandError, StackName};
use crate::{
    rotate_keys::{self, Command},
    stack,
};

/// Print the symmetric keys of a stack that signs with HS256, as a JSON list of JWKs.
///
/// For services that verify with a copy of the key. Whoever has a key can sign with it too: send the output to where it is kept, not
/// to a screen.
#[derive(Args)]
pub(super) struct ExportSymmetricKeys {
    #[command(flatten)]
    stack: StackName,
}

impl ExportSymmetricKeys {
    pub(super) fn run(&self) -> Result<(), CommandError> {
        let function = stack::rotate_keys_function(&self.stack.stack)?;
        let result = rotate_keys::invoke(&function, &Command::ExportSymmetricKeys)?;
        if result["exported"].as_array().is_none_or(Vec::is_empty) {
            let why = "the stack has no symmetric keys. Only SigningAlgorithm=HS256 has them; the public keys of the others are at \
                       /.well-known/jwks.json";
            return Err(CommandError::Other(why.to_owned()));
        }
        let keys: &Value = &result["exported"];
        println!("{keys}");
        Ok(())
    }
}
