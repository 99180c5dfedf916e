//! The roles of a user: names that an operator gives, and that other services read in access tokens.

use serde::Serialize;

/// How many roles a user has at most.
pub const AT_MOST: usize = 32;

/// How many bytes the roles of a user have as JSON at most. Each token carries them, in a header of every request.
pub const MAX_BYTES: usize = 1_024;

const LONGEST_NAME: usize = 64;

/// Names that no role may have: a service that looks for a role in the wrong place must not find a claim of the same name. The claims of
/// our tokens, then others of registered or usual names.
pub const RESERVED: [&str; 20] = [
    "iss",
    "aud",
    "sub",
    "iat",
    "exp",
    "jti",
    "sid",
    "client_id",
    "auth_time",
    "token_type",
    "user_id",
    "roles",
    "role",
    "groups",
    "nbf",
    "scope",
    "act",
    "cnf",
    "azp",
    "nonce",
];

/// The roles of a user, in the order of their names. Most users have none.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Roles(Vec<String>);

/// Why names cannot be a user's roles.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRoles {
    /// One is not a name.
    #[error("`{0}` must begin with a letter and have at most 64 letters, digits, `:`, `_`, `.` and `-`")]
    Name(String),
    /// One is a claim of tokens.
    #[error("`{0}` is the name of a claim: choose another")]
    Reserved(String),
    /// One is given twice.
    #[error("`{0}` is given twice")]
    Twice(String),
    /// There are more than [`AT_MOST`].
    #[error("a user has at most 32 roles")]
    TooMany,
    /// They have more than [`MAX_BYTES`].
    #[error("the roles of a user have at most 1,024 bytes as JSON")]
    TooLong,
}

impl Roles {
    /// The roles with these names, in any order.
    ///
    /// # Errors
    ///
    /// [`InvalidRoles`] says what is wrong with them.
    pub fn new(names: impl IntoIterator<Item = String>) -> Result<Self, InvalidRoles> {
        let mut names: Vec<String> = names.into_iter().collect();
        if names.len() > AT_MOST {
            return Err(InvalidRoles::TooMany);
        }
        names.sort();
        for name in &names {
            if !is_name(name) {
                return Err(InvalidRoles::Name(name.clone()));
            }
            if RESERVED.contains(&name.to_ascii_lowercase().as_str()) {
                return Err(InvalidRoles::Reserved(name.clone()));
            }
        }
        if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(InvalidRoles::Twice(twice[0].clone()));
        }
        // Names have no characters that JSON escapes: two quotes and a comma each, and the brackets.
        if names.iter().map(|name| name.len() + 3).sum::<usize>() + 1 > MAX_BYTES {
            return Err(InvalidRoles::TooLong);
        }
        Ok(Self(names))
    }

    /// The names.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.0
    }

    /// Whether the user has no roles.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// As an item stores them: a JSON array. `None` if there are none.
    #[must_use]
    pub fn to_stored(&self) -> Option<String> {
        let quoted: Vec<String> = self.0.iter().map(|name| format!("\"{name}\"")).collect();
        (!quoted.is_empty()).then(|| format!("[{}]", quoted.join(",")))
    }

    /// As [`to_stored`](Self::to_stored) writes them. Anything else gives nobody a role, and logs nobody out.
    #[must_use]
    pub fn from_stored(text: &str) -> Self {
        let names = serde_json::from_str::<Vec<String>>(text).ok();
        names.and_then(|names| Self::new(names).ok()).unwrap_or_default()
    }
}

fn is_name(name: &str) -> bool {
    let is_other = |byte: u8| byte.is_ascii_alphanumeric() || b":_.-".contains(&byte);
    name.len() <= LONGEST_NAME
        && name.bytes().next().is_some_and(|first| first.is_ascii_alphabetic())
        && name.bytes().all(is_other)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roles(names: &[&str]) -> Result<Roles, InvalidRoles> {
        Roles::new(names.iter().map(|name| (*name).to_owned()))
    }

    #[test]
    fn roles_are_stored_as_json_in_the_order_of_their_names() {
        let two = roles(&["shop:admin", "editor"]).unwrap();
        assert_eq!(two.to_stored().as_deref(), Some(r#"["editor","shop:admin"]"#));
        assert_eq!(two.to_stored(), serde_json::to_string(&two).ok(), "as serde writes it");
        assert_eq!(Roles::from_stored(&two.to_stored().unwrap()), two);
        assert_eq!((Roles::default().to_stored(), roles(&[])), (None, Ok(Roles::default())));
    }

    #[test]
    fn a_name_begins_with_a_letter_and_has_64_characters_at_most() {
        let (longest, too_long) = ("a".repeat(64), "a".repeat(65));
        for name in ["a", "A9", "shop:orders.read_all-2", &longest] {
            assert!(roles(&[name]).is_ok(), "{name}");
        }
        for name in ["", "1a", ":a", "a b", "a\"", "a,b", "관리자", "a\n", &too_long] {
            assert_eq!(roles(&[name]), Err(InvalidRoles::Name(name.to_owned())));
        }
    }

    #[test]
    fn the_names_of_claims_are_refused_in_any_case() {
        for name in RESERVED.into_iter().chain(["Sub", "ROLES"]) {
            assert_eq!(roles(&[name]), Err(InvalidRoles::Reserved(name.to_owned())));
        }
        assert!(roles(&["subscriber"]).is_ok());
    }

    #[test]
    fn there_are_32_different_roles_of_1024_bytes_at_most() {
        assert_eq!(roles(&["b", "a", "b"]), Err(InvalidRoles::Twice("b".to_owned())));
        let many = |count: usize| Roles::new((0..count).map(|at| format!("r{at}")));
        assert!(many(32).is_ok());
        assert_eq!(many(33), Err(InvalidRoles::TooMany));
        // 15 names of 64 bytes are 1,006 bytes, so 15 more bytes of a name fit.
        let long = |last: usize| {
            let names = (0..15).map(|at| format!("{}{at:02}", "a".repeat(62)));
            Roles::new(names.chain([format!("b{}", "c".repeat(last - 1))]))
        };
        assert_eq!(long(15).unwrap().to_stored().unwrap().len(), MAX_BYTES);
        assert_eq!(long(16), Err(InvalidRoles::TooLong));
    }

    #[test]
    fn what_cannot_be_read_is_no_role() {
        for text in ["", "{}", "[1]", "\"admin\"", "[\"sub\"]", "[\"a\",\"a\"]", "[\"a\""] {
            assert_eq!(Roles::from_stored(text), Roles::default(), "{text}");
        }
    }
}
