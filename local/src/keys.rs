//! The functions' keys in a local DynamoDB. rotate-keys creates and rotates them, as in the cloud.

use std::{collections::BTreeMap, sync::Arc};

use aws_sdk_dynamodb::{Client, error::DisplayErrorContext, types::AttributeValue};
use rotate_keys::{Event, RotateKeys};
use shared::{
    clock::Clock,
    config::ConfigError,
    keys::{DOCUMENT, Document},
};

use crate::{assemble, table::Item, template::Template};

/// The function rotate-keys, configured as in the template.
///
/// # Errors
///
/// [`ConfigError`] if the template does not set all that the function needs.
pub fn rotate_keys(
    template: &Template,
    local: &BTreeMap<String, String>,
    clock: &Arc<dyn Clock>,
) -> Result<RotateKeys, ConfigError> {
    assemble::worker(template, local, clock)
}

/// The event that stores Kakao's secrets.
#[must_use]
pub fn put_kakao(client_secret: &str, admin_key: &str) -> Event {
    Event::PutKakaoSecrets { client_secret: client_secret.into(), admin_key: admin_key.into() }
}

/// The item of a document. `client` connects to DynamoDB directly, without IAM.
///
/// # Errors
///
/// DynamoDB's error.
pub async fn item(client: &Client, table: &str, document: Document) -> Result<Option<Item>, String> {
    let get = client.get_item().table_name(table).set_key(Some(document.key())).consistent_read(true).send().await;
    get.map(|found| found.item).map_err(|error| DisplayErrorContext(error).to_string())
}

/// Overwrites a document with any text, which no function does. `client` connects to DynamoDB directly, without IAM.
///
/// # Errors
///
/// DynamoDB's error.
pub async fn overwrite(client: &Client, table: &str, document: Document, text: &str) -> Result<(), String> {
    let put = client.put_item().table_name(table).set_item(Some(document.key()));
    let put = put.item(DOCUMENT, AttributeValue::S(text.to_owned())).send().await;
    put.map(drop).map_err(|error| DisplayErrorContext(error).to_string())
}

/// Deletes a document, which no function does. `client` connects to DynamoDB directly, without IAM.
///
/// # Errors
///
/// DynamoDB's error.
pub async fn delete(client: &Client, table: &str, document: Document) -> Result<(), String> {
    let delete = client.delete_item().table_name(table).set_key(Some(document.key())).send().await;
    delete.map(drop).map_err(|error| DisplayErrorContext(error).to_string())
}
