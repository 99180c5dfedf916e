//! The main table of a stack, for tests that look at its items or replace them.

use local::table::{self, Item};

use super::Stack;

impl Stack {
    /// All items of the table, in a fixed order.
    ///
    /// # Panics
    ///
    /// If DynamoDB fails.
    pub async fn dump(&self) -> Vec<Item> {
        let mut items = table::dump(&self.dynamodb, &self.template.table.name).await.expect("DynamoDB scans");
        items.sort_by_key(|item| format!("{:?} {:?}", item.get("pk"), item.get("sk")));
        items
    }

    /// All items, without how often each session was answered.
    pub async fn dump_without_answers(&self) -> Vec<Item> {
        let mut items = self.dump().await;
        for item in &mut items {
            item.retain(|name, _| !["answers", "answers_minute"].contains(&name.as_str()));
        }
        items
    }

    /// Counts the items whose partition key or sort key has this prefix.
    pub async fn count(&self, prefix: &str) -> usize {
        let begins = |item: &Item, key| {
            let key = item.get(key).and_then(|key| key.as_s().ok());
            key.is_some_and(|key| key.starts_with(prefix))
        };
        self.dump().await.iter().filter(|item| begins(item, "pk") || begins(item, "sk")).count()
    }

    /// Empties the table.
    ///
    /// # Panics
    ///
    /// If DynamoDB fails.
    pub async fn clear(&self) {
        for item in self.dump().await {
            let key = ["pk", "sk"].map(|name| (name.to_owned(), item[name].clone())).into();
            let delete = self.dynamodb.delete_item().table_name(&self.template.table.name).set_key(Some(key)).send();
            delete.await.expect("DynamoDB deletes");
        }
    }

    /// Writes these items back into the table.
    ///
    /// # Panics
    ///
    /// If DynamoDB fails.
    pub async fn restore(&self, items: &[Item]) {
        for item in items {
            let put =
                self.dynamodb.put_item().table_name(&self.template.table.name).set_item(Some(item.clone())).send();
            put.await.expect("DynamoDB puts");
        }
    }
}
