//! What passed and what failed in the log of a run of all tests.

use std::collections::{BTreeMap, BTreeSet};

/// The names in it.
#[derive(Debug, Default)]
pub struct Log {
    /// Rust's tests, and whether each passed whenever it was run.
    rust: BTreeMap<String, bool>,
    /// Lines of passed and of failed tests of Vitest and Node.
    web: (Vec<String>, Vec<String>),
    /// Targets of make that came to their end.
    targets: BTreeSet<String>,
    /// What the search of the protocol says, a row a line.
    pub model: Vec<Vec<String>>,
    /// How many schedules there were.
    pub schedules: Vec<String>,
    /// How many requests schemathesis made.
    pub requests: Vec<String>,
}

impl Log {
    pub fn read(text: &str) -> Self {
        let mut log = Self::default();
        for line in text.lines() {
            if let Some((name, result)) = line.strip_prefix("test ").and_then(|line| line.split_once(" ... ")) {
                let ok = result.trim() == "ok";
                let passed = log.rust.entry(name.to_owned()).or_insert(true);
                *passed &= ok;
            } else if let Some(target) = line.strip_prefix("passed: ") {
                log.targets.insert(target.to_owned());
            } else if let Some(row) = line.strip_prefix("model: ") {
                let row = row.split(" | ").map(str::to_owned).collect();
                // The search may have been run again.
                if !log.model.contains(&row) {
                    log.model.push(row);
                }
            } else if let Some(schedules) = line.strip_prefix("schedules: ") {
                log.schedules.push(schedules.to_owned());
            } else if line.contains(" generated, ") {
                log.requests.push(line.trim().to_owned());
            } else if line.contains(['✓', '✔']) {
                log.web.0.push(line.to_owned());
            } else if line.contains(['✗', '✖', '×']) {
                log.web.1.push(line.to_owned());
            }
        }
        log
    }

    /// Whether this is in it and passed: `make …`, the path of a Rust test or the end of one, or a part of the title of a web test.
    pub fn passed(&self, name: &str) -> bool {
        if let Some(target) = name.strip_prefix("make ") {
            return self.targets.contains(target);
        }
        if name.contains(' ') {
            let is_in = |lines: &[String]| lines.iter().any(|line| line.contains(name));
            return is_in(&self.web.0) && !is_in(&self.web.1);
        }
        let is_it = |path: &str| path == name || path.ends_with(&format!("::{name}"));
        let mut found = self.rust.iter().filter(|(path, _)| is_it(path)).peekable();
        found.peek().is_some() && found.all(|(_, passed)| *passed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "test a::b ... ok\ntest a::c ... FAILED\ntest d ... ok\ntest d ... FAILED\npassed: lint\n ✓ x.test.ts > it works 3ms\n\
                        ✔ both (3ms)\n✖ both (3ms)\n";

    #[test]
    fn only_what_passed_whenever_it_was_run_has_passed() {
        let log = Log::read(TEXT);
        assert!(["a::b", "b", "make lint", "it works"].iter().all(|name| log.passed(name)));
        assert!(["a::c", "d", "e", "make web", "both of", "it fails"].iter().all(|name| !log.passed(name)));
    }

    #[test]
    fn a_search_that_was_run_twice_is_told_once() {
        assert_eq!(
            Log::read("model: ours | 3\nmodel: ours | 4\nmodel: ours | 3\n").model,
            [["ours", "3"], ["ours", "4"]]
        );
    }

    #[test]
    fn a_title_that_failed_once_has_not_passed() {
        assert!(!Log::read("✔ we both (3ms)\n✖ we both (3ms)\n").passed("we both"));
    }
}
