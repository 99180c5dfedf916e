//! An entry of a `PutEvents` request, and what `EventBridge` makes of it.

use serde_json::{Value, json};

/// An entry. Members that are missing are empty.
pub(super) struct Entry<'a> {
    pub(super) bus: &'a str,
    source: &'a str,
    kind: &'a str,
    pub(super) detail: &'a str,
    unknown: Option<&'a str>,
}

/// Why an entry is refused while others of its request are not.
pub(super) struct Refusal {
    pub(super) code: String,
    pub(super) message: String,
}

impl Refusal {
    fn new(code: &str, message: &str) -> Self {
        Self { code: code.to_owned(), message: message.to_owned() }
    }

    pub(super) fn no_bus(bus: &str) -> Self {
        Self::new("ResourceNotFoundException", &format!("Event bus {bus} does not exist."))
    }
}

impl<'a> Entry<'a> {
    pub(super) fn of(entry: &'a Value) -> Self {
        let text = |name: &str| entry[name].as_str().unwrap_or_default();
        let known = ["EventBusName", "Source", "DetailType", "Detail"];
        let unknown = entry.as_object().into_iter().flat_map(serde_json::Map::keys);
        let unknown = unknown.map(String::as_str).find(|name| !known.contains(name));
        let bus = if entry["EventBusName"].is_null() { "default" } else { text("EventBusName") };
        Self { bus, source: text("Source"), kind: text("DetailType"), detail: text("Detail"), unknown }
    }

    /// What `EventBridge` counts: <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html>.
    pub(super) fn size(&self) -> usize {
        self.source.len() + self.kind.len() + self.detail.len()
    }

    pub(super) fn check(&self) -> Result<(), Refusal> {
        for (name, value, longest) in
            [("Source", self.source, 256), ("DetailType", self.kind, 128), ("Detail", self.detail, usize::MAX)]
        {
            if value.is_empty() || value.len() > longest {
                let message = format!("Parameter {name} is not valid. Reason: {name} is a required argument.");
                return Err(Refusal::new("InvalidArgument", &message));
            }
        }
        if let Some(name) = self.unknown {
            return Err(Refusal::new("InvalidArgument", &format!("{name} is not supported by the stand-in.")));
        }
        if self.source.starts_with("aws.") {
            return Err(Refusal::new("NotAuthorizedForSourceException", "Not authorized for the source."));
        }
        match serde_json::from_str(self.detail) {
            Ok(Value::Object(_)) => Ok(()),
            _ => Err(Refusal::new("MalformedDetail", "Detail is malformed.")),
        }
    }

    /// The event as rules and their targets get it.
    pub(super) fn event(&self, id: &str, time: &str) -> Value {
        json!({
            "version": "0",
            "id": id,
            "detail-type": self.kind,
            "source": self.source,
            "account": "123456789012",
            "time": time,
            "region": "ap-northeast-2",
            "resources": [],
            "detail": serde_json::from_str::<Value>(self.detail).unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(member: &str, value: &Value) -> Result<(), String> {
        let mut entry = json!({"EventBusName": "b", "Source": "s", "DetailType": "d", "Detail": "{}"});
        entry[member] = value.clone();
        Entry::of(&entry).check().map_err(|refusal| refusal.code)
    }

    #[test]
    fn an_entry_needs_a_source_a_type_and_an_object() {
        assert_eq!(check("Source", &json!("s")), Ok(()));
        for (member, value, code) in [
            ("Source", json!(null), "InvalidArgument"),
            ("Source", json!(""), "InvalidArgument"),
            ("Source", json!("aws.events"), "NotAuthorizedForSourceException"),
            ("DetailType", json!(null), "InvalidArgument"),
            ("DetailType", json!("d".repeat(129)), "InvalidArgument"),
            ("Detail", json!(null), "InvalidArgument"),
            ("Detail", json!({"an": "object"}), "InvalidArgument"),
            ("Detail", json!("[]"), "MalformedDetail"),
            ("Detail", json!("{"), "MalformedDetail"),
            ("Details", json!("{}"), "InvalidArgument"),
        ] {
            assert_eq!(check(member, &value), Err(code.to_owned()), "{member} {value}");
        }
        assert_eq!(Entry::of(&json!({})).bus, "default");
    }
}
