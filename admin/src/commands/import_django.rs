//! `admin import-django`.

use clap::Args;

/// How the script is used. Not in the documentation of the type, where an indented block would be taken for Rust.
const USAGE: &str = "\
Run it where Django runs. Without APPLY=yes it only reports:

    admin import-django > import_users.py
    USERS_FILE=users.jsonl APPLY=yes python manage.py shell -v 0 < import_users.py > mapping.jsonl

Or copy it to `management/commands/` of an app. It needs nothing but Django.";

/// Print the script that gives Django the users of a file of `export-users`.
#[derive(Args)]
#[command(after_help = USAGE)]
pub(super) struct ImportDjango {}
