//! `admin find`.

use clap::Args;
use serde_json::json;
use shared::store::Person;

use super::{
    CommandError,
    person::{Done, Operation, Target},
};

/// Find a user by the id of the person at Kakao, or see whether there is a user with this id.
#[derive(Args)]
pub(super) struct Find {
    #[command(flatten)]
    operation: Operation,
    #[command(flatten)]
    target: Target,
}

impl Find {
    pub(super) fn run(&self) -> Result<(), CommandError> {
        self.operation.run("find", &self.target, async |begun| {
            let person = begun.person(&self.target).await?;
            let shown = json!({
                "user": person.user.map(|user| user.to_string()),
                "kakao_id": person.kakao.map(|kakao| kakao.to_string()),
                "standing": standing(&person),
            });
            Ok(Done { result: "found", user: person.user, shown })
        })
    }
}

const fn standing(person: &Person) -> &'static str {
    match person {
        Person { user: None, .. } => "disabled, and no user any more",
        Person { deleted_at: Some(_), .. } => "deleted",
        Person { deleting_at: Some(_), .. } => "being deleted",
        Person { disabled_at: Some(_), .. } => "disabled",
        _ => "may log in",
    }
}
