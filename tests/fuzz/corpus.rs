//! Every input in `corpus/` again, without libFuzzer: seconds, where `make fuzz` looks for new ones.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

#[path = "src/targets/mod.rs"]
mod targets;

use std::{collections::BTreeSet, fs, path::PathBuf, thread};

use self::targets::TARGETS;

const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus");

fn files(folder: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// Prints the file of an input for which the code breaks a promise.
struct Running(PathBuf);

impl Drop for Running {
    fn drop(&mut self) {
        if thread::panicking() {
            println!("{}", self.0.display());
        }
    }
}

/// One after another, as the targets share a server.
#[test]
fn no_input_that_was_ever_found_breaks_a_promise() {
    for (name, target) in TARGETS {
        let files = files(&format!("{CORPUS}/{name}"));
        assert!(!files.is_empty(), "{name} has no inputs");
        for file in files {
            let input = fs::read(&file).unwrap();
            let _running = Running(file);
            target(&input);
        }
    }
}

#[test]
fn every_folder_of_inputs_is_of_a_target() {
    let names = files(CORPUS).into_iter().map(|folder| folder.file_name().unwrap().to_str().unwrap().to_owned());
    assert_eq!(names.collect::<BTreeSet<_>>(), TARGETS.map(|(name, _)| name.to_owned()).into());
}
