//! Exchanging a refresh token from Django for a session.

use lambda_http::{Body, Request, Response};
use secrecy::SecretString;
use shared::{
    clock::Timestamp,
    error::Error,
    http::{self, Carrier, Compatibility, DjangoToken, PresentedDjango},
    keys::IssuingKeys,
    log,
    roles::Roles,
    session::{
        Carried, CarriedVerdict, Facts, Kind, NO_LOGIN_HERE, Presented, Proof, RefreshToken, Transport, Version,
    },
    store::{Exchange, SessionStart},
};

use crate::{Asked, Refresh, Renewed, access, explain_reuse};

/// What became of the tokens from Django of one request.
enum Exchanged {
    /// One of them has a session.
    Session(Renewed, Transport),
    /// None has.
    Refused(Refused),
}

/// Why a token from Django has no session.
struct Refused {
    reason: &'static str,
    /// Whether it never will have one.
    is_final: bool,
}

impl Refresh {
    /// The response to a request without a session of ours: its token from Django is exchanged, if it has one.
    pub(crate) async fn carry_over(
        &self,
        request: &Request,
        presented: &Presented,
        reason: &'static str,
        asked: &Asked<'_>,
    ) -> Result<Response<Body>, Error> {
        let django = self.django.presented(request, Some(asked.body), asked.now);
        if django.is_empty() {
            return Err(Error::LoggedOut { reason, clear_cookies: self.clear(presented) });
        }
        let clear_django = self.django.clear(&django, &self.cookies);
        match self.exchange_any(&django, request, asked).await? {
            Exchanged::Session(renewed, transport) => {
                let in_body = Presented::Body("".into());
                let carrier = if transport == Transport::Cookie { presented } else { &in_body };
                Ok(self.response(renewed, carrier, clear_django, asked.now))
            }
            Exchanged::Refused(Refused { reason, is_final }) => {
                let clear_django = clear_django.filter(|_| is_final);
                let clear_cookies = clear_django.into_iter().chain(self.clear(presented)).collect();
                Err(Error::LoggedOut { reason, clear_cookies })
            }
        }
    }

    /// Exchanges the first token that can be, or repeats its exchange.
    async fn exchange_any(
        &self,
        presented: &PresentedDjango,
        request: &Request,
        asked: &Asked<'_>,
    ) -> Result<Exchanged, Error> {
        let verified = self.django.verify(presented, asked.now).await?;
        let keys = self.keys.at(asked.now).await?;
        let reason = "not a good refresh token of Django's";
        let mut refused = Refused { reason, is_final: verified.all_signed };
        for token in &verified.tokens {
            let transport = self.transport_of(token.carrier, request);
            match self.exchange(token, transport, &keys, request, asked).await? {
                Ok(renewed) => return Ok(Exchanged::Session(renewed, transport)),
                Err(one) => refused = Refused { is_final: one.is_final && refused.is_final, ..one },
            }
        }
        Ok(Exchanged::Refused(refused))
    }

    /// How the client of a token carries what it is exchanged for: as it would after a login.
    fn transport_of(&self, carrier: Carrier, request: &Request) -> Transport {
        match carrier {
            Carrier::Body if self.compatibility == Compatibility::DjRestAuth => Transport::Page,
            Carrier::Body if self.native_clients && !http::is_from_page(request) => Transport::App,
            Carrier::Body | Carrier::Cookie => Transport::Cookie,
        }
    }

    async fn exchange(
        &self,
        DjangoToken { token, text, .. }: &DjangoToken,
        transport: Transport,
        keys: &IssuingKeys,
        request: &Request,
        asked: &Asked<'_>,
    ) -> Result<Result<Renewed, Refused>, Error> {
        let now = asked.now;
        let proof = Proof::new(text, &SecretString::from("django")).of_transport(transport);
        // With the key of the time of the exchange: another key may be active by now.
        let first = |at| {
            let session = keys.refresh_tokens.new_session(Some(&proof), at);
            let version = Version::issued(Kind::Rotating, transport);
            keys.refresh_tokens.issue(version, token.user, session, at + self.sessions.max_ttl, now)
        };
        let new = first(now);
        keys.pseudonyms.note(new.user, new.session);
        let expires_at = self.sessions.expires_at(new.session_ends_at, now);
        let device = http::device(request);
        let start = SessionStart {
            first: &new,
            device: &device,
            link: None,
            authenticated_at: None,
            roles: &Roles::default(),
            expires_at,
            now,
        };
        match self.store.exchange(token, &start).await? {
            Exchange::Started { roles } => {
                log::outcome("exchanged");
                self.renewed(new, expires_at, roles, keys, asked).await
            }
            Exchange::Before(carried) => self.exchanged_before(carried, first(carried.at), keys, asked).await,
            Exchange::NotImported => {
                Ok(Err(Refused { reason: "the user of Django's token was not imported", is_final: false }))
            }
            Exchange::Closed => Ok(Err(ended("the user of Django's token was deleted, or has logged out everywhere"))),
        }
    }

    async fn exchanged_before(
        &self,
        carried: Carried,
        first: RefreshToken,
        keys: &IssuingKeys,
        asked: &Asked<'_>,
    ) -> Result<Result<Renewed, Refused>, Error> {
        keys.pseudonyms.note(first.user, first.session);
        let expires_at = self.sessions.expires_at(first.session_ends_at, asked.now);
        match self.store.repeat_exchange(&carried, &first, expires_at, asked.now).await? {
            Ok(roles) => {
                log::outcome("exchanged_again");
                self.renewed(first, expires_at, roles, keys, asked).await
            }
            Err(CarriedVerdict::Reuse) => {
                Ok(Err(ended(explain_reuse("a token of Django's was presented whose session has gone on"))))
            }
            Err(_) => Ok(Err(ended("Django's token was spent, and its session has ended"))),
        }
    }

    /// The body for a session with this first token, and the token.
    async fn renewed(
        &self,
        first: RefreshToken,
        expires_at: Timestamp,
        roles: Roles,
        keys: &IssuingKeys,
        asked: &Asked<'_>,
    ) -> Result<Result<Renewed, Refused>, Error> {
        let user = self.user(&first, asked).await?;
        let body = access(&first, &Facts { logged_in_at: NO_LOGIN_HERE, roles }, user, keys, asked);
        Ok(body.map(|body| Renewed { body, refresh_token: Some((first, expires_at)) }).ok_or(ended("the user is gone")))
    }
}

const fn ended(reason: &'static str) -> Refused {
    Refused { reason, is_final: true }
}
