//! The functions as a client meets them: through a gateway, with a real DynamoDB client and a strict Kakao.

mod anywhere;
mod costs;
mod deployment;
mod edge;
mod faults;
mod moto;
mod refresh;
mod secrecy;
mod sign_in;
