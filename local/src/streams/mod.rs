//! Lambda's event source mapping: invokes a function with the records of a table's stream.
//!
//! A record that the function does not finish holds up all later ones, until it is too old.
//! <https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-eventsourcemapping.html>

mod reader;

use std::{collections::VecDeque, fmt, time::Duration};

use serde_json::{Value, json};
use shared::clock::Timestamp;

use self::reader::Reader;
use crate::{
    iam::{Gate, Guard, access_key},
    lambda::{Function, Invocation},
    template::{self, EventSource},
};

/// Invokes a function with the records of a stream. A new one begins at the stream's beginning, as if none had been handled.
pub struct EventSourceMapping {
    name: String,
    function: Function,
    timeout: Duration,
    source: EventSource,
    reader: Reader,
    gate: Gate,
    waiting: VecDeque<Batch>,
    given_up: Vec<Value>,
    invocations: u64,
}

/// Records to send, the oldest first.
struct Batch {
    records: Vec<Value>,
    read_at: Timestamp,
}

/// What a step has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// There is no record to send.
    Idle,
    /// The function has finished a batch.
    Finished,
    /// It has not, and gets the rest again.
    Unfinished,
    /// A batch was too old, and the queue has got its place.
    GivenUp,
}

impl fmt::Debug for EventSourceMapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventSourceMapping")
            .field("name", &self.name)
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}

impl EventSourceMapping {
    /// The mapping of a function that the template declares, in front of a DynamoDB behind this guard.
    #[must_use]
    pub fn new(
        name: &str,
        declared: &template::Function,
        source: &EventSource,
        function: Function,
        guard: &Guard,
    ) -> Self {
        Self {
            name: name.to_owned(),
            function,
            timeout: declared.timeout,
            source: source.clone(),
            reader: Reader::new(guard.url(), name, &source.table),
            gate: guard.gate(),
            waiting: VecDeque::new(),
            given_up: Vec::new(),
            invocations: 0,
        }
    }

    /// The messages of the queue.
    #[must_use]
    pub fn given_up(&self) -> &[Value] {
        &self.given_up
    }

    /// How often the function was invoked.
    #[must_use]
    pub const fn invocations(&self) -> u64 {
        self.invocations
    }

    /// Reads the stream if nothing waits, and invokes the function once.
    ///
    /// # Errors
    ///
    /// If the stream cannot be read, or the queue refuses a message.
    pub async fn step(&mut self, now: Timestamp) -> Result<Step, String> {
        if self.waiting.is_empty() {
            self.read(now).await?;
        }
        let Some(batch) = self.waiting.pop_front() else { return Ok(Step::Idle) };
        if now >= batch.read_at + self.source.max_record_age {
            return self.give_up(batch);
        }
        self.invocations += 1;
        let event = json!({"Records": batch.records});
        let request_id = format!("{}-{}", self.name, self.invocations);
        let outcome = (self.function)(Invocation { event, request_id, timeout: self.timeout }).await;
        let Some(finished) = outcome.ok().and_then(|outcome| finished(&batch.records, &outcome)) else {
            self.send_halves_again(&batch);
            return Ok(Step::Unfinished);
        };
        if finished == batch.records.len() {
            return Ok(Step::Finished);
        }
        let records = batch.records[finished..].to_vec();
        self.waiting.push_front(Batch { records, ..batch });
        Ok(Step::Unfinished)
    }

    async fn read(&mut self, now: Timestamp) -> Result<(), String> {
        loop {
            let records = self.reader.read().await?;
            let is_end = records.is_empty();
            let wanted: Vec<Value> = records.into_iter().filter(|record| self.source.takes(record)).collect();
            let batches = wanted.chunks(self.source.batch_size);
            self.waiting.extend(batches.map(|records| Batch { records: records.to_vec(), read_at: now }));
            if is_end || !self.waiting.is_empty() {
                return Ok(());
            }
        }
    }

    /// `BisectBatchOnFunctionError`: one bad record cannot hold up a whole batch.
    fn send_halves_again(&mut self, batch: &Batch) {
        let (first, second) = batch.records.split_at(batch.records.len().div_ceil(2));
        for half in [second, first].into_iter().filter(|half| !half.is_empty()) {
            self.waiting.push_front(Batch { records: half.to_vec(), read_at: batch.read_at });
        }
    }

    /// The queue gets the place of the records in the stream, and not the records.
    fn give_up(&mut self, batch: Batch) -> Result<Step, String> {
        let sent = self.gate.check(&access_key(&self.name), "sqs:SendMessage", &self.source.queue);
        if let Err((code, message)) = sent {
            self.waiting.push_front(batch);
            return Err(format!("{code}: {message}"));
        }
        let number = |record: Option<&Value>| record.map(|record| record["dynamodb"]["SequenceNumber"].clone());
        self.given_up.push(json!({"DDBStreamBatchInfo": {
            "streamArn": self.reader.place["streamArn"],
            "shardId": self.reader.place["shardId"],
            "startSequenceNumber": number(batch.records.first()),
            "endSequenceNumber": number(batch.records.last()),
            "batchSize": batch.records.len(),
        }}));
        Ok(Step::GivenUp)
    }
}

/// How many records the function has finished, or `None` if its response does not say that.
fn finished(records: &[Value], outcome: &Value) -> Option<usize> {
    let failures = match &outcome["batchItemFailures"] {
        Value::Null => return Some(records.len()),
        failures => failures.as_array()?,
    };
    let position = |failure: &Value| {
        let number = failure["itemIdentifier"].as_str()?;
        records.iter().position(|record| record["dynamodb"]["SequenceNumber"] == number)
    };
    let positions = failures.iter().map(position).collect::<Option<Vec<_>>>()?;
    Some(positions.into_iter().min().unwrap_or(records.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// <https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html>
    #[test]
    fn the_lowest_failure_counts_and_an_unknown_one_fails_the_batch() {
        let records = ["1", "2", "3"].map(|number| json!({"dynamodb": {"SequenceNumber": number}}));
        let failing = |numbers: &[&str]| {
            let failures: Vec<Value> = numbers.iter().map(|number| json!({"itemIdentifier": number})).collect();
            finished(&records, &json!({"batchItemFailures": failures}))
        };
        assert_eq!([failing(&[]), failing(&["2"]), failing(&["3", "1"])], [Some(3), Some(1), Some(0)]);
        assert_eq!([failing(&["9"]), failing(&["1", ""])], [None, None]);
        for success in [json!(null), json!({}), json!({"batchItemFailures": null}), json!({"batchItemFailures": []})] {
            assert_eq!(finished(&records, &success), Some(3), "{success}");
        }
        assert_eq!(finished(&records, &json!({"batchItemFailures": "1"})), None);
    }
}
