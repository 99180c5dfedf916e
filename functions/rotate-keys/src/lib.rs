//! Makes the keys and rotates them: the only writer of the `Keys` table.
//!
//! A schedule calls it every five minutes. The first keys, the rotation after 30 days and the retry of either are the same code:
//! read the ring, and write the next one if it is due. An operator's command replaces leaked keys at once, puts Kakao's secrets or the
//! key of Django's tokens, or carries keys over.

mod command;
pub mod document;
mod error;
pub mod generate;
mod ring_table;

use std::{sync::Arc, time::Duration};

use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use shared::{
    access_token::Audience,
    clock::{Clock, Timestamp},
    config::{Config, ConfigError},
    function::Worker,
    id::{SessionId, UserId},
    kakao::KakaoCredentials,
    keys::{Document, IssuingKeys, KeyTable, LogoutKeys, SecretError, VerificationKeys},
    random,
    roles::Roles,
    session::Version,
    simplejwt::SimplejwtKey,
};
use zeroize::Zeroizing;

use self::{
    command::KeyState,
    document::{KeyRing, Reason, Times},
    generate::NewKeys,
    ring_table::{Found, On, Written},
};
pub use self::{
    command::{Description, Event, Outcome, SymmetricKeys},
    error::RotationError,
};

/// How old a ring is when it is rotated.
pub const ROTATE_AFTER: Duration = Duration::from_hours(30 * 24);
/// How often a command that must succeed reads the ring again after other writes came first.
const TRIES: u32 = 8;

/// What this function needs. Its IAM role allows no more.
#[derive(Debug)]
pub struct RotateKeys {
    table: KeyTable,
    /// How a new key signs.
    algorithm: generate::Algorithm,
    times: Times,
    first_keys: FirstKeys,
    clock: Arc<dyn Clock>,
}

/// What the schedule does with a table that has never had keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FirstKeys {
    /// Makes them.
    Make,
    /// Waits until they are carried over.
    Wait,
}

impl Worker for RotateKeys {
    const NAME: &'static str = "rotate-keys";
    type Event = Event;
    type Outcome = Outcome;
    type Failure = RotationError;

    fn from_config(config: &Config, clock: Arc<dyn Clock>) -> Result<Self, ConfigError> {
        let (Some(table), Some(algorithm), Some(first_keys), Some(verifier_cache), Some(access), Some(session_max)) = (
            config.key_table(),
            config.parse("SIGNING_ALGORITHM", str::parse),
            config.parse("FIRST_KEYS", |text| match text {
                "make" => Ok(FirstKeys::Make),
                "wait" => Ok(FirstKeys::Wait),
                _ => Err("must be make or wait".to_owned()),
            }),
            config.verifier_cache_ttl(),
            config.access_ttl(),
            config.session_max_ttl(),
        ) else {
            return Err(config.into_error());
        };
        Ok(Self { table, algorithm, times: Times { verifier_cache, access, session_max }, first_keys, clock })
    }

    /// Carries out a command.
    ///
    /// # Errors
    ///
    /// [`RotationError`] in all its variants. The keys in use stay good, and the command may be sent again.
    async fn handle(&self, event: Event) -> Result<Outcome, RotationError> {
        let now = self.clock.now();
        let (command, result) = match event {
            Event::RotateIfDue => ("rotate_if_due", self.rotate_if_due(now).await),
            Event::Replace { keys, attempt } => ("replace", self.replace(keys, &attempt, now).await),
            Event::BeginAfresh { attempt } => ("begin_afresh", self.begin_afresh(&attempt, now).await),
            Event::Describe => ("describe", self.describe().await),
            Event::ExportSymmetricKeys => ("export_symmetric_keys", self.export().await),
            Event::PutKakaoSecrets { client_secret, admin_key } => {
                ("put_kakao_secrets", self.put_kakao(&client_secret, &admin_key).await)
            }
            Event::PutDjangoKey { algorithm, key } => ("put_django_key", self.put_django(&algorithm, &key).await),
            Event::CarryOver { ring } => ("carry_over", self.carry_over(&ring, now).await),
        };
        match &result {
            Ok(Outcome::NotDue | Outcome::Described(_)) => {}
            Ok(outcome) => tracing::warn!(event = "key_rotation", command, ?outcome, "A key command was carried out"),
            Err(error) if error.needs_an_operator() => {
                tracing::error!(event = "key_rotation", command, "A key command failed: {error}");
            }
            Err(error) => tracing::warn!(event = "key_rotation", command, "A key command failed: {error}"),
        }
        result
    }
}

impl RotateKeys {
    async fn rotate_if_due(&self, now: Timestamp) -> Result<Outcome, RotationError> {
        let (ring, on) = match ring_table::find(&self.table).await? {
            Found::Ring(stored) if stored.ring.created_at.is_some_and(|at| now < at + ROTATE_AFTER) => {
                return Ok(Outcome::NotDue);
            }
            Found::Ring(stored) => (stored.ring, On::SameRing),
            Found::Nothing if self.first_keys == FirstKeys::Wait => return Ok(Outcome::Waiting),
            Found::Nothing => (KeyRing::empty(), On::NoKeys),
            Found::Lost => return Err(RotationError::RingLost),
        };
        let ring = ring.next(Reason::Schedule, &NewKeys::new(self.algorithm), self.times, now);
        self.try_out(&ring, now)?;
        match ring_table::write(&self.table, &ring, &new_attempt(), on).await? {
            Written::Done => Ok(Outcome::Rotated),
            // Another rotation came first. The schedule looks again in five minutes.
            Written::Conflict => Ok(Outcome::GaveWay),
            Written::Unknown => Err(RotationError::Unknown),
        }
    }

    /// Replaces keys, and tries again if other writes come first: a simultaneous scheduled rotation must not keep a leaked key alive.
    async fn replace(&self, reason: Reason, attempt: &str, now: Timestamp) -> Result<Outcome, RotationError> {
        let new = NewKeys::new(self.algorithm);
        let mut last = Written::Conflict;
        for tried in 0..TRIES {
            let (ring, on) = match ring_table::find(&self.table).await? {
                Found::Ring(stored) if stored.attempt == attempt => return Ok(Outcome::Rotated),
                Found::Ring(stored) => (stored.ring, On::SameRing),
                Found::Nothing => (KeyRing::empty(), On::NoKeys),
                Found::Lost => return Err(RotationError::RingLost),
            };
            let ring = ring.next(reason, &new, self.times, now);
            self.try_out(&ring, now)?;
            last = ring_table::write(&self.table, &ring, attempt, on).await?;
            if last == Written::Done {
                return Ok(Outcome::Rotated);
            }
            pause(tried).await;
        }
        Err(if last == Written::Conflict { RotationError::Conflict } else { RotationError::Unknown })
    }

    async fn begin_afresh(&self, attempt: &str, now: Timestamp) -> Result<Outcome, RotationError> {
        match ring_table::find(&self.table).await? {
            Found::Ring(stored) if stored.attempt == attempt => return Ok(Outcome::Rotated),
            Found::Ring(_) => return Err(RotationError::KeysExist),
            Found::Nothing | Found::Lost => {}
        }
        let ring = KeyRing::empty().next(Reason::Schedule, &NewKeys::new(self.algorithm), self.times, now);
        self.try_out(&ring, now)?;
        match ring_table::write(&self.table, &ring, attempt, On::NoRing).await? {
            Written::Done => Ok(Outcome::Rotated),
            Written::Conflict => Err(RotationError::KeysExist),
            Written::Unknown => Err(RotationError::Unknown),
        }
    }

    async fn put_kakao(
        &self,
        client_secret: &SecretString,
        admin_key: &SecretString,
    ) -> Result<Outcome, RotationError> {
        let (client_secret, admin_key) = (client_secret.expose_secret(), admin_key.expose_secret());
        let json = Zeroizing::new(
            json!({"KAKAO_CLIENT_SECRET": client_secret.trim(), "KAKAO_ADMIN_KEY": admin_key.trim()}).to_string(),
        );
        KakaoCredentials::read(&json).map_err(RotationError::Argument)?;
        ring_table::put(&self.table, Document::Kakao, &json).await?;
        Ok(Outcome::Stored)
    }

    async fn put_django(&self, algorithm: &str, key: &SecretString) -> Result<Outcome, RotationError> {
        let (json, outcome) = if key.expose_secret().is_empty() {
            // The document stays, as functions keep what they have read if there is none.
            (json!({"removed": true}), Outcome::Removed)
        } else {
            (json!({"algorithm": algorithm, "key": key.expose_secret()}), Outcome::Stored)
        };
        let json = Zeroizing::new(json.to_string());
        SimplejwtKey::read(&json).map_err(RotationError::Argument)?;
        ring_table::put(&self.table, Document::Django, &json).await?;
        Ok(outcome)
    }

    async fn describe(&self) -> Result<Outcome, RotationError> {
        let (keys, rotated_at) = match ring_table::find(&self.table).await? {
            Found::Ring(stored) => (KeyState::Made, stored.ring.created_at),
            Found::Nothing => (KeyState::None, None),
            Found::Lost => (KeyState::Lost, None),
        };
        let documents = self.table.read(&[Document::Kakao]).await?;
        let django = self.table.read(&[Document::Django]).await?;
        let django = django.get(Document::Django).ok().and_then(|json| SimplejwtKey::read(json).ok().flatten());
        let kakao = documents.get(Document::Kakao).ok().and_then(|json| KakaoCredentials::read(json).ok());
        Ok(Outcome::Described(Description {
            keys,
            rotated_at,
            kakao_client_secret: kakao.is_some(),
            kakao_admin_key: kakao.is_some_and(|kakao| kakao.has_admin_key()),
            django_key: django.is_some(),
        }))
    }

    async fn export(&self) -> Result<Outcome, RotationError> {
        match ring_table::find(&self.table).await? {
            Found::Ring(stored) => Ok(Outcome::Exported(SymmetricKeys(stored.ring.symmetric_keys()))),
            Found::Nothing => Ok(Outcome::Exported(SymmetricKeys(Vec::new()))),
            Found::Lost => Err(RotationError::RingLost),
        }
    }

    async fn carry_over(&self, ring: &SecretString, now: Timestamp) -> Result<Outcome, RotationError> {
        let ring: KeyRing = serde_json::from_str(ring.expose_secret())
            .map_err(|_| RotationError::Argument("`ring` is not a key ring".to_owned()))?;
        let attempt = format!("carry-over-{}", ring.version);
        self.try_out(&ring, now)?;
        if let Found::Ring(stored) = ring_table::find(&self.table).await? {
            return if stored.attempt == attempt { Ok(Outcome::Rotated) } else { Err(RotationError::KeysExist) };
        }
        match ring_table::write(&self.table, &ring, &attempt, On::NoKeys).await? {
            Written::Done => Ok(Outcome::Rotated),
            Written::Conflict => Err(RotationError::KeysExist),
            Written::Unknown => Err(RotationError::Unknown),
        }
    }

    /// Tries a ring out before it is written: signs with every key as refresh does, and verifies as profile and logout do.
    fn try_out(&self, ring: &KeyRing, now: Timestamp) -> Result<(), RotationError> {
        let unusable = |reason: String| RotationError::Unusable(reason);
        let audience = Audience { issuer: "rotate-keys".to_owned(), audience: "rotate-keys".to_owned() };
        let text = Zeroizing::new(serde_json::to_string(&ring)?);
        let read = |error: SecretError| unusable(error.to_string());
        let (_, issuing) = IssuingKeys::read(&text, &audience, self.times.access).map_err(read)?;
        let (_, verification) = VerificationKeys::read(&ring.verification_keys()?, &audience).map_err(read)?;
        let (_, logout) = LogoutKeys::read(&ring.logout_keys()?).map_err(read)?;
        let (user, session) = (UserId::generate(), SessionId::generate());
        for at in ring.activation_times().map(|at| at.max(now)) {
            let access = issuing.signer.sign(user, session, at, &Roles::default(), at);
            verification
                .verifier
                .verify(access.text.expose_secret(), at)
                .map_err(|error| unusable(format!("an access token of ours is refused: {error}")))?;
            for version in Version::ALL {
                let refresh =
                    issuing.refresh_tokens.issue(version, user, issuing.refresh_tokens.new_session(None, at), at, at);
                logout.refresh_tokens.verify(refresh.expose()).map_err(|error| unusable(error.to_string()))?;
            }
        }
        Ok(())
    }
}

/// An id for a write.
#[must_use]
pub fn new_attempt() -> String {
    SessionId::generate().to_string()
}

/// Waits for about 50 ms at first and up to 3 s later, with jitter. Eight tries fit into the function's timeout.
async fn pause(tried: u32) {
    let longest = 50 << tried.min(6);
    tokio::time::sleep(Duration::from_millis(longest / 2 + random::up_to(longest / 2))).await;
}
