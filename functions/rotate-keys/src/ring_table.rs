//! Writing to the `Keys` table. A rotation is one transaction over all documents of the ring.

use aws_sdk_dynamodb::{
    operation::transact_write_items::TransactWriteItemsError,
    types::{AttributeValue, Put, TransactWriteItem},
};
use shared::{
    aws::dynamodb,
    keys::{DOCUMENT, Document, KeyTable, NAME, SecretError},
};
use zeroize::Zeroizing;

use crate::{document::KeyRing, error::RotationError};

/// The ring in the table, and the id of the write that put it there.
pub(crate) struct Stored {
    pub ring: KeyRing,
    pub attempt: String,
}

/// What is in the table.
pub(crate) enum Found {
    /// A ring.
    Ring(Box<Stored>),
    /// Nothing: no keys were ever made here.
    Nothing,
    /// No ring, although keys were made here: somebody deleted it.
    Lost,
}

/// The result of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Written {
    /// It is done.
    Done,
    /// Another write came first, or at the same time. Nothing was written.
    Conflict,
    /// DynamoDB did not say. The write may be done, now or later, as long as its signature is valid.
    Unknown,
}

/// The condition of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum On {
    /// There are no keys, and never were.
    NoKeys,
    /// The ring still has the version that the new one follows.
    SameRing,
    /// There is no ring. The other documents are overwritten.
    NoRing,
}

/// Reads what a rotation needs to know.
pub(crate) async fn find(table: &KeyTable) -> Result<Found, RotationError> {
    let get = table.client().get_item().table_name(table.name()).consistent_read(true);
    let found = get.set_key(Some(Document::Issuing.key())).send().await;
    let found = found.map_err(|error| SecretError::from_reason(dynamodb::reason(&error)))?;
    if let Some(mut item) = found.item {
        let Some(AttributeValue::S(text)) = item.remove(DOCUMENT) else {
            return Err(RotationError::NotARing);
        };
        let ring = serde_json::from_str(&Zeroizing::new(text))?;
        let attempt = item.get("attempt").and_then(|value| value.as_s().ok()).cloned().unwrap_or_default();
        return Ok(Found::Ring(Box::new(Stored { ring, attempt })));
    }
    for document in [Document::Verifying, Document::Logout, Document::Marker] {
        let get = table.client().get_item().table_name(table.name()).consistent_read(true);
        let found =
            get.set_key(Some(document.key())).projection_expression("#name").expression_attribute_names("#name", NAME);
        let found = found.send().await.map_err(|error| SecretError::from_reason(dynamodb::reason(&error)))?;
        if found.item.is_some() {
            return Ok(Found::Lost);
        }
    }
    Ok(Found::Nothing)
}

/// Writes a ring and its derived documents, all or nothing.
pub(crate) async fn write(table: &KeyTable, ring: &KeyRing, attempt: &str, on: On) -> Result<Written, RotationError> {
    let documents = [
        (Document::Issuing, Zeroizing::new(serde_json::to_string(ring)?)),
        (Document::Verifying, ring.verification_keys()?),
        (Document::Logout, ring.logout_keys()?),
        (Document::Marker, Zeroizing::new("{}".to_owned())),
    ];
    let mut transaction = table.client().transact_write_items();
    for (document, text) in &documents {
        let put = Put::builder()
            .table_name(table.name())
            .set_item(Some(document.key()))
            .item(DOCUMENT, AttributeValue::S(text.to_string()))
            .item("version", AttributeValue::N(ring.version.to_string()))
            .item("attempt", AttributeValue::S(attempt.to_owned()));
        let put = match (on, document) {
            (On::NoKeys, _) | (On::NoRing, Document::Issuing) => {
                put.condition_expression("attribute_not_exists(#name)").expression_attribute_names("#name", NAME)
            }
            (On::SameRing, Document::Issuing) => put
                .condition_expression("version = :follows")
                .expression_attribute_values(":follows", AttributeValue::N(ring.follows.to_string())),
            (On::SameRing | On::NoRing, _) => put,
        };
        let put = put.build().map_err(|_| RotationError::NotARing)?;
        transaction = transaction.transact_items(TransactWriteItem::builder().put(put).build());
    }
    let Err(error) = transaction.send().await else { return Ok(Written::Done) };
    if let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) = error.as_service_error() {
        // The SDK does not retry these. The reasons are in the order of the writes, without items.
        let codes: Vec<&str> = cancelled.cancellation_reasons().iter().filter_map(|reason| reason.code()).collect();
        let is_conflict = |code: &&str| ["ConditionalCheckFailed", "TransactionConflict"].contains(code);
        if codes.iter().any(is_conflict) {
            return Ok(Written::Conflict);
        }
        return Err(SecretError::from_reason(
            codes.iter().find(|code| **code != "None").copied().unwrap_or("cancelled"),
        )
        .into());
    }
    match SecretError::from_reason(dynamodb::reason(&error)) {
        SecretError::Unavailable(_) => Ok(Written::Unknown),
        refused => Err(refused.into()),
    }
}

/// Writes a document that an operator stores, and replaces an existing one.
pub(crate) async fn put(table: &KeyTable, document: Document, json: &str) -> Result<(), RotationError> {
    let put = table.client().put_item().table_name(table.name()).set_item(Some(document.key()));
    let put = put.item(DOCUMENT, AttributeValue::S(json.to_owned())).send().await;
    put.map(drop).map_err(|error| SecretError::from_reason(dynamodb::reason(&error)).into())
}
