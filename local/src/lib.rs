//! An emulator of what the functions use in the cloud: an HTTP API, Lambda, DynamoDB with IAM roles, and Kakao.

pub mod assemble;
pub mod client;
pub mod clock;
pub mod demo;
pub mod events;
pub mod gateway;
pub mod iam;
pub mod invoke;
pub mod kakao;
pub mod keys;
pub mod lambda;
pub mod private_file;
pub mod server;
pub mod streams;
pub mod table;
pub mod template;
