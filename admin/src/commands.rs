//! The command line: one file for each command.

mod carry_over_keys;
mod close_deletion;
mod delete;
mod describe_keys;
mod disable;
mod doctor;
mod enable;
mod end_sessions;
mod export;
mod export_django;
mod export_symmetric_keys;
mod export_users;
mod find;
mod import;
mod import_django;
mod person;
mod put_django_key;
mod put_kakao_secrets;
mod reconcile;
mod replace_keys;
mod replay_deletions;
mod set_roles;
mod show;

use std::{
    io::{self, Write},
    process::ExitCode,
};

use clap::{Args, Parser, Subcommand, builder::NonEmptyStringValueParser};
use shared::store::StoreError;

use crate::{
    aws::AwsError,
    lambda::InvokeError,
    operators::RecordError,
    stack::StackError,
    users::{FileError, TableError},
};

/// Commands for the operator of a deployed stack.
///
/// They need the AWS command line `aws`, with credentials and a region. No key and no secret is taken from the command line, or
/// shown unless you ask for it.
#[derive(Parser)]
#[command(
    name = "admin",
    after_help = "Exit status: 0 done, 1 failed or something is wrong, 2 wrong usage or a stack that doctor cannot read, 3 no such user."
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Doctor(doctor::Doctor),
    Find(find::Find),
    Show(show::Show),
    Disable(disable::Disable),
    Enable(enable::Enable),
    EndSessions(end_sessions::EndSessions),
    Export(export::Export),
    Delete(delete::Delete),
    SetRoles(set_roles::SetRoles),
    PutKakaoSecrets(put_kakao_secrets::PutKakaoSecrets),
    PutDjangoKey(put_django_key::PutDjangoKey),
    ReplaceKeys(replace_keys::ReplaceKeys),
    DescribeKeys(describe_keys::DescribeKeys),
    ExportSymmetricKeys(export_symmetric_keys::ExportSymmetricKeys),
    CarryOverKeys(carry_over_keys::CarryOverKeys),
    ReplayDeletions(replay_deletions::ReplayDeletions),
    Reconcile(reconcile::Reconcile),
    CloseDeletion(close_deletion::CloseDeletion),
    ExportDjango(export_django::ExportDjango),
    Import(import::Import),
    ExportUsers(export_users::ExportUsers),
    ImportDjango(import_django::ImportDjango),
}

/// The stack that a command is for.
#[derive(Args)]
struct StackName {
    /// Name of the stack in CloudFormation
    ///
    /// A stack of `make run` has none. Write any name, and set the variables `ROTATE_KEYS_FUNCTION` to rotate-keys,
    /// `FINISH_DELETIONS_FUNCTION` to finish-deletions, and `AWS_ENDPOINT_URL_LAMBDA` to the address that `make run` prints;
    /// for import and export-users `USERS_TABLE` and `AWS_ENDPOINT_URL_DYNAMODB`. doctor, replay-deletions and reconcile need a stack
    /// in CloudFormation.
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    stack: String,
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
enum CommandError {
    #[error(transparent)]
    Aws(#[from] AwsError),
    #[error(transparent)]
    Invoke(#[from] InvokeError),
    #[error(transparent)]
    Stack(#[from] StackError),
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Table(#[from] TableError),
    #[error(transparent)]
    Record(#[from] RecordError),
    #[error("there is no such user")]
    NoSuchUser,
    #[error("{0}\nRun the command again: what is written stays, and is not written twice")]
    Store(#[from] StoreError),
    #[error("{0}")]
    Io(#[from] io::Error),
    /// Anything else. The text says what to do.
    #[error("{0}")]
    Other(String),
}

/// Does what the command line says.
#[must_use]
pub fn run() -> ExitCode {
    // Ends with status 2 if it cannot be understood.
    let done = match Arguments::parse().command {
        Command::Doctor(doctor) => return doctor.run(),
        Command::Find(command) => command.run(),
        Command::Show(command) => command.run(),
        Command::Disable(command) => command.run(),
        Command::Enable(command) => command.run(),
        Command::EndSessions(command) => command.run(),
        Command::Export(command) => command.run(),
        Command::Delete(command) => command.run(),
        Command::SetRoles(command) => command.run(),
        Command::PutKakaoSecrets(command) => command.run(),
        Command::PutDjangoKey(command) => command.run(),
        Command::ReplaceKeys(command) => command.run(),
        Command::DescribeKeys(command) => command.run(),
        Command::ExportSymmetricKeys(command) => command.run(),
        Command::CarryOverKeys(command) => command.run(),
        Command::ReplayDeletions(command) => command.run(),
        Command::Reconcile(command) => command.run(),
        Command::CloseDeletion(command) => command.run(),
        Command::ExportDjango(_) => print_script(include_str!("../django/export_users.py")),
        Command::Import(command) => command.run(),
        Command::ExportUsers(command) => command.run(),
        Command::ImportDjango(_) => print_script(include_str!("../django/import_users.py")),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            if matches!(error, CommandError::NoSuchUser) { ExitCode::from(3) } else { ExitCode::FAILURE }
        }
    }
}

/// Runs what uses the table, on this thread.
fn block_on<T>(future: impl Future<Output = T>) -> io::Result<T> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(future))
}

fn print_script(script: &str) -> Result<(), CommandError> {
    Ok(io::stdout().write_all(script.as_bytes())?)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn what_cannot_be_understood_ends_with_status_2() {
        for line in [
            "admin",
            "admin rotate",
            "admin doctor",
            "admin doctor --stack",
            "admin put-kakao-secrets stack secret",
            "admin put-django-key stack secret",
            "admin put-django-key stack --algorithm RS256",
            "admin put-django-key stack --delete --algorithm HS256",
            "admin replace-keys stack",
            "admin replace-keys stack everything",
            "admin replace-keys stack signing_keys attempt",
            "admin carry-over-keys stack delete",
            "admin close-deletion stack",
            "admin replay-deletions stack now",
            "admin reconcile stack apply",
            "admin import stack",
            "admin import stack file apply",
            "admin export-users",
            "admin export-django stack",
            "admin find stack 7",
            "admin find stack --reason because",
            "admin find stack 7 --kakao 8 --reason because",
            "admin show stack 7 --reason four",
            "admin disable stack seven --reason because",
            "admin end-sessions stack --kakao 0 --reason because",
            "admin export stack 7 8 --reason because",
            "admin delete stack 7 --reason because",
            "admin set-roles stack --reason because",
        ] {
            let refused = Arguments::try_parse_from(line.split(' ')).err().unwrap_or_else(|| panic!("{line}"));
            assert_eq!(refused.exit_code(), 2, "{line}");
        }
        assert_eq!(Arguments::try_parse_from(["admin", "doctor", ""]).err().unwrap().exit_code(), 2, "an empty name");
        for what in ["signing_keys", "refresh_token_keys", "session_secrets", "schedule", "begin_afresh"] {
            assert!(Arguments::try_parse_from(["admin", "replace-keys", "stack", what]).is_ok(), "{what}");
        }
    }
}
