//! Renewing linked sessions. [`judge_links`] has the rules.
//!
//! | attribute | |
//! |---|---|
//! | `l0` | SHA-256 of the newest link of the chain. Only linked sessions have it |
//! | `l1`, `l2` | SHA-256 of the two links before it, as soon as the chain has them |
//! | `generation` | how often the chain has grown |
//! | `rotated_at` | when `l0` was added |

use aws_sdk_dynamodb::{
    operation::update_item::UpdateItemError,
    types::{ReturnValue, ReturnValuesOnConditionCheckFailure},
};

use super::{Store, StoreError, answers::Found, call, item, unconditional};
use crate::{
    clock::Timestamp,
    per_minute::Count,
    session::{
        Answered, ConfirmedLink, Facts, LINK_PACE, LinkHash, LinkedVerdict, PresentedLinks, REMEMBERED_FOR,
        RefreshToken, judge_links,
    },
};

/// The first growth of a chain. Until then there is no `l1`, and a DynamoDB expression cannot read an absent attribute.
const FIRST_GROWTH: &str = "SET l1 = l0, l0 = :next, generation = :grown, \
                            rotated_at = :now, last_used_at = :now, expires_at = :expires_at";
/// Every later growth. `SET` reads the values from before the update, whatever the order.
const GROWTH: &str = "SET l2 = l1, l1 = l0, l0 = :next, generation = :grown, \
                      rotated_at = :now, last_used_at = :now, expires_at = :expires_at";

/// The result of renewing a linked session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Renewal {
    /// Respond with an access token.
    Renewed {
        /// Whether the chain has grown, or why it did not have to.
        verdict: LinkedVerdict,
        /// What the access token says of the session.
        facts: Facts,
        /// Whether the limit of such answers is reached. `None` if the chain has grown.
        answered: Option<Answered>,
    },
    /// The verdict says why there is none. A fork has ended the session.
    Refused(LinkedVerdict),
}

impl Store {
    /// Renews a linked session. This takes one write, or one consistent read if there is no `prev`. A fork takes one more request,
    /// which ends the session.
    ///
    /// `expires_at` is when the session expires if its chain grows now and not again. With `count` the answer is counted instead, in
    /// one write, as these links are known not to make the chain grow.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if DynamoDB fails. The write may have happened; it is safe to present the same links again.
    pub async fn renew_linked(
        &self,
        token: &RefreshToken,
        links: &PresentedLinks,
        expires_at: Timestamp,
        count: Option<Count>,
        now: Timestamp,
    ) -> Result<Renewal, StoreError> {
        let found = match (count, &links.prev) {
            (Some(count), _) => self.count_answer(token, count, None).await?,
            (None, Some(prev)) => match self.grow(token, prev, links.next.hash(), expires_at, now).await? {
                Growth::Grown(renewed) => return Ok(renewed),
                Growth::Refused(stored) => Found::uncounted(stored),
            },
            (None, None) => Found::uncounted(self.session_item(token).await?),
        };
        let session = found.item.as_ref().map(item::read_linked_session).transpose()?;
        let verdict = match judge_links(token, links, session.as_ref(), now, LINK_PACE) {
            // The chain may grow by links that were answered only if the table was restored meanwhile. The next refresh lets it grow.
            LinkedVerdict::Grow(_) if count.is_some() => LinkedVerdict::Stay,
            verdict => verdict,
        };
        match (verdict, session.zip(found.item.as_ref())) {
            (LinkedVerdict::Repeat(_) | LinkedVerdict::Stay | LinkedVerdict::Late, Some((session, stored))) => {
                let is_repeat = matches!(verdict, LinkedVerdict::Repeat(_));
                let until = if is_repeat { now + REMEMBERED_FOR } else { session.grown_at + LINK_PACE };
                let answered = Some(found.answered(until)?);
                Ok(Renewal::Renewed { verdict, facts: item::facts(stored)?, answered })
            }
            (LinkedVerdict::Fork, _) => {
                self.end_session(token.user, token.session).await?;
                Ok(Renewal::Refused(verdict))
            }
            // The condition and `judge_links` agree about every item, so DynamoDB cannot have returned this one.
            (LinkedVerdict::Grow(_), _) => Err(StoreError::Corrupt("rotated_at")),
            _ => Ok(Renewal::Refused(verdict)),
        }
    }

    /// The growth of the chain as one conditional write.
    async fn grow(
        &self,
        token: &RefreshToken,
        prev: &ConfirmedLink,
        next: LinkHash,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> Result<Growth, StoreError> {
        let number = prev.number.saturating_add(1);
        let grown = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(item::session_key(token.user, token.session)))
            .update_expression(if prev.number == 0 { FIRST_GROWTH } else { GROWTH })
            .condition_expression(
                "token_hash = :token AND generation = :number AND l0 = :prev \
                 AND rotated_at <= :settled AND expires_at > :now",
            )
            .expression_attribute_values(":next", item::blob(next.as_bytes()))
            .expression_attribute_values(":grown", item::number(number.into()))
            .expression_attribute_values(":now", item::time(now))
            .expression_attribute_values(":expires_at", item::time(expires_at))
            .expression_attribute_values(":token", item::hash(token.hash()))
            .expression_attribute_values(":number", item::number(prev.number.into()))
            .expression_attribute_values(":prev", item::blob(prev.link.hash().as_bytes()))
            .expression_attribute_values(":settled", item::time(now - LINK_PACE))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match call("UpdateItem", grown.send()).await? {
            Ok(grown) => {
                let facts = item::facts(&grown.attributes.unwrap_or_default())?;
                Ok(Growth::Grown(Renewal::Renewed { verdict: LinkedVerdict::Grow(number), facts, answered: None }))
            }
            Err(UpdateItemError::ConditionalCheckFailedException(refused)) => Ok(Growth::Refused(refused.item)),
            Err(error) => unconditional("UpdateItem", Err(error)),
        }
    }

    /// The item of this token's session, by a consistent read.
    async fn session_item(&self, token: &RefreshToken) -> Result<Option<item::Item>, StoreError> {
        let key = item::session_key(token.user, token.session);
        let get = self.client.get_item().table_name(&self.table).set_key(Some(key)).consistent_read(true);
        Ok(unconditional("GetItem", call("GetItem", get.send()).await?)?.item)
    }
}

/// The result of the write.
enum Growth {
    Grown(Renewal),
    /// The condition failed on this item, or there was none.
    Refused(Option<item::Item>),
}
