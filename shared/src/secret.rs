//! A secret of Secrets Manager as a function keeps it: read at start, and again while requests are answered.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use aws_sdk_secretsmanager::{
    Client,
    config::{BehaviorVersion, Region, StalledStreamProtectionConfig, retry::RetryConfig, timeout::TimeoutConfig},
    error::{ProvideErrorMetadata, SdkError},
};
use zeroize::Zeroizing;

use crate::{aws::Endpoint, clock::Timestamp, log};

/// From this age on a secret is read again beside a request, which does not wait for it.
pub const FRESH: Duration = Duration::from_mins(5);
/// From this age on, as after a function was frozen, a request waits for the reading: a key that leaked is not used longer.
pub const STALE: Duration = Duration::from_mins(10);
/// While Secrets Manager fails, it is asked no more often.
const PAUSE: Duration = Duration::from_secs(30);
/// Whatever strangers present, it is asked for keys that are not known here no more often.
const HUNTING_PAUSE: Duration = Duration::from_mins(1);

/// Why there is nothing to work with.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// Secrets Manager is slow, throttled or down.
    #[error("Secrets Manager is unavailable: {0}")]
    Unavailable(String),
    /// It refuses: a role or a name is wrong.
    #[error("Secrets Manager refuses the secret: {0}")]
    Refused(String),
    /// Nobody has filled the secret yet: neither rotate-keys nor, where that is it, a person.
    #[error("the secret is empty")]
    Empty,
    /// What it holds cannot be used. The text has no part of it.
    #[error("the secret is unreadable: {0}")]
    Unreadable(String),
}

impl SecretError {
    /// Whether somebody must act, as this does not pass by itself.
    #[must_use]
    pub const fn needs_an_operator(&self) -> bool {
        match self {
            Self::Unavailable(_) => false,
            Self::Refused(_) | Self::Empty | Self::Unreadable(_) => true,
        }
    }
}

/// What a secret's text says, with the number of its version: 0 where there are no numbers.
pub type Parsed<T> = Result<(u64, T), SecretError>;

/// Keeps the last good reading of one secret. While Secrets Manager fails, that goes on being used.
pub struct Secret<T>(Arc<Inner<T>>);

struct Inner<T> {
    client: Client,
    id: String,
    parse: Box<Parse<T>>,
    state: Mutex<State<T>>,
    reading: tokio::sync::Mutex<()>,
}

type Parse<T> = dyn Fn(&str) -> Parsed<T> + Send + Sync;

struct State<T> {
    kept: Option<(u64, Arc<T>)>,
    /// When it was asked for what is kept. An answer that lay about while the function was frozen is as old as its question.
    read_at: Option<Timestamp>,
    asked_at: Option<Timestamp>,
    hunted_at: Option<Timestamp>,
}

enum Due {
    No,
    Soon,
    Now,
}

/// A client for Secrets Manager. It connects when first used.
#[must_use]
pub fn client(endpoint: Endpoint) -> Client {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_millis(500))
        .operation_attempt_timeout(Duration::from_millis(700))
        .operation_timeout(Duration::from_millis(1_500))
        .build();
    let mut config = aws_sdk_secretsmanager::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(endpoint.region))
        .credentials_provider(endpoint.credentials)
        .http_client(endpoint.http_client)
        .timeout_config(timeouts)
        .retry_config(RetryConfig::standard().with_max_attempts(2).with_initial_backoff(Duration::from_millis(50)))
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
    config.set_endpoint_url(endpoint.url);
    Client::from_conf(config.build())
}

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Secret").field(&self.0.id).finish()
    }
}

impl<T: Send + Sync + 'static> Secret<T> {
    /// A secret that is read when it is first asked for.
    pub fn new(endpoint: Endpoint, id: String, parse: impl Fn(&str) -> Parsed<T> + Send + Sync + 'static) -> Self {
        let client = client(endpoint);
        let state = Mutex::new(State { kept: None, read_at: None, asked_at: None, hunted_at: None });
        Self(Arc::new(Inner { client, id, parse: Box::new(parse), state, reading: tokio::sync::Mutex::default() }))
    }

    /// What the secret says. Only the first reading, and one after a long pause, lets the caller wait.
    ///
    /// # Errors
    ///
    /// [`SecretError`] if there is no reading yet and none can be had now.
    pub async fn at(&self, now: Timestamp) -> Result<Arc<T>, SecretError> {
        let (kept, due) = self.0.look(now);
        match (kept, due) {
            (Some(kept), Due::No) => Ok(kept),
            (Some(kept), Due::Soon) => {
                let inner = Arc::clone(&self.0);
                tokio::spawn(async move { inner.read_or_keep(now).await });
                Ok(kept)
            }
            (Some(kept), Due::Now) => Ok(self.0.read_or_keep(now).await.unwrap_or(kept)),
            (None, _) => self.0.read(now).await,
        }
    }

    /// Another reading than this one, if there is one. For something that was presented and that only newer keys can know:
    /// it costs one question a minute, whatever is presented.
    pub async fn newer(&self, than: &Arc<T>, now: Timestamp) -> Option<Arc<T>> {
        let hunt = {
            let mut state = self.0.state();
            let rested = state.hunted_at.is_none_or(|at| now >= at + HUNTING_PAUSE);
            if rested {
                state.hunted_at = Some(now);
                // A reading in this very second was before what it is asked for now.
                state.read_at = state.read_at.map(|at| at.min(now - Duration::from_secs(1)));
            }
            rested
        };
        if hunt {
            self.0.read_or_keep(now).await;
        } else {
            // Somebody may be asking already.
            drop(self.0.reading.lock().await);
        }
        let kept = self.0.state().kept.as_ref().map(|(_, kept)| Arc::clone(kept));
        kept.filter(|kept| !Arc::ptr_eq(kept, than))
    }
}

impl<T> Inner<T> {
    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn look(&self, now: Timestamp) -> (Option<Arc<T>>, Due) {
        let mut state = self.state();
        let Some((_, kept)) = &state.kept else { return (None, Due::Now) };
        let kept = Arc::clone(kept);
        let age = state.read_at.map_or(u64::MAX, |at| now.seconds_since(at));
        if age < FRESH.as_secs() || state.asked_at.is_some_and(|at| now < at + PAUSE) {
            return (Some(kept), Due::No);
        }
        state.asked_at = Some(now);
        (Some(kept), if age < STALE.as_secs() { Due::Soon } else { Due::Now })
    }

    /// Reads, or says in the log why what is kept has to do.
    async fn read_or_keep(&self, now: Timestamp) -> Option<Arc<T>> {
        match self.read(now).await {
            Ok(read) => Some(read),
            Err(error) => {
                let text = format_args!("Could not refresh the secret; using the cached version: {error}");
                log::failure("secret_kept", error.needs_an_operator(), text);
                None
            }
        }
    }

    async fn read(&self, now: Timestamp) -> Result<Arc<T>, SecretError> {
        // Others wait for this one's result and do not ask for themselves.
        let _reading = self.reading.lock().await;
        {
            let state = self.state();
            if let (Some((_, kept)), Some(at)) = (&state.kept, state.read_at)
                && at >= now
            {
                return Ok(Arc::clone(kept));
            }
        }
        let text = log::timed("GetSecretValue", self.fetch()).await?;
        let (version, read) = (self.parse)(&text)?;
        let mut state = self.state();
        state.read_at = Some(now);
        match &state.kept {
            Some((kept_version, kept)) if version < *kept_version => {
                let kept = Arc::clone(kept);
                tracing::warn!(event = "secret_older", "The secret is older than what was read before, which stays");
                Ok(kept)
            }
            _ => {
                let read = Arc::new(read);
                state.kept = Some((version, Arc::clone(&read)));
                Ok(read)
            }
        }
    }

    async fn fetch(&self) -> Result<Zeroizing<String>, SecretError> {
        // The SDK's future is large.
        let answer =
            Box::pin(self.client.get_secret_value().secret_id(&self.id).version_stage("AWSCURRENT").send()).await;
        // The SDK's error can hold the answer, and so the secret: only its kind is kept.
        let answer = answer.map_err(|error| match error {
            SdkError::ServiceError(error) => match error.err().code() {
                Some("ResourceNotFoundException") => SecretError::Empty,
                Some(code @ ("ThrottlingException" | "InternalServiceError" | "InternalFailure")) => {
                    SecretError::Unavailable(code.to_owned())
                }
                Some(code) => SecretError::Refused(code.to_owned()),
                None => SecretError::Unavailable("unnamed error".to_owned()),
            },
            SdkError::TimeoutError(_) => SecretError::Unavailable("timed out".to_owned()),
            SdkError::DispatchFailure(_) => SecretError::Unavailable("no connection".to_owned()),
            _ => SecretError::Unavailable("unreadable answer".to_owned()),
        })?;
        answer.secret_string.map(Zeroizing::new).ok_or(SecretError::Empty)
    }
}
