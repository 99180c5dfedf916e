//! Records of the table's stream, and what Lambda is told about them.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html>

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use shared::store::{ProfileImage, StoreError};

use crate::change::{self, UserEvent};

/// A batch of records of one shard, in the order in which they were written.
#[derive(Debug, Deserialize)]
pub struct Batch {
    #[serde(rename = "Records")]
    pub(crate) records: Vec<Record>,
}

/// The write of an item.
#[derive(Debug, Deserialize)]
pub(crate) struct Record {
    pub(crate) dynamodb: Write,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Write {
    pub(crate) sequence_number: String,
    keys: Map<String, Value>,
    old_image: Option<Map<String, Value>>,
    new_image: Option<Map<String, Value>>,
}

/// Which records Lambda has to send again: from the first one on, as its record is the last that is not done.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Unfinished {
    pub(crate) batch_item_failures: Vec<Failed>,
}

/// The sequence number of a record.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Failed {
    pub(crate) item_identifier: String,
}

impl Write {
    /// What the write means to other services.
    ///
    /// # Errors
    ///
    /// [`StoreError::Corrupt`] if the item is not a profile that can be read.
    pub(crate) fn event(&self) -> Result<Option<UserEvent>, StoreError> {
        let user = ProfileImage::user_of(&self.keys)?;
        let read = |image: &Option<Map<String, Value>>| match image {
            Some(image) => ProfileImage::read(user, image),
            None => Ok(None),
        };
        Ok(change::event(read(&self.old_image)?.as_ref(), read(&self.new_image)?.as_ref()))
    }
}

impl Unfinished {
    /// All records are done, or those before this one.
    pub(crate) fn from(first: Option<&Record>) -> Self {
        let failed = first.map(|record| Failed { item_identifier: record.dynamodb.sequence_number.clone() });
        Self { batch_item_failures: failed.into_iter().collect() }
    }
}
