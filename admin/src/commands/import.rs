//! `admin import`.

use std::{io, path::PathBuf};

use clap::Args;
use futures_util::future::try_join_all;
use shared::{
    account::Counter,
    clock::{Clock, SystemClock, Timestamp},
    store::{IMPORT_BATCH, ImportStanding, ImportedUser, Spent, Store, StoreError},
};

use super::{CommandError, StackName, block_on};
use crate::users::{self, ExportFile, Line, Report, UserLine, patiently};

/// How many batches are written at the same time.
const AT_ONCE: usize = 8;
/// How many tokens are revoked before the next are read.
const TOKENS: usize = 1_000;

/// Import the users of a file, with their ids.
///
/// The file is of `export-django` or `export-users`. Without --apply nothing is written, and the report says what would be. It can be
/// stopped anywhere and run again: whoever is there already stays as they are.
#[derive(Args)]
pub(super) struct Import {
    #[command(flatten)]
    stack: StackName,
    /// The file of users
    file: PathBuf,
    /// Write, after a run without it has reported
    #[arg(long)]
    apply: bool,
}

impl Import {
    pub(super) fn run(&self) -> Result<(), CommandError> {
        let file = ExportFile::check(&self.file)?;
        let store = users::store(&self.stack.stack)?;
        let now = SystemClock.now();
        let mut report = Report::new(file.lines);
        block_on(import(&file, &store, self.apply, now, &mut report))??;
        report.finish();
        if !self.apply {
            println!("Nothing was written. Run it again with --apply.");
        }
        match report.undecided {
            0 => Ok(()),
            count => Err(CommandError::Other(format!("{count} lines were not imported: see above"))),
        }
    }
}

async fn import(
    file: &ExportFile,
    store: &Store,
    apply: bool,
    now: Timestamp,
    report: &mut Report,
) -> Result<(), CommandError> {
    let counter = if apply {
        patiently(async || store.reserve_numbers(file.highest).await).await?
    } else {
        let counter = patiently(async || store.counter().await).await?;
        counter.reserve(file.highest).unwrap_or(counter)
    };
    let import = Running { store, counter, apply, now };
    // Before any user, so that no token is accepted that Django has revoked.
    import.revoke(file, report).await?;
    let mut page = Vec::with_capacity(IMPORT_BATCH * AT_ONCE);
    for line in file.lines()? {
        match line? {
            (number, Ok(Line::User(line))) => page.push((number, *line)),
            (_, Ok(Line::Blacklisted { .. })) => {}
            (_, Ok(Line::Deleted)) => report.count("deleted where the file is from"),
            (number, Err(fault)) => report.bad_line(number, fault),
        }
        if page.len() == page.capacity() {
            import.write(&page, report).await?;
            page.clear();
        }
    }
    import.write(&page, report).await
}

struct Running<'a> {
    store: &'a Store,
    counter: Counter,
    apply: bool,
    now: Timestamp,
}

impl Running<'_> {
    /// Makes sure that tokens which Django has revoked start no session here.
    async fn revoke(&self, file: &ExportFile, report: &mut Report) -> Result<(), CommandError> {
        let tokens = file.lines()?.filter_map(|line| match line {
            Ok((_, Ok(Line::Blacklisted { token, expires_at }))) => Some(Ok((token, expires_at))),
            Ok(_) => None,
            Err(error) => Some(Err(error)),
        });
        let mut tokens = tokens.peekable();
        while tokens.peek().is_some() {
            let page = tokens.by_ref().take(TOKENS).collect::<io::Result<Vec<_>>>()?;
            if !self.apply {
                for _ in &page {
                    report.count("blacklisted tokens to be revoked");
                }
                continue;
            }
            for spent in patiently(async || self.store.spend_all_carried(&page, self.now).await).await? {
                report.count(match spent {
                    Spent::Now | Spent::Before => "blacklisted tokens revoked",
                    Spent::WithSession(..) => {
                        "blacklisted tokens revoked, with the sessions that they had started here"
                    }
                });
            }
        }
        Ok(())
    }

    async fn write(&self, page: &[(u64, UserLine)], report: &mut Report) -> Result<(), CommandError> {
        let users: Vec<ImportedUser> = page.iter().map(|(_, line)| line.user.clone()).collect();
        let batches = users.chunks(IMPORT_BATCH).map(|batch| patiently(async || self.batch(batch).await));
        let standings = try_join_all(batches).await?;
        for ((number, line), standing) in page.iter().zip(standings.iter().flatten()) {
            report.user(*number, line, standing, !self.apply);
        }
        report.progress.advance(page.last().map_or(0, |(number, _)| *number - 1));
        Ok(())
    }

    async fn batch(&self, batch: &[ImportedUser]) -> Result<Vec<ImportStanding>, StoreError> {
        if self.apply {
            self.store.import_users(batch, self.counter, self.now).await
        } else {
            self.store.import_standing(batch, self.counter).await
        }
    }
}
