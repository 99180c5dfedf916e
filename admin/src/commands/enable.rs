//! `admin enable`.

use clap::Args;
use serde_json::json;
use shared::store::Change;

use super::{
    CommandError,
    person::{Done, Operation, Target},
};
use crate::users::patiently;

/// Let a person log in again who was disabled.
///
/// Sessions that were ended stay ended. A person whose user was deleted meanwhile is named by --kakao, and joins as a new user.
#[derive(Args)]
pub(super) struct Enable {
    #[command(flatten)]
    operation: Operation,
    #[command(flatten)]
    target: Target,
}

impl Enable {
    pub(super) fn run(&self) -> Result<(), CommandError> {
        self.operation.run("enable", &self.target, async |begun| {
            let person = begun.person(&self.target).await?;
            let kakao = match (person.kakao, person.user) {
                (None, Some(user)) => patiently(async || begun.store.kakao_of(user).await).await?,
                (kakao, _) => kakao,
            };
            let kakao = kakao.ok_or(CommandError::NoSuchUser)?;
            let result = match patiently(async || begun.store.enable(kakao, begun.now).await).await? {
                Change::Made { .. } => "changed",
                Change::Unchanged { .. } => "unchanged",
                Change::Gone => return Err(CommandError::NoSuchUser),
            };
            let shown = json!({"user": person.user.map(|user| user.to_string()), "result": result});
            Ok(Done { result, user: person.user, shown })
        })
    }
}
