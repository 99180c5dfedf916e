//! The store on another DynamoDB implementation, and the functions' binaries as Lambda runs them.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod binary;
mod killed_rotation;
mod moto;
