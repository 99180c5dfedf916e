//! What takes input from outside, each with what must hold for every input.

mod event;
mod kakao;
mod server;
mod tokens;

/// Holds the code to its promises for one input.
pub type Target = fn(&[u8]);

/// Each target, by the name of its folder in `corpus/`.
pub const TARGETS: [(&str, Target); 8] = [
    ("cookie", tokens::cookie),
    ("refresh_token", tokens::refresh_token),
    ("access_token", tokens::access_token),
    ("key_document", tokens::key_document),
    ("kakao_answer", kakao::answer),
    ("id_token", kakao::id_token),
    ("security_event", kakao::security_event),
    ("event", event::event),
];

/// Keys made for this and used nowhere else.
const KEYS: &str = include_str!("../../keys.json");

/// One of these key documents, as stored in the table of keys.
fn document(name: &str) -> String {
    let keys: serde_json::Value = serde_json::from_str(KEYS).expect("keys.json is JSON");
    keys[name].to_string()
}

/// The time of all runs, in seconds since 1970.
const NOW: i64 = 1_800_000_000;
