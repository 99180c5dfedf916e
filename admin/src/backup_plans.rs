//! Whether AWS Backup copies a table: from the JSON that the AWS command line prints.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::finding::Finding;

/// Examines `aws backup list-protected-resources`: what has been backed up at least once.
pub(crate) fn examine_protected(listed: &Value, table_arn: &str) -> Vec<Finding> {
    let resources = listed["Results"].as_array().into_iter().flatten();
    if resources.into_iter().any(|resource| resource["ResourceArn"] == table_arn) {
        let why = "AWS Backup has recovery points of the table of keys, which keep keys that were replaced. Delete them, and \
                   exclude the table from the backup plan";
        return vec![Finding::Error(why.to_owned())];
    }
    Vec::new()
}

/// Examines `aws backup get-backup-selection`. Without `tags` it is not known which the table has.
pub(crate) fn examine_selection(
    described: &Value,
    plan: &str,
    table_arn: &str,
    tags: Option<&BTreeMap<String, String>>,
) -> Vec<Finding> {
    let selection = &described["BackupSelection"];
    let name = selection["SelectionName"].as_str().unwrap_or("without a name");
    let text = |verb| {
        format!(
            "the backup plan {plan} {verb} the table of keys (selection {name}), and a backup keeps keys that were replaced. \
             Add {table_arn} to the selection's excluded resources (NotResources)"
        )
    };
    match selects(selection, table_arn, tags) {
        Selects::No => Vec::new(),
        Selects::Perhaps => vec![Finding::Warning(text("may include"))],
        Selects::Yes => vec![Finding::Error(text("includes"))],
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Selects {
    No,
    /// Its tags decide, in a way that is not evaluated here.
    Perhaps,
    Yes,
}

/// <https://docs.aws.amazon.com/aws-backup/latest/devguide/API_BackupSelection.html>
fn selects(selection: &Value, table_arn: &str, tags: Option<&BTreeMap<String, String>>) -> Selects {
    let named = |list: &str| {
        let patterns = selection[list].as_array().into_iter().flatten();
        patterns.filter_map(Value::as_str).any(|pattern| matches(pattern, table_arn))
    };
    if named("NotResources") {
        return Selects::No;
    }
    let resources = selection["Resources"].as_array().is_some_and(|resources| !resources.is_empty());
    if resources && !named("Resources") {
        return Selects::No;
    }
    let all = selection["Conditions"].as_object().into_iter().flat_map(|conditions| conditions.values());
    let has_conditions = all.filter_map(Value::as_array).any(|conditions| !conditions.is_empty());
    let any = selection["ListOfTags"].as_array().map(Vec::as_slice).unwrap_or_default();
    let tagged = tags.map(|tags| {
        any.iter().any(|wanted| {
            let value = wanted["ConditionKey"].as_str().and_then(|key| tags.get(key));
            value.is_some_and(|value| wanted["ConditionValue"] == **value)
        })
    });
    match (resources, any.is_empty(), tagged) {
        _ if has_conditions => Selects::Perhaps,
        (true, true, _) | (false, false, Some(true)) => Selects::Yes,
        (false, true, _) | (false, false, Some(false)) => Selects::No,
        (true, false, _) | (false, false, None) => Selects::Perhaps,
    }
}

/// Whether a name fits a pattern, in which `*` stands for any characters.
fn matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((start, rest)) => name.strip_prefix(start).is_some_and(|name| {
            let ends = name.char_indices().map(|(at, _)| at).chain([name.len()]);
            ends.into_iter().any(|at| matches(rest, &name[at..]))
        }),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ARN: &str = "arn:aws:dynamodb:ap-northeast-2:123456789012:table/kakao-login-Keys-1A2B";

    #[test]
    fn a_table_that_was_backed_up_is_an_error() {
        let listed = |arn| json!({"Results": [{"ResourceArn": arn, "ResourceType": "DynamoDB"}]});
        assert_eq!(examine_protected(&listed("arn:aws:dynamodb:ap-northeast-2:123456789012:table/other"), ARN), []);
        assert!(matches!(examine_protected(&listed(ARN), ARN).as_slice(), [Finding::Error(_)]));
    }

    #[test]
    fn a_selection_selects_by_name_and_by_tag() {
        let tags = BTreeMap::from([("backup".to_owned(), "daily".to_owned())]);
        let by_tag = json!([{"ConditionType": "STRINGEQUALS", "ConditionKey": "backup", "ConditionValue": "daily"}]);
        let other_tag =
            json!([{"ConditionType": "STRINGEQUALS", "ConditionKey": "backup", "ConditionValue": "weekly"}]);
        let condition = json!({"StringEquals": [{"ConditionKey": "aws:ResourceTag/a", "ConditionValue": "b"}]});
        for (selection, expected) in [
            (json!({}), Selects::No),
            (json!({"Resources": [ARN]}), Selects::Yes),
            (json!({"Resources": ["*"]}), Selects::Yes),
            (json!({"Resources": ["arn:aws:dynamodb:*:*:table/*"]}), Selects::Yes),
            (json!({"Resources": ["arn:aws:dynamodb:*:*:table/kakao-*-1A2B"]}), Selects::Yes),
            (json!({"Resources": ["arn:aws:dynamodb:*:*:table/kakao-*-1A2"]}), Selects::No),
            (json!({"Resources": ["arn:aws:rds:*:*:*"]}), Selects::No),
            (json!({"Resources": ["*"], "NotResources": [ARN]}), Selects::No),
            (json!({"Resources": [], "ListOfTags": by_tag}), Selects::Yes),
            (json!({"ListOfTags": other_tag, "Conditions": {"StringEquals": []}}), Selects::No),
            (json!({"Resources": ["*"], "ListOfTags": other_tag}), Selects::Perhaps),
            (json!({"Resources": ["*"], "Conditions": condition}), Selects::Perhaps),
            (json!({"Resources": ["arn:aws:rds:*:*:*"], "Conditions": condition}), Selects::No),
        ] {
            assert_eq!(selects(&selection, ARN, Some(&tags)), expected, "{selection}");
        }
        assert_eq!(selects(&json!({"ListOfTags": by_tag}), ARN, None), Selects::Perhaps, "without its tags");
    }

    #[test]
    fn a_selection_is_named_with_its_plan_and_the_remedy() {
        let described = json!({"BackupSelection": {"SelectionName": "all", "Resources": ["*"]}});
        let found = examine_selection(&described, "nightly", ARN, None);
        let [Finding::Error(text)] = found.as_slice() else { panic!("{found:?}") };
        assert!(text.starts_with("the backup plan nightly includes the table of keys (selection all)"), "{text}");
        assert!(text.ends_with("(NotResources)"), "{text}");
    }
}
