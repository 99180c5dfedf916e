//! Examines until when refresh tokens from Django are exchanged.

use shared::{clock::Timestamp, http::LONGEST_EXCHANGE};

use super::{DJANGO_KEY, STORED, Settings, text};
use crate::finding::Finding;

/// A stack that was deployed before these settings existed does not have them.
pub(super) fn examine(settings: &Settings, now: Timestamp, findings: &mut Vec<Finding>) {
    // Unknown if rotate-keys could not be asked.
    let is_stored = settings.get(DJANGO_KEY).map(|key| key == STORED);
    let until = text(settings, "DJANGO_REFRESH_UNTIL");
    if until.is_empty() {
        if is_stored == Some(true) {
            let why = "Django's key is stored, and DJANGO_REFRESH_UNTIL is empty. If you are done with Django's tokens, remove it with \
                       `admin put-django-key STACK --delete`";
            findings.push(Finding::Warning(why.to_owned()));
        }
        return;
    }
    let Some(end) = Timestamp::from_rfc3339(until) else {
        findings.push(Finding::Error("DJANGO_REFRESH_UNTIL must be a time such as 2026-12-20T15:00:00Z".to_owned()));
        return;
    };
    if end > now + LONGEST_EXCHANGE {
        findings.push(Finding::Error(
            "DJANGO_REFRESH_UNTIL is more than 30 days ahead, so no token from Django is exchanged. Set an earlier time".to_owned(),
        ));
    } else if end <= now {
        findings.push(Finding::Warning(
            "DJANGO_REFRESH_UNTIL is over, so no token from Django is exchanged. Set it to nothing, and remove Django's key with \
             `admin put-django-key STACK --delete`"
                .to_owned(),
        ));
    } else if is_stored == Some(false) {
        findings.push(Finding::Error(
            "DJANGO_REFRESH_UNTIL is set, and Django's key is not stored: whoever comes from Django gets 503. Store it with \
             `admin put-django-key STACK`"
                .to_owned(),
        ));
    }
}
