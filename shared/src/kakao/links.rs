//! Links between people and our app, by the admin key: whether Kakao links a person, unlinking, and the list of all.

use super::{
    Kakao, KakaoCredentials, KakaoError,
    codes::{Cause, Failure, Meaning},
    members::{Member, Members},
};
use crate::{
    account::{LinkAnswer, UnlinkAnswer},
    clock::Timestamp,
    id::KakaoId,
};

/// How many people Kakao lists in one response.
const PAGE: &str = "100";

/// An answer with the code or the kind of the failure behind it, for the log. It is empty if there was none.
pub type WithReason<Answer> = (Answer, String);

/// The response of user/me, as far as it is about the link.
struct Link {
    id: KakaoId,
    connected_at: Member<String>,
}

impl Kakao {
    /// Whether Kakao links this person to our app. The caller reads the clock for the response's time.
    pub async fn link_of(&self, id: KakaoId, credentials: &KakaoCredentials, now: Timestamp) -> WithReason<LinkAnswer> {
        let text = id.to_string();
        // Without `property_keys`: Kakao does not say that `connected_at` comes where they select something else.
        let query = [("target_id_type", "user_id"), ("target_id", text.as_str())];
        let read = |response: &Members| {
            Some(Link { id: response.get("id").value()?, connected_at: response.text("connected_at") })
        };
        let authorization = credentials.admin_authorization();
        match self.get_api("kakao_link", "/v2/user/me", &query, &authorization, read, now).await {
            Ok(link) if link.id == id => connection(link.connected_at),
            Ok(_) => (LinkAnswer::Busy, "the response is about another person".to_owned()),
            Err(failure) => (link_answer(&failure), failure.cause.to_string()),
        }
    }

    /// Ends the link between this person and our app, and with it all of Kakao's tokens. Never retried here: the caller writes each
    /// attempt down first.
    pub async fn unlink(
        &self,
        id: KakaoId,
        credentials: &KakaoCredentials,
        now: Timestamp,
    ) -> WithReason<UnlinkAnswer> {
        let text = id.to_string();
        let form = [("target_id_type", "user_id"), ("target_id", text.as_str())];
        let read = |response: &Members| response.get::<KakaoId>("id").value();
        let authorization = credentials.admin_authorization();
        match self.post_api("kakao_unlink", "/v1/user/unlink", &form, &authorization, read, now).await {
            Ok(unlinked) if unlinked == id => (UnlinkAnswer::Done, String::new()),
            Ok(_) => (UnlinkAnswer::Unknown, "the response is about another person".to_owned()),
            Err(failure) => (unlink_answer(&failure), failure.cause.to_string()),
        }
    }

    /// Up to 100 people whom Kakao links to our app, by ascending ids from this one on. Kakao's documentation does not say whether
    /// the first one is in the list.
    ///
    /// # Errors
    ///
    /// [`KakaoError`]. Kakao allows an app 100 of these calls a minute.
    pub async fn linked_users(
        &self,
        from: Option<KakaoId>,
        credentials: &KakaoCredentials,
        now: Timestamp,
    ) -> Result<Vec<KakaoId>, KakaoError> {
        let from = from.map(|id| id.to_string());
        let mut query = vec![("limit", PAGE), ("order", "asc")];
        query.extend(from.iter().map(|id| ("from_id", id.as_str())));
        let read = |response: &Members| response.get::<Vec<KakaoId>>("elements").value();
        let authorization = credentials.admin_authorization();
        Ok(self.get_api("kakao_user_ids", "/v1/user/ids", &query, &authorization, read, now).await?)
    }
}

/// A time that is there and cannot be read must not count as missing: the person might have joined again.
fn connection(connected_at: Member<String>) -> WithReason<LinkAnswer> {
    let connected_at = match connected_at {
        Member::Absent => None,
        Member::Value(text) if Timestamp::from_rfc3339(&text).is_some() => Timestamp::from_rfc3339(&text),
        Member::Value(_) | Member::Unreadable => return (LinkAnswer::Busy, "connected_at is unreadable".to_owned()),
    };
    (LinkAnswer::Linked { connected_at }, String::new())
}

fn link_answer(failure: &Failure) -> LinkAnswer {
    match failure {
        Failure { cause: Cause::Api(-101), .. } => LinkAnswer::NotLinked,
        failure if passes(failure) || is_unreadable(failure) => LinkAnswer::Busy,
        _ => LinkAnswer::Refused,
    }
}

fn unlink_answer(failure: &Failure) -> UnlinkAnswer {
    match failure {
        Failure { cause: Cause::Api(-101), .. } => UnlinkAnswer::Done,
        Failure { meaning: Meaning::Down, .. } => UnlinkAnswer::Unknown,
        failure if is_unreadable(failure) => UnlinkAnswer::Unknown,
        failure if passes(failure) => UnlinkAnswer::Busy,
        _ => UnlinkAnswer::Refused,
    }
}

/// Whether the same call may succeed later without anybody's help.
const fn passes(failure: &Failure) -> bool {
    let by_meaning = matches!(
        failure.meaning,
        Meaning::Hiccup | Meaning::Down | Meaning::Maintenance | Meaning::Quota | Meaning::NotAsked(_)
    );
    by_meaning || matches!(failure.cause, Cause::Status(429))
}

/// Whether a response came that says nothing, such as a page in HTML.
const fn is_unreadable(failure: &Failure) -> bool {
    matches!((failure.meaning, failure.cause), (Meaning::Unknown, Cause::Call(_)))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::kakao::codes::of_api;

    #[test]
    fn a_code_says_whether_the_person_is_linked_whether_to_wait_or_to_call_an_operator() {
        for (failure, link, unlink) in [
            (of_api(-101), LinkAnswer::NotLinked, UnlinkAnswer::Done),
            (of_api(-1), LinkAnswer::Busy, UnlinkAnswer::Busy),
            (of_api(-7), LinkAnswer::Busy, UnlinkAnswer::Busy),
            (of_api(-10), LinkAnswer::Busy, UnlinkAnswer::Busy),
            (of_api(-603), LinkAnswer::Busy, UnlinkAnswer::Busy),
            (of_api(-9798), LinkAnswer::Busy, UnlinkAnswer::Busy),
            (of_api(-401), LinkAnswer::Refused, UnlinkAnswer::Refused),
            (of_api(-5), LinkAnswer::Refused, UnlinkAnswer::Refused),
            (of_api(-103), LinkAnswer::Refused, UnlinkAnswer::Refused),
            (of_api(-12_345), LinkAnswer::Refused, UnlinkAnswer::Refused),
            (of_api(-1).with_server_error(), LinkAnswer::Busy, UnlinkAnswer::Unknown),
            (of_api(-12_345).with_server_error(), LinkAnswer::Busy, UnlinkAnswer::Unknown),
            (Failure::of_call(Meaning::Down, "timed out"), LinkAnswer::Busy, UnlinkAnswer::Unknown),
            (Failure::of_call(Meaning::Unknown, "HTML"), LinkAnswer::Busy, UnlinkAnswer::Unknown),
            (Failure::of_call(Meaning::NotAsked(Duration::ZERO), "open"), LinkAnswer::Busy, UnlinkAnswer::Busy),
            (Failure { meaning: Meaning::Unknown, cause: Cause::Status(429) }, LinkAnswer::Busy, UnlinkAnswer::Busy),
            (
                Failure { meaning: Meaning::Unknown, cause: Cause::Status(404) },
                LinkAnswer::Refused,
                UnlinkAnswer::Refused,
            ),
        ] {
            assert_eq!((link_answer(&failure), unlink_answer(&failure)), (link, unlink), "{failure:?}");
        }
    }

    #[test]
    fn a_time_of_the_link_that_cannot_be_read_does_not_count_as_missing() {
        let at = Timestamp::from_unix_seconds(1_767_323_045);
        let linked = |connected_at| LinkAnswer::Linked { connected_at };
        assert_eq!(connection(Member::Value("2026-01-02T03:04:05Z".to_owned())).0, linked(Some(at)));
        assert_eq!(connection(Member::Absent).0, linked(None));
        assert_eq!(connection(Member::Value("yesterday".to_owned())).0, LinkAnswer::Busy);
        assert_eq!(connection(Member::Unreadable).0, LinkAnswer::Busy);
    }
}
