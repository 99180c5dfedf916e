//! `admin end-sessions`.

use clap::Args;
use serde_json::json;

use super::{
    CommandError,
    person::{Done, Operation, Target},
};
use crate::users::patiently;

/// End all sessions of a user, who may log in again.
///
/// Access tokens stay good until they expire.
#[derive(Args)]
pub(super) struct EndSessions {
    #[command(flatten)]
    operation: Operation,
    #[command(flatten)]
    target: Target,
}

impl EndSessions {
    pub(super) fn run(&self) -> Result<(), CommandError> {
        self.operation.run("end-sessions", &self.target, async |begun| {
            let user = begun.person(&self.target).await?.user.ok_or(CommandError::NoSuchUser)?;
            let ended = patiently(async || begun.store.end_sessions_of(user, begun.now).await).await?;
            let result = if ended == 0 { "unchanged" } else { "changed" };
            let shown = json!({"user": user.to_string(), "result": result, "sessions": ended});
            Ok(Done { result, user: Some(user), shown })
        })
    }
}
