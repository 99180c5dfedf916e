//! Examines which clients a stack serves, and how far it trusts them.

use super::{Settings, list, text};
use crate::finding::Finding;

/// A stack that was deployed before these settings existed does not have them.
pub(super) fn examine(settings: &Settings, findings: &mut Vec<Finding>) {
    match text(settings, "COMPATIBILITY") {
        "dj-rest-auth" => findings.push(Finding::Warning(
            "COMPATIBILITY=dj-rest-auth: pages can hold refresh tokens, which a script in a page can take and use until the session \
             ends. Set it to none once your front end uses the cookie: sessions by cookie go on"
                .to_owned(),
        )),
        "" | "none" => {}
        _ => findings.push(Finding::Error("COMPATIBILITY must be none or dj-rest-auth".to_owned())),
    }
    if !["", "true", "false"].contains(&text(settings, "NATIVE_CLIENTS")) {
        findings.push(Finding::Error("NATIVE_CLIENTS must be true or false".to_owned()));
    }
    if !settings.contains_key("ALLOW_HEADERS") {
        return;
    }
    let allowed = list(settings, "ALLOW_HEADERS");
    for needed in ["authorization", "content-type"] {
        if !allowed.iter().any(|name| name.eq_ignore_ascii_case(needed)) {
            findings.push(Finding::Error(format!(
                "ALLOW_HEADERS lacks {needed}, so browsers refuse the requests of pages on another host. Add it"
            )));
        }
    }
}
