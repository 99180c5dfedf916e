//! `admin export-django`.

use clap::Args;

/// How the script is used. Not in the documentation of the type, where an indented block would be taken for Rust.
const USAGE: &str = "\
Run it where Django runs:

    admin export-django > export_users.py
    python manage.py shell -v 0 < export_users.py > users.jsonl

Or copy it to `management/commands/` of an app. It needs nothing but Django, reads only, and reports who is not in the file to
standard error.";

/// Print the script that writes Django's users as a file for `import`.
#[derive(Args)]
#[command(after_help = USAGE)]
pub(super) struct ExportDjango {}
