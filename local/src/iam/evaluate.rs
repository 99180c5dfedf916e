//! Evaluates statements: an access needs a matching `Allow` and no matching `Deny`.

use super::request::Access;
use crate::template::policies::{Condition, Effect, Statement};

pub(super) fn allows(statements: &[Statement], access: &Access) -> bool {
    let fits = |effect| statements.iter().any(|statement| statement.effect == effect && fits(statement, access));
    fits(Effect::Allow) && !fits(Effect::Deny)
}

fn fits(statement: &Statement, access: &Access) -> bool {
    statement.actions.contains(&access.action)
        && statement.resources.contains(&access.resource)
        && statement.conditions.iter().all(|condition| holds(condition, access.leading_keys.as_deref()))
}

fn holds(condition: &Condition, keys: Option<&[String]>) -> bool {
    let all = |is: &dyn Fn(&str) -> bool| keys.unwrap_or_default().iter().all(|key| is(key));
    match condition {
        Condition::AllEqual(values) => all(&|key| values.iter().any(|value| value == key)),
        Condition::AllLike(patterns) => {
            all(&|key| patterns.iter().any(|pattern| is_like(key.as_bytes(), pattern.as_bytes())))
        }
        Condition::Null(is_null) => keys.is_none_or(<[String]>::is_empty) == *is_null,
    }
}

/// Matches a pattern in which `*` stands for any text and `?` for any one character.
fn is_like(text: &[u8], pattern: &[u8]) -> bool {
    match (pattern.split_first(), text.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), _) => {
            is_like(text, rest) || text.split_first().is_some_and(|(_, text)| is_like(text, pattern))
        }
        (Some((b'?', rest)), Some((_, text))) => is_like(text, rest),
        (Some((one, rest)), Some((other, text))) => one == other && is_like(text, rest),
        _ => false,
    }
}
