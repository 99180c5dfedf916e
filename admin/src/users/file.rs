//! A file of JSON Lines. It is checked as a whole before any of its lines is used, and read line by line, however long it is.

use std::{
    collections::HashSet,
    fs::File,
    io::{self, BufRead, BufReader},
    path::{Path, PathBuf},
};

use serde_json::{Map, Value};
use shared::{
    clock::Timestamp,
    id::{KakaoId, UserId},
};

use super::line::{Fault, Line, members};

/// An export that is complete.
#[derive(Debug)]
pub(crate) struct ExportFile {
    path: PathBuf,
    /// The highest number that was ever given where the export is from.
    pub highest: u64,
    /// All lines but the first and the last.
    pub lines: u64,
    repeated_ids: HashSet<UserId>,
    repeated_people: HashSet<KakaoId>,
}

/// Why a file is refused. Nothing was written then.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileError {
    #[error("the file cannot be read: {0}")]
    Unreadable(#[from] io::Error),
    #[error(
        "the first line is not that of an export of format 1. `manage.py shell` prints a line of its own without `-v 0`"
    )]
    NoHeader,
    #[error(
        "the last line is not the end of an export, so the file is truncated: export again, or copy the file again"
    )]
    Truncated,
    #[error(
        "the file has {0} lines between the first and the last, and the last says {1}: export again, or copy the file again"
    )]
    Incomplete(u64, u64),
}

impl ExportFile {
    /// Reads the whole file once.
    pub(crate) fn check(path: &Path) -> Result<Self, FileError> {
        let mut lines = open(path)?;
        let highest = header(&lines.next().ok_or(FileError::NoHeader)??).ok_or(FileError::NoHeader)?;
        let (mut ids, mut people) = (HashSet::new(), HashSet::new());
        let (mut repeated_ids, mut repeated_people) = (HashSet::new(), HashSet::new());
        let (mut count, mut last) = (0, Vec::new());
        for line in lines {
            let line = line?;
            if let Ok(Line::User(found)) = Line::parse(&line, highest) {
                if !ids.insert(found.user.id) {
                    repeated_ids.insert(found.user.id);
                }
                if !people.insert(found.user.kakao) {
                    repeated_people.insert(found.user.kakao);
                }
            }
            (count, last) = (count + 1, line);
        }
        let expected = end(&last).ok_or(FileError::Truncated)?;
        let lines = count - 1;
        if expected != lines {
            return Err(FileError::Incomplete(lines, expected));
        }
        Ok(Self { path: path.to_owned(), highest, lines, repeated_ids, repeated_people })
    }

    /// The lines between the first and the last, with their numbers in the file.
    pub(crate) fn lines(&self) -> io::Result<impl Iterator<Item = io::Result<(u64, Result<Line, Fault>)>>> {
        let lines = open(&self.path)?.zip(1_u64..).skip(1).take_while(|(_, number)| *number <= self.lines + 1);
        Ok(lines.map(|(line, number)| Ok((number, self.read(&line?)))))
    }

    fn read(&self, line: &[u8]) -> Result<Line, Fault> {
        let line = Line::parse(line, self.highest)?;
        if let Line::User(found) = &line {
            if self.repeated_ids.contains(&found.user.id) {
                return Err(Fault("another line has the same id"));
            }
            if self.repeated_people.contains(&found.user.kakao) {
                return Err(Fault("another line has the same kakao_id"));
            }
        }
        Ok(line)
    }
}

fn open(path: &Path) -> io::Result<impl Iterator<Item = io::Result<Vec<u8>>>> {
    Ok(BufReader::new(File::open(path)?).split(b'\n'))
}

/// The highest number that the first line names.
fn header(line: &[u8]) -> Option<u64> {
    let line = members(line).filter(|line| is_of_kind(line, "export"))?;
    let is_read = line.get("format").and_then(Value::as_u64) == Some(1);
    let is_dated = line.get("exported_at").and_then(Value::as_str).and_then(Timestamp::from_rfc3339).is_some();
    let highest = line.get("highest_user_id").and_then(Value::as_u64)?;
    (is_read && is_dated && highest <= UserId::MAX_NUMBER).then_some(highest)
}

/// How many lines should be between the first and this one, which is the last.
fn end(line: &[u8]) -> Option<u64> {
    let line = members(line).filter(|line| is_of_kind(line, "end"))?;
    let count = |name: &str| line.get(name).map_or(Some(0), Value::as_u64);
    count("users")?.checked_add(count("blacklisted")?)?.checked_add(count("deleted")?)
}

fn is_of_kind(line: &Map<String, Value>, kind: &str) -> bool {
    line.get("kind").and_then(Value::as_str) == Some(kind)
}
