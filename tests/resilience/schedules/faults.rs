//! Faults of DynamoDB in a schedule.

use std::time::Duration;

use tests::fault_proxy::{Fault, FaultRates};

use crate::luck::Luck;

pub(super) fn of_dynamodb(luck: &mut Luck) -> Fault {
    luck.of(&[
        Fault::Down,
        Fault::Throttle,
        Fault::FailAfter,
        Fault::LoseResponses(1),
        Fault::LoseResponses(2),
        Fault::LoseResponses(3),
    ])
}

pub(super) fn rates(luck: &mut Luck) -> FaultRates {
    FaultRates { delay: Duration::from_millis(luck.below(3)), failed_after: 200, lost: 200, ..FaultRates::default() }
}
