//! Reads `template.yaml` as far as a local stack needs it, and refuses what the cloud would refuse or silently drop.

mod references;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use serde_yaml_ng::{Mapping, Value};

use self::references::References;

/// What the template says of the parts that a local stack has.
#[derive(Clone, Debug)]
pub struct Template {
    /// Every function, by the name of its binary.
    pub functions: BTreeMap<String, Function>,
    /// The HTTP API's CORS configuration.
    pub cors: Cors,
    /// The HTTP API's throttle.
    pub throttle: Throttle,
    /// The table.
    pub table: Table,
}

/// A Lambda function.
#[derive(Clone, Debug)]
pub struct Function {
    /// The routes that lead to it.
    pub routes: Vec<Route>,
    /// Its environment, with references resolved.
    pub environment: BTreeMap<String, String>,
    /// How long it may take.
    pub timeout: Duration,
}

/// A route of the HTTP API.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Route {
    /// `GET`, `POST` and so on.
    pub method: String,
    /// Such as `/auth/kakao` or `/auth/kakao/{proxy+}`.
    pub path: String,
}

/// Who may call from a page of another origin.
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
    /// How long a browser may remember a preflight, in seconds.
    pub max_age: u64,
    /// Whether cookies come along.
    pub credentials: bool,
}

/// Requests that the whole API takes.
#[derive(Clone, Copy, Debug)]
pub struct Throttle {
    /// Requests per second.
    pub rate: f64,
    /// Requests at once.
    pub burst: f64,
}

/// The DynamoDB table.
#[derive(Clone, Debug)]
pub struct Table {
    /// Its name in a local stack: the resource's.
    pub name: String,
    /// The partition key.
    pub partition_key: String,
    /// The sort key.
    pub sort_key: String,
    /// The attribute that holds the time of expiry.
    pub ttl_attribute: String,
}

/// What is wrong with a template, and where.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("template: {0}")]
pub struct TemplateError(String);

type Result<T> = std::result::Result<T, TemplateError>;

fn error<T>(message: impl Into<String>) -> Result<T> {
    Err(TemplateError(message.into()))
}

impl TemplateError {
    fn at(self, place: &str) -> Self {
        Self(format!("{place}: {}", self.0))
    }
}

impl Template {
    /// Reads a template. `parameters` stand in for the defaults.
    ///
    /// # Errors
    ///
    /// [`TemplateError`] with the place.
    pub fn read(yaml: &str, parameters: &BTreeMap<String, String>) -> Result<Self> {
        let root: Value = serde_yaml_ng::from_str(yaml).or_else(|broken| error(broken.to_string()))?;
        let references = References::read(&root, parameters)?;
        let resources = mapping(&root, "Resources")?;
        let of_type = |kind: &'static str| {
            resources.iter().filter_map(move |(name, resource)| {
                (resource.get("Type").and_then(Value::as_str) == Some(kind)).then_some((name.as_str()?, resource))
            })
        };

        let Some((api_name, api)) = of_type("AWS::Serverless::HttpApi").next() else {
            return error("no HttpApi");
        };
        let globals = root.get("Globals").and_then(|globals| globals.get("Function"));
        let mut functions = BTreeMap::new();
        let mut routes = BTreeSet::new();
        for (name, resource) in of_type("AWS::Serverless::Function") {
            let read = read_function(resource, globals, &references, api_name);
            let (binary, function) = read.map_err(|error| error.at(name))?;
            for route in &function.routes {
                if !routes.insert(route.clone()) {
                    return error(format!("{name}: {} {} is declared twice", route.method, route.path));
                }
            }
            if functions.insert(binary.clone(), function).is_some() {
                return error(format!("{name}: another function has the binary {binary} already"));
            }
        }
        let Some((name, table)) = of_type("AWS::DynamoDB::Table").next() else {
            return error("no table");
        };
        Ok(Self {
            functions,
            cors: read_cors(api, &references).map_err(|error| error.at(api_name))?,
            throttle: read_throttle(api, &references).map_err(|error| error.at(api_name))?,
            table: read_table(name, table, &references).map_err(|error| error.at(name))?,
        })
    }
}

fn read_function(
    resource: &Value,
    globals: Option<&Value>,
    references: &References,
    api: &str,
) -> Result<(String, Function)> {
    if resource.get("Condition").is_some() {
        return error("a Condition is not understood here");
    }
    let in_metadata = |key: &str| resource.get("Metadata").and_then(|metadata| metadata.get(key));
    if in_metadata("BuildMethod").and_then(Value::as_str) != Some("rust-cargolambda") {
        return error("BuildMethod must be rust-cargolambda");
    }
    let binary = in_metadata("BuildProperties").and_then(|properties| properties.get("Binary"));
    let Some(binary) = binary.and_then(Value::as_str) else {
        return error("no Binary to build");
    };

    let properties = &resource["Properties"];
    let timeout = properties.get("Timeout").or_else(|| globals?.get("Timeout"));
    let timeout = timeout.map_or(Ok(3), |timeout| references.number(timeout)).map_err(|error| error.at("Timeout"))?;
    if !(1..=900).contains(&timeout) {
        return error(format!("Timeout: Lambda takes 1 to 900 seconds, not {timeout}"));
    }
    let mut environment = BTreeMap::new();
    for level in [globals, Some(properties)].into_iter().flatten() {
        let variables = level.get("Environment").and_then(|environment| environment.get("Variables"));
        for (key, value) in variables.and_then(Value::as_mapping).into_iter().flatten() {
            let key = scalar(key)?;
            let value = references.text(value).map_err(|error| error.at(&key))?;
            environment.insert(key, value);
        }
    }
    let mut routes = Vec::new();
    for (event, declaration) in properties.get("Events").and_then(Value::as_mapping).into_iter().flatten() {
        let route = read_route(declaration, references, api);
        routes.push(route.map_err(|error| error.at(&format!("event {}", event.as_str().unwrap_or_default())))?);
    }
    Ok((binary.to_owned(), Function { routes, environment, timeout: Duration::from_secs(timeout) }))
}

fn read_route(declaration: &Value, references: &References, api: &str) -> Result<Route> {
    if declaration.get("Type").and_then(Value::as_str) != Some("HttpApi") {
        return error("only HttpApi events are understood here");
    }
    let properties = &declaration["Properties"];
    // SAM makes a second API, at another address and without CORS, for the events that name none.
    if references.member(properties, "ApiId", References::text)? != api {
        return error(format!("ApiId: the route must belong to {api}"));
    }
    let path = references.member(properties, "Path", References::text)?;
    let method = references.member(properties, "Method", References::text)?.to_ascii_uppercase();
    if !["ANY", "GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"].contains(&method.as_str()) {
        return error(format!("{method} is no method"));
    }
    // SAM makes an integration and no route of it, and says nothing (aws/serverless-application-model issue 1949).
    if path.ends_with('/') || !path.starts_with('/') {
        return error(format!("the path {path} must begin with a slash and not end with one"));
    }
    if path.strip_suffix("/{proxy+}").unwrap_or(&path).contains(['{', '}']) {
        return error(format!("{path} may have {{proxy+}} as its last segment and no other variable"));
    }
    Ok(Route { method, path })
}

fn read_cors(api: &Value, references: &References) -> Result<Cors> {
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

/// Texts that may stand in a header.
fn header_words(references: &References, value: &Value) -> Result<Vec<String>> {
    let words = references.texts(value)?;
    match words.iter().find(|word| word.is_empty() || !word.bytes().all(|byte| byte.is_ascii_graphic())) {
        Some(wrong) => error(format!("{wrong:?} is no name")),
        None => Ok(words),
    }
}

fn read_throttle(api: &Value, references: &References) -> Result<Throttle> {
    let settings = &api["Properties"]["DefaultRouteSettings"];
    Ok(Throttle {
        rate: references.member(settings, "ThrottlingRateLimit", References::number)?,
        burst: references.member(settings, "ThrottlingBurstLimit", References::number)?,
    })
}

fn read_table(name: &str, resource: &Value, references: &References) -> Result<Table> {
    let properties = &resource["Properties"];
    let with = |list: &str, member: &str, value: &str| {
        let mut items = properties[list].as_sequence().into_iter().flatten();
        items.find(|item| item[member].as_str() == Some(value)).cloned()
    };
    let key = |kind: &str| {
        let Some(key) = with("KeySchema", "KeyType", kind) else {
            return error(format!("no {kind} key"));
        };
        let attribute = scalar(&key["AttributeName"])?;
        match with("AttributeDefinitions", "AttributeName", &attribute) {
            Some(definition) if definition["AttributeType"].as_str() == Some("S") => Ok(attribute),
            _ => error(format!("AttributeDefinitions: {attribute} must be there, of type S")),
        }
    };
    if properties["BillingMode"].as_str() != Some("PAY_PER_REQUEST") {
        return error("BillingMode: only PAY_PER_REQUEST is understood here");
    }
    let expiry = &properties["TimeToLiveSpecification"];
    if expiry["Enabled"].as_bool() != Some(true) {
        return error("TimeToLiveSpecification: not enabled");
    }
    Ok(Table {
        name: name.to_owned(),
        partition_key: key("HASH")?,
        sort_key: key("RANGE")?,
        ttl_attribute: references.member(expiry, "AttributeName", References::text)?,
    })
}

fn mapping<'a>(value: &'a Value, name: &str) -> Result<&'a Mapping> {
    value.get(name).and_then(Value::as_mapping).map_or_else(|| error(format!("there is no section {name}")), Ok)
}

fn scalar(value: &Value) -> Result<String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(flag) => Ok(flag.to_string()),
        other => error(format!("a text is expected, not {other:?}")),
    }
}
