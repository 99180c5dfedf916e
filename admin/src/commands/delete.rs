//! `admin delete`.

use clap::Args;
use serde_json::json;
use shared::{account::MarkedBy, store::Marked};

use super::{
    CommandError,
    person::{Done, Operation, Target},
};
use crate::{stack, users::patiently};

/// Delete a user, as the user could: at once here, and at Kakao within minutes. It cannot be undone.
///
/// The person may join again, as a new user. To keep somebody out, use `disable`.
#[derive(Args)]
pub(super) struct Delete {
    #[command(flatten)]
    operation: Operation,
    #[command(flatten)]
    target: Target,
    /// You know that it cannot be undone
    #[arg(long, required = true)]
    yes: bool,
}

impl Delete {
    pub(super) fn run(&self) -> Result<(), CommandError> {
        if !stack::can_unlink(self.operation.stack())? {
            let text =
                "without the parameter KakaoAdminKeyHashes nobody can be unlinked at Kakao, so nobody is deleted";
            return Err(CommandError::Other(text.to_owned()));
        }
        self.operation.run("delete", &self.target, async |begun| {
            let (user, kakao) = begun.living(&self.target).await?;
            let mark = async || begun.store.mark_deleted(user, kakao, MarkedBy::Operator, begun.now).await;
            let (result, deleted_at) = match patiently(mark).await? {
                Marked::Now => ("deleted", begun.now),
                Marked::Before(deleted_at) => ("deleted before", deleted_at),
                Marked::Outdated => return Err(CommandError::NoSuchUser),
            };
            let ended = patiently(async || begun.store.end_sessions_of(user, begun.now).await).await?;
            let shown = json!({
                "user": user.to_string(), "result": result, "deleted_at": deleted_at.to_rfc3339(), "sessions": ended,
            });
            Ok(Done { result, user: Some(user), shown })
        })
    }
}
