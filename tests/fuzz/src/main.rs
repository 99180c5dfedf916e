//! Coverage-guided fuzzing of all outside input. `FUZZ` names the target; `run.sh` builds and runs all of them.

#![no_main]

mod event;
mod kakao;
mod server;
mod tokens;

use std::{env, sync::LazyLock};

use libfuzzer_sys::fuzz_target;

type Target = fn(&[u8]);

static TARGET: LazyLock<Target> = LazyLock::new(|| match env::var("FUZZ").as_deref() {
    Ok("cookie") => tokens::cookie,
    Ok("refresh_token") => tokens::refresh_token,
    Ok("access_token") => tokens::access_token,
    Ok("key_document") => tokens::key_document,
    Ok("kakao_answer") => kakao::answer,
    Ok("id_token") => kakao::id_token,
    Ok("security_event") => kakao::security_event,
    Ok("event") => event::event,
    other => panic!("FUZZ names no target: {other:?}"),
});

fuzz_target!(|data: &[u8]| TARGET(data));

/// Keys made for this and used nowhere else.
const KEYS: &str = include_str!("../keys.json");

/// One of these key documents, as stored in the table of keys.
fn document(name: &str) -> String {
    let keys: serde_json::Value = serde_json::from_str(KEYS).expect("keys.json is JSON");
    keys[name].to_string()
}

/// The time of all runs, in seconds since 1970.
const NOW: i64 = 1_800_000_000;
