//! The log: one line of JSON for each request, with no token, code, cookie, header, body, email or nickname in it.

use std::{cell::RefCell, fmt::Write, time::Instant};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use ring::hmac;
use tracing::{Level, Subscriber};
use tracing_subscriber::{
    filter::{LevelFilter, Targets},
    fmt::MakeWriter,
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

use crate::id::{SessionId, UserId};

/// Makes pseudonyms: the log tells sessions of one user apart without saying which user it is.
#[derive(Debug)]
pub struct Pseudonyms(hmac::Key);

/// What the handling of one request adds to its line.
#[derive(Debug, Default)]
pub struct Notes {
    /// What happened, in a word.
    pub outcome: &'static str,
    /// The user's pseudonym.
    pub user: String,
    /// The session's pseudonym.
    pub session: String,
    /// Each outside call with its milliseconds, such as `UpdateItem=4 user_me=120`.
    pub calls: String,
}

tokio::task_local! {
    static NOTES: RefCell<Notes>;
}

impl Pseudonyms {
    /// From a key of 32 bytes in base64url.
    ///
    /// # Errors
    ///
    /// What is wrong, if it is anything else.
    pub fn from_base64url(key: &str) -> Result<Self, String> {
        let key = BASE64_URL_SAFE_NO_PAD.decode(key).map_err(|_| "not base64url".to_owned())?;
        if key.len() == 32 {
            Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, &key)))
        } else {
            Err(format!("{} bytes, not 32", key.len()))
        }
    }

    /// Notes whose request this is.
    pub fn note(&self, user: UserId, session: SessionId) {
        let (user, session) = (self.of(user.as_bytes()), self.of(session.as_bytes()));
        change(|notes| (notes.user, notes.session) = (user, session));
    }

    fn of(&self, id: &[u8]) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(&hmac::sign(&self.0, id).as_ref()[..9])
    }
}

/// Notes what happened, in a word.
pub fn outcome(outcome: &'static str) {
    change(|notes| notes.outcome = outcome);
}

/// Awaits an outside call and notes how long it took.
pub async fn timed<F: Future>(name: &'static str, call: F) -> F::Output {
    let started = Instant::now();
    let output = call.await;
    let elapsed = started.elapsed().as_millis();
    change(|notes| {
        let separator = if notes.calls.is_empty() { "" } else { " " };
        // Writing to a String cannot fail.
        let _ = write!(notes.calls, "{separator}{name}={elapsed}");
    });
    output
}

/// Runs the handling of one request and gives back what it noted.
pub(crate) async fn noting<F: Future>(handling: F) -> (F::Output, Notes) {
    NOTES
        .scope(RefCell::default(), async {
            let output = handling.await;
            (output, NOTES.with(RefCell::take))
        })
        .await
}

fn change(add: impl FnOnce(&mut Notes)) {
    // Outside of a request, as in a test of one module, there is no line to add to.
    let _ = NOTES.try_with(|notes| add(&mut notes.borrow_mut()));
}

/// Sends the log to standard output. What the modules `quiet` say is left out.
pub fn start(quiet: &[&str]) {
    // A second start in one process keeps the first one's log.
    let _ = subscriber(std::io::stdout, quiet).try_init();
}

/// The log as JSON. Libraries may warn; at finer levels some of them print headers and bodies.
pub fn subscriber<W>(writer: W, quiet: &[&str]) -> impl Subscriber + Send + Sync + 'static
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let mut levels = Targets::new().with_default(Level::WARN).with_target("shared", Level::INFO);
    levels.extend(quiet.iter().map(|module| ((*module).to_owned(), LevelFilter::OFF)));
    let json = tracing_subscriber::fmt::layer().json().flatten_event(true).with_current_span(false).with_target(false);
    tracing_subscriber::registry().with(levels).with(json.with_writer(writer))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn notes_belong_to_their_own_request() {
        let request = async |name| {
            outcome(name);
            timed("GetItem", tokio::task::yield_now()).await;
            timed("PutItem", tokio::task::yield_now()).await;
        };
        let (((), one), ((), two)) = tokio::join!(noting(request("one")), noting(request("two")));
        assert_eq!((one.outcome, two.outcome), ("one", "two"));
        assert!(one.calls.starts_with("GetItem=") && one.calls.contains(" PutItem="), "{}", one.calls);
    }

    #[test]
    fn a_pseudonym_depends_on_the_key_and_hides_the_id() {
        let user = UserId::generate();
        let one = Pseudonyms::from_base64url("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA").unwrap();
        let two = Pseudonyms::from_base64url("AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE").unwrap();
        assert_eq!(one.of(user.as_bytes()), one.of(user.as_bytes()));
        assert_ne!(one.of(user.as_bytes()), two.of(user.as_bytes()));
        assert!(!user.to_string().contains(&one.of(user.as_bytes())));
        assert!(Pseudonyms::from_base64url("AAAA").is_err());
    }
}
