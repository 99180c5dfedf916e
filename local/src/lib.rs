//! An emulator of what the functions use in the cloud: an HTTP API, Lambda, DynamoDB with IAM roles, and Kakao.

mod anywhere;
pub mod client;
pub mod clock;
pub mod cloud;
pub mod demo;
pub mod gateway;
pub mod iam;
pub mod invoke;
pub mod kakao;
pub mod keys;
pub mod lambda;
mod people;
pub mod private_file;
pub mod server;
mod stack;
pub mod table;
pub mod template;
pub mod wire;

pub use self::{
    anywhere::Anywhere,
    people::People,
    stack::{ORIGIN, REDIRECT_URI, Settings, Stack},
};
