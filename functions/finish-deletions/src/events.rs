//! Acts on Kakao's security events about a person.

use shared::{
    account::{EventAction, Inquiry, SecurityEvent, action_of_event, fields_of_scopes},
    clock::Timestamp,
    id::KakaoId,
    log::Ended,
    store::Lease,
};

use crate::{FinishDeletions, WorkError};

impl FinishDeletions {
    pub(crate) async fn act_on_events(
        &self,
        lease: &Lease,
        kakao: KakaoId,
        events: &[SecurityEvent],
        received_at: Timestamp,
        inquiry: &Inquiry,
        now: Timestamp,
    ) -> Ended {
        let acted = async {
            let mut inquires = false;
            for event in events {
                match action_of_event(&event.uri) {
                    EventAction::Inquire => inquires = true,
                    // What follows was done before Kakao was asked for the first time.
                    _ if inquiry.linked_at.is_some() => {}
                    EventAction::EndSessions => {
                        if let Some(user) = self.store.identity(kakao).await?.user {
                            // A token from Django that has started no session yet is older than the event.
                            if user.number().is_some() {
                                self.store.close_carried(user, now).await?;
                            }
                            // Who has logged in since the event stays logged in.
                            self.store.end_sessions(user, Some(received_at)).await?;
                        }
                    }
                    EventAction::ClearFields => {
                        let fields = fields_of_scopes(event.scopes.iter().map(String::as_str));
                        if let Some(user) = self.store.identity(kakao).await?.user
                            && !fields.is_empty()
                        {
                            self.store.clear_fields(user, &fields).await?;
                        }
                    }
                    EventAction::Record => {}
                }
            }
            if inquires { Ok(self.inquire(lease, kakao, inquiry, now).await) } else { self.done(lease, "done").await }
        };
        acted.await.unwrap_or_else(|error: WorkError| (&error).into())
    }
}
