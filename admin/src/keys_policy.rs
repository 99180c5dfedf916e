//! Compares the policy of the table of keys with the one in the template.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::finding::Finding;

const REMEDY: &str = "Deploy this release again, and find out who changed it";

/// Examines the policy of the table of keys. It denies every action on items to all principals but the functions' roles.
pub(crate) fn examine(deployed: &Value, expected: &Value) -> Vec<Finding> {
    if normal(&deployed["Statement"]) == normal(&expected["Statement"]) {
        return Vec::new();
    }
    let (found, wanted) = (deny(deployed), deny(expected));
    let mut problems = Vec::new();
    let mut list = |names: Vec<&String>, text: &str| {
        if !names.is_empty() {
            let names: Vec<&str> = names.into_iter().map(String::as_str).collect();
            problems
                .push(Finding::Error(format!("the policy of the table of keys {text} {}. {REMEDY}", names.join(", "))));
        }
    };
    list(
        found.exempt.difference(&wanted.exempt).collect(),
        "lets principals read keys that are not this stack's roles:",
    );
    if !found.actions.is_empty() {
        let why = "keeps functions from their keys; it does not name the roles";
        list(wanted.exempt.difference(&found.exempt).collect(), why);
    }
    list(wanted.actions.difference(&found.actions).collect(), "does not deny to others");
    if problems.is_empty() {
        problems.push(Finding::Error(format!(
            "the policy of the table of keys differs from the one in template.yaml. {REMEDY}"
        )));
    }
    problems
}

/// The finding for a table without a policy.
pub(crate) fn missing() -> Finding {
    let why = "the table of keys has no resource policy, so whoever may read tables in this account can read every private key.";
    Finding::Error(format!("{why} {REMEDY}"))
}

/// What a policy's denying statements say.
#[derive(Default)]
struct Deny {
    actions: BTreeSet<String>,
    /// To whom they do not apply.
    exempt: BTreeSet<String>,
}

fn deny(policy: &Value) -> Deny {
    let mut deny = Deny::default();
    for statement in many(&policy["Statement"]).into_iter().filter(|statement| statement["Effect"] == "Deny") {
        let texts = |value| many(value).into_iter().filter_map(|text| Some(text.as_str()?.to_owned()));
        deny.actions.extend(texts(&statement["Action"]));
        deny.exempt.extend(texts(&statement["Condition"]["ArnNotEquals"]["aws:PrincipalArn"]));
    }
    deny
}

/// IAM takes one value for a list of one.
fn many(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(items) => items.iter().collect(),
        Value::Null => Vec::new(),
        one => vec![one],
    }
}

/// Without what makes no difference: the order of lists, lists of one, names of statements.
fn normal(value: &Value) -> Value {
    match value {
        Value::Array(items) => {
            let mut items: Vec<Value> = items.iter().map(normal).collect();
            items.sort_by_key(Value::to_string);
            if let [one] = &*items { one.clone() } else { items.into() }
        }
        Value::Object(members) => {
            let members = members.iter().filter(|(name, _)| *name != "Sid");
            Value::Object(members.map(|(name, value)| (name.clone(), normal(value))).collect())
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::template::Template;

    fn expected() -> Value {
        Template::new().keys_policy(|name| Some(format!("arn:aws:iam::123456789012:role/{name}"))).unwrap()
    }

    /// The only finding about the policy that `change` makes of the template's.
    fn finding(change: impl Fn(&mut Value)) -> String {
        let mut deployed = expected();
        change(&mut deployed);
        let found = examine(&deployed, &expected());
        let [Finding::Error(text)] = found.as_slice() else { panic!("{found:?}") };
        text.clone()
    }

    fn list<'a>(policy: &'a mut Value, pointer: &str) -> &'a mut Vec<Value> {
        policy.pointer_mut(pointer).unwrap().as_array_mut().unwrap()
    }

    const ROLES: &str = "/Statement/0/Condition/ArnNotEquals/aws:PrincipalArn";

    #[test]
    fn the_same_policy_in_another_spelling_is_right() {
        let mut deployed = expected();
        list(&mut deployed, "/Statement/0/Action").reverse();
        list(&mut deployed, ROLES).reverse();
        deployed["Statement"][0]["Resource"] = json!(["*"]);
        deployed["Statement"][0]["Sid"] = json!("Other");
        deployed["Statement"] = deployed["Statement"][0].take();
        assert_eq!(examine(&deployed, &expected()), []);
    }

    #[test]
    fn each_way_to_let_others_read_keys_is_found() {
        let more = finding(|policy| list(policy, ROLES).push(json!("arn:aws:iam::123456789012:role/Eve")));
        assert!(more.contains("are not this stack's roles: arn:aws:iam::123456789012:role/Eve."), "{more}");
        let less = finding(|policy| drop(list(policy, "/Statement/0/Action").remove(0)));
        assert!(less.contains("does not deny to others dynamodb:GetItem."), "{less}");
        let none = finding(|policy| list(policy, "/Statement").clear());
        assert!(none.contains("does not deny to others dynamodb:BatchGetItem, "), "{none}");
    }

    #[test]
    fn every_other_difference_is_an_error_too() {
        for (what, change) in [
            ("Effect", json!("Allow")),
            ("Principal", json!({"AWS": "123456789012"})),
            ("Resource", json!("arn:aws:dynamodb:eu-west-1:1:table/other")),
        ] {
            let mut deployed = expected();
            deployed["Statement"][0][what] = change;
            assert!(examine(&deployed, &expected()).iter().any(|found| matches!(found, Finding::Error(_))), "{what}");
        }
        let added = json!({"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "dynamodb:*", "Resource": "*"});
        let text = finding(|policy| list(policy, "/Statement").push(added.clone()));
        assert!(text.contains("differs"), "{text}");
        let weaker =
            finding(|policy| policy["Statement"][0]["Condition"]["StringEquals"] = json!({"aws:SourceVpc": "x"}));
        assert!(weaker.contains("differs"), "{weaker}");
    }

    #[test]
    fn a_role_that_the_policy_forgets_is_named() {
        let text = finding(|policy| drop(list(policy, ROLES).pop()));
        assert!(text.contains("it does not name the roles arn:aws:iam::123456789012:role/RotateKeysRole."), "{text}");
    }
}
