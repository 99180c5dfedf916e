//! `admin close-deletion`.

use clap::Args;

use super::{CommandError, StackName};
use crate::{
    deletions::{self, Command},
    stack,
};

/// End a deletion that Kakao refuses to finish, without asking Kakao.
///
/// Use it when the log of finish-deletions shows the same refusal again and again, and you have unlinked the person in Kakao's console
/// or know that Kakao does not link them. It is refused within a minute of the last unlink.
#[derive(Args)]
pub(super) struct CloseDeletion {
    #[command(flatten)]
    stack: StackName,
    /// The id of the deleted user, from the line `account_deleted` of the log
    // It may begin with a hyphen.
    #[arg(allow_hyphen_values = true)]
    user: String,
}

impl CloseDeletion {
    pub(super) fn run(&self) -> Result<(), CommandError> {
        let function = stack::finish_deletions_function(&self.stack.stack)?;
        deletions::invoke(&function, &Command::CloseDeletion { user: &self.user })?;
        println!("The deletion is closed. The person may join again, as a new user.");
        Ok(())
    }
}
