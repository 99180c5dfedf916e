//! The functions as a client meets them: through a gateway, with a real DynamoDB client and a strict Kakao.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod anywhere;
mod binary;
mod costs;
mod credentials;
mod deployment;
mod edge;
mod faults;
mod id_token;
mod jwt_attacks;
mod kakao;
mod keys;
mod killed_rotation;
mod leaks;
mod limits;
mod logout;
mod moto;
mod odd_answers;
mod others;
mod quota;
mod redemption;
mod refresh;
mod roles;
mod rotation;
mod schedules;
mod secrecy;
mod sign_in;
mod token_versions;
