//! Writes files that contain secrets.

use std::{fs, io::Write, os::unix::fs::OpenOptionsExt, path::Path};

/// Writes a file that only this user can read. The write is atomic.
///
/// # Errors
///
/// The path of the file and the reason.
pub fn write(file: &Path, text: &str) -> Result<(), String> {
    let mut beside = file.as_os_str().to_owned();
    beside.push(".new");
    let written = file.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| {
        let mut options = fs::OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600).open(&beside)?.write_all(text.as_bytes())?;
        fs::rename(&beside, file)
    });
    written.map_err(|error| format!("{}: {error}", file.display()))
}
