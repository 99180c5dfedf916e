//! Lets a request pass, holds it, or injects a fault into it.

use std::{sync::Arc, time::Duration};

use axum::{
    body::{Bytes, to_bytes},
    extract::{Request, State},
    http::StatusCode,
    response::Response,
};
use local::server::{hang_up, reset};
use serde_json::Value;

use super::{
    Fault, Hold, Moment, Shared,
    forward::{Crossing, forward},
    lock, response,
};

/// The state of a proxy, and that of the proxy for the table of keys at the same address.
#[derive(Clone)]
pub(super) struct Both {
    pub(super) state: Arc<Shared>,
    pub(super) keys: Option<(String, Arc<Shared>)>,
}

impl Both {
    fn of(self, body: &Bytes) -> Arc<Shared> {
        let Some((table, keys)) = self.keys else { return self.state };
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let names = [&body["TableName"], &body["TransactItems"][0]["Put"]["TableName"]];
        let is_for_keys =
            names.iter().any(|name| name.as_str() == Some(&table)) || body["RequestItems"].get(&table).is_some();
        if is_for_keys { keys } else { self.state }
    }
}

pub(super) async fn pass(State(both): State<Both>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let target = parts.headers.get("x-amz-target").and_then(|value| value.to_str().ok());
    let operation = target.and_then(|target| target.rsplit('.').next()).unwrap_or(parts.uri.path()).to_owned();
    let body = to_bytes(body, usize::MAX).await;
    let state = both.of(body.as_ref().unwrap_or(&Bytes::new()));
    lock(&state.traffic).operations.push(operation.clone());
    let Ok(body) = body else {
        return hang_up();
    };
    let crossing = Crossing { operation, method: parts.method, uri: parts.uri, headers: parts.headers, body };
    lock(&state.last).insert(crossing.operation.clone(), crossing.clone());
    // In a task of its own, as a request that was sent arrives even if its sender has gone.
    tokio::spawn(async move { cross(&state, &crossing).await }).await.unwrap_or_else(|_| hang_up())
}

async fn cross(state: &Shared, crossing: &Crossing) -> Response {
    let hold = take_hold(state);
    let rates = *lock(&state.rates);
    let (delay, drawn) = rates.draw();
    tokio::time::sleep(delay).await;
    let fault = if take_spared(state) { drawn } else { lock(&state.fault).or(drawn) };
    match fault {
        Some(Fault::Down) => return hang_up(),
        Some(Fault::Hang) => {
            tokio::time::sleep(Duration::from_mins(1)).await;
            return hang_up();
        }
        Some(Fault::Throttle) => return response::failure(StatusCode::BAD_REQUEST, "ThrottlingException"),
        Some(Fault::DenyOnly(denied)) if denied != crossing.operation => {}
        Some(Fault::Deny | Fault::DenyOnly(_)) => {
            return response::failure(StatusCode::BAD_REQUEST, "AccessDeniedException");
        }
        Some(Fault::Refuse(code)) => return response::failure(StatusCode::BAD_REQUEST, code),
        Some(Fault::ConflictOnce(operation)) if operation == crossing.operation => {
            *lock(&state.fault) = None;
            return response::conflict(operation);
        }
        Some(Fault::FailBefore) => return response::failure(StatusCode::INTERNAL_SERVER_ERROR, "InternalServerError"),
        Some(Fault::Unprocessed) => {
            if let Some(response) = response::unprocessed(&crossing.operation, &crossing.body) {
                return response;
            }
        }
        _ => {}
    }
    let (hold_before, hold_after) = match hold {
        Some(hold) if hold.moment == Moment::Before => (Some(hold), None),
        hold => (None, hold),
    };
    if !may_go_on(hold_before).await {
        return hang_up();
    }
    let Ok(response) = forward(state, crossing).await else {
        return hang_up();
    };
    if !may_go_on(hold_after).await {
        return hang_up();
    }
    match fault {
        Some(Fault::FailAfter) => response::failure(StatusCode::INTERNAL_SERVER_ERROR, "InternalServerError"),
        Some(Fault::LoseResponses(0)) => hang_up(),
        Some(Fault::LoseResponses(left)) => {
            *lock(&state.fault) = (left > 1).then(|| Fault::LoseResponses(left - 1));
            hang_up()
        }
        Some(Fault::Reset) => reset(),
        Some(Fault::Drip) => response::drip(response).await,
        Some(Fault::Truncate) => response::truncate(response).await,
        _ => response,
    }
}

/// Whether this request passes before the fault begins.
fn take_spared(state: &Shared) -> bool {
    let mut spared = lock(&state.spared);
    let is_spared = *spared > 0;
    *spared = spared.saturating_sub(1);
    is_spared
}

/// The hold, if this is the request to hold.
fn take_hold(state: &Shared) -> Option<Hold> {
    let mut hold = lock(&state.hold);
    match hold.as_mut() {
        Some(Hold { before: 0, .. }) => hold.take(),
        Some(hold) => {
            hold.before -= 1;
            None
        }
        None => None,
    }
}

async fn may_go_on(hold: Option<Hold>) -> bool {
    let Some(hold) = hold else { return true };
    let _ = hold.arrived.send(());
    hold.go_on.await.unwrap_or(true)
}
