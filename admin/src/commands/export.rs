//! `admin export`.

use clap::Args;

use super::{
    CommandError,
    person::{Done, Operation, Target},
};
use crate::users::patiently;

/// Print everything that is stored about a user, as JSON, as the user can download it.
#[derive(Args)]
pub(super) struct Export {
    #[command(flatten)]
    operation: Operation,
    #[command(flatten)]
    target: Target,
}

impl Export {
    pub(super) fn run(&self) -> Result<(), CommandError> {
        self.operation.run_as_json("export", &self.target, async |begun| {
            let user = begun.person(&self.target).await?.user.ok_or(CommandError::NoSuchUser)?;
            let exported = patiently(async || begun.store.export_of(user).await).await?;
            let shown = exported.ok_or(CommandError::NoSuchUser)?;
            Ok(Done { result: "exported", user: Some(user), shown })
        })
    }
}
