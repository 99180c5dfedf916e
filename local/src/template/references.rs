//! Parameters and intrinsic functions: resolves `!Ref`, `!Sub`, `!GetAtt` and `!Join`.

use std::collections::{BTreeMap, BTreeSet};

use regex_lite::Regex;
use serde_yaml_ng::{Value, value::Tag};

use super::{Result, error, mapping, scalar};

/// The parameters and resources that `!Ref` and `!Sub` can name.
pub(super) struct References {
    parameters: BTreeMap<String, Value>,
    resources: BTreeSet<String>,
}

impl References {
    pub(super) fn read(root: &Value, given: &BTreeMap<String, String>) -> Result<Self> {
        let declared = mapping(root, "Parameters")?;
        for name in given.keys() {
            if !declared.contains_key(name.as_str()) {
                return error(format!("there is no parameter {name}"));
            }
        }
        let mut parameters = BTreeMap::new();
        for (name, declaration) in declared {
            let name = name.as_str().unwrap_or_default();
            let default = declaration.get("Default").map(scalar).transpose()?;
            let Some(value) = given.get(name).cloned().or(default) else {
                return error(format!("parameter {name} has no default and none was given"));
            };
            parameters.insert(name.to_owned(), check_parameter(name, declaration, &value)?);
        }
        let resources = mapping(root, "Resources")?.keys().filter_map(Value::as_str).map(str::to_owned).collect();
        Ok(Self { parameters, resources })
    }

    /// The value that an intrinsic function stands for. Other values stay as they are.
    pub(super) fn resolve(&self, value: &Value) -> Result<Value> {
        let Value::Tagged(tagged) = value else {
            return Ok(value.clone());
        };
        let function = &tagged.tag;
        if *function == Tag::new("Ref") {
            self.reference(&scalar(&tagged.value)?)
        } else if *function == Tag::new("GetAtt") {
            Ok(Value::String(format!("local:{}", scalar(&tagged.value)?)))
        } else if *function == Tag::new("Sub") {
            self.substitute(&scalar(&tagged.value)?).map(Value::String)
        } else if *function == Tag::new("Join") {
            let parts = tagged.value.as_sequence().map(Vec::as_slice);
            let Some([separator, list]) = parts else {
                return error("!Join needs a separator and a list");
            };
            let list = self.texts(list)?;
            Ok(Value::String(list.join(&scalar(separator)?)))
        } else {
            error(format!("{function} is not supported here"))
        }
    }

    /// The value with every intrinsic function in it resolved.
    pub(super) fn resolve_all(&self, value: &Value) -> Result<Value> {
        match value {
            Value::Tagged(tagged) => match tagged.value.as_sequence().map(Vec::as_slice) {
                // !Sub with values of its own for some names.
                Some([text, values]) if tagged.tag == Tag::new("Sub") => {
                    let mut text = scalar(text)?;
                    for (name, value) in values.as_mapping().into_iter().flatten() {
                        text = text.replace(&format!("${{{}}}", scalar(name)?), &scalar(&self.resolve(value)?)?);
                    }
                    self.substitute(&text).map(Value::String)
                }
                _ => self.resolve(value),
            },
            Value::Sequence(items) => items.iter().map(|item| self.resolve_all(item)).collect(),
            Value::Mapping(members) => {
                let members = members.iter().map(|(name, member)| Ok((name.clone(), self.resolve_all(member)?)));
                members.collect::<Result<_>>().map(Value::Mapping)
            }
            other => Ok(other.clone()),
        }
    }

    pub(super) fn reference(&self, name: &str) -> Result<Value> {
        if let Some(value) = self.parameters.get(name) {
            Ok(value.clone())
        } else if name == "AWS::StackName" {
            Ok(Value::from("local"))
        } else if self.resources.contains(name) || name.starts_with("AWS::") {
            Ok(Value::String(name.to_owned()))
        } else {
            error(format!("!Ref {name}: there is no such parameter or resource"))
        }
    }

    pub(super) fn substitute(&self, text: &str) -> Result<String> {
        let (mut result, mut rest) = (String::new(), text);
        while let Some((before, after)) = rest.split_once("${") {
            let Some((name, after)) = after.split_once('}') else {
                return error(format!("!Sub {text}: no closing brace"));
            };
            let resource = name.split('.').next().unwrap_or_default();
            result.push_str(before);
            result.push_str(&scalar(&self.reference(resource)?)?);
            rest = after;
        }
        Ok(result + rest)
    }

    /// Reads a required member with `read`.
    pub(super) fn member<T>(&self, of: &Value, name: &str, read: impl FnOnce(&Self, &Value) -> Result<T>) -> Result<T> {
        let Some(value) = of.get(name) else {
            return error(format!("there is no {name}"));
        };
        read(self, value).map_err(|error| error.at(name))
    }

    pub(super) fn text(&self, value: &Value) -> Result<String> {
        scalar(&self.resolve(value)?)
    }

    pub(super) fn texts(&self, value: &Value) -> Result<Vec<String>> {
        match self.resolve(value)? {
            Value::Sequence(items) => items.iter().map(|item| self.text(item)).collect(),
            other => error(format!("expected a list, not {other:?}")),
        }
    }

    pub(super) fn number<T: std::str::FromStr>(&self, value: &Value) -> Result<T> {
        let text = self.text(value)?;
        text.parse().or_else(|_| error(format!("{text} is not a number")))
    }
}

/// Checks a parameter's value as CloudFormation does before it creates a stack.
fn check_parameter(name: &str, declaration: &Value, value: &str) -> Result<Value> {
    let kind = declaration.get("Type").and_then(Value::as_str).unwrap_or_default();
    let is_list = kind == "CommaDelimitedList" || kind.starts_with("List<");
    let items: Vec<&str> = if is_list { value.split(',').map(str::trim).collect() } else { vec![value] };
    if let Some(pattern) = declaration.get("AllowedPattern").and_then(Value::as_str) {
        let whole = format!("^(?:{pattern})$");
        let Ok(regex) = Regex::new(&whole) else {
            return error(format!("parameter {name}: {pattern} is not a valid pattern"));
        };
        if let Some(wrong) = items.iter().find(|item| !regex.is_match(item)) {
            return error(format!("parameter {name}: {wrong} does not match {pattern}"));
        }
    }
    if let Some(allowed) = declaration.get("AllowedValues").and_then(Value::as_sequence) {
        let allowed: Vec<String> = allowed.iter().map(scalar).collect::<Result<_>>()?;
        if let Some(wrong) = items.iter().find(|item| !allowed.iter().any(|allowed| allowed == *item)) {
            return error(format!("parameter {name}: {wrong} is not one of {}", allowed.join(", ")));
        }
    }
    for (bound, refuses) in [("MinValue", f64::lt as fn(&f64, &f64) -> bool), ("MaxValue", f64::gt)] {
        if let Some(limit) = declaration.get(bound).and_then(Value::as_f64)
            && items.iter().any(|item| item.parse().is_ok_and(|item: f64| refuses(&item, &limit)))
        {
            return error(format!("parameter {name}: {value} violates {bound} {limit}"));
        }
    }
    if kind == "Number" && !value.parse().is_ok_and(f64::is_finite) {
        return error(format!("parameter {name}: {value} is not a number"));
    }
    if is_list { Ok(Value::Sequence(items.into_iter().map(Value::from).collect())) } else { Ok(Value::from(value)) }
}
