//! The names that a person may change, as dj-rest-auth reads them: the same members, limits and messages.

use serde_json::Value;
use shared::{error::Error, http::JsonObject, store::NameChange, user::User};

const MAX_CHARACTERS: usize = 150;

/// Which members a request must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// `PATCH`: none.
    Partial,
    /// `PUT`: `username`. The other names may be left out, and then stay.
    Whole,
}

/// Reads the names in a body. Other members are ignored: `pk`, `email` and Kakao's fields cannot be set.
///
/// # Errors
///
/// [`Error::InvalidFields`] says what is wrong with each name.
pub(crate) fn read(body: &JsonObject, change: Change) -> Result<NameChange, Error> {
    let mut wrong = Vec::new();
    let mut read = |name, may_be_blank| {
        let text = body.member(name).map(|value| text(value, may_be_blank)).transpose();
        text.unwrap_or_else(|problem| {
            wrong.push((name, problem));
            None
        })
    };
    let names = NameChange {
        username: read("username", false),
        first_name: read("first_name", true),
        last_name: read("last_name", true),
    };
    if change == Change::Whole && body.member("username").is_none() {
        wrong.insert(0, ("username", "This field is required."));
    }
    if wrong.is_empty() { Ok(names) } else { Err(Error::InvalidFields(wrong)) }
}

/// A text without surrounding white space.
///
/// Django allows only letters, digits and `@.+-_` in a username. Here the username is the nickname until the person chooses another,
/// and a front end that sends back what it got must not fail on a space in it.
fn text(value: &Value, may_be_blank: bool) -> Result<String, &'static str> {
    let text = match value {
        Value::Null => return Err("This field may not be null."),
        Value::String(text) => text.trim(),
        _ => return Err("Not a valid string."),
    };
    if text.is_empty() && !may_be_blank {
        Err("This field may not be blank.")
    } else if text.chars().count() > MAX_CHARACTERS {
        Err("Ensure this field has no more than 150 characters.")
    } else if text.contains(char::is_control) {
        Err("Control characters are not allowed.")
    } else {
        Ok(text.to_owned())
    }
}

/// Leaves out what the user is called already. A form sends all its fields, and a nickname that was not touched in it must go on
/// following Kakao.
pub(crate) fn without_unchanged(names: NameChange, user: &User) -> NameChange {
    let changed = |name: Option<String>, present: &str| name.filter(|name| name != present);
    NameChange {
        username: changed(names.username, user.username()),
        first_name: changed(names.first_name, user.first_name.as_deref().unwrap_or_default()),
        last_name: changed(names.last_name, user.last_name.as_deref().unwrap_or_default()),
    }
}
