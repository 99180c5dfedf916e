//! The harness of all tests: a stack of their own, a client, a browser, a clock, and a proxy that fails as networks do.

mod browser;
pub mod client;
pub mod clock;
pub mod fault_proxy;
mod people;
mod remote;
mod stack;

pub use self::{
    browser::Browser,
    people::{Credential, People},
    remote::Remote,
    stack::{ORIGIN, REDIRECT_URI, Settings, Stack},
};
