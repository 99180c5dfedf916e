//! What a stranger can see: these run on a stack of their own, or on the one at `STACK_URL`.

mod input;
mod jwks;
mod login;
mod logout;
mod profile;
mod refresh;
mod verify;
