//! `GET /.well-known/jwks.json` and `GET /.well-known/openid-configuration`: what others verify our access tokens with
//! (RFC 7517 §5, RFC 8414 §3).

use std::{collections::BTreeSet, sync::Arc};

use lambda_http::{Body, Request, Response};
use serde_json::{Value, json};
use shared::{
    clock::Clock,
    config::{Config, ConfigError},
    error::Error,
    function::Function,
    http,
    keys::{PublishedKeys, SecretCache},
};

/// What this function needs. Its IAM role allows no more.
#[derive(Debug)]
pub struct Jwks {
    /// The public keys.
    pub keys: SecretCache<PublishedKeys>,
    /// The issuer of access tokens (`iss`): the prefix of the addresses of these documents.
    pub issuer: String,
    /// Tells the time, which is read once per request and passed down.
    pub clock: Arc<dyn Clock>,
}

impl Function for Jwks {
    const NAME: &'static str = "jwks";

    fn from_config(config: &Config, clock: Arc<dyn Clock>) -> Result<Self, ConfigError> {
        let (Some(keys), Some(issuer)) = (config.published_keys(), config.issuer()) else {
            return Err(config.into_error());
        };
        Ok(Self { keys, issuer, clock })
    }

    /// Reads the keys, which connects to DynamoDB.
    async fn warm_up(&self) {
        let _ = self.keys.at(self.clock.now()).await;
    }

    /// Responds with the keys or with their address. A new key is published long before it is active, and an old one until the last
    /// token that it signed has expired. Symmetric keys are never published.
    ///
    /// # Errors
    ///
    /// [`Error::Secret`] if there are no keys.
    async fn handle(&self, request: Request) -> Result<Response<Body>, Error> {
        let now = self.clock.now();
        let keys = self.keys.at(now).await?;
        let keys: Vec<Value> = keys.0.iter().filter_map(|key| key.published(now)).collect();
        let body = if request.uri().path().trim_end_matches('/').ends_with("/jwks.json") {
            json!({"keys": keys})
        } else {
            let algorithms: BTreeSet<&str> = keys.iter().filter_map(|key| key["alg"].as_str()).collect();
            json!({
                "issuer": self.issuer,
                "jwks_uri": format!("{}/.well-known/jwks.json", self.issuer),
                // Required members, although there is no authorization endpoint here: Kakao has it.
                "response_types_supported": ["none"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": algorithms,
            })
        };
        Ok(http::public_response(&request, &body))
    }
}
