//! What a function's role may do: the inline policies that the template gives it.
//!
//! Only what can be enforced here is read. Wildcards and everything else is refused, as it would otherwise be allowed on AWS and
//! not here, or the other way round.

use std::collections::BTreeSet;

use serde_yaml_ng::{Mapping, Value, value::Tag};

use super::{Result, error, scalar};

/// A statement of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Whether it allows or denies.
    pub effect: Effect,
    /// Such as `dynamodb:GetItem`.
    pub actions: BTreeSet<String>,
    /// Names of tables and secrets.
    pub resources: BTreeSet<String>,
    /// All of them have to hold.
    pub conditions: Vec<Condition>,
}

/// What a statement does to the requests that it fits. A denial wins over any permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It permits them.
    Allow,
    /// It refuses them.
    Deny,
}

/// A condition on the partition keys that a request names (`dynamodb:LeadingKeys`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// `ForAllValues:StringEquals`: each key is one of these. A request without keys passes.
    AllEqual(Vec<String>),
    /// `ForAllValues:StringLike`: the same with `*` and `?`.
    AllLike(Vec<String>),
    /// `Null`: whether the request names no key.
    Null(bool),
}

const LEADING_KEYS: &str = "dynamodb:LeadingKeys";

/// The statements of a function's `Policies`.
pub(super) fn read(function: &Value, resources: &Mapping) -> Result<Vec<Statement>> {
    let mut statements = Vec::new();
    for policy in function.get("Policies").map(list).unwrap_or_default() {
        let known = |name: &Value| name.as_str().is_some_and(|name| ["Version", "Statement"].contains(&name));
        if !policy.as_mapping().is_some_and(|policy| policy.keys().all(known)) {
            return error("a managed policy or a policy template cannot be enforced here: write a Statement");
        }
        for statement in list(&policy["Statement"]) {
            statements.push(read_statement(statement, resources)?);
        }
    }
    Ok(statements)
}

fn read_statement(statement: &Value, resources: &Mapping) -> Result<Statement> {
    let Some(members) = statement.as_mapping() else {
        return error("a statement is expected");
    };
    let known = ["Sid", "Effect", "Action", "Resource", "Condition"];
    if let Some(other) = members.keys().find(|name| !name.as_str().is_some_and(|name| known.contains(&name))) {
        return error(format!("{other:?} is not understood here"));
    }
    let effect = match statement.get("Effect").and_then(Value::as_str) {
        Some("Allow") => Effect::Allow,
        Some("Deny") => Effect::Deny,
        _ => return error("Effect must be Allow or Deny"),
    };
    let actions = statement.get("Action").map(list).unwrap_or_default().into_iter().map(read_action);
    let named = statement.get("Resource").map(list).unwrap_or_default().into_iter();
    let named = named.map(|resource| read_resource(resource, resources));
    let mut conditions = Vec::new();
    for (operator, keys) in statement.get("Condition").and_then(Value::as_mapping).into_iter().flatten() {
        for (key, values) in keys.as_mapping().into_iter().flatten() {
            conditions.push(read_condition(operator, key, values)?);
        }
    }
    let statement = Statement {
        effect,
        actions: actions.collect::<Result<_>>()?,
        resources: named.collect::<Result<_>>()?,
        conditions,
    };
    if statement.actions.is_empty() || statement.resources.is_empty() {
        return error("a statement needs an Action and a Resource");
    }
    Ok(statement)
}

fn read_action(action: &Value) -> Result<String> {
    let action = scalar(action)?;
    let is_one = ["dynamodb:", "secretsmanager:"]
        .iter()
        .filter_map(|service| action.strip_prefix(service))
        .any(|verb| !verb.is_empty() && verb.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    if is_one {
        Ok(action)
    } else {
        error(format!("Action: {action} is not one action of DynamoDB or Secrets Manager"))
    }
}

/// A table by its ARN, a secret by itself, as IAM needs them: a table's name is no ARN, a secret's `Ref` is one.
fn read_resource(resource: &Value, resources: &Mapping) -> Result<String> {
    let Value::Tagged(tagged) = resource else {
        return error(format!("Resource: {resource:?} is not a reference to a table or secret"));
    };
    let named = scalar(&tagged.value)?;
    let (name, kind) = if tagged.tag == Tag::new("GetAtt") {
        (named.strip_suffix(".Arn").unwrap_or_default(), "AWS::DynamoDB::Table")
    } else if tagged.tag == Tag::new("Ref") {
        (named.as_str(), "AWS::SecretsManager::Secret")
    } else {
        ("", "")
    };
    let declared = resources.get(name).and_then(|resource| resource.get("Type")).and_then(Value::as_str);
    if declared == Some(kind) {
        Ok(name.to_owned())
    } else {
        error(format!("Resource: {} {named} is neither !GetAtt of a table's Arn nor !Ref of a secret", tagged.tag))
    }
}

fn read_condition(operator: &Value, key: &Value, values: &Value) -> Result<Condition> {
    if key.as_str() != Some(LEADING_KEYS) {
        return error(format!("Condition: {key:?} is not understood here"));
    }
    let values: Vec<String> = list(values).into_iter().map(scalar).collect::<Result<_>>()?;
    match (operator.as_str(), values.as_slice()) {
        (Some("ForAllValues:StringEquals"), _) => Ok(Condition::AllEqual(values)),
        (Some("ForAllValues:StringLike"), _) => Ok(Condition::AllLike(values)),
        (Some("Null"), [flag]) if ["true", "false"].contains(&flag.as_str()) => Ok(Condition::Null(flag == "true")),
        _ => error(format!("Condition: {operator:?} is not understood here")),
    }
}

/// The items of a list, or the one thing that stands for a list of one.
fn list(value: &Value) -> Vec<&Value> {
    value.as_sequence().map_or_else(|| vec![value], |items| items.iter().collect())
}
