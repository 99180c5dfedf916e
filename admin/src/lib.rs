//! Commands for the operator of a deployed stack. They call AWS through its command line, `aws`, and the table of users through the
//! SDK with the command line's credentials.

mod aws;
mod backup_plans;
mod commands;
mod deletions;
mod finding;
mod keys_policy;
mod keys_table;
mod lambda;
mod operators;
mod rotate_keys;
pub mod settings;
mod stack;
mod template;
mod users;
mod users_table;
mod versions;

pub use self::{commands::run, finding::Finding};
