//! The part of `CloudWatch`'s filter patterns that the template uses: one member of a JSON line and its text, with a `*` at the ends.
//!
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html>

use serde_json::Value;

/// A pattern such as `{ $.outcome = "unavailable" }`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern {
    member: String,
    /// What the text is, or begins, contains or ends with.
    text: String,
    begins_with_any: bool,
    ends_with_any: bool,
}

impl Pattern {
    /// Reads a pattern. Any other syntax is an error.
    pub(super) fn read(pattern: &str) -> Result<Self, String> {
        let read = || {
            let inner = pattern.strip_prefix("{ $.")?.strip_suffix("\" }")?;
            let (member, text) = inner.split_once(" = \"")?;
            let (begins_with_any, rest) = text.strip_prefix('*').map_or((false, text), |rest| (true, rest));
            let (ends_with_any, text) = rest.strip_suffix('*').map_or((false, rest), |rest| (true, rest));
            let is_name = member.chars().all(|c| c.is_ascii_lowercase() || c == '_') && !member.is_empty();
            let is_plain = !text.is_empty() && !text.contains(['*', '"', '\\', '%']);
            let (member, text) = (member.to_owned(), text.to_owned());
            (is_name && is_plain).then_some(Self { member, text, begins_with_any, ends_with_any })
        };
        read().ok_or_else(|| format!("{pattern} is not a pattern that is supported here"))
    }

    /// Whether a line of the log matches.
    pub(super) fn matches(&self, line: &Value) -> bool {
        let Some(value) = line[&self.member].as_str() else { return false };
        match (self.begins_with_any, self.ends_with_any) {
            (false, false) => value == self.text,
            (false, true) => value.starts_with(&self.text),
            (true, false) => value.ends_with(&self.text),
            (true, true) => value.contains(&self.text),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_line_matches_by_the_text_of_one_member() {
        let line = json!({"outcome": "unavailable", "status": 503, "inner": {"level": "ERROR"}});
        for (pattern, expected) in [
            (r#"{ $.outcome = "unavailable" }"#, true),
            (r#"{ $.outcome = "unavail*" }"#, true),
            (r#"{ $.outcome = "*able" }"#, true),
            (r#"{ $.outcome = "*avail*" }"#, true),
            (r#"{ $.outcome = "unavail" }"#, false),
            (r#"{ $.outcome = "*unavail" }"#, false),
            (r#"{ $.outcome = "available*" }"#, false),
            (r#"{ $.status = "503" }"#, false),
            (r#"{ $.level = "ERROR" }"#, false),
        ] {
            assert_eq!(Pattern::read(pattern).unwrap().matches(&line), expected, "{pattern}");
        }
    }

    #[test]
    fn any_other_syntax_is_an_error() {
        for pattern in [
            "",
            "ERROR",
            "{ $.status = 503 }",
            r#"{ $.outcome != "ok" }"#,
            r#"{ $.outcome = "a" && $.level = "b" }"#,
            r#"{ ($.outcome = "a") }"#,
            r#"{ $.inner.level = "ERROR" }"#,
            r#"{ $.outcome = "a*b" }"#,
            r#"{ $.outcome = "*" }"#,
            r#"{ $.outcome = "%a%" }"#,
            r#"{$.outcome = "a"}"#,
        ] {
            assert!(Pattern::read(pattern).is_err(), "{pattern}");
        }
    }
}
