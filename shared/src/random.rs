//! Randomness from the operating system.

use ring::rand::{SecureRandom, SystemRandom};

/// `N` bytes from the operating system's generator.
///
/// # Panics
///
/// If the system cannot provide randomness.
#[must_use]
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).expect("the operating system provides randomness");
    bytes
}

/// A number from 0 to `bound` inclusive, uniform enough to spread load, but not for secrets.
#[must_use]
pub fn up_to(bound: u64) -> u64 {
    u64::from_le_bytes(bytes()) % bound.saturating_add(1)
}
