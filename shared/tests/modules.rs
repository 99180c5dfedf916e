//! The order of the modules, which `lib.rs` states.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::{collections::BTreeSet, fs, path::Path};

/// The text of a module and all below it, without its tests.
fn text_of(path: &Path) -> String {
    if path.is_dir() {
        return fs::read_dir(path).unwrap().map(|entry| text_of(&entry.unwrap().path())).collect();
    }
    if path.extension().is_none_or(|kind| kind != "rs") || path.file_stem().is_some_and(|name| name == "tests") {
        return String::new();
    }
    let text = fs::read_to_string(path).unwrap();
    text.split("#[cfg(test)]").next().unwrap().to_owned()
}

/// The first names of what is used of the crate: of `crate::a::B` and of each path in `crate::{a::B, c::{D, E}}`.
fn used(text: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for rest in text.split("crate::").skip(1) {
        let Some(list) = rest.strip_prefix('{') else {
            names.insert(first_name(rest));
            continue;
        };
        let mut depth = 1;
        for (at, character) in list.char_indices() {
            match character {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                break;
            }
            if depth == 1 && (at == 0 || character == ',') {
                names.insert(first_name(list[at..].trim_start_matches([',', ' ', '\n'])));
            }
        }
    }
    names
}

fn first_name(path: &str) -> String {
    path.chars().take_while(|character| character.is_alphanumeric() || *character == '_').collect()
}

#[test]
fn a_module_uses_only_modules_of_the_groups_above_its_own() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let declarations = fs::read_to_string(source.join("lib.rs")).unwrap();
    let groups = declarations.split("\n\n").map(|group| {
        let names = group.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
        names.map(str::to_owned).collect::<Vec<_>>()
    });
    let (mut above, mut seen) = (BTreeSet::new(), 0);
    let groups: Vec<Vec<String>> = groups.collect();
    let all: BTreeSet<&String> = groups.iter().flatten().collect();
    for group in &groups {
        for name in group {
            let paths = [source.join(format!("{name}.rs")), source.join(name)];
            let text: String = paths.iter().filter(|path| path.exists()).map(|path| text_of(path)).collect();
            for other in used(&text).iter().filter(|other| *other != name && all.contains(other)) {
                assert!(above.contains(other), "{name} uses {other}, which is not above it");
                seen += 1;
            }
        }
        above.extend(group.iter().cloned());
    }
    assert!(seen > 30, "the sources were read");
}
