//! Reads what a function's role allows and what a table's resource policy denies.
//!
//! Whatever cannot be enforced here, such as a wildcard, is an error. Otherwise AWS and the local stack would allow
//! different requests.

use std::collections::{BTreeMap, BTreeSet};

use serde_yaml_ng::{Mapping, Value, value::Tag};

use super::{Result, error, scalar};

/// A statement of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Whether it allows or denies.
    pub effect: Effect,
    /// Such as `dynamodb:GetItem`.
    pub actions: BTreeSet<String>,
    /// Names of tables, event buses and queues; a table's stream is `<name>/stream`.
    pub resources: BTreeSet<String>,
    /// All of them must hold.
    pub conditions: Vec<Condition>,
}

/// What a statement does to the requests that it matches. `Deny` overrides `Allow`.
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
    /// `ForAllValues:StringLike`: each key matches one of these patterns with `*` and `?`. A request without keys passes.
    AllLike(Vec<String>),
    /// `Null`: `true` requires a request without keys, `false` one with keys.
    Null(bool),
}

/// Actions that a table's policy denies to all principals except a few.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    /// Such as `dynamodb:GetItem`.
    pub actions: BTreeSet<String>,
    /// The functions whose roles are exempt.
    pub except: BTreeSet<String>,
}

/// Statements for a function's role that a separate resource declares.
pub(super) struct Granted {
    pub(super) role: String,
    pub(super) statements: Vec<Statement>,
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

/// A policy in a separate resource (`AWS::IAM::RolePolicy`).
pub(super) fn read_role_policy(resource: &Value, resources: &Mapping) -> Result<Granted> {
    let properties = &resource["Properties"];
    let role = match &properties["RoleName"] {
        Value::Tagged(tagged) if tagged.tag == Tag::new("Ref") => scalar(&tagged.value)?,
        _ => return error("RoleName must be !Ref of a function's role"),
    };
    let statements = list(&properties["PolicyDocument"]["Statement"]).into_iter();
    let statements = statements.map(|statement| read_statement(statement, resources)).collect::<Result<_>>()?;
    Ok(Granted { role, statements })
}

/// What a managed policy for operators says about tables. What it says of other services is not enforced here.
pub(super) fn of_operators(resource: &Value, resources: &Mapping) -> Result<Vec<Statement>> {
    let statements = list(&resource["Properties"]["PolicyDocument"]["Statement"]).into_iter();
    let is_about_tables = |statement: &&Value| {
        let actions = statement.get("Action").map(list).unwrap_or_default().into_iter();
        actions.filter_map(Value::as_str).any(|action| action.starts_with("dynamodb:"))
    };
    statements.filter(is_about_tables).map(|statement| read_statement(statement, resources)).collect()
}

/// A table's resource policy. `binaries` has the functions by the logical names of their roles.
///
/// Only one form is supported: a denial of actions to every principal whose ARN is not in a list of roles.
pub(super) fn read_denials(table: &Value, binaries: &BTreeMap<String, String>) -> Result<Vec<Denial>> {
    let Some(policy) = table.get("ResourcePolicy") else { return Ok(Vec::new()) };
    let statements = list(&policy["PolicyDocument"]["Statement"]).into_iter();
    statements.map(|statement| read_denial(statement, binaries)).collect()
}

fn read_denial(statement: &Value, binaries: &BTreeMap<String, String>) -> Result<Denial> {
    for (member, value) in [("Effect", "Deny"), ("Principal", "*"), ("Resource", "*")] {
        if statement[member].as_str() != Some(value) {
            return error(format!("{member} must be {value} here"));
        }
    }
    let roles = &statement["Condition"]["ArnNotEquals"]["aws:PrincipalArn"];
    let role = |role: &Value| {
        let name = match role {
            Value::Tagged(tagged) if tagged.tag == Tag::new("GetAtt") => scalar(&tagged.value)?,
            _ => return error("aws:PrincipalArn must list !GetAtt of roles' ARNs"),
        };
        let binary = name.strip_suffix(".Arn").and_then(|role| binaries.get(role));
        binary.cloned().map_or_else(|| error(format!("{name} is not the ARN of a function's role")), Ok)
    };
    let actions = statement.get("Action").map(list).unwrap_or_default().into_iter().map(read_action);
    Ok(Denial {
        actions: actions.collect::<Result<_>>()?,
        except: list(roles).into_iter().map(role).collect::<Result<_>>()?,
    })
}

fn read_statement(statement: &Value, resources: &Mapping) -> Result<Statement> {
    let Some(members) = statement.as_mapping() else {
        return error("expected a statement");
    };
    let known = ["Sid", "Effect", "Action", "Resource", "Condition"];
    if let Some(other) = members.keys().find(|name| !name.as_str().is_some_and(|name| known.contains(&name))) {
        return error(format!("{other:?} is not supported here"));
    }
    let effect = match statement.get("Effect").and_then(Value::as_str) {
        Some("Allow") => Effect::Allow,
        Some("Deny") => Effect::Deny,
        _ => return error("Effect must be Allow or Deny"),
    };
    let actions = statement.get("Action").map(list).unwrap_or_default().into_iter().map(read_action);
    let actions: BTreeSet<String> = actions.collect::<Result<_>>()?;
    let named = statement.get("Resource").map(list).unwrap_or_default().into_iter();
    let named = named.map(|resource| read_resource(resource, resources)).collect::<Result<Vec<_>>>()?;
    for (service, resource) in &named {
        if let Some(action) = actions.iter().find(|action| !action.starts_with(service)) {
            return error(format!("{action} is not an action on {resource}"));
        }
    }
    let mut conditions = Vec::new();
    for (operator, keys) in statement.get("Condition").and_then(Value::as_mapping).into_iter().flatten() {
        for (key, values) in keys.as_mapping().into_iter().flatten() {
            conditions.push(read_condition(operator, key, values)?);
        }
    }
    let statement =
        Statement { effect, actions, resources: named.into_iter().map(|(_, resource)| resource).collect(), conditions };
    if statement.actions.is_empty() || statement.resources.is_empty() {
        return error("a statement needs an Action and a Resource");
    }
    Ok(statement)
}

fn read_action(action: &Value) -> Result<String> {
    let action = scalar(action)?;
    let is_one = action
        .strip_prefix("dynamodb:")
        .is_some_and(|verb| !verb.is_empty() && verb.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    if is_one || ["events:PutEvents", "sqs:SendMessage"].contains(&action.as_str()) {
        Ok(action)
    } else {
        error(format!("Action: {action} is not a single action that is enforced here"))
    }
}

/// The name of the resource whose ARN is given, after the prefix of the actions on it. IAM does not accept a name instead of an ARN.
fn read_resource(resource: &Value, resources: &Mapping) -> Result<(&'static str, String)> {
    let Value::Tagged(tagged) = resource else {
        return error(format!("Resource: {resource:?} is not a reference to a resource"));
    };
    let named = scalar(&tagged.value)?;
    let attribute = if tagged.tag == Tag::new("GetAtt") { named.split_once('.') } else { None };
    let (name, attribute) = attribute.unwrap_or_default();
    let declared = resources.get(name).and_then(|resource| resource.get("Type")).and_then(Value::as_str);
    match (declared, attribute) {
        (Some("AWS::DynamoDB::Table"), "Arn") => Ok(("dynamodb:", name.to_owned())),
        (Some("AWS::DynamoDB::Table"), "StreamArn") => Ok(("dynamodb:", format!("{name}/stream"))),
        (Some("AWS::Events::EventBus"), "Arn") => Ok(("events:", name.to_owned())),
        (Some("AWS::SQS::Queue"), "Arn") => Ok(("sqs:", name.to_owned())),
        _ => error(format!("Resource: {} {named} is not !GetAtt of the ARN of a table, a bus or a queue", tagged.tag)),
    }
}

fn read_condition(operator: &Value, key: &Value, values: &Value) -> Result<Condition> {
    if key.as_str() != Some(LEADING_KEYS) {
        return error(format!("Condition: {key:?} is not supported here"));
    }
    let values: Vec<String> = list(values).into_iter().map(scalar).collect::<Result<_>>()?;
    match (operator.as_str(), values.as_slice()) {
        (Some("ForAllValues:StringEquals"), _) => Ok(Condition::AllEqual(values)),
        (Some("ForAllValues:StringLike"), _) => Ok(Condition::AllLike(values)),
        (Some("Null"), [flag]) if ["true", "false"].contains(&flag.as_str()) => Ok(Condition::Null(flag == "true")),
        _ => error(format!("Condition: {operator:?} is not supported here")),
    }
}

/// The items of a list. A single value counts as a list of one.
fn list(value: &Value) -> Vec<&Value> {
    value.as_sequence().map_or_else(|| vec![value], |items| items.iter().collect())
}
