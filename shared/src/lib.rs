//! What the Lambda functions have in common. A module uses only those above it.

pub mod clock;
pub mod id;
pub mod random;

pub mod aws;
pub mod log;
pub mod session;
pub mod token;
pub mod user;

pub mod jwt;
pub mod kakao;
pub mod keys;
pub mod secret;
pub mod store;

pub mod error;
pub mod http;

pub mod config;
