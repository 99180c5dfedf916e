//! Users as JSON Lines, which the commands and the scripts for Django have in common. `docs/moving-users.md` describes the format.

mod file;
mod line;
mod progress;
mod report;
mod table;

pub(crate) use self::{
    file::{ExportFile, FileError},
    line::{Line, UserLine, written},
    report::Report,
    table::{TableError, patiently, store},
};
