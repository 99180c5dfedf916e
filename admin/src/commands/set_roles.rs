//! `admin set-roles`.

use clap::Args;
use serde_json::json;
use shared::roles::Roles;

use super::{
    CommandError,
    person::{Operation, Target, TargetUser, changed},
};
use crate::users::patiently;

/// Give a user these roles instead of those of before.
///
/// Access tokens have them in the claim `roles` from the next refresh on: within `AccessTtl`, five minutes by default.
#[derive(Args)]
pub(super) struct SetRoles {
    #[command(flatten)]
    operation: Operation,
    #[command(flatten)]
    target: TargetUser,
    /// All roles of the user. Without any, the user has none
    roles: Vec<String>,
}

impl SetRoles {
    pub(super) fn run(&self) -> Result<(), CommandError> {
        let roles = Roles::new(self.roles.clone()).map_err(|wrong| CommandError::Other(wrong.to_string()))?;
        let target = Target::from(&self.target);
        self.operation.run("set-roles", &target, async |begun| {
            let (user, kakao) = begun.living(&target).await?;
            let set = async || begun.store.set_roles(user, kakao, &roles, begun.now).await;
            let mut done = changed(user, patiently(set).await?)?;
            done.shown["roles"] = json!(roles);
            Ok(done)
        })
    }
}
