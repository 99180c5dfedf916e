//! The test harness: a stack for each test, a client, a browser, a clock, and a proxy that fails as networks and services do.

mod binary;
mod browser;
pub mod chain;
pub mod client;
pub mod clock;
pub mod django;
pub mod fault_proxy;
mod in_body;
mod kakao_control;
pub mod linked_browser;
pub mod links;
pub mod phone;
mod remote;
mod stack;

pub use self::{
    binary::binary,
    browser::Browser,
    chain::Chain,
    in_body::Carrier,
    kakao_control::{Credential, KakaoControl},
    linked_browser::LinkedBrowser,
    remote::Remote,
    stack::{CALLBACK_URI, ORIGIN, REDIRECT_URI, Settings, Stack},
};
