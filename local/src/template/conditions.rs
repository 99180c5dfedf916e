//! Conditions: leaves out the resources and values that CloudFormation would not create with these parameters.

use serde_yaml_ng::{Mapping, Value, value::Tag};

use super::{Result, error, references::References, scalar};

/// The section `Conditions` of a template.
pub(super) struct Conditions<'a> {
    declared: Option<&'a Mapping>,
    references: &'a References,
}

impl<'a> Conditions<'a> {
    pub(super) fn of(root: &'a Value, references: &'a References) -> Self {
        Self { declared: root.get("Conditions").and_then(Value::as_mapping), references }
    }

    /// The resources that are created, without their `Condition`, and with each `!If` decided.
    pub(super) fn apply(&self, resources: &Mapping) -> Result<Mapping> {
        let mut created = Mapping::new();
        for (name, resource) in resources {
            let condition = resource.get("Condition").map(|condition| self.holds(condition));
            let at = |error: super::TemplateError| error.at(name.as_str().unwrap_or_default());
            if condition.transpose().map_err(at)? == Some(false) {
                continue;
            }
            if let Some(Value::Mapping(mut resource)) = self.decide(resource).map_err(at)? {
                resource.remove("Condition");
                created.insert(name.clone(), Value::Mapping(resource));
            }
        }
        Ok(created)
    }

    /// The value with each `!If` in it decided, or `None` for `AWS::NoValue`.
    fn decide(&self, value: &Value) -> Result<Option<Value>> {
        match value {
            Value::Tagged(tagged) if tagged.tag == Tag::new("If") => {
                let Some([condition, then, otherwise]) = tagged.value.as_sequence().map(Vec::as_slice) else {
                    return error("!If needs a condition and two values");
                };
                self.decide(if self.holds(condition)? { then } else { otherwise })
            }
            Value::Tagged(tagged) if tagged.tag == Tag::new("Ref") && tagged.value == "AWS::NoValue" => Ok(None),
            Value::Tagged(tagged) => {
                let mut decided = tagged.clone();
                decided.value = self.decide(&tagged.value)?.unwrap_or_default();
                Ok(Some(Value::Tagged(decided)))
            }
            Value::Sequence(items) => {
                let items = items.iter().filter_map(|item| self.decide(item).transpose());
                Ok(Some(Value::Sequence(items.collect::<Result<_>>()?)))
            }
            Value::Mapping(members) => {
                let mut decided = Mapping::new();
                for (name, member) in members {
                    if let Some(member) = self.decide(member)? {
                        decided.insert(name.clone(), member);
                    }
                }
                Ok(Some(Value::Mapping(decided)))
            }
            other => Ok(Some(other.clone())),
        }
    }

    /// Whether a condition holds: its name, or one of the functions of conditions.
    fn holds(&self, condition: &Value) -> Result<bool> {
        let Value::Tagged(tagged) = condition else {
            let name = scalar(condition)?;
            return match self.declared.and_then(|declared| declared.get(name.as_str())) {
                Some(condition) => self.holds(condition),
                None => error(format!("there is no condition {name}")),
            };
        };
        let operands = tagged.value.as_sequence().map_or_else(|| vec![&tagged.value], |list| list.iter().collect());
        match (tagged.tag.to_string().trim_start_matches('!'), operands.as_slice()) {
            ("Condition", [name]) => self.holds(name),
            ("Not", [operand]) => Ok(!self.holds(operand)?),
            ("Equals", [one, other]) => Ok(self.references.text(one)? == self.references.text(other)?),
            ("And", operands) => operands.iter().try_fold(true, |all, operand| Ok(self.holds(operand)? && all)),
            ("Or", operands) => operands.iter().try_fold(false, |any, operand| Ok(self.holds(operand)? || any)),
            (function, _) => error(format!("{function} is not a condition that is supported here")),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    const TEMPLATE: &str = "
Parameters:
  Events: { Type: String, Default: 'off' }
  Key: { Type: String, Default: '' }
Conditions:
  HasEvents: !Equals [!Ref Events, 'on']
  HasKey: !Not [!Equals [!Ref Key, '']]
  HasBoth: !And [!Condition HasEvents, !Condition HasKey]
  HasOne: !Or [!Condition HasEvents, !Condition HasKey]
Resources:
  Always: { Type: A, Stream: !If [HasEvents, new, !Ref AWS::NoValue], Keys: [one, !If [HasKey, two, !Ref AWS::NoValue]] }
  WithEvents: { Type: B, Condition: HasEvents, Policy: { Condition: stays } }
  WithBoth: { Type: C, Condition: HasBoth }
  WithOne: { Type: D, Condition: HasOne }
";

    fn created(parameters: &[(&str, &str)]) -> Result<String> {
        let root: Value = serde_yaml_ng::from_str(TEMPLATE).unwrap();
        let given = parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let references = References::read(&root, &given.collect::<BTreeMap<_, _>>())?;
        let created = Conditions::of(&root, &references).apply(root["Resources"].as_mapping().unwrap())?;
        Ok(serde_json::to_string(&created).unwrap())
    }

    #[test]
    fn resources_and_values_are_left_out_unless_their_condition_holds() {
        assert_eq!(created(&[]).unwrap(), r#"{"Always":{"Type":"A","Keys":["one"]}}"#);
        assert_eq!(
            created(&[("Events", "on")]).unwrap(),
            r#"{"Always":{"Type":"A","Stream":"new","Keys":["one"]},"WithEvents":{"Type":"B","Policy":{"Condition":"stays"}},"WithOne":{"Type":"D"}}"#
        );
        assert_eq!(
            created(&[("Key", "k")]).unwrap(),
            r#"{"Always":{"Type":"A","Keys":["one","two"]},"WithOne":{"Type":"D"}}"#
        );
        assert!(created(&[("Events", "on"), ("Key", "k")]).unwrap().contains("WithBoth"));
    }

    #[test]
    fn an_unknown_condition_is_an_error() {
        let root: Value =
            serde_yaml_ng::from_str("{Parameters: {}, Resources: {A: {Type: T, Condition: No}}}").unwrap();
        let references = References::read(&root, &BTreeMap::new()).unwrap();
        let refused = Conditions::of(&root, &references).apply(root["Resources"].as_mapping().unwrap());
        assert_eq!(refused.unwrap_err().to_string(), "template: A: there is no condition No");
    }
}
