//! The client for DynamoDB. A function has one client, so that all its requests share connections.

use std::time::Duration;

use aws_sdk_dynamodb::{
    Client,
    config::{BehaviorVersion, Region, StalledStreamProtectionConfig, retry::RetryConfig, timeout::TimeoutConfig},
    error::{ProvideErrorMetadata, SdkError},
};

use super::{Endpoint, endpoint};

/// A client for DynamoDB at this endpoint. It connects when it is first used.
#[must_use]
pub fn client(endpoint: Endpoint) -> Client {
    let timeouts = TimeoutConfig::builder()
        .operation_attempt_timeout(Duration::from_millis(700) * endpoint.time_factor)
        .operation_timeout(Duration::from_secs(2) * endpoint.time_factor)
        .build();
    let retries = RetryConfig::standard().with_max_attempts(3).with_initial_backoff(Duration::from_millis(50));
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_resolver(endpoint::resolver(&endpoint.region, endpoint.url.as_deref()))
        .region(Region::new(endpoint.region))
        .credentials_provider(endpoint.credentials)
        .http_client(endpoint.http_client)
        .timeout_config(timeouts)
        .retry_config(retries)
        // The timeout of an attempt already bounds a stalled response.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
    Client::from_conf(config.build())
}

/// DynamoDB's error code, or the kind of failure. The error itself can contain items and addresses, so it is never shown.
pub fn reason<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> &str {
    match error {
        SdkError::ServiceError(error) => error.err().code().unwrap_or("unnamed error"),
        SdkError::TimeoutError(_) => "timed out",
        SdkError::DispatchFailure(_) => "no connection",
        SdkError::ResponseError(_) => "unreadable response",
        _ => "request not built",
    }
}
