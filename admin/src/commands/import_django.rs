//! `admin import-django`.

use clap::Args;

/// Print the script that gives Django the users of a file of `export-users`.
///
/// Run it where Django runs. Without APPLY=yes it only reports:
///
///     admin import-django > import_users.py
///     USERS_FILE=users.jsonl APPLY=yes python manage.py shell -v 0 < import_users.py > mapping.jsonl
///
/// Or copy it to `management/commands/` of an app. It needs nothing but Django.
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub(super) struct ImportDjango {}
