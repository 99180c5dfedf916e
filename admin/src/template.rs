//! What `template.yaml` of this release says, for comparison with what is deployed.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};
use serde_yaml_ng::{Value, value::TaggedValue};

/// The template that is deployed.
const TEMPLATE: &str = include_str!("../../template.yaml");

/// The template.
pub(crate) struct Template(Value);

impl Template {
    /// The template of this release. A test reads it, so this cannot fail in a build that passed.
    pub(crate) fn new() -> Self {
        Self(serde_yaml_ng::from_str(TEMPLATE).unwrap_or_default())
    }

    /// The names of the functions' settings by the names of the parameters that they come from.
    pub(crate) fn settings(&self) -> BTreeMap<&str, &str> {
        let resources = self.0["Resources"].as_mapping().into_iter().flat_map(|resources| resources.values());
        let properties = resources.map(|resource| &resource["Properties"]).chain([&self.0["Globals"]["Function"]]);
        let variables =
            properties.filter_map(|properties| properties["Environment"]["Variables"].as_mapping()).flatten();
        variables.filter_map(|(name, value)| Some((parameter(value)?, name.as_str()?))).collect()
    }

    /// The policy of the table of keys, with the ARN that `arn` knows for each resource in it.
    ///
    /// # Errors
    ///
    /// The resource that `arn` does not know.
    pub(crate) fn keys_policy(&self, arn: impl Fn(&str) -> Option<String>) -> Result<Json, String> {
        resolved(&self.0["Resources"]["Keys"]["Properties"]["ResourcePolicy"]["PolicyDocument"], &arn)
    }

    /// The functions with an alias, which is what the API calls.
    pub(crate) fn aliased(&self) -> Vec<&str> {
        let resources = self.0["Resources"].as_mapping().into_iter().flatten();
        let aliased = resources.filter(|(_, resource)| resource["Properties"]["AutoPublishAlias"] == "live");
        aliased.filter_map(|(name, _)| name.as_str()).collect()
    }

    /// Every path of the API.
    #[cfg(test)]
    pub(crate) fn paths(&self) -> Vec<&str> {
        let resources = self.0["Resources"].as_mapping().into_iter().flat_map(|resources| resources.values());
        let events = resources.filter_map(|resource| resource["Properties"]["Events"].as_mapping());
        events.flat_map(|events| events.values()).filter_map(|event| event["Properties"]["Path"].as_str()).collect()
    }
}

/// The parameter in `!Ref Parameter` or `!Join [",", !Ref Parameter]`.
fn parameter(value: &Value) -> Option<&str> {
    let Value::Tagged(tagged) = value else { return None };
    match tagged.as_ref() {
        TaggedValue { tag, value } if tag == "Ref" => value.as_str(),
        TaggedValue { tag, value } if tag == "Join" => parameter(&value[1]),
        _ => None,
    }
}

fn resolved(value: &Value, arn: &impl Fn(&str) -> Option<String>) -> Result<Json, String> {
    Ok(match value {
        Value::String(text) => text.as_str().into(),
        Value::Sequence(items) => items.iter().map(|item| resolved(item, arn)).collect::<Result<_, _>>()?,
        Value::Mapping(members) => {
            let members = members
                .iter()
                .map(|(name, value)| Ok((name.as_str().unwrap_or_default().to_owned(), resolved(value, arn)?)));
            Json::Object(members.collect::<Result<Map<_, _>, String>>()?)
        }
        Value::Tagged(tagged) => {
            let name = tagged.value.as_str().and_then(|name| name.strip_suffix(".Arn")).unwrap_or_default();
            arn(name).ok_or_else(|| name.to_owned())?.into()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => Json::Null,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_known_by_the_name_of_the_functions_setting() {
        let template = Template::new();
        let settings = template.settings();
        for (parameter, setting) in [
            ("Stage", Some("STAGE")),
            ("AllowedOrigins", Some("ALLOWED_ORIGINS")),
            ("CookieSameSite", Some("COOKIE_SAMESITE")),
            ("SessionLinks", Some("SESSION_LINKS")),
            ("FirstKeys", Some("FIRST_KEYS")),
            ("MemorySize", None),
            ("Keys", Some("KEYS_TABLE_NAME")),
        ] {
            assert_eq!(settings.get(parameter).copied(), setting, "{parameter}");
        }
    }

    #[test]
    fn the_functions_with_routes_have_an_alias() {
        let template = Template::new();
        let aliased = template.aliased();
        assert!(aliased.contains(&"Refresh") && !aliased.contains(&"RotateKeys"), "{aliased:?}");
    }

    #[test]
    fn the_policy_of_the_table_of_keys_names_every_role() {
        let policy = Template::new().keys_policy(|name| Some(format!("arn:{name}"))).unwrap();
        let statement = &policy["Statement"][0];
        assert_eq!((&statement["Effect"], &statement["Principal"]), (&"Deny".into(), &"*".into()));
        let roles = statement["Condition"]["ArnNotEquals"]["aws:PrincipalArn"].as_array().unwrap();
        assert!(roles.contains(&"arn:RotateKeysRole".into()), "{roles:?}");
        assert_eq!(Template::new().keys_policy(|_| None), Err("KakaoLoginRole".to_owned()));
    }
}
