//! The rotation function of the secret `KeyRing`: makes keys, publishes them, tries them out, and puts them to use.
//!
//! Secrets Manager calls it four times for a rotation, again for a step that failed, and possibly twice for one that did not:
//! <https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_lambda-functions.html>. Every step may
//! end anywhere and be done again. The first deployment of the stack is the first rotation.

pub mod document;
mod error;
pub mod generate;
mod versions;

use std::sync::Arc;

use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::{Value, json};
use shared::{
    clock::{Clock, Timestamp},
    config::{Config, ConfigError},
    id::{SessionId, UserId},
    jwt::Audience,
    keys::{LogoutKeys, MintingKeys, VerificationKeys},
    secret::{self, SecretError},
};
use zeroize::Zeroizing;

use self::{
    document::{KeyRing, PATIENCE, Reason, Times},
    generate::Algorithm,
    versions::{CURRENT, PENDING, PREVIOUS, Versions},
};
pub use self::{error::RotationError, versions::CallError};

/// What this function needs, and so all that its IAM role may touch.
#[derive(Debug)]
pub struct RotateKeys {
    versions: Versions,
    /// Names of the secrets.
    key_ring: String,
    verification_keys: String,
    logout_keys: String,
    /// How a new key signs.
    algorithm: Algorithm,
    times: Times,
    clock: Arc<dyn Clock>,
}

/// What the function is called with.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Event {
    /// By Secrets Manager: one step of a rotation.
    Step {
        /// Which one.
        #[serde(rename = "Step")]
        step: Step,
        /// The secret that is rotated.
        #[serde(rename = "SecretId")]
        secret: String,
        /// The name of the version that is made.
        #[serde(rename = "ClientRequestToken")]
        version: String,
    },
    /// By a person: all steps of a rotation that cannot wait.
    Replace {
        /// What leaked.
        replace: Reason,
        /// The name of the version that is made, so that the same command, sent again, goes on where it was.
        version: String,
    },
}

/// A step of a rotation, by Secrets Manager's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Step {
    /// Makes the new version.
    CreateSecret,
    /// Hands it to those who verify.
    SetSecret,
    /// Sees that they can.
    TestSecret,
    /// Puts it to use.
    FinishSecret,
}

/// The steps in their order.
pub const STEPS: [Step; 4] = [Step::CreateSecret, Step::SetSecret, Step::TestSecret, Step::FinishSecret];

impl RotateKeys {
    /// Takes from the configuration what this function needs.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] with everything that is missing or wrong.
    pub fn from_config(config: &Config, clock: Arc<dyn Clock>) -> Result<Self, ConfigError> {
        let (
            Some(endpoint),
            Some(key_ring),
            Some(verification_keys),
            Some(logout_keys),
            Some(algorithm),
            Some(verifier_cache),
            Some(access),
            Some(session_idle),
        ) = (
            config.endpoint("AWS_ENDPOINT_URL_SECRETSMANAGER"),
            config.text("KEY_RING_ID"),
            config.text("VERIFICATION_KEYS_ID"),
            config.text("LOGOUT_KEYS_ID"),
            config.parse("SIGNING_ALGORITHM", str::parse),
            config.seconds("VERIFIER_CACHE_TTL", 0..=604_800),
            config.seconds("ACCESS_TTL", 20..=86_400),
            config.seconds("SESSION_IDLE_TTL", 60..=31_536_000),
        )
        else {
            return Err(config.into_error());
        };
        let versions = Versions::new(secret::client(endpoint));
        let times = Times { verifier_cache, access, session_idle };
        Ok(Self { versions, key_ring, verification_keys, logout_keys, algorithm, times, clock })
    }

    /// Does what it is called for.
    ///
    /// # Errors
    ///
    /// [`RotationError`] in all its variants. The step may be done again.
    pub async fn handle(&self, event: Event) -> Result<Value, RotationError> {
        match event {
            Event::Step { secret, .. } if secret != self.key_ring => Err(RotationError::AnotherSecret),
            Event::Step { step, version, .. } => {
                self.step(step, &version, Reason::Schedule).await?;
                Ok(json!({}))
            }
            Event::Replace { replace, version } => {
                for step in STEPS {
                    self.step(step, &version, replace).await?;
                }
                Ok(json!({}))
            }
        }
    }

    async fn step(&self, step: Step, version: &str, reason: Reason) -> Result<(), RotationError> {
        let now = self.clock.now();
        let result = match step {
            Step::CreateSecret => self.create(version, reason, now).await,
            Step::SetSecret => self.publish(version, now).await,
            Step::TestSecret => self.try_out(version, now).await,
            Step::FinishSecret => self.finish(version, now).await,
        };
        let step = format!("{step:?}");
        match &result {
            Ok(()) => tracing::warn!(event = "key_rotation", step, ?reason, "A step of a key rotation is done"),
            Err(error) => tracing::error!(event = "key_rotation", step, ?reason, "A step of a key rotation: {error}"),
        }
        result
    }

    async fn create(&self, version: &str, reason: Reason, now: Timestamp) -> Result<(), RotationError> {
        if self.pending(version).await?.is_some() {
            return Ok(());
        }
        let ring = self.current().await?.1.next(reason, self.algorithm, self.times, now);
        let text = Zeroizing::new(serde_json::to_string(&ring)?);
        Ok(self.versions.put(&self.key_ring, version, PENDING, &text).await?)
    }

    /// Verifiers get the new keys before anybody signs with them.
    async fn publish(&self, version: &str, now: Timestamp) -> Result<(), RotationError> {
        let ring = self.in_time(version, now).await?;
        self.derive(&ring).await
    }

    /// Signs with every key of the new ring as refresh would, and verifies as profile and logout would.
    async fn try_out(&self, version: &str, now: Timestamp) -> Result<(), RotationError> {
        let ring = self.in_time(version, now).await?;
        let audience = Audience { issuer: "rotate-keys".to_owned(), audience: "rotate-keys".to_owned() };
        let text = Zeroizing::new(serde_json::to_string(&ring)?);
        let (_, minting) = MintingKeys::read(&text, &audience, self.times.access)?;
        let (_, verification) = VerificationKeys::read(&self.text(&self.verification_keys).await?, &audience)?;
        let (_, logout) = LogoutKeys::read(&self.text(&self.logout_keys).await?)?;
        let (user, session) = (UserId::generate(), SessionId::generate());
        for at in ring.beginnings().map(|beginning| beginning.max(now)) {
            let access = minting.signer.sign(user, session, at, at);
            verification
                .verifier
                .verify(access.text.expose_secret(), at)
                .map_err(|error| RotationError::Unusable(format!("an access token of ours is refused: {error}")))?;
            let refresh = minting.secrets.issue(user, minting.secrets.begin(None, at), at, at);
            logout.secrets.verify(refresh.expose()).map_err(|error| RotationError::Unusable(error.to_string()))?;
        }
        Ok(())
    }

    async fn finish(&self, version: &str, now: Timestamp) -> Result<(), RotationError> {
        let labels = self.versions.labels(&self.key_ring, version).await?;
        if !labels.iter().any(|label| label == CURRENT) {
            self.in_time(version, now).await?;
            let (replaced, _) = self.current().await?;
            // Refused if another version became the current one since.
            self.versions.relabel(&self.key_ring, CURRENT, replaced.as_deref(), Some(version)).await?;
        }
        // Should another rotation have handed out its keys in between, these are the ones that count.
        let (_, ring) = self.current().await?;
        self.derive(&ring).await
    }

    /// Writes what others read of this ring, where it is not written already. It only depends on the ring.
    async fn derive(&self, ring: &KeyRing) -> Result<(), RotationError> {
        #[derive(Deserialize)]
        struct Derived {
            version: u64,
        }
        for (secret, text) in
            [(&self.verification_keys, ring.verification_keys()?), (&self.logout_keys, ring.logout_keys()?)]
        {
            let written = self.versions.labelled(secret, CURRENT).await?;
            let same = written.as_ref().is_some_and(|written| *written.text == *text);
            let newer = written.is_some_and(|written| {
                serde_json::from_str(&written.text).is_ok_and(|derived: Derived| derived.version > ring.version)
            });
            if newer {
                return Err(RotationError::Superseded);
            }
            if !same {
                // A name of its own: what was written under the ring's before and was overwritten would stay so.
                self.versions.put(secret, &versions::new_id(), CURRENT, &text).await?;
            }
        }
        Ok(())
    }

    /// The ring of this version, if it is the one that is being made, no other came between, and its times still hold.
    async fn in_time(&self, version: &str, now: Timestamp) -> Result<KeyRing, RotationError> {
        let ring = self.pending(version).await?.ok_or(RotationError::Superseded)?;
        let (current, of) = self.current().await?;
        if current.as_deref() == Some(version) {
            return Ok(ring);
        }
        if of.version != ring.follows {
            return Err(RotationError::Superseded);
        }
        if ring.created_at.is_none_or(|at| now.seconds_since(at) > PATIENCE.as_secs()) {
            // Without the label, the next rotation is a new one.
            self.versions.relabel(&self.key_ring, PENDING, Some(version), None).await?;
            return Err(RotationError::TooLate);
        }
        Ok(ring)
    }

    async fn pending(&self, version: &str) -> Result<Option<KeyRing>, RotationError> {
        let pending = self.versions.labelled(&self.key_ring, PENDING).await?;
        let pending = pending.filter(|pending| pending.id == version);
        Ok(pending.map(|pending| serde_json::from_str(&pending.text)).transpose()?)
    }

    /// The current version's name and the ring that is in use. Should something lie over that which is none, such as the
    /// template's empty one, it is the one before: to begin afresh would end every session.
    async fn current(&self) -> Result<(Option<String>, KeyRing), RotationError> {
        let Some(current) = self.versions.labelled(&self.key_ring, CURRENT).await? else {
            return Ok((None, KeyRing::empty()));
        };
        let ring = serde_json::from_str::<KeyRing>(&current.text);
        if ring.as_ref().is_ok_and(|ring| ring.version > 0) {
            return Ok((Some(current.id), ring?));
        }
        let previous = self.versions.labelled(&self.key_ring, PREVIOUS).await?;
        let previous = previous.and_then(|previous| serde_json::from_str::<KeyRing>(&previous.text).ok());
        match previous.filter(|previous| previous.version > 0) {
            Some(previous) => Ok((Some(current.id), previous)),
            None => Ok((Some(current.id), ring?)),
        }
    }

    async fn text(&self, secret: &str) -> Result<Zeroizing<String>, RotationError> {
        let written = self.versions.labelled(secret, CURRENT).await?;
        written.map(|written| written.text).ok_or_else(|| SecretError::Empty.into())
    }
}
