//! What became of the lines of an export. Lines are named by their numbers and ids only.

use std::collections::BTreeMap;

use shared::store::ImportStanding;

use super::{
    line::{Fault, UserLine},
    progress::Progress,
};

/// The lines that somebody has to look at, as they come, and how many there are of each kind.
pub(crate) struct Report {
    pub progress: Progress,
    counts: BTreeMap<&'static str, u64>,
    /// The lines that were not imported and should have been.
    pub undecided: u64,
}

impl Report {
    pub(crate) fn new(total: u64) -> Self {
        Self { progress: Progress::new(total), counts: BTreeMap::new(), undecided: 0 }
    }

    pub(crate) fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }

    pub(crate) fn bad_line(&mut self, number: u64, fault: Fault) {
        self.count("bad lines");
        self.undecided += 1;
        self.progress.print(&format!("line {number}: bad line: {fault}"));
    }

    /// A user's line, and how it stands in the dry run or after the import.
    pub(crate) fn user(&mut self, number: u64, line: &UserLine, standing: &ImportStanding, is_dry_run: bool) {
        let (count, says, is_undecided) = match standing {
            ImportStanding::New if is_dry_run => ("to be created", None, false),
            ImportStanding::New => {
                ("not imported", Some("written by another import at the same time".to_owned()), true)
            }
            ImportStanding::Created => ("created", None, false),
            ImportStanding::Unchanged { differs } if differs.is_empty() => ("imported before", None, false),
            ImportStanding::Unchanged { differs } => (
                "imported before",
                Some(format!("what is stored here is newer and stays: {}", differs.join(", "))),
                false,
            ),
            ImportStanding::OtherUser(user) => {
                ("not imported", Some(format!("the person has logged in here before, and is user {user}")), true)
            }
            ImportStanding::Deleted => {
                ("deleted here", Some("deleted here or unlinked at Kakao, so not imported again".to_owned()), false)
            }
            ImportStanding::NumberTaken => ("not imported", Some("the number is another user's here".to_owned()), true),
            ImportStanding::NotReserved => {
                ("not imported", Some("the number is not reserved, so a new user may get it".to_owned()), true)
            }
        };
        self.count(count);
        if line.has_unverified_email {
            self.count("with an email that is not verified, and does not move");
        }
        if line.has_groups {
            self.count("with groups, which do not move");
        }
        self.undecided += u64::from(is_undecided);
        if let Some(says) = says {
            self.progress.print(&format!("line {number} (id {}): {count}: {says}", line.user.id));
        }
    }

    /// Prints the counts.
    pub(crate) fn finish(&mut self) {
        self.progress.clear();
        for (what, count) in &self.counts {
            println!("{count} {what}");
        }
    }
}
