//! Matches a request to a route, and extracts the variables from its path.
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html>

use std::{cmp::Ordering, collections::BTreeMap};

use super::TrailingSlash;
use crate::template::Route;

/// The values of path variables by name, percent-encoded as they were sent.
pub(super) type Variables = BTreeMap<String, String>;

/// A match of a request with a route.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Match {
    pub variables: Variables,
    rank: Rank,
}

/// How specific a match is. A path without `{proxy+}` beats one with it. Then the first segment that differs decides, then
/// the method.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    is_whole: bool,
    segments: Vec<Fit>,
    names_the_method: bool,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    Remainder,
    Variable,
    Literal,
}

impl Match {
    pub(super) fn cmp(&self, other: &Self) -> Ordering {
        self.rank.cmp(&other.rank)
    }
}

/// Matches a request with one route.
pub(super) fn fit(route: &Route, method: &str, path: &str, slash: TrailingSlash) -> Option<Match> {
    if route.method != "ANY" && route.method != method {
        return None;
    }
    let is_whole = !route.path.ends_with("{proxy+}");
    let without_slash = path.strip_suffix('/').filter(|bare| !bare.is_empty()).unwrap_or(path);
    let path = if is_whole && slash != TrailingSlash::Greedy { without_slash } else { path };

    let mut rest = Some(path.strip_prefix('/')?);
    let (mut variables, mut segments) = (Variables::new(), Vec::new());
    for pattern in route.path.trim_start_matches('/').split('/') {
        let remainder = rest?;
        let (segment, after) = remainder.split_once('/').map_or((remainder, None), |(one, rest)| (one, Some(rest)));
        rest = after;
        if pattern == "{proxy+}" {
            variables.insert("proxy".to_owned(), remainder.to_owned());
            segments.push(Fit::Remainder);
            rest = None;
        } else if let Some(name) = pattern.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
            if segment.is_empty() {
                return None;
            }
            variables.insert(name.to_owned(), segment.to_owned());
            segments.push(Fit::Variable);
        } else if pattern == segment {
            segments.push(Fit::Literal);
        } else {
            return None;
        }
    }
    let rank = Rank { is_whole, segments, names_the_method: route.method != "ANY" };
    rest.is_none().then_some(Match { variables, rank })
}
