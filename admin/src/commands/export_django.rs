//! `admin export-django`.

use clap::Args;

/// Print the script that writes Django's users as a file for `import`.
///
/// Run it where Django runs:
///
///     admin export-django > export_users.py
///     python manage.py shell -v 0 < export_users.py > users.jsonl
///
/// Or copy it to `management/commands/` of an app. It needs nothing but Django, reads only, and reports who is not in the file to
/// standard error.
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub(super) struct ExportDjango {}
