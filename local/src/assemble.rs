//! Assembles the functions as AWS does: each gets its environment from the template.

use std::{collections::BTreeMap, sync::Arc};

use account::Account;
use jwks::Jwks;
use kakao_events::KakaoEvents;
use kakao_login::KakaoLogin;
use logout::Logout;
use profile::Profile;
use refresh::Refresh;
use sessions::Sessions;
use shared::{
    clock::Clock,
    config::{Config, ConfigError},
    function,
};
use verify::Verify;

use crate::{
    iam,
    kakao::SHOP,
    lambda::{Function, Handler, RUNNING, here},
    template::{self, Template, TemplateError, with_prefix},
};

/// The project's template.
pub const TEMPLATE: &str = include_str!("../../template.yaml");

/// Environment variables that set a parameter of the template, with the parameter's name and local default.
const PARAMETERS: [(&str, &str, &str); 34] = [
    ("ISSUER", "Issuer", "http://localhost:9000"),
    ("AUDIENCE", "Audience", "api"),
    ("ALLOWED_ORIGINS", "AllowedOrigins", "http://localhost:9000,http://localhost:5173"),
    ("REDIRECT_URIS", "RedirectUris", "http://localhost:9000/,http://localhost:5173/"),
    ("KAKAO_APP_ID", "KakaoAppId", ""),
    ("KAKAO_REST_API_KEY", "KakaoRestApiKey", SHOP.rest_api_key),
    ("KAKAO_APP_KEYS", "KakaoAppKeys", SHOP.other_keys),
    ("KAKAO_ADMIN_KEY_HASHES", "KakaoAdminKeyHashes", SHOP.admin_key_hash),
    ("ID_TOKEN_MAX_AGE", "IdTokenMaxAge", "600"),
    ("CREDENTIALS", "Credentials", "access_token,code,id_token"),
    ("REQUIRE_BINDING", "RequireBinding", "true"),
    ("ACCESS_TTL", "AccessTtl", "300"),
    ("SESSION_IDLE_TTL", "SessionIdleTtl", "604800"),
    ("SESSION_MAX_TTL", "SessionMaxTtl", "2592000"),
    ("ROTATION_WINDOW", "RotationWindow", "30"),
    ("COOKIE_SAMESITE", "CookieSameSite", "Strict"),
    ("SESSION_LINKS", "SessionLinks", "on"),
    ("CALLBACK_URI", "CallbackUri", ""),
    (
        "ALLOW_HEADERS",
        "AllowHeaders",
        "authorization,content-type,x-requested-with,x-csrftoken,traceparent,tracestate,baggage,sentry-trace",
    ),
    ("NATIVE_CLIENTS", "NativeClients", "true"),
    ("COMPATIBILITY", "Compatibility", "none"),
    ("USER_IDS", "UserIds", "random"),
    ("USER_EVENTS", "UserEvents", "off"),
    ("DJANGO_REFRESH_UNTIL", "DjangoRefreshUntil", ""),
    ("DJANGO_REFRESH_COOKIE", "DjangoRefreshCookie", "refresh_token"),
    ("ORIGIN_SECRET_HASHES", "OriginSecretHashes", ""),
    ("SIGNING_ALGORITHM", "SigningAlgorithm", "ES256"),
    ("VERIFIER_CACHE_TTL", "VerifierCacheTtl", "7200"),
    ("FIRST_KEYS", "FirstKeys", "make"),
    ("STAGE", "Stage", "local"),
    ("THROTTLING_RATE_LIMIT", "ThrottlingRateLimit", "500"),
    ("THROTTLING_BURST_LIMIT", "ThrottlingBurstLimit", "1000"),
    ("LOGIN_RATE_LIMIT", "LoginRateLimit", "20"),
    ("LOGIN_BURST_LIMIT", "LoginBurstLimit", "40"),
];

/// The settings of `make run`, with those in `given` replaced.
#[must_use]
pub fn settings(given: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let app_id = SHOP.app_id.to_string();
    let defaults = PARAMETERS.iter().map(|(name, _, default)| {
        let default = if *name == "KAKAO_APP_ID" { &app_id } else { *default };
        let value = given.get(*name).map_or(default, String::as_str);
        ((*name).to_owned(), value.to_owned())
    });
    defaults.collect()
}

/// Reads the template with a local stack's parameters. Values in `given`, by their environment variables, take precedence.
///
/// # Errors
///
/// [`TemplateError`] if the template would not deploy.
pub fn template(given: &BTreeMap<String, String>) -> Result<Template, TemplateError> {
    template_from(TEMPLATE, given)
}

/// Reads a template other than the project's, with the same parameters as [`fn@template`]. `PATH_PREFIX` in `given` serves the routes of
/// dj-rest-auth under another prefix, and `EXISTING_TABLE` is the name of the table of users.
///
/// # Errors
///
/// [`TemplateError`] if it would not deploy.
pub fn template_from(yaml: &str, given: &BTreeMap<String, String>) -> Result<Template, TemplateError> {
    let moved = given.get("PATH_PREFIX").filter(|prefix| !prefix.is_empty());
    let moved = moved.map(|prefix| with_prefix(yaml, prefix)).transpose()?;
    let yaml = moved.as_deref().unwrap_or(yaml);
    let mut template = Template::read(yaml, &parameters(given))?;
    // As a stack that has adopted a table.
    if let Some(name) = given.get("EXISTING_TABLE").filter(|name| !name.is_empty()) {
        template.rename(&template.table.name.clone(), name);
    }
    Ok(template)
}

/// The resources of one type that a template makes, with the same parameters as [`fn@template`]. Every reference is the name of its
/// resource.
///
/// # Errors
///
/// [`TemplateError`] if it would not deploy.
pub fn resources(
    yaml: &str,
    kind: &str,
    given: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, serde_json::Value>, TemplateError> {
    template::resources(yaml, kind, &parameters(given))
}

fn parameters(given: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let settings = settings(given);
    PARAMETERS.iter().map(|(name, parameter, _)| ((*parameter).to_owned(), settings[*name].clone())).collect()
}

/// The environment of one function: the template's variables, its role's credentials, and the `local` settings.
#[must_use]
pub fn environment(template: &Template, function: &str, local: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mut environment =
        template.functions.get(function).map(|declared| declared.environment.clone()).unwrap_or_default();
    environment.insert("AWS_ACCESS_KEY_ID".to_owned(), iam::access_key(function));
    environment.insert("AWS_SECRET_ACCESS_KEY".to_owned(), "local".to_owned());
    environment.extend(local.clone());
    environment
}

/// The HTTP functions, each with its own environment.
///
/// # Errors
///
/// [`ConfigError`] if the template gives one of them less than it needs.
pub fn functions(
    template: &Template,
    local: &BTreeMap<String, String>,
    clock: &Arc<dyn Clock>,
) -> Result<BTreeMap<String, Function>, ConfigError> {
    let build = Build { template, local, clock };
    let functions = [
        build.function::<KakaoLogin>()?,
        build.function::<Refresh>()?,
        build.function::<Logout>()?,
        build.function::<Profile>()?,
        build.function::<Sessions>()?,
        build.function::<Account>()?,
        build.function::<Verify>()?,
        build.function::<Jwks>()?,
        build.function::<KakaoEvents>()?,
    ];
    Ok(functions.into())
}

/// A function that a schedule invokes, with its own environment.
///
/// # Errors
///
/// [`ConfigError`] if the template gives it less than it needs.
pub fn worker<W: function::Worker>(
    template: &Template,
    local: &BTreeMap<String, String>,
    clock: &Arc<dyn Clock>,
) -> Result<W, ConfigError> {
    W::from_config(&Config::from_pairs(environment(template, W::NAME, local)), Arc::clone(clock))
}

/// The inputs of every function.
struct Build<'a> {
    template: &'a Template,
    local: &'a BTreeMap<String, String>,
    clock: &'a Arc<dyn Clock>,
}

impl Build<'_> {
    fn function<F: function::Function>(&self) -> Result<(String, Function), ConfigError> {
        let config = Config::from_pairs(environment(self.template, F::NAME, self.local));
        let guarded = Arc::new(function::Guarded::<F>::from_config(&config, Arc::clone(self.clock))?);
        let handler: Handler = Arc::new(move |request| {
            let guarded = Arc::clone(&guarded);
            Box::pin(RUNNING.scope(F::NAME, async move { guarded.respond(request).await }))
        });
        Ok((F::NAME.to_owned(), here(handler)))
    }
}
