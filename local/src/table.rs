//! Creates and reads the template's tables in any DynamoDB.

use std::fmt::Display;

use aws_sdk_dynamodb::{
    Client,
    config::{BehaviorVersion, Credentials, Region},
    error::DisplayErrorContext,
    operation::create_table::CreateTableError,
    types::{
        AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
        StreamSpecification, StreamViewType, TimeToLiveSpecification,
    },
};
use shared::aws::https_client;

use crate::{iam::ADMINISTRATOR, template::Table};

/// An item as the AWS SDK represents it.
pub type Item = std::collections::HashMap<String, AttributeValue>;

/// A client with the administrator's access key, for a DynamoDB without TLS.
#[must_use]
pub fn client(url: &str) -> Client {
    client_as(ADMINISTRATOR, url)
}

/// A client with this access key, for a DynamoDB without TLS.
#[must_use]
pub fn client_as(access_key: &str, url: &str) -> Client {
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("ap-northeast-2"))
        .credentials_provider(Credentials::new(access_key, "local", None, None, "local stack"))
        .http_client(https_client(None, 1))
        .endpoint_url(url);
    Client::from_conf(config.build())
}

/// Creates the table unless it exists.
///
/// # Errors
///
/// DynamoDB's error.
pub async fn create(client: &Client, table: &Table) -> Result<(), String> {
    let attribute =
        |name: &str| AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S).build();
    let key = |name: &str, kind| KeySchemaElement::builder().attribute_name(name).key_type(kind).build();
    let hash = (table.partition_key.as_str(), KeyType::Hash);
    let range = table.sort_key.as_deref().map(|name| (name, KeyType::Range));
    let names: Vec<_> = [hash].into_iter().chain(range).collect();
    let created = client
        .create_table()
        .table_name(&table.name)
        .billing_mode(BillingMode::PayPerRequest)
        .set_attribute_definitions(Some(all(names.iter().map(|(name, _)| attribute(name)))?))
        .set_key_schema(Some(all(names.iter().map(|(name, kind)| key(name, kind.clone())))?))
        .set_stream_specification(stream(table)?)
        .send()
        .await;
    match created {
        Ok(_) => {}
        Err(error) if error.as_service_error().is_some_and(CreateTableError::is_resource_in_use_exception) => {
            return add_stream(client, table).await;
        }
        Err(error) => return Err(DisplayErrorContext(error).to_string()),
    }
    let Some(attribute) = &table.ttl_attribute else { return Ok(()) };
    let ttl = TimeToLiveSpecification::builder().attribute_name(attribute).enabled(true).build();
    let ttl = ttl.map_err(|error| error.to_string())?;
    let enabled = client.update_time_to_live().table_name(&table.name).time_to_live_specification(ttl).send().await;
    enabled.map(drop).map_err(|error| DisplayErrorContext(error).to_string())
}

/// With the items before and after each write.
fn stream(table: &Table) -> Result<Option<StreamSpecification>, String> {
    let view = StreamViewType::NewAndOldImages;
    let stream = || StreamSpecification::builder().stream_enabled(true).stream_view_type(view).build();
    table.has_stream.then(stream).transpose().map_err(|error| error.to_string())
}

/// Gives a table a stream that was made without one.
async fn add_stream(client: &Client, table: &Table) -> Result<(), String> {
    let Some(stream) = stream(table)? else { return Ok(()) };
    let found = client.describe_table().table_name(&table.name).send().await;
    let found = found.map_err(|error| DisplayErrorContext(error).to_string())?.table;
    if found.is_some_and(|found| found.stream_specification.is_some_and(|stream| stream.stream_enabled)) {
        return Ok(());
    }
    let added = client.update_table().table_name(&table.name).stream_specification(stream).send().await;
    added.map(drop).map_err(|error| DisplayErrorContext(error).to_string())
}

fn all<T, E: Display>(parts: impl Iterator<Item = Result<T, E>>) -> Result<Vec<T>, String> {
    parts.collect::<Result<_, _>>().map_err(|error| error.to_string())
}

/// Every item, in no particular order.
///
/// # Errors
///
/// DynamoDB's error.
pub async fn dump(client: &Client, table: &str) -> Result<Vec<Item>, String> {
    let pages = client.scan().table_name(table).consistent_read(true).into_paginator().items().send();
    pages.collect::<Result<Vec<_>, _>>().await.map_err(|error| DisplayErrorContext(error).to_string())
}
