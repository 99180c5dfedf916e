//! Counting the refreshes that do not renew a session. [`Answered`] has the rules.
//!
//! | attribute of a session | |
//! |---|---|
//! | `answers_minute`, `answers` | see [`per_minute`](crate::per_minute). Absent until a process counts |

use aws_sdk_dynamodb::{
    operation::update_item::UpdateItemError,
    types::{ReturnValue, ReturnValuesOnConditionCheckFailure},
};

use super::{Store, StoreError, call, item, unconditional};
use crate::{
    clock::Timestamp,
    per_minute::{Count, Counted},
    session::{ANSWERS_AT_MOST, Answered, RefreshToken},
};

/// What a write that has not renewed a session has found.
pub(super) struct Found {
    /// The session's item, after the write if it has counted. `None` if there is none.
    pub(super) item: Option<item::Item>,
    is_counted: bool,
}

impl Found {
    /// By a write that could not count, or a read.
    pub(super) const fn uncounted(item: Option<item::Item>) -> Self {
        Self { item, is_counted: false }
    }

    /// The answer to a refresh that cannot renew the session until then.
    pub(super) fn answered(&self, until: Timestamp) -> Result<Answered, StoreError> {
        let counted = self.item.as_ref().map_or(Ok(None), read_counted)?;
        Ok(Answered { counted, until, is_settled: self.is_counted })
    }
}

/// A renewal of a fixed session, by the write that counts it.
pub(super) struct Postponed {
    /// When the session expires if it is renewed now and not again.
    pub(super) expires_at: Timestamp,
    pub(super) now: Timestamp,
}

impl Store {
    /// Counts an answer in the session of a token, in one write. If its condition fails, another process has counted first, and the
    /// answer is given without being counted unless the minute is full.
    pub(super) async fn count_answer(
        &self,
        token: &RefreshToken,
        count: Count,
        postponed: Option<Postponed>,
    ) -> Result<Found, StoreError> {
        let (Count::First { minute } | Count::Another { minute }) = count;
        let (update, condition, bound) = match count {
            Count::First { .. } => (
                "SET answers_minute = :minute, answers = :one",
                "attribute_exists(pk) AND (attribute_not_exists(answers_minute) \
                 OR answers_minute < :minute OR answers_minute > :next_minute)",
                (":next_minute", item::number(minute + 1)),
            ),
            Count::Another { .. } => (
                "SET answers = answers + :one",
                "answers_minute = :minute AND answers < :at_most",
                (":at_most", item::number(ANSWERS_AT_MOST)),
            ),
        };
        let (mut update, mut condition) = (update.to_owned(), condition.to_owned());
        let mut values = vec![bound, (":minute", item::number(minute)), (":one", item::number(1))];
        if let Some(Postponed { expires_at, now }) = postponed {
            update += ", last_used_at = :now, expires_at = :expires_at";
            condition += " AND token_hash = :presented AND expires_at > :now";
            values.extend([
                (":now", item::time(now)),
                (":expires_at", item::time(expires_at)),
                (":presented", item::hash(token.hash())),
            ]);
        }
        let write = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(item::session_key(token.user, token.session)))
            .update_expression(update)
            .condition_expression(condition)
            .set_expression_attribute_values(Some(
                values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
            ))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match call("UpdateItem", write.send()).await? {
            Ok(counted) => Ok(Found { item: counted.attributes, is_counted: true }),
            Err(UpdateItemError::ConditionalCheckFailedException(refused)) => Ok(Found::uncounted(refused.item)),
            Err(error) => unconditional("UpdateItem", Err(error)),
        }
    }
}

/// What a session has counted.
pub(super) fn read_counted(session: &item::Item) -> Result<Option<Counted>, StoreError> {
    let minute = item::optional(session, "answers_minute", item::read_number)?;
    minute.map(|minute| Ok(Counted { minute, times: item::read_number(session, "answers")? })).transpose()
}
