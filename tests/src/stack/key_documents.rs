//! The keys of a stack: rotation, and the documents in their table.

use local::keys;
use rotate_keys::{Event, Outcome, RotationError, document::Reason};
use shared::{
    function::Worker,
    keys::{DOCUMENT, Document},
};

use super::Stack;

impl Stack {
    /// Replaces the keys for this reason.
    ///
    /// # Panics
    ///
    /// If it fails.
    pub async fn rotate(&self, reason: Reason) {
        let replace = Event::Replace { keys: reason, attempt: rotate_keys::new_attempt() };
        self.rotate_with(replace).await.expect("rotate-keys rotates");
    }

    /// Runs rotate-keys with one event.
    ///
    /// # Errors
    ///
    /// The error of rotate-keys.
    pub async fn rotate_with(&self, event: Event) -> Result<Outcome, RotationError> {
        self.rotate_keys.handle(event).await
    }

    /// Reads a key document without the IAM checks.
    ///
    /// # Panics
    ///
    /// If DynamoDB fails.
    pub async fn key_document(&self, document: Document) -> Option<String> {
        let item = keys::item(&self.database, &self.template.keys.name, document).await.expect("DynamoDB reads");
        item?.get(DOCUMENT)?.as_s().ok().cloned()
    }

    /// Overwrites a key document without the IAM checks.
    ///
    /// # Panics
    ///
    /// If DynamoDB fails.
    pub async fn overwrite_keys(&self, document: Document, text: &str) {
        keys::overwrite(&self.database, &self.template.keys.name, document, text).await.expect("DynamoDB puts");
    }

    /// Deletes a key document without the IAM checks.
    ///
    /// # Panics
    ///
    /// If DynamoDB fails.
    pub async fn delete_keys(&self, document: Document) {
        keys::delete(&self.database, &self.template.keys.name, document).await.expect("DynamoDB deletes");
    }
}
