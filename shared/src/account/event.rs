//! What an account-status event of Kakao's leads to (a security event token, RFC 8417).

/// A security event of Kakao's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecurityEvent {
    /// The event's URI.
    pub uri: String,
    /// The consent items that it names.
    pub scopes: Vec<String>,
}

/// What the worker does for an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventAction {
    /// As for an unlink webhook: see [`Inquiry`](super::Inquiry).
    Inquire,
    /// End the sessions of the person's user that began before the event was received.
    EndSessions,
    /// Clear the fields of the profile that Kakao has taken back.
    ClearFields,
    /// Nothing but a line in the log.
    Record,
}

/// A field of the profile that Kakao told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProfileField {
    /// `profile_nickname`.
    Nickname,
    /// `profile_image`.
    ProfileImage,
    /// `account_email`.
    Email,
}

const ALL_FIELDS: [ProfileField; 3] = [ProfileField::Nickname, ProfileField::ProfileImage, ProfileField::Email];

/// By the last part of the event's URI. An unknown event only leaves a line: a service that treated `user-linked` like the rest
/// has deleted new members.
#[must_use]
pub fn action_of_event(uri: &str) -> EventAction {
    match uri.rsplit('/').next().unwrap_or_default() {
        "user-unlinked" | "account-purged" => EventAction::Inquire,
        "sessions-revoked" | "account-disabled" | "account-credential-change-required" | "credential-compromise" => {
            EventAction::EndSessions
        }
        "user-scope-withdraw" | "identifier-changed" | "identifier-recycled" => EventAction::ClearFields,
        _ => EventAction::Record,
    }
}

/// The fields of consent items that were withdrawn. All of them if Kakao named none: the next login writes what is still shared.
#[must_use]
pub fn fields_of_scopes<'a>(scopes: impl IntoIterator<Item = &'a str>) -> Vec<ProfileField> {
    let mut scopes = scopes.into_iter().peekable();
    if scopes.peek().is_none() {
        return ALL_FIELDS.to_vec();
    }
    let fields = scopes.flat_map(|scope| match scope {
        "profile" => &ALL_FIELDS[..2],
        "profile_nickname" => &ALL_FIELDS[..1],
        "profile_image" => &ALL_FIELDS[1..2],
        "account_email" => &ALL_FIELDS[2..],
        _ => &[],
    });
    fields.copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_event_leads_to_what_its_last_part_says() {
        const OAUTH: &str = "https://schemas.openid.net/secevent/oauth/event-type/";
        const RISC: &str = "https://schemas.openid.net/secevent/risc/event-type/";
        const CAEP: &str = "https://schemas.openid.net/secevent/caep/event-type/";
        const KAKAO: &str = "https://schemas.kakao.com/platevent/kakao/event-type/";
        for (prefix, name, action) in [
            (OAUTH, "user-unlinked", EventAction::Inquire),
            (RISC, "account-purged", EventAction::Inquire),
            (RISC, "sessions-revoked", EventAction::EndSessions),
            (RISC, "account-disabled", EventAction::EndSessions),
            (RISC, "account-credential-change-required", EventAction::EndSessions),
            (RISC, "credential-compromise", EventAction::EndSessions),
            (OAUTH, "user-scope-withdraw", EventAction::ClearFields),
            (RISC, "identifier-changed", EventAction::ClearFields),
            (RISC, "identifier-recycled", EventAction::ClearFields),
            (OAUTH, "user-linked", EventAction::Record),
            (OAUTH, "user-scope-consent", EventAction::Record),
            (OAUTH, "tokens-revoked", EventAction::Record),
            (OAUTH, "token-revoked", EventAction::Record),
            (OAUTH, "token-issued", EventAction::Record),
            (RISC, "account-enabled", EventAction::Record),
            (CAEP, "assurance-level-change", EventAction::Record),
            (CAEP, "credential-change", EventAction::Record),
            (KAKAO, "user-profile-changed", EventAction::Record),
            (OAUTH, "", EventAction::Record),
            ("", "x-user-unlinked", EventAction::Record),
            ("", "user-unlinked/", EventAction::Record),
            ("", "USER-UNLINKED", EventAction::Record),
        ] {
            assert_eq!(action_of_event(&format!("{prefix}{name}")), action, "{name}");
        }
    }

    #[test]
    fn withdrawn_consent_clears_its_own_fields_or_all() {
        use ProfileField::{Email, Nickname, ProfileImage};
        assert_eq!(fields_of_scopes(["account_email"]), [Email]);
        assert_eq!(fields_of_scopes(["profile_nickname", "profile_image"]), [Nickname, ProfileImage]);
        assert_eq!(fields_of_scopes(["profile"]), [Nickname, ProfileImage]);
        assert_eq!(fields_of_scopes(["birthday"]), []);
        assert_eq!(fields_of_scopes([]), ALL_FIELDS);
    }
}
