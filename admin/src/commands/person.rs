//! What the commands about one user have in common.

use clap::Args;
use serde_json::{Value, json};
use shared::{
    clock::{Clock, SystemClock, Timestamp},
    id::{KakaoId, UserId},
    store::{Change, Person, Store},
};

use super::{CommandError, StackName, block_on};
use crate::{
    operators::{Access, AccessRecord, text_of},
    stack,
    users::{self, patiently},
};

/// What each of these commands takes.
#[derive(Args)]
pub(super) struct Operation {
    #[command(flatten)]
    stack: StackName,
    /// Why, such as the number of a ticket: it is in the access record, with your name
    #[arg(long, value_parser = reason)]
    reason: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// The user that a command is about.
#[derive(Args)]
#[group(required = true, multiple = false)]
pub(super) struct Target {
    /// The user's id
    // It may begin with a hyphen.
    #[arg(allow_hyphen_values = true)]
    user: Option<UserId>,
    /// The person's id at Kakao, instead of the user's
    #[arg(long)]
    kakao: Option<KakaoId>,
}

/// The user that a command is about, who cannot be named by Kakao's id.
#[derive(Args)]
pub(super) struct TargetUser {
    /// The user's id
    // It may begin with a hyphen.
    #[arg(allow_hyphen_values = true)]
    user: UserId,
}

impl From<&TargetUser> for Target {
    fn from(target: &TargetUser) -> Self {
        Self { user: Some(target.user), kakao: None }
    }
}

/// An operation that is on record, so that the table may be read.
pub(super) struct Begun {
    pub store: Store,
    pub now: Timestamp,
    record: AccessRecord,
}

/// What an operation has led to.
pub(super) struct Done {
    /// In a word or two, for the record.
    pub result: &'static str,
    /// The user whom it was about.
    pub user: Option<UserId>,
    /// What is printed.
    pub shown: Value,
}

impl Operation {
    pub(super) fn stack(&self) -> &str {
        &self.stack.stack
    }

    /// Records what is about to be done, then does it, records the result, and prints it.
    ///
    /// A change whose result cannot be recorded is made all the same: its first line is on record.
    pub(super) fn run(
        &self,
        command: &'static str,
        target: &Target,
        work: impl AsyncFnOnce(&Begun) -> Result<Done, CommandError>,
    ) -> Result<(), CommandError> {
        let shown = self.recorded(command, target, work)?;
        if self.json {
            println!("{shown}");
        } else {
            print!("{}", text_of(&shown));
        }
        Ok(())
    }

    /// The same, for what is JSON in any case.
    pub(super) fn run_as_json(
        &self,
        command: &'static str,
        target: &Target,
        work: impl AsyncFnOnce(&Begun) -> Result<Done, CommandError>,
    ) -> Result<(), CommandError> {
        println!("{}", self.recorded(command, target, work)?);
        Ok(())
    }

    fn recorded(
        &self,
        command: &'static str,
        target: &Target,
        work: impl AsyncFnOnce(&Begun) -> Result<Done, CommandError>,
    ) -> Result<Value, CommandError> {
        let (group, store) = (stack::operators_log_group(self.stack())?, users::store(self.stack())?);
        let access = Access {
            command,
            stack: self.stack(),
            user: target.user.map(|user| user.to_string()),
            kakao_id: target.kakao.map(|kakao| kakao.to_string()),
            reason: &self.reason,
        };
        let now = SystemClock.now();
        let record = AccessRecord::begin(&group, &access, now)?;
        let begun = Begun { store, now, record };
        let done = block_on(work(&begun))?;
        begun.end(done)
    }
}

impl Begun {
    /// The person, or what is printed if there is none.
    pub(super) async fn person(&self, target: &Target) -> Result<Person, CommandError> {
        let found = patiently(async || match (target.kakao, target.user) {
            (Some(kakao), _) => self.store.person_by_kakao(kakao, self.now).await,
            (None, Some(user)) => self.store.person_by_user(user, self.now).await,
            (None, None) => Ok(None),
        });
        found.await?.ok_or(CommandError::NoSuchUser)
    }

    /// The living user of a person, with the id at Kakao.
    pub(super) async fn living(&self, target: &Target) -> Result<(UserId, KakaoId), CommandError> {
        let person = self.person(target).await?;
        let user = person.user.filter(|_| person.deleted_at.is_none()).ok_or(CommandError::NoSuchUser)?;
        let kakao = match person.kakao {
            Some(kakao) => Some(kakao),
            None => patiently(async || self.store.kakao_of(user).await).await?,
        };
        Ok((user, kakao.ok_or(CommandError::NoSuchUser)?))
    }

    fn end(self, done: Result<Done, CommandError>) -> Result<Value, CommandError> {
        let now = SystemClock.now();
        let done = match done {
            Ok(done) => done,
            Err(CommandError::NoSuchUser) => {
                self.record.end("no such user", None, now)?;
                return Err(CommandError::NoSuchUser);
            }
            Err(error) => {
                self.record.end("failed", None, now)?;
                return Err(error);
            }
        };
        self.record.end(done.result, done.user.map(|user| user.to_string()), now)?;
        Ok(done.shown)
    }
}

/// What a change has led to.
pub(super) fn changed(user: UserId, change: Change) -> Result<Done, CommandError> {
    let (result, count) = match change {
        Change::Made { sessions } => ("changed", sessions),
        Change::Unchanged { sessions } => ("unchanged", sessions),
        Change::Gone => return Err(CommandError::NoSuchUser),
    };
    Ok(Done { result, user: Some(user), shown: json!({"user": user.to_string(), "result": result, "sessions": count}) })
}

/// A reason that says something: a record without one is none.
fn reason(text: &str) -> Result<String, String> {
    let text = text.trim();
    if !(5..=200).contains(&text.chars().count()) || text.chars().any(char::is_control) {
        return Err("must have 5 to 200 characters, in one line".to_owned());
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_has_5_to_200_characters_in_one_line() {
        assert_eq!(reason(" ticket 4711 ").unwrap(), "ticket 4711");
        assert!(reason(&"가".repeat(200)).is_ok());
        for text in ["", "    x    ", "four", &"x".repeat(201), "two\nlines of it"] {
            assert!(reason(text).is_err(), "{text:?}");
        }
    }
}
