//! The commands of this function and what it returns for them.

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use shared::{
    clock::Timestamp,
    id::{KakaoId, UserId},
};

/// An event of this function: one command.
#[derive(Debug, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Event {
    /// The schedule's: does the work that is due.
    FinishDeletions,
    /// An operator's, after the table was restored: deletes these users again.
    ReplayDeletions {
        /// What the log says was deleted.
        receipts: Vec<Receipt>,
    },
    /// An operator's: returns the next 100 people whom Kakao links to the app.
    ListKakaoUsers {
        /// The last id of the page before.
        #[serde(default, deserialize_with = "kakao_id")]
        from: Option<KakaoId>,
    },
    /// An operator's: asks Kakao about these people, as after an unlink webhook.
    Inquire {
        /// Their ids at Kakao, as texts.
        #[serde(deserialize_with = "kakao_ids")]
        kakao_ids: Vec<KakaoId>,
    },
    /// An operator's: ends a deletion that Kakao refuses to finish, without asking Kakao.
    CloseDeletion {
        /// The deleted user.
        #[serde(deserialize_with = "user_id")]
        user: UserId,
    },
}

/// A line of the log that says that a user was deleted.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Receipt {
    /// The user.
    #[serde(deserialize_with = "user_id")]
    pub id: UserId,
    /// When the user was deleted.
    pub deleted_at: Timestamp,
    /// The person at Kakao, where the restored profile does not say it.
    #[serde(default, deserialize_with = "kakao_id")]
    pub kakao_id: Option<KakaoId>,
}

/// The result of a command.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The work that was due.
    Finished {
        /// The items that were worked on.
        items: usize,
    },
    /// What became of receipts.
    Replayed(Replayed),
    /// Kakao's ids of people, as texts.
    KakaoUsers(Vec<String>),
    /// So many people will be asked about.
    Inquiring(usize),
    /// The deletion is closed.
    Closed,
}

/// What became of receipts.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Replayed {
    /// Users that are deleted now, or were in this table.
    pub deleted: usize,
    /// Users that the table does not have, or that nobody logs in as any more.
    pub gone: usize,
    /// Users whose profile does not say who they are at Kakao: send their receipts again with `kakao_id`.
    pub without_kakao_id: Vec<String>,
}

fn parsed<'de, T: std::str::FromStr, D: Deserializer<'de>>(text: &str) -> Result<T, D::Error> {
    text.parse().map_err(|_| D::Error::custom("malformed id"))
}

fn user_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<UserId, D::Error> {
    parsed::<_, D>(&String::deserialize(deserializer)?)
}

/// A text, as a number of 19 digits does not survive every JSON library.
fn kakao_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<KakaoId>, D::Error> {
    Option::<String>::deserialize(deserializer)?.map(|text| parsed::<_, D>(&text)).transpose()
}

fn kakao_ids<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<KakaoId>, D::Error> {
    Vec::<String>::deserialize(deserializer)?.iter().map(|text| parsed::<_, D>(text)).collect()
}
