//! A circuit breaker: fails fast while a server of Kakao's is down.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use crate::clock::Timestamp;

const OUTAGES: u32 = 5;
const PAUSE: Duration = Duration::from_secs(10);

/// Opens for 10 s after five outages in a row. After that it lets a call through: another outage opens it again, and any other
/// outcome closes it. Each process has its own.
#[derive(Debug, Default)]
pub(super) struct Circuit(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    outages: u32,
    open_until: Option<Timestamp>,
}

impl Circuit {
    /// Allows a call, or returns the time until one is allowed.
    pub(super) fn allow_call(&self, now: Timestamp) -> Result<(), Duration> {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match state.open_until {
            Some(until) if until > now => Err(Duration::from_secs(until.seconds_since(now))),
            _ => Ok(()),
        }
    }

    /// Records the outcome of a call.
    pub(super) fn record(&self, outage: bool, now: Timestamp) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if outage {
            state.outages = state.outages.saturating_add(1);
            if state.outages >= OUTAGES {
                state.open_until = Some(now + PAUSE);
            }
        } else {
            *state = State::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);

    #[test]
    fn five_outages_in_a_row_open_it_for_ten_seconds() {
        let circuit = Circuit::default();
        for _ in 0..4 {
            circuit.record(true, NOW);
        }
        assert_eq!(circuit.allow_call(NOW), Ok(()));
        circuit.record(true, NOW);
        assert_eq!(circuit.allow_call(NOW + Duration::from_secs(3)), Err(Duration::from_secs(7)));
        assert_eq!(circuit.allow_call(NOW + PAUSE), Ok(()));
    }

    #[test]
    fn a_response_closes_it_and_another_outage_opens_it_again() {
        let circuit = Circuit::default();
        for _ in 0..5 {
            circuit.record(true, NOW);
        }
        let later = NOW + PAUSE;
        circuit.record(true, later);
        assert!(circuit.allow_call(later).is_err());
        circuit.record(false, later);
        circuit.record(true, later);
        assert_eq!(circuit.allow_call(later), Ok(()));
    }
}
