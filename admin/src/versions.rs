//! Whether users meet the settings that a stack has. They meet the version behind a function's alias `live`, and a parameter that was
//! changed without a new `Release` reaches the unpublished version only.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::finding::Finding;

/// What both versions must have in common, as `aws lambda get-function-configuration` calls it. `Environment` is compared by variable.
const SAME: [&str; 4] = ["CodeSha256", "MemorySize", "Timeout", "Architectures"];

/// Compares `aws lambda get-function-configuration` of a function's unpublished version with that of its alias.
pub(crate) fn examine(function: &str, unpublished: &Value, live: &Value) -> Option<Finding> {
    let variables = |of: &Value| of["Environment"]["Variables"].as_object().cloned().unwrap_or_default();
    let (given, met): (Map<_, _>, Map<_, _>) = (variables(unpublished), variables(live));
    let names: BTreeSet<&String> = given.keys().chain(met.keys()).collect();
    let mut others: Vec<&str> =
        names.into_iter().filter(|name| given.get(*name) != met.get(*name)).map(String::as_str).collect();
    others.extend(SAME.into_iter().filter(|name| unpublished[*name] != live[*name]));
    if others.is_empty() {
        return None;
    }
    let others = others.join(", ");
    Some(Finding::Error(format!(
        "users meet a version of {function} that differs from the stack's in {others}: parameters were changed without `make \
         deploy`, or a deployment is under way or was stopped. Run `make deploy`"
    )))
}

/// The finding for a function without the alias that the API calls.
pub(crate) fn missing(function: &str) -> Finding {
    Finding::Error(format!("{function} has no alias live, which template.yaml of this release has. Run `make deploy`"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn version(access_ttl: &str, memory: u32) -> Value {
        json!({"Environment": {"Variables": {"ACCESS_TTL": access_ttl, "STAGE": "prod"}}, "MemorySize": memory, "Timeout": 10,
            "Architectures": ["arm64"], "CodeSha256": "x", "Version": access_ttl})
    }

    #[test]
    fn versions_that_differ_by_their_numbers_only_are_the_same() {
        let mut live = version("300", 512);
        live["Version"] = json!("7");
        assert_eq!(examine("Refresh", &version("300", 512), &live), None);
        assert_eq!(examine("Refresh", &json!({}), &json!({})), None, "without variables");
    }

    #[test]
    fn a_setting_that_users_do_not_meet_is_named_without_its_value() {
        let mut more = version("300", 512);
        more["Environment"]["Variables"]["ORIGIN_SECRET_HASHES"] = json!("5ec4e7");
        for (unpublished, live, named) in [
            (version("200", 512), version("300", 512), "in ACCESS_TTL: "),
            (version("300", 1024), version("300", 512), "in MemorySize: "),
            (more.clone(), version("300", 512), "in ORIGIN_SECRET_HASHES: "),
            (version("300", 512), more, "in ORIGIN_SECRET_HASHES: "),
            (version("200", 1024), version("300", 512), "in ACCESS_TTL, MemorySize: "),
        ] {
            let found = examine("Refresh", &unpublished, &live).unwrap().to_string();
            assert!(found.starts_with("error:") && found.contains(named) && !found.contains("5ec4e7"), "{found}");
        }
    }
}
