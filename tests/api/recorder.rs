//! Records the log of this process, for tests that search it.

use std::{
    io,
    sync::{Arc, Mutex, Once},
};

use serde_json::Value;
use tests::client::Response;

/// Everything that this process logs.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    /// The log is one for the whole process, as its subscriber is.
    pub(crate) fn start() -> Self {
        static STARTED: Once = Once::new();
        static LOG: Mutex<Option<Log>> = Mutex::new(None);
        STARTED.call_once(|| {
            let log = Self::default();
            *LOG.lock().unwrap() = Some(log.clone());
            let subscriber = shared::log::subscriber(move || log.clone(), &["dynoxide"]);
            tracing::subscriber::set_global_default(subscriber).unwrap();
        });
        LOG.lock().unwrap().clone().unwrap()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

/// The lines of the log with this text.
pub(crate) fn lines_with(log: &Log, text: &str) -> Vec<Value> {
    let lines = log.text().lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).collect::<Vec<_>>();
    lines.into_iter().filter(|line| line.to_string().contains(text)).collect()
}

/// The log line of the request with this response.
pub(crate) fn line_of(log: &Log, response: &Response) -> Value {
    let id = response.headers["apigw-requestid"].to_str().unwrap();
    let text = log.text();
    serde_json::from_str(text.lines().find(|line| line.contains(id)).unwrap()).unwrap()
}
