//! Reads Kakao's JSON member by member, so that one damaged member does not spoil the others.

use std::{collections::HashMap, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, MapAccess, Visitor},
};
use serde_json::value::RawValue;

/// The unparsed members of a JSON object. A name that occurs twice has no value.
#[derive(Debug, Default)]
pub(super) struct Members(HashMap<String, Option<Box<RawValue>>>);

/// The result of reading a member.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Member<T> {
    /// Left out, or `null`.
    Absent,
    /// Of another type, out of range, present twice, or a text with damaged characters.
    Unreadable,
    /// A readable value.
    Value(T),
}

impl Members {
    /// The members of an object, or `None` if the text is not an object. Damaged characters become U+FFFD first.
    pub(super) fn parse(json: &[u8]) -> Option<Self> {
        serde_json::from_str(&repair(&String::from_utf8_lossy(json))).ok()
    }

    /// The names, in any order.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    pub(super) fn get<T: DeserializeOwned>(&self, name: &str) -> Member<T> {
        match self.0.get(name) {
            None => Member::Absent,
            Some(None) => Member::Unreadable,
            Some(Some(value)) => match serde_json::from_str(value.get()) {
                Ok(Some(value)) => Member::Value(value),
                Ok(None) => Member::Absent,
                Err(_) => Member::Unreadable,
            },
        }
    }

    /// A text without damaged characters.
    pub(super) fn text(&self, name: &str) -> Member<String> {
        match self.get::<String>(name) {
            Member::Value(text) if text.contains(char::REPLACEMENT_CHARACTER) => Member::Unreadable,
            text => text,
        }
    }
}

impl<T> Member<T> {
    pub(super) fn value(self) -> Option<T> {
        if let Self::Value(value) = self { Some(value) } else { None }
    }

    /// The value, or nothing if the member is absent. One that is unreadable is this error.
    pub(super) fn optional<E>(self, unreadable: E) -> Result<Option<T>, E> {
        match self {
            Self::Absent => Ok(None),
            Self::Unreadable => Err(unreadable),
            Self::Value(value) => Ok(Some(value)),
        }
    }

    pub(super) fn and_then<U>(self, read: impl FnOnce(T) -> Member<U>) -> Member<U> {
        match self {
            Self::Absent => Member::Absent,
            Self::Unreadable => Member::Unreadable,
            Self::Value(value) => read(value),
        }
    }
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = HashMap::new();
                while let Some((name, value)) = map.next_entry::<String, Box<RawValue>>()? {
                    members.entry(name).and_modify(|value| *value = None).or_insert(Some(value));
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Object)
    }
}

/// Replaces everything in strings that JSON does not allow there (RFC 8259 §7) with U+FFFD: half a surrogate pair, an unknown escape,
/// a raw control character.
fn repair(json: &str) -> String {
    let mut repaired = String::with_capacity(json.len());
    let (mut rest, mut in_string) = (json, false);
    while let Some(at) = rest.find(|character: char| matches!(character, '"' | '\\' | '\0'..='\u{1f}')) {
        let (before, from_here) = rest.split_at(at);
        let (allowed, length) = match from_here.as_bytes()[0] {
            b'"' => {
                in_string = !in_string;
                (true, 1)
            }
            _ if !in_string => (true, 1),
            b'\\' => escape(from_here),
            _ => (false, 1),
        };
        let (found, after) = from_here.split_at(length);
        repaired.push_str(before);
        repaired.push_str(if allowed { found } else { "\u{fffd}" });
        rest = after;
    }
    repaired.push_str(rest);
    repaired
}

/// Whether the escape at the start of this text stands for a character, and its length.
fn escape(text: &str) -> (bool, usize) {
    match (text.as_bytes().get(1), code_unit(text), text.get(6..).and_then(code_unit)) {
        (Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't'), ..) => (true, 2),
        (_, Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => (true, 12),
        (_, Some(0xd800..=0xdfff), _) => (false, 6),
        (_, Some(_), _) => (true, 6),
        _ => (false, 1),
    }
}

/// The UTF-16 code unit of an escape such as `\ud83d`.
fn code_unit(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    let is_hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    u16::from_str_radix(digits, 16).ok().filter(|_| is_hex)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: impl AsRef<[u8]>) -> Members {
        Members::parse(json.as_ref()).unwrap()
    }

    #[test]
    fn a_damaged_member_is_unreadable_and_its_neighbours_are_not() {
        let cut_letter = [br#"{"text": "a"#.as_slice(), &"가".as_bytes()[..2], br#"", "id": 7}"#].concat();
        let deep = format!(r#"{{"text": {}{}, "id": 7}}"#, "[".repeat(10_000), "]".repeat(10_000));
        for (json, why) in [
            (br#"{"text": "\ud83d", "id": 7}"#.as_slice(), "the first half of a pair"),
            (br#"{"text": "\udc31 \ud83d", "id": 7}"#, "a pair the wrong way round"),
            (br#"{"text": "\ud83d\u0041", "id": 7}"#, "half a pair before a letter"),
            (br#"{"text": "\ud83d\\", "id": 7}"#, "half a pair before another escape"),
            (br#"{"text": "\u12", "id": 7}"#, "two digits of four"),
            (br#"{"text": "\u+123", "id": 7}"#, "a sign among the digits"),
            (br#"{"text": "\x41", "id": 7}"#, "an escape of another language"),
            (b"{\"text\": \"a\nb\", \"id\": 7}", "a raw line break"),
            (&cut_letter, "a letter cut in two"),
            (br#"{"text": 7, "id": 7}"#, "a number"),
            (br#"{"text": ["a"], "id": 7}"#, "a list"),
            (br#"{"text": {"a": "b"}, "id": 7}"#, "an object"),
            (br#"{"text": 1e999, "id": 7}"#, "a number without bounds"),
            (br#"{"text": "a", "id": 7, "text": "a"}"#, "named twice"),
            (br#"{"te\u0078t": "a", "id": 7, "text": "b"}"#, "named twice, once by an escape"),
            (deep.as_bytes(), "deep"),
        ] {
            let members = parse(json);
            assert_eq!(members.text("text"), Member::Unreadable, "{why}");
            assert_eq!(members.get("id"), Member::Value(7), "{why}");
        }
    }

    #[test]
    fn what_is_whole_is_read_as_it_is() {
        let members = parse(r#"{ "a": "\ud83d\udc31 \u00e9 \\ud83d \" 가\/", "b": null, "\ud83d": 1, "c": true }"#);
        assert_eq!(members.text("a"), Member::Value("🐱 é \\ud83d \" 가/".to_owned()));
        assert_eq!((members.text("b"), members.text("missing")), (Member::Absent, Member::Absent));
        assert_eq!(members.get("c"), Member::Value(true));
    }

    #[test]
    fn what_is_not_an_object_has_no_members() {
        for json in ["", "[]", "null", "7", r#"{"id": 7"#, r#"{"id": 7} {"#, r#"{"id": "7}"#, r#"{"id": "\"}"#] {
            assert!(Members::parse(json.as_bytes()).is_none(), "{json}");
        }
    }
}
