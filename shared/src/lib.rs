//! What the Lambda functions share. A module uses only modules of the groups above its own.

pub mod address;
pub mod clock;
pub mod random;
pub mod secret_hashes;

pub mod aws;
pub mod id;
pub mod per_minute;
pub mod recent;
pub mod roles;

pub mod access_token;
pub mod account;
pub mod log;
pub mod redemption;
pub mod session;
pub mod simplejwt;
pub mod user;

pub mod kakao;
pub mod store;

pub mod keys;

pub mod error;

pub mod http;

pub mod config;
pub mod pages;

pub mod function;
