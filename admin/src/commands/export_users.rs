//! `admin export-users`.

use std::{
    collections::{HashMap, HashSet},
    io::{self, Write},
};

use clap::Args;
use serde_json::{Value, json};
use shared::{
    clock::{Clock, SystemClock},
    id::{KakaoId, UserId},
    store::{Exported, ExportedUser, Store},
};

use super::{CommandError, StackName, block_on};
use crate::users::{self, patiently, written};

/// Print all users of a stack, for `import-django` or for `import` elsewhere.
///
/// Reads the whole table. Numbers that were imported and whose users have been deleted since are printed too, without anything else.
#[derive(Args)]
pub(super) struct ExportUsers {
    #[command(flatten)]
    stack: StackName,
}

impl ExportUsers {
    pub(super) fn run(&self) -> Result<(), CommandError> {
        let store = users::store(&self.stack.stack)?;
        let mut export = Export::new(io::BufWriter::new(io::stdout().lock()));
        block_on(export.run(&store))??;
        for (what, count) in [
            ("users", export.users),
            ("deleted", export.deleted),
            ("not exported: joined during the export", export.joined_since),
            ("not exported: nothing says who the person is at Kakao", export.unknown),
        ] {
            eprintln!("{count} {what}");
        }
        Ok(())
    }
}

/// An export, as far as it is.
struct Export<W> {
    to: W,
    highest: u64,
    users: u64,
    deleted: u64,
    joined_since: u64,
    unknown: u64,
    living: HashSet<UserId>,
    imported: HashSet<UserId>,
    people: HashMap<UserId, KakaoId>,
    /// Until an identity says who they are at Kakao.
    held: Vec<ExportedUser>,
}

impl<W: Write> Export<W> {
    fn new(to: W) -> Self {
        Self {
            to,
            highest: 0,
            users: 0,
            deleted: 0,
            joined_since: 0,
            unknown: 0,
            living: HashSet::new(),
            imported: HashSet::new(),
            people: HashMap::new(),
            held: Vec::new(),
        }
    }

    async fn run(&mut self, store: &Store) -> Result<(), CommandError> {
        let now = SystemClock.now().to_rfc3339();
        // Whoever gets a number after this joins during the export.
        self.highest = patiently(async || store.counter().await).await?.last;
        self.line(&json!({"kind": "export", "format": 1, "exported_at": now, "highest_user_id": self.highest}))?;
        let mut from = None;
        loop {
            let (page, next) = patiently(async || store.export_page(from.clone()).await).await?;
            for exported in page {
                self.add(exported)?;
            }
            if next.is_none() {
                break;
            }
            from = next;
        }
        self.finish()
    }

    fn add(&mut self, exported: Exported) -> io::Result<()> {
        match exported {
            Exported::Identity(kakao, user) => {
                self.people.insert(user, kakao);
            }
            Exported::Imported(user) => {
                self.imported.insert(user);
            }
            Exported::User(user) => {
                self.living.insert(user.user.id);
                match user.kakao {
                    Some(kakao) => self.user(&user, kakao)?,
                    None => self.held.push(*user),
                }
            }
        }
        Ok(())
    }

    fn user(&mut self, user: &ExportedUser, kakao: KakaoId) -> io::Result<()> {
        if user.user.id.number().is_some_and(|number| number > self.highest) {
            self.joined_since += 1;
            return Ok(());
        }
        self.users += 1;
        self.line(&written(user, kakao))
    }

    /// What only the whole table says, and the last line.
    fn finish(&mut self) -> Result<(), CommandError> {
        for user in std::mem::take(&mut self.held) {
            match self.people.get(&user.user.id).copied() {
                Some(kakao) => self.user(&user, kakao)?,
                None => self.unknown += 1,
            }
        }
        let mut deleted: Vec<u64> = self.imported.difference(&self.living).filter_map(UserId::number).collect();
        deleted.sort_unstable();
        for number in &deleted {
            self.line(&json!({"kind": "deleted", "id": number}))?;
        }
        self.deleted = deleted.len() as u64;
        self.line(&json!({"kind": "end", "users": self.users, "blacklisted": 0, "deleted": self.deleted}))?;
        Ok(self.to.flush()?)
    }

    fn line(&mut self, line: &Value) -> io::Result<()> {
        writeln!(self.to, "{line}")
    }
}

#[cfg(test)]
mod tests {
    use shared::{clock::Timestamp, roles::Roles, user::User};

    use super::*;

    fn id(number: u64) -> UserId {
        UserId::from_number(number).unwrap()
    }

    fn user(id: UserId, kakao: Option<&str>) -> Exported {
        let user = User {
            id,
            username: None,
            first_name: None,
            last_name: None,
            nickname: None,
            profile_image: None,
            email: None,
            roles: Roles::default(),
            created_at: Timestamp::from_unix_seconds(1),
        };
        let kakao = kakao.map(|kakao| kakao.parse().unwrap());
        Exported::User(Box::new(ExportedUser { user, kakao, last_login_at: None }))
    }

    #[test]
    fn everybody_is_printed_once_whatever_comes_first() {
        let mut export = Export { highest: 9, ..Export::new(Vec::new()) };
        let random = UserId::generate();
        for exported in [
            Exported::Imported(id(1)),
            user(id(1), Some("11")),
            user(id(2), None),
            Exported::Identity("12".parse().unwrap(), id(2)),
            Exported::Imported(id(3)),
            user(id(4), None),
            user(id(10), Some("20")),
            user(random, Some("21")),
        ] {
            export.add(exported).unwrap();
        }
        export.finish().unwrap();
        let lines: Vec<Value> =
            String::from_utf8(export.to).unwrap().lines().map(|line| line.parse().unwrap()).collect();
        let ids: Vec<_> = lines.iter().map(|line| line["id"].clone()).collect();
        assert_eq!(ids, [json!(1), json!(random.to_string()), json!(2), json!(3), Value::Null]);
        assert_eq!((lines[2]["kakao_id"].as_str(), lines[3]["kind"].as_str()), (Some("12"), Some("deleted")));
        assert_eq!(lines[4], json!({"kind": "end", "users": 3, "blacklisted": 0, "deleted": 1}));
        assert_eq!((export.joined_since, export.unknown), (1, 1));
    }
}
