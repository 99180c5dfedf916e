//! The tables in `docs/` name tests, targets and runs that exist.

use std::{collections::BTreeSet, fs, path::Path};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
const REQUIREMENTS: &str = include_str!("../../docs/security-requirements.md");
const REGRESSIONS: &str = include_str!("../../docs/regressions.md");
const TESTING: &str = include_str!("../../docs/testing.md");

/// A row's cells but the last, and the last.
type Row = (Vec<String>, String);

/// The rows of a page's table.
fn rows(markdown: &str) -> Vec<Row> {
    let lines = markdown.lines().filter(|line| line.starts_with('|')).skip(2);
    lines
        .map(|line| {
            let mut cells: Vec<String> = line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect();
            let last = cells.pop().unwrap();
            (cells, last)
        })
        .collect()
}

/// The texts between backquotes.
fn names(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// The project's own source files, as path and text.
struct Sources(Vec<(String, String)>);

impl Sources {
    fn read() -> Self {
        let mut sources = Self(Vec::new());
        sources.add(Path::new(ROOT));
        sources
    }

    fn add(&mut self, folder: &Path) {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            let (path, name) = (entry.path(), entry.file_name().into_string().unwrap());
            if path.is_dir() {
                if !["target", "node_modules", "dist"].contains(&name.as_str()) && !name.starts_with('.') {
                    self.add(&path);
                }
            } else if ["rs", "ts", "tsx", "mjs"].iter().any(|kind| name.ends_with(&format!(".{kind}"))) {
                let place = path.strip_prefix(ROOT).unwrap().to_str().unwrap().to_owned();
                self.0.push((place, fs::read_to_string(path).unwrap()));
            }
        }
    }

    /// Whether there is a test of this path, such as `refresh::a_token_older_than_the_window_is_rotated`, in the file of its module.
    fn has_test(&self, path: &str) -> bool {
        let (module, name) = path.rsplit_once("::").unwrap_or(("", path));
        let module: Vec<&str> = module.split("::").filter(|part| !["", "tests"].contains(part)).collect();
        self.0.iter().any(|(place, text)| {
            let Some(place) = place.strip_suffix(".rs") else { return false };
            let place = place.replace('-', "_");
            let parts: Vec<&str> = place.split('/').filter(|part| !["mod", "tests", "src"].contains(part)).collect();
            parts.ends_with(&module) && is_test(text, name)
        })
    }

    /// Whether a test of the web client has this in its title.
    fn has_title(&self, title: &str) -> bool {
        self.0.iter().any(|(place, text)| place.starts_with("web/") && text.contains(title))
    }

    fn is_there(&self, name: &str) -> bool {
        if let Some(target) = name.strip_prefix("make ") {
            let makefile = fs::read_to_string(format!("{ROOT}/Makefile")).unwrap();
            return makefile.contains(&format!("\n{target}:"));
        }
        if let Some(run) = name.strip_prefix("resilience ") {
            return include_str!("../resilience/run/main.rs").contains(&format!("[\"{run}\"] =>"));
        }
        if name.contains(' ') { self.has_title(name) } else { self.has_test(name) }
    }
}

/// Whether a function of this name is marked as a test.
fn is_test(text: &str, name: &str) -> bool {
    text.split_once(&format!("fn {name}(")).is_some_and(|(before, _)| {
        let marks = before.split('\n').rev().skip(1).take_while(|line| line.trim_start().starts_with("#["));
        marks.into_iter().any(|line| line.contains("test"))
    })
}

#[test]
fn every_row_names_tests_that_exist() {
    let sources = Sources::read();
    for (cells, shown) in rows(REQUIREMENTS).into_iter().chain(rows(REGRESSIONS)) {
        let excused = shown.starts_with("not met:") || shown.starts_with("later:");
        assert!(excused || names(&shown).next().is_some(), "nothing shows {cells:?}");
        for name in names(&shown) {
            assert!(sources.is_there(name), "{name}, which {cells:?} names, is not there");
        }
    }
}

#[test]
fn a_test_name_is_found_only_in_the_file_of_its_module() {
    let sources = Sources(vec![
        (
            "functions/rotate-keys/src/document/tests.rs".to_owned(),
            "#[test]\nfn keys_rotate() {}\nfn rows() {}".to_owned(),
        ),
        ("web/test/tabs.test.ts".to_owned(), "it('two tabs at once')".to_owned()),
    ]);
    for name in ["keys_rotate", "document::tests::keys_rotate", "rotate_keys::document::tests::keys_rotate", "two tabs"]
    {
        assert!(sources.is_there(name), "{name}");
    }
    for name in
        ["keys::keys_rotate", "document::rows", "rows", "keys_rot", "three tabs", "make nothing", "resilience x"]
    {
        assert!(!sources.is_there(name), "{name}");
    }
}

#[test]
fn every_row_appears_once() {
    for (table, cells) in [(REQUIREMENTS, 3), (REGRESSIONS, 2)] {
        let rows = rows(table);
        let ids: BTreeSet<&String> = rows.iter().map(|(cells, _)| &cells[0]).collect();
        assert_eq!(ids.len(), rows.len());
        assert!(rows.iter().all(|row| row.0.len() == cells), "a cell too many or too few");
    }
}

/// The first string of each line of a table in Rust.
fn first_strings<'a>(source: &'a str, table: &str) -> Vec<&'a str> {
    let (_, rest) = source.split_once(table).unwrap();
    let (table, _) = rest.split_once("\n];").unwrap();
    table.lines().filter_map(|line| line.split('"').nth(1)).collect()
}

#[test]
fn docs_testing_names_every_fault_and_every_fuzz_target() {
    let faults = first_strings(include_str!("../resilience/run/faults.rs"), "const INJECTIONS");
    let ends = first_strings(include_str!("../resilience/run/processes.rs"), "const ENDS");
    let random = first_strings(include_str!("../resilience/run/random_faults.rs"), "const DYNAMODB");
    assert_eq!((faults.len(), ends.len(), random.len()), (15, 4, 13));
    for name in faults.into_iter().chain(ends).chain(random) {
        assert!(TESTING.contains(name), "docs/testing.md does not name the fault: {name}");
    }
    for target in first_strings(include_str!("../fuzz/src/targets/mod.rs"), "pub const TARGETS") {
        assert!(TESTING.contains(&format!("`{target}`")), "docs/testing.md does not name the fuzz target {target}");
        let seeds = fs::read_dir(Path::new(ROOT).join("tests/fuzz/corpus").join(target)).unwrap().flatten();
        let seeds: Vec<String> = seeds.map(|seed| seed.file_name().into_string().unwrap()).collect();
        let is_hash = |name: &String| name.len() == 40 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
        assert!(!seeds.iter().any(is_hash), "{target}: a seed has no name but libFuzzer's: {seeds:?}");
    }
}
