//! A table of its own for each test, through the store and directly.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::{
    Client,
    types::{AttributeValue, DeleteRequest, KeysAndAttributes, PutRequest, WriteRequest},
};
use dynoxide::Database;
use local::{
    assemble,
    table::{self, Item},
};
use shared::{clock::Timestamp, store::Store};
use tests::fault_proxy::FaultProxy;
use tokio::{net::TcpListener, task::JoinHandle};

pub(super) struct Table {
    pub(super) store: Store,
    /// Between the store and DynamoDB. Puts and gets of a test go past it.
    pub(super) proxy: FaultProxy,
    client: Client,
    name: String,
    server: JoinHandle<()>,
}

impl Table {
    pub(super) async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let database = Database::memory().unwrap();
        let server = tokio::spawn(dynoxide::server::serve_on(listener, database));
        let declared = assemble::template(&BTreeMap::new()).unwrap().table;
        let client = table::client(&url);
        table::create(&client, &declared).await.unwrap();
        let proxy = FaultProxy::start(&url).await.unwrap();
        let store = Store::new(table::client(proxy.url()), declared.name.clone());
        Self { store, proxy, client, name: declared.name, server }
    }

    /// Makes these items what the table has under these keys.
    pub(super) async fn set(&self, items: &[(Item, Option<Item>)]) {
        for some in items.chunks(25) {
            let writes = some.iter().map(|(key, item)| match item {
                Some(item) => WriteRequest::builder()
                    .put_request(PutRequest::builder().set_item(Some(item.clone())).build().unwrap())
                    .build(),
                None => WriteRequest::builder()
                    .delete_request(DeleteRequest::builder().set_key(Some(key.clone())).build().unwrap())
                    .build(),
            });
            let write = self.client.batch_write_item().request_items(&self.name, writes.collect());
            write.send().await.unwrap();
        }
    }

    /// The items under these keys, in this order.
    pub(super) async fn get_all(&self, keys: &[Item]) -> Vec<Option<Item>> {
        let mut found = Vec::new();
        for some in keys.chunks(100) {
            let request = KeysAndAttributes::builder().set_keys(Some(some.to_vec())).consistent_read(true);
            let get = self.client.batch_get_item().request_items(&self.name, request.build().unwrap());
            found.extend(get.send().await.unwrap().responses.unwrap().remove(&self.name).unwrap_or_default());
        }
        let is_at = |item: &Item, key: &Item| key.iter().all(|(name, value)| item.get(name) == Some(value));
        keys.iter().map(|key| found.iter().find(|item| is_at(item, key)).cloned()).collect()
    }

    pub(super) async fn get<const N: usize>(&self, keys: [&Item; N]) -> [Option<Item>; N] {
        self.get_all(&keys.map(Clone::clone)).await.try_into().unwrap()
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        self.server.abort();
    }
}

pub(super) fn text(value: &(impl ToString + ?Sized)) -> AttributeValue {
    AttributeValue::S(value.to_string())
}

pub(super) fn number(value: i64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

pub(super) fn time(moment: Timestamp) -> AttributeValue {
    number(moment.unix_seconds())
}

pub(super) fn key(pk: &str, sk: &str) -> Item {
    with(Item::new(), [("pk", Some(text(pk))), ("sk", Some(text(sk)))])
}

/// This item with the attributes that have a value.
pub(super) fn with<const N: usize>(mut item: Item, attributes: [(&str, Option<AttributeValue>); N]) -> Item {
    item.extend(attributes.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
    item
}

/// This item without these attributes.
pub(super) fn without<const N: usize>(mut item: Item, names: [&str; N]) -> Item {
    item.retain(|name, _| !names.contains(&name.as_str()));
    item
}
