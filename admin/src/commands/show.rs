//! `admin show`.

use clap::Args;

use super::{
    CommandError,
    person::{Done, Operation, Target},
};
use crate::operators::show_person;

/// Show a user: when they joined and logged in, roles, devices, and the name that the log has for them.
#[derive(Args)]
pub(super) struct Show {
    #[command(flatten)]
    operation: Operation,
    #[command(flatten)]
    target: Target,
}

impl Show {
    pub(super) fn run(&self) -> Result<(), CommandError> {
        self.operation.run("show", &self.target, async |begun| {
            let person = begun.person(&self.target).await?;
            Ok(Done { result: "shown", user: person.user, shown: show_person(&person) })
        })
    }
}
