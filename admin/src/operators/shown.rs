//! A person as the commands print them.

use serde_json::{Value, json};
use shared::{
    clock::Timestamp,
    store::{DeviceSession, Person},
};

/// The person as JSON.
pub(crate) fn show_person(person: &Person) -> Value {
    let time = |moment: Option<Timestamp>| moment.map(Timestamp::to_rfc3339);
    json!({
        "user": person.user.map(|user| user.to_string()),
        "kakao_id": person.kakao.map(|kakao| kakao.to_string()),
        "created_at": time(person.created_at),
        "last_login_at": time(person.last_login_at),
        "logins": person.logins,
        "disabled_at": time(person.disabled_at),
        "deleting_at": time(person.deleting_at),
        "deleted_at": time(person.deleted_at),
        "roles": person.roles,
        "log_name": person.log_name,
        "sessions": person.sessions.iter().map(show_session).collect::<Vec<_>>(),
    })
}

fn show_session(session: &DeviceSession) -> Value {
    json!({
        "id": session.id.to_string(),
        "user_agent": session.device.user_agent,
        "ip_prefix": session.device.ip_prefix,
        "name": session.device.name,
        "platform": session.device.platform,
        "created_at": session.created_at.to_rfc3339(),
        "last_used_at": session.last_used_at.to_rfc3339(),
        "expires_at": session.expires_at.to_rfc3339(),
    })
}

/// JSON as lines for people: a name and a value each, in the order of the names. What is empty is left out.
pub(crate) fn text_of(value: &Value) -> String {
    value.as_object().into_iter().flatten().map(|(name, value)| lines_of(name, value)).collect()
}

fn lines_of(name: &str, value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) if text.is_empty() => String::new(),
        Value::String(text) => format!("{name}: {text}\n"),
        Value::Array(items) if items.iter().all(Value::is_string) => {
            let items: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
            format!("{name}: {}\n", items.join(" "))
        }
        Value::Array(items) => {
            let indented = |item| format!("  {}\n", text_of(item).trim_end().replace('\n', "\n    "));
            let items: Vec<String> = items.iter().map(indented).collect();
            format!("{name}: {}\n{}", items.len(), items.concat())
        }
        other => format!("{name}: {other}\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_is_printed_as_lines_without_what_is_empty() {
        let value = json!({"user": "7", "deleted_at": null, "roles": ["a", "b"], "sessions": [{"id": "x", "name": "", "platform": "iOS"}]});
        assert_eq!(text_of(&value), "roles: a b\nsessions: 1\n  id: x\n    platform: iOS\nuser: 7\n");
    }
}
