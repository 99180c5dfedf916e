//! The HTTP API: its routes, its CORS configuration and its throttles.

use std::collections::BTreeMap;

use serde_yaml_ng::Value;

use super::{Result, error, references::References, scalar};

/// A route of the HTTP API.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Route {
    /// `GET`, `POST` and so on.
    pub method: String,
    /// Such as `/auth/kakao` or `/auth/kakao/{proxy+}`.
    pub path: String,
}

/// The API's CORS configuration.
#[derive(Clone, Debug)]
pub struct Cors {
    /// Exact origins.
    pub origins: Vec<String>,
    /// Methods.
    pub methods: Vec<String>,
    /// Request headers.
    pub headers: Vec<String>,
    /// Response headers that a page may read.
    pub exposed: Vec<String>,
    /// How long a browser may cache a preflight, in seconds.
    pub max_age: u64,
    /// Whether credentials are allowed.
    pub credentials: bool,
}

/// The throttle of a route, for all callers together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Throttle {
    /// Requests per second.
    pub rate: f64,
    /// Requests at once.
    pub burst: f64,
}

/// The throttles of all routes. Every route has a bucket of its own, even those with the default.
#[derive(Clone, Debug)]
pub struct Throttles {
    /// `DefaultRouteSettings`.
    pub default: Throttle,
    /// `RouteSettings`, by the routes' keys.
    pub routes: BTreeMap<String, Throttle>,
}

impl Route {
    /// Its key, such as `POST /auth/kakao`.
    #[must_use]
    pub fn key(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

impl Throttles {
    /// The throttle of this route.
    #[must_use]
    pub fn of(&self, route: &Route) -> Throttle {
        self.routes.get(&route.key()).copied().unwrap_or(self.default)
    }
}

pub(super) fn read_route(declaration: &Value, references: &References, api: &str) -> Result<Route> {
    if declaration.get("Type").and_then(Value::as_str) != Some("HttpApi") {
        return error("only HttpApi and Schedule events are understood here");
    }
    let properties = &declaration["Properties"];
    // For events that name no API, SAM creates a second one, at another address and without CORS.
    if references.member(properties, "ApiId", References::text)? != api {
        return error(format!("ApiId: the route must belong to {api}"));
    }
    let path = references.member(properties, "Path", References::text)?;
    let method = references.member(properties, "Method", References::text)?.to_ascii_uppercase();
    if !["ANY", "GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"].contains(&method.as_str()) {
        return error(format!("{method} is not an HTTP method"));
    }
    // SAM silently creates an integration without a route (aws/serverless-application-model issue 1949).
    if path.ends_with('/') || !path.starts_with('/') {
        return error(format!("the path {path} must begin with a slash and not end with one"));
    }
    let is_plain = |segment: &str| !segment.is_empty() && !segment.contains(['{', '}', '+']);
    let is_variable =
        |segment: &str| segment.strip_prefix('{').and_then(|name| name.strip_suffix('}')).is_some_and(is_plain);
    let mut segments = path.strip_suffix("/{proxy+}").unwrap_or(&path).split('/').skip(1);
    if !segments.all(|segment| is_plain(segment) || is_variable(segment)) {
        return error(format!(
            "{path} may have variables as whole segments, such as {{id}}, and {{proxy+}} as its last one"
        ));
    }
    Ok(Route { method, path })
}

pub(super) fn read_cors(api: &Value, references: &References) -> Result<Cors> {
    let Some(cors) = api["Properties"].get("CorsConfiguration") else {
        return error("the HttpApi has no CorsConfiguration");
    };
    let origins = references.member(cors, "AllowOrigins", References::texts)?;
    let credentials = match cors.get("AllowCredentials").map(|flag| references.text(flag)).transpose()?.as_deref() {
        Some("true") => true,
        Some("false") | None => false,
        Some(other) => return error(format!("AllowCredentials: {other} is neither true nor false")),
    };
    if credentials && origins.iter().any(|origin| origin.contains('*')) {
        return error("CorsConfiguration: the HTTP API refuses * together with AllowCredentials");
    }
    Ok(Cors {
        origins,
        methods: references.member(cors, "AllowMethods", header_words)?,
        headers: references.member(cors, "AllowHeaders", header_words)?,
        exposed: cors.get("ExposeHeaders").map_or(Ok(Vec::new()), |names| header_words(references, names))?,
        max_age: references.member(cors, "MaxAge", References::number)?,
        credentials,
    })
}

/// Checks that these texts are valid in a header.
fn header_words(references: &References, value: &Value) -> Result<Vec<String>> {
    let words = references.texts(value)?;
    match words.iter().find(|word| word.is_empty() || !word.bytes().all(|byte| byte.is_ascii_graphic())) {
        Some(wrong) => error(format!("{wrong:?} is not a header name")),
        None => Ok(words),
    }
}

pub(super) fn read_throttles(api: &Value, references: &References) -> Result<Throttles> {
    let properties = &api["Properties"];
    let mut routes = BTreeMap::new();
    for (key, settings) in properties.get("RouteSettings").and_then(Value::as_mapping).into_iter().flatten() {
        let key = scalar(key)?;
        let throttle = read_throttle(settings, references).map_err(|error| error.at(&key).at("RouteSettings"))?;
        routes.insert(key, throttle);
    }
    let default = read_throttle(&properties["DefaultRouteSettings"], references);
    Ok(Throttles { default: default.map_err(|error| error.at("DefaultRouteSettings"))?, routes })
}

fn read_throttle(settings: &Value, references: &References) -> Result<Throttle> {
    Ok(Throttle {
        rate: references.member(settings, "ThrottlingRateLimit", References::number)?,
        burst: references.member(settings, "ThrottlingBurstLimit", References::number)?,
    })
}
