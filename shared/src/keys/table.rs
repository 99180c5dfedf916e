//! The `Keys` table: one document of keys for each kind of reader.
//!
//! | `name` | holds | readers |
//! |---|---|---|
//! | `ISSUING` | private signing keys, refresh-token keys, the pseudonym key | kakao-login, refresh |
//! | `VERIFYING` | what verifies access tokens | profile, verify, jwks |
//! | `LOGOUT` | refresh-token keys | logout |
//! | `KAKAO` | Kakao's client secret and admin key | kakao-login |
//! | `DJANGO` | the key of Django's tokens, while they are exchanged | kakao-login, refresh, logout |
//! | `MARKER` | nothing: it shows that keys have been made here | |
//!
//! Each item also has `version` (a number) and `attempt` (the id of the write that made it). Only rotate-keys writes. All reads are
//! strongly consistent. The SDK's types print their values in `Debug`, so no item of this table is ever formatted.

use std::collections::HashMap;

use aws_sdk_dynamodb::{
    Client,
    types::{AttributeValue, KeysAndAttributes},
};
use zeroize::Zeroizing;

use crate::{aws::dynamodb, log};

/// The partition key's name.
pub const NAME: &str = "name";
/// The attribute with the document's JSON.
pub const DOCUMENT: &str = "document";

/// An item of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Document {
    /// The key ring: what rotations work on and what issues tokens.
    Issuing,
    /// The public halves of the signing keys (and symmetric keys), with the pseudonym key.
    Verifying,
    /// The refresh-token keys, with the pseudonym key.
    Logout,
    /// Kakao's client secret and admin key.
    Kakao,
    /// The key with which Django signed its refresh tokens.
    Django,
    /// Shows that keys have been made, even after the other documents were deleted.
    Marker,
}

impl Document {
    /// The value of its partition key.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Issuing => "ISSUING",
            Self::Verifying => "VERIFYING",
            Self::Logout => "LOGOUT",
            Self::Kakao => "KAKAO",
            Self::Django => "DJANGO",
            Self::Marker => "MARKER",
        }
    }

    /// The item's key.
    #[must_use]
    pub fn key(self) -> HashMap<String, AttributeValue> {
        HashMap::from([(NAME.to_owned(), AttributeValue::S(self.name().to_owned()))])
    }
}

/// Why the keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// DynamoDB is slow, throttled or down.
    #[error("the Keys table is unavailable: {0}")]
    Unavailable(String),
    /// DynamoDB refuses the request: the function's role, the table's policy or its name is wrong.
    #[error("the Keys table refuses to be read: {0}")]
    Refused(String),
    /// The document does not exist: rotate-keys has not run yet, or nobody has stored Kakao's secrets or Django's key yet.
    #[error("the document is not in the Keys table")]
    Empty,
    /// The document is unusable. The text says why and has no part of it.
    #[error("the document in the Keys table is unreadable: {0}")]
    Unreadable(String),
}

impl SecretError {
    /// The error for a request that failed with this code of DynamoDB's. An operator must act if a role, a name or a policy is
    /// wrong; everything else passes by itself.
    #[must_use]
    pub fn from_reason(reason: &str) -> Self {
        let refused = [
            "AccessDeniedException",
            "UnrecognizedClientException",
            "ResourceNotFoundException",
            "ValidationException",
        ];
        if refused.contains(&reason) || reason.starts_with("KMS") {
            Self::Refused(reason.to_owned())
        } else {
            Self::Unavailable(reason.to_owned())
        }
    }

    /// Whether an operator must act, as this does not pass by itself.
    #[must_use]
    pub const fn needs_an_operator(&self) -> bool {
        match self {
            Self::Unavailable(_) => false,
            Self::Refused(_) | Self::Empty | Self::Unreadable(_) => true,
        }
    }
}

/// Reads the table.
#[derive(Clone, Debug)]
pub struct KeyTable {
    client: Client,
    table: String,
}

/// The JSON of the documents that were found, by their names.
#[derive(Default)]
pub struct Documents(HashMap<String, Zeroizing<String>>);

impl Documents {
    /// A document's JSON.
    ///
    /// # Errors
    ///
    /// [`SecretError::Empty`] if it is not there.
    pub fn get(&self, document: Document) -> Result<&str, SecretError> {
        self.0.get(document.name()).map(|text| text.as_str()).ok_or(SecretError::Empty)
    }
}

impl KeyTable {
    /// The table with this name.
    #[must_use]
    pub const fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    /// The client, for the table's writer.
    #[must_use]
    pub const fn client(&self) -> &Client {
        &self.client
    }

    /// The table's name, for its writer.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.table
    }

    /// Reads these documents in one request. Documents that do not exist are left out.
    ///
    /// # Errors
    ///
    /// [`SecretError::Unavailable`] and [`SecretError::Refused`].
    pub async fn read(&self, documents: &[Document]) -> Result<Documents, SecretError> {
        // The SDK's futures are large.
        match documents {
            [one] => Box::pin(log::timed("GetItem", self.get(*one))).await,
            several => Box::pin(log::timed("BatchGetItem", self.get_all(several))).await,
        }
    }

    async fn get(&self, document: Document) -> Result<Documents, SecretError> {
        let get = self.client.get_item().table_name(&self.table).set_key(Some(document.key())).consistent_read(true);
        let found = get.send().await.map_err(|error| SecretError::from_reason(dynamodb::reason(&error)))?;
        Ok(documents(found.item))
    }

    async fn get_all(&self, all: &[Document]) -> Result<Documents, SecretError> {
        let keys = all.iter().map(|document| document.key()).collect();
        let keys = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(true).build();
        let keys = keys.map_err(|_| SecretError::Unavailable("request not built".to_owned()))?;
        let found = self.client.batch_get_item().request_items(&self.table, keys).send().await;
        let found = found.map_err(|error| SecretError::from_reason(dynamodb::reason(&error)))?;
        if found.unprocessed_keys.is_some_and(|unread| !unread.is_empty()) {
            return Err(SecretError::Unavailable("left keys unprocessed".to_owned()));
        }
        Ok(documents(found.responses.unwrap_or_default().remove(&self.table).unwrap_or_default()))
    }
}

fn documents(items: impl IntoIterator<Item = HashMap<String, AttributeValue>>) -> Documents {
    let text = |item: &mut HashMap<String, AttributeValue>, attribute| match item.remove(attribute) {
        Some(AttributeValue::S(text)) => Some(text),
        _ => None,
    };
    let documents = items.into_iter().filter_map(|mut item| {
        let name = text(&mut item, NAME)?;
        Some((name, Zeroizing::new(text(&mut item, DOCUMENT)?)))
    });
    Documents(documents.collect())
}
