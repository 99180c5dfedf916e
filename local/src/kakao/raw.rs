//! Replaces members of a JSON document by raw bytes, to produce what no JSON library would write.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::random_text;

/// Raw JSON by JSON pointer (RFC 6901). Each character is one byte (Latin-1), so that the result need be neither valid JSON
/// nor UTF-8.
pub(super) type Changes = BTreeMap<String, String>;

/// The document with these changes. A missing member is added, and a missing entry is appended to its list.
pub(super) fn write(mut document: Value, changes: &Changes) -> Vec<u8> {
    let marks: Vec<(String, &str)> =
        changes.iter().map(|(path, raw)| (put_mark(&mut document, path), raw.as_str())).collect();
    let mut written = document.to_string().into_bytes();
    for (mark, raw) in marks {
        let mark = json!(mark).to_string();
        let at = written.windows(mark.len()).position(|window| window == mark.as_bytes());
        let raw = raw.chars().map(|character| u8::try_from(u32::from(character)).unwrap_or(b'?'));
        if let Some(at) = at {
            written.splice(at..at + mark.len(), raw);
        }
    }
    written
}

/// Puts a unique text at the path and returns it.
fn put_mark(document: &mut Value, path: &str) -> String {
    let mark = random_text();
    let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
    match document.pointer_mut(parent) {
        Some(Value::Object(members)) => {
            members.insert(name.to_owned(), json!(mark));
        }
        Some(Value::Array(entries)) => match name.parse().ok().and_then(|index: usize| entries.get_mut(index)) {
            Some(entry) => *entry = json!(mark),
            None => entries.push(json!(mark)),
        },
        _ => {}
    }
    mark
}
