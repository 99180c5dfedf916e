//! Serves the routes of dj-rest-auth under another prefix, as `local/path_prefix.py` does in a built template.

use serde_yaml_ng::{Mapping, Value};

use super::{Result, error, mapping};

const DROP_IN: &str = "/dj-rest-auth";

/// The template with `prefix` instead of `/dj-rest-auth`. A route that exists under the prefix already stays as it is.
///
/// # Errors
///
/// [`TemplateError`](super::TemplateError) if the prefix is not a path such as `/api/v1/auth`, or the template is unreadable.
pub fn with_prefix(yaml: &str, prefix: &str) -> Result<String> {
    let is_word = |word: &str| {
        !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    };
    if !prefix.strip_prefix('/').is_some_and(|path| path.split('/').all(is_word)) {
        return error(format!("PATH_PREFIX must be a path such as /api/v1/auth, not {prefix}"));
    }
    let mut root: Value = serde_yaml_ng::from_str(yaml).or_else(|broken| error(broken.to_string()))?;
    let taken: Vec<String> = events(mapping(&root, "Resources")?).filter_map(|(_, event)| key(event)).collect();
    let moved = |key: &str| key.replacen(DROP_IN, prefix, 1);
    for resource in resources(&mut root) {
        if let Some(events) = resource["Properties"].get_mut("Events").and_then(Value::as_mapping_mut) {
            events.retain(|_, event| {
                !key(event).is_some_and(|key| key.contains(DROP_IN) && taken.contains(&moved(&key)))
            });
            for event in events.values_mut() {
                if let Some(path) = event["Properties"]["Path"].as_str().map(moved) {
                    event["Properties"]["Path"] = path.into();
                }
            }
        }
        if let Some(settings) = resource["Properties"].get_mut("RouteSettings").and_then(Value::as_mapping_mut) {
            *settings = std::mem::take(settings)
                .into_iter()
                .map(|(key, value)| (key.as_str().map_or(key.clone(), |key| moved(key).into()), value))
                .collect();
        }
    }
    serde_yaml_ng::to_string(&root).or_else(|broken| error(broken.to_string()))
}

fn resources(root: &mut Value) -> impl Iterator<Item = &mut Value> {
    root["Resources"].as_mapping_mut().into_iter().flat_map(Mapping::values_mut)
}

fn events(resources: &Mapping) -> impl Iterator<Item = (&Value, &Value)> {
    resources.values().filter_map(|resource| resource["Properties"]["Events"].as_mapping()).flatten()
}

/// The key of the route, such as `POST /dj-rest-auth/kakao`. A schedule has none.
fn key(event: &Value) -> Option<String> {
    let properties = &event["Properties"];
    Some(format!("{} {}", properties["Method"].as_str()?, properties["Path"].as_str()?))
}
