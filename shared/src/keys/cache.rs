//! A cache of one document of the `Keys` table. A function reads it at start and refreshes it while it handles requests.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::{Document, Documents, KeyTable, SecretError};
use crate::{clock::Timestamp, log};

/// A document of this age is refreshed in the background: the request does not wait.
pub const FRESH: Duration = Duration::from_mins(5);
/// A document of this age, for example after the function was frozen, is refreshed before the request goes on. So no function uses a
/// leaked key for longer than this after its replacement.
pub const STALE: Duration = Duration::from_mins(10);
/// The shortest time between two tries while reading fails.
const PAUSE: Duration = Duration::from_secs(30);
/// The shortest time between two reads that are made because of a token of an unknown key.
const HUNTING_PAUSE: Duration = Duration::from_mins(1);

/// A parsed document with the number of its version. The number is 0 for documents without versions.
pub type Parsed<T> = Result<(u64, T), SecretError>;

/// Caches one document. While reading fails, the cached version is used.
pub struct SecretCache<T>(Arc<Inner<T>>);

struct Inner<T> {
    table: KeyTable,
    document: Document,
    parse: Box<Parse<T>>,
    state: Mutex<State<T>>,
    reading: tokio::sync::Mutex<()>,
}

type Parse<T> = dyn Fn(&str) -> Parsed<T> + Send + Sync;

struct State<T> {
    kept: Option<(u64, Arc<T>)>,
    /// When the read of `kept` was started. If the function was frozen during the read, the response is as old as the request.
    read_at: Option<Timestamp>,
    asked_at: Option<Timestamp>,
    hunted_at: Option<Timestamp>,
}

enum Due {
    No,
    Soon,
    Now,
}

impl<T> fmt::Debug for SecretCache<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SecretCache").field(&self.0.document).finish()
    }
}

impl<T: Send + Sync + 'static> SecretCache<T> {
    /// A cache that reads the document when it is first used.
    pub fn new(table: KeyTable, document: Document, parse: impl Fn(&str) -> Parsed<T> + Send + Sync + 'static) -> Self {
        let state = Mutex::new(State { kept: None, read_at: None, asked_at: None, hunted_at: None });
        Self(Arc::new(Inner { table, document, parse: Box::new(parse), state, reading: tokio::sync::Mutex::default() }))
    }

    /// Fills the cache with a document that was read at this time, so that one request can fill several caches.
    ///
    /// # Errors
    ///
    /// [`SecretError::Empty`] and [`SecretError::Unreadable`].
    pub fn keep(&self, documents: &Documents, now: Timestamp) -> Result<(), SecretError> {
        self.0.keep(documents, now).map(drop)
    }

    /// The document. The caller waits only for the first read and for a read after a long pause.
    ///
    /// # Errors
    ///
    /// [`SecretError`] if nothing is cached and the document cannot be read.
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

    /// Tries the cached keys. If the presented token is unknown to them, reads the document again and tries newer keys, if there are
    /// any. That costs at most one read a minute, whatever is presented.
    ///
    /// It matters after a leaked key was replaced: another function may already use a key that is not cached here yet.
    ///
    /// # Errors
    ///
    /// [`SecretError`] if no version is cached and none can be read, like [`SecretCache::at`].
    pub async fn find<R>(
        &self,
        now: Timestamp,
        look: impl Fn(&T) -> R,
        is_unknown: impl Fn(&R) -> bool,
    ) -> Result<(R, Arc<T>), SecretError> {
        let known = self.at(now).await?;
        let found = look(&known);
        if is_unknown(&found)
            && let Some(newer) = self.newer(&known, now).await
        {
            return Ok((look(&newer), newer));
        }
        Ok((found, known))
    }

    async fn newer(&self, than: &Arc<T>, now: Timestamp) -> Option<Arc<T>> {
        let hunt = {
            let mut state = self.0.state();
            let rested = state.hunted_at.is_none_or(|at| now >= at + HUNTING_PAUSE);
            if rested {
                state.hunted_at = Some(now);
                // A read of this second may have come before the key. Count it as older.
                state.read_at = state.read_at.map(|at| at.min(now - Duration::from_secs(1)));
            }
            rested
        };
        if hunt {
            self.0.read_or_keep(now).await;
        } else {
            // Another request may be reading already: wait for its result.
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

    /// Reads the document. If that fails, logs that the cached version is used.
    async fn read_or_keep(&self, now: Timestamp) -> Option<Arc<T>> {
        match self.read(now).await {
            Ok(read) => Some(read),
            Err(error) => {
                let text = format_args!("Could not read the keys again; using the cached version: {error}");
                log::failure("keys_cached", error.needs_an_operator(), text);
                None
            }
        }
    }

    async fn read(&self, now: Timestamp) -> Result<Arc<T>, SecretError> {
        // Other requests wait for the result of this read and do not make their own.
        let _reading = self.reading.lock().await;
        {
            let state = self.state();
            if let (Some((_, kept)), Some(at)) = (&state.kept, state.read_at)
                && at >= now
            {
                return Ok(Arc::clone(kept));
            }
        }
        let documents = self.table.read(&[self.document]).await?;
        self.keep(&documents, now)
    }

    fn keep(&self, documents: &Documents, now: Timestamp) -> Result<Arc<T>, SecretError> {
        let (version, read) = (self.parse)(documents.get(self.document)?)?;
        let mut state = self.state();
        state.read_at = Some(now);
        match &state.kept {
            // Reads are strongly consistent, so the table was restored, or somebody made a mistake.
            Some((kept_version, kept)) if version < *kept_version => {
                let kept = Arc::clone(kept);
                tracing::warn!(
                    event = "keys_older",
                    "The Keys table has an older version than the cached one, which is used"
                );
                Ok(kept)
            }
            _ => {
                let read = Arc::new(read);
                state.kept = Some((version, Arc::clone(&read)));
                Ok(read)
            }
        }
    }
}
