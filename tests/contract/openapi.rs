//! `openapi.yaml` describes what is deployed: the same routes, the same error codes, the same limits.

use std::collections::{BTreeMap, BTreeSet};

use local::assemble;
use serde_yaml_ng::Value;

use crate::limits::{BODY_BYTES, GATEWAY_BODY_BYTES, HEADER_BYTES};

const DESCRIPTION: &str = include_str!("../../openapi.yaml");

fn description() -> Value {
    serde_yaml_ng::from_str(DESCRIPTION).unwrap()
}

/// Every described route as `GET /auth/profile`, with the name of the operation that describes it.
fn routes(description: &Value) -> BTreeMap<String, String> {
    let mut routes = BTreeMap::new();
    for (path, item) in description["paths"].as_mapping().unwrap() {
        let name = item["$ref"].as_str().unwrap().rsplit('/').next().unwrap();
        for (method, _) in description["components"]["pathItems"][name].as_mapping().unwrap() {
            let method = method.as_str().unwrap();
            let route = format!("{} {}", method.to_uppercase(), path.as_str().unwrap());
            routes.insert(route, format!("{method} {name}"));
        }
    }
    routes
}

#[test]
fn it_describes_the_routes_of_the_template_and_no_others() {
    let template = assemble::template(&BTreeMap::new()).unwrap();
    let deployed: BTreeMap<String, String> = template
        .functions
        .iter()
        .flat_map(|(name, function)| function.routes.iter().map(move |route| (route.key(), name.clone())))
        .filter(|(route, _)| !route.ends_with("/{proxy+}"))
        .collect();
    let described = routes(&description());
    let names = |routes: &BTreeMap<String, String>| routes.keys().cloned().collect::<BTreeSet<_>>();
    assert_eq!(names(&described), names(&deployed));
    let mut functions = BTreeMap::new();
    for (route, operation) in &described {
        let function = functions.entry(operation).or_insert(&deployed[route]);
        assert_eq!(*function, &deployed[route], "{operation} describes routes of two functions");
    }
}

#[test]
fn it_lists_the_codes_of_errors_and_no_others() {
    let source = include_str!("../../shared/src/error.rs");
    // A code is the one kind of text there that has only lower-case letters and underscores.
    let is_code = |text: &&str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    let codes: BTreeSet<&str> = source.split('"').skip(1).step_by(2).filter(is_code).collect();
    let description = description();
    let components = &description["components"];
    let of_errors = &components["schemas"]["Error"]["properties"]["code"]["enum"];
    let refused = &components["responses"]["Refused"]["content"]["application/json"]["schema"];
    let of_refusals = &refused["properties"]["code"]["enum"];
    // Its response has a member more than other errors.
    let of_links = &components["schemas"]["LinkRequired"]["properties"]["code"]["const"];
    let lists = [of_errors, of_refusals].map(|list| list.as_sequence().unwrap());
    let described = lists.into_iter().flatten().chain([of_links]).map(|code| code.as_str().unwrap());
    let described: BTreeSet<&str> = described.collect();
    assert_eq!(described, codes);
}

#[test]
fn it_states_the_limits_that_the_stack_has() {
    let description = description();
    let text = description["info"]["description"].as_str().unwrap();
    for (bytes, response) in [
        (HEADER_BYTES, "431 from the gateway"),
        (GATEWAY_BODY_BYTES, "413 from the gateway"),
        (BODY_BYTES, "413 `payload_too_large`"),
    ] {
        let row = format!("{} bytes | {response}", with_commas(bytes));
        assert!(text.contains(&row), "{row}");
    }
}

fn with_commas(number: usize) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().map(|group| std::str::from_utf8(group).unwrap()).collect();
    groups.join(",")
}
