//! Examines a configuration for what is easily got wrong.

mod addresses;
mod clients;
mod django;

use std::collections::BTreeMap;

use shared::{clock::Timestamp, kakao::AdminKeyHashes};

use crate::finding::Finding;

/// Settings by their names in the functions' environment. `API_URL` is where browsers reach the API, if that is known.
pub type Settings = BTreeMap<String, String>;

/// In the settings of a deployed stack: `made`, `none` or `lost`, as rotate-keys says of its keys.
pub(crate) const KEY_RING: &str = "KEY_RING";
/// In the settings of a deployed stack: [`STORED`], or nothing.
pub(crate) const DJANGO_KEY: &str = "DJANGO_KEY";
/// A secret that is stored where it cannot be read.
pub(crate) const STORED: &str = "(stored)";

const REQUIRED: [&str; 7] = [
    "ALLOWED_ORIGINS",
    "REDIRECT_URIS",
    "ISSUER",
    "KAKAO_APP_ID",
    "KAKAO_REST_API_KEY",
    "KAKAO_CLIENT_SECRET",
    "COOKIE_SAMESITE",
];

/// Examines a configuration. No finding contains the value of a secret.
#[must_use]
pub fn examine(settings: &Settings, now: Timestamp) -> Vec<Finding> {
    let mut findings = Vec::new();
    for name in REQUIRED {
        if text(settings, name).is_empty() {
            findings.push(Finding::Error(format!("{name} is missing: set it")));
        }
    }
    kakao_keys(settings, &mut findings);
    admin_key_hashes(settings, &mut findings);
    credentials(settings, &mut findings);
    addresses::examine(settings, &mut findings);
    clients::examine(settings, &mut findings);
    django::examine(settings, now, &mut findings);
    times(settings, &mut findings);
    operations(settings, &mut findings);
    findings
}

fn text<'a>(settings: &'a Settings, name: &str) -> &'a str {
    settings.get(name).map(|value| value.trim()).unwrap_or_default()
}

fn list<'a>(settings: &'a Settings, name: &str) -> Vec<&'a str> {
    text(settings, name).split(',').map(str::trim).filter(|item| !item.is_empty()).collect()
}

/// A key in Kakao's console: 32 hexadecimal digits in lower case.
fn is_key(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

fn kakao_keys(settings: &Settings, findings: &mut Vec<Finding>) {
    let app_id = text(settings, "KAKAO_APP_ID");
    if is_key(app_id) {
        findings.push(Finding::Error(
            "KAKAO_APP_ID is a key. It must be the app ID, a short number that Kakao's console shows beside the app's name".to_owned(),
        ));
    } else if !app_id.is_empty() && app_id.parse::<u64>().is_err() {
        findings.push(Finding::Error(
            "KAKAO_APP_ID is not a number. Kakao's console shows the app ID beside the app's name".to_owned(),
        ));
    }
    let rest_api_key = text(settings, "KAKAO_REST_API_KEY");
    if !rest_api_key.is_empty() && !is_key(rest_api_key) {
        let hint = if rest_api_key.parse::<u64>().is_ok() { ": it looks like the app ID" } else { "" };
        findings.push(Finding::Error(format!("KAKAO_REST_API_KEY is not 32 hexadecimal digits in lower case{hint}")));
    }
    let app_keys = list(settings, "KAKAO_APP_KEYS");
    if let Some(odd) = app_keys.iter().find(|key| !is_key(key)) {
        findings.push(Finding::Error(format!("KAKAO_APP_KEYS: {odd} is not 32 hexadecimal digits in lower case")));
    }
    if app_keys.len() > 14 {
        findings.push(Finding::Error("KAKAO_APP_KEYS: an app has at most five keys of each kind".to_owned()));
    }
    let client_secret = text(settings, "KAKAO_CLIENT_SECRET");
    let admin_key = text(settings, "KAKAO_ADMIN_KEY");
    if client_secret == STORED {
        no_admin_key(admin_key, findings);
        return;
    }
    let public: Vec<&str> = app_keys.iter().copied().chain([rest_api_key]).filter(|key| !key.is_empty()).collect();
    for (name, secret) in [("KAKAO_CLIENT_SECRET", client_secret), ("KAKAO_ADMIN_KEY", admin_key)] {
        if public.contains(&secret) {
            findings.push(Finding::Error(format!(
                "{name} is one of the app's public keys, which anybody can read. Use the one in Kakao's console"
            )));
        }
    }
    if !admin_key.is_empty() && admin_key == client_secret {
        findings.push(Finding::Error(
            "KAKAO_ADMIN_KEY and KAKAO_CLIENT_SECRET are the same. Kakao's console has both".to_owned(),
        ));
    } else if is_key(client_secret) && !public.contains(&client_secret) {
        let why = "KAKAO_CLIENT_SECRET looks like a key: a client secret has letters of both cases. Compare it with Kakao's console";
        findings.push(Finding::Warning(why.to_owned()));
    }
    if !admin_key.is_empty() && !is_key(admin_key) {
        findings.push(Finding::Error("KAKAO_ADMIN_KEY is not 32 hexadecimal digits in lower case".to_owned()));
    }
    no_admin_key(admin_key, findings);
}

fn no_admin_key(admin_key: &str, findings: &mut Vec<Finding>) {
    if admin_key.is_empty() {
        let why = "KAKAO_ADMIN_KEY is empty: Kakao unlinks users who first log in by ID token after 24 hours. Store it with \
                   `admin put-kakao-secrets`";
        findings.push(Finding::Warning(why.to_owned()));
    }
}

/// Accounts are deleted with the admin key, and Kakao's webhooks are known by its hash.
fn admin_key_hashes(settings: &Settings, findings: &mut Vec<Finding>) {
    let Some(text_of_hashes) = settings.get("KAKAO_ADMIN_KEY_HASHES") else { return };
    let hashes = match AdminKeyHashes::read(text_of_hashes) {
        Ok(hashes) => hashes,
        Err(reason) => {
            findings.push(Finding::Error(format!("KAKAO_ADMIN_KEY_HASHES: {reason}")));
            return;
        }
    };
    let admin_key = text(settings, "KAKAO_ADMIN_KEY");
    let why = match (admin_key.is_empty(), hashes.is_empty()) {
        (true, false) => {
            "KAKAO_ADMIN_KEY_HASHES is set, but there is no admin key: deletions of accounts begin and never end. Store the \
             key with `admin put-kakao-secrets`"
        }
        (false, true) => {
            "KAKAO_ADMIN_KEY_HASHES is empty: accounts cannot be deleted, and Kakao's webhooks are refused. \
             `admin put-kakao-secrets` prints the hash"
        }
        (false, false) if admin_key != STORED && !hashes.contains(&admin_key.into()) => {
            "KAKAO_ADMIN_KEY_HASHES does not have the hash of KAKAO_ADMIN_KEY. If it is the primary admin key, Kakao's \
             webhooks are refused"
        }
        _ => return,
    };
    findings.push(Finding::Warning(why.to_owned()));
}

/// A stack that was deployed before these settings existed does not have them.
fn credentials(settings: &Settings, findings: &mut Vec<Finding>) {
    let kinds = list(settings, "CREDENTIALS");
    if settings.contains_key("CREDENTIALS") && kinds.is_empty() {
        findings.push(Finding::Error(
            "CREDENTIALS is empty, so nobody can log in. List what your front ends send".to_owned(),
        ));
    }
    if let Some(unknown) = kinds.iter().find(|kind| !["access_token", "code", "id_token"].contains(kind)) {
        findings.push(Finding::Error(format!("CREDENTIALS: {unknown} is not access_token, code or id_token")));
    }
    let is_accepted = kinds.is_empty() || kinds.contains(&"code");
    match text(settings, "REQUIRE_BINDING") {
        "false" if is_accepted => findings.push(Finding::Warning(
            "REQUIRE_BINDING=false: an attacker can log a visitor of your page in to the attacker's account. Send \
             code_verifier or nonce, and set it to true"
                .to_owned(),
        )),
        "" | "true" | "false" => {}
        _ => findings.push(Finding::Error("REQUIRE_BINDING must be true or false".to_owned())),
    }
}

/// What a deployed stack needs beside its settings.
fn operations(settings: &Settings, findings: &mut Vec<Finding>) {
    let no_keys = match (settings.get(KEY_RING).map(String::as_str), text(settings, "FIRST_KEYS")) {
        (None | Some("made"), _) => None,
        (Some("lost"), _) => Some(
            "the key ring was deleted, so no session can be renewed. Restore it, or make new keys with `admin replace-keys STACK \
             begin_afresh`: then everybody logs in again",
        ),
        (Some(_), "wait") => Some(
            "there are no keys yet, so every function answers 503. The stack waits for them: run `admin carry-over-keys STACK`, or \
             deploy with FirstKeys=make",
        ),
        (Some(_), _) => Some(
            "there are no keys yet, so every function answers 503. The log of rotate-keys says why. `admin replace-keys STACK \
             schedule` tries again",
        ),
    };
    findings.extend(no_keys.map(|why| Finding::Error(why.to_owned())));
    if settings.contains_key("ALARM_TOPIC_ARN")
        && ["ALARM_TOPIC_ARN", "ALARM_EMAIL"].iter().all(|name| text(settings, name).is_empty())
    {
        let why = "ALARM_EMAIL and ALARM_TOPIC_ARN are empty: nobody is told when users get errors, a key rotation fails or Kakao's \
                   quota runs low. Set one of them";
        findings.push(Finding::Warning(why.to_owned()));
    }
}

fn times(settings: &Settings, findings: &mut Vec<Finding>) {
    let seconds = |name| text(settings, name).parse::<u64>().ok();
    let (access, idle) = (seconds("ACCESS_TTL"), seconds("SESSION_IDLE_TTL"));
    if let (Some(idle), Some(max)) = (idle, seconds("SESSION_MAX_TTL"))
        && idle > max
    {
        findings
            .push(Finding::Warning("SESSION_IDLE_TTL is longer than SESSION_MAX_TTL, so it has no effect".to_owned()));
    }
    if let (Some(access), Some(idle)) = (access, idle)
        && access >= idle
    {
        findings.push(Finding::Error("ACCESS_TTL must be shorter than SESSION_IDLE_TTL".to_owned()));
    }
    // (2 + L) × D for a client that waits D = 7 s for a response and loses L = 2 in a row.
    if seconds("ROTATION_WINDOW").is_some_and(|window| window <= 28) {
        let why = "ROTATION_WINDOW does not exceed four times a time-out of 7 s: lost responses could log people out. Set 29 or more";
        findings.push(Finding::Warning(why.to_owned()));
    }
}

#[cfg(test)]
mod tests;
