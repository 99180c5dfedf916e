//! Users from Django at a stack, as an operator imports them.

use local::table;
use shared::{
    id::{KakaoId, UserId},
    store::{ImportStanding, ImportedUser, Store},
};

use super::Stack;

impl Stack {
    /// The table, with the permissions of an operator.
    #[must_use]
    pub fn operators_store(&self) -> Store {
        Store::new(table::client(self.table_proxy.url()), self.template.table.name.clone())
    }

    /// Imports users with these numbers, who are these persons at Kakao, from a Django whose highest number is this one. All of
    /// them have the username `from-django`.
    ///
    /// # Panics
    ///
    /// If DynamoDB fails.
    pub async fn import(&self, highest: u64, users: &[(u64, KakaoId)]) -> Vec<ImportStanding> {
        let users: Vec<_> = users.iter().map(|(number, kakao)| self.imported(*number, *kakao)).collect();
        let store = self.operators_store();
        let counter = store.reserve_numbers(highest).await.expect("DynamoDB reserves");
        store.import_users(&users, counter, self.now()).await.expect("DynamoDB writes")
    }

    fn imported(&self, number: u64, kakao: KakaoId) -> ImportedUser {
        ImportedUser {
            id: UserId::from_number(number).expect("Django's ids are positive"),
            kakao,
            username: Some("from-django".to_owned()),
            first_name: None,
            last_name: None,
            email: None,
            nickname: None,
            profile_image: None,
            created_at: self.now(),
            last_login_at: None,
        }
    }
}
