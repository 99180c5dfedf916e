//! What `doctor` finds.

use std::fmt;

/// Something that an operator should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// It must be corrected: somebody cannot log in, somebody can who should not, or something can be lost.
    Error(String),
    /// It works, and is probably not intended.
    Warning(String),
    /// It could not be examined, so nothing is known about it.
    Unchecked(String),
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error(text) => write!(f, "error:     {text}"),
            Self::Warning(text) => write!(f, "warning:   {text}"),
            Self::Unchecked(text) => write!(f, "unchecked: {text}"),
        }
    }
}
