//! `admin disable`.

use clap::Args;

use super::{
    CommandError,
    person::{Operation, Target, changed},
};
use crate::users::patiently;

/// Let a person log in no more, and end all sessions.
///
/// Access tokens stay good until they expire. A login is refused with 403 `account_disabled`. The person stays disabled if they delete
/// their account or unlink at Kakao, until `enable`.
#[derive(Args)]
pub(super) struct Disable {
    #[command(flatten)]
    operation: Operation,
    #[command(flatten)]
    target: Target,
}

impl Disable {
    pub(super) fn run(&self) -> Result<(), CommandError> {
        self.operation.run("disable", &self.target, async |begun| {
            let (user, kakao) = begun.living(&self.target).await?;
            changed(user, patiently(async || begun.store.disable(user, kakao, begun.now).await).await?)
        })
    }
}
