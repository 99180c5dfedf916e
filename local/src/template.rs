//! Reads `template.yaml` as far as a local stack needs it, and refuses what the cloud would refuse or silently drop.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use regex_lite::Regex;
use serde_yaml_ng::{Mapping, Value, value::Tag};

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

        let globals = root.get("Globals").and_then(|globals| globals.get("Function"));
        let mut functions = BTreeMap::new();
        let mut routes = BTreeSet::new();
        for (name, resource) in of_type("AWS::Serverless::Function") {
            let (binary, function) = read_function(name, resource, globals, &references)?;
            for route in &function.routes {
                if !routes.insert(route.clone()) {
                    return error(format!("{name}: {} {} is declared twice", route.method, route.path));
                }
            }
            functions.insert(binary, function);
        }
        let Some((_, api)) = of_type("AWS::Serverless::HttpApi").next() else {
            return error("no HttpApi");
        };
        let Some((name, table)) = of_type("AWS::DynamoDB::Table").next() else {
            return error("no table");
        };
        Ok(Self {
            functions,
            cors: read_cors(api, &references)?,
            throttle: read_throttle(api, &references)?,
            table: read_table(name, table, &references)?,
        })
    }
}

/// What `!Ref` and `!Sub` may name.
struct References {
    parameters: BTreeMap<String, Value>,
    resources: BTreeSet<String>,
}

impl References {
    fn read(root: &Value, given: &BTreeMap<String, String>) -> Result<Self> {
        let declared = mapping(root, "Parameters")?;
        for name in given.keys() {
            if !declared.contains_key(name.as_str()) {
                return error(format!("there is no parameter {name}"));
            }
        }
        let mut parameters = BTreeMap::new();
        for (name, declaration) in declared {
            let name = name.as_str().unwrap_or_default();
            let default = declaration.get("Default").map(scalar).transpose()?;
            let Some(value) = given.get(name).cloned().or(default) else {
                return error(format!("parameter {name} has no default and none was given"));
            };
            parameters.insert(name.to_owned(), check_parameter(name, declaration, &value)?);
        }
        let resources = mapping(root, "Resources")?.keys().filter_map(Value::as_str).map(str::to_owned).collect();
        Ok(Self { parameters, resources })
    }

    /// A value without intrinsic functions.
    fn resolve(&self, value: &Value) -> Result<Value> {
        let Value::Tagged(tagged) = value else {
            return Ok(value.clone());
        };
        let function = &tagged.tag;
        if *function == Tag::new("Ref") {
            self.reference(&scalar(&tagged.value)?)
        } else if *function == Tag::new("GetAtt") {
            Ok(Value::String(format!("local:{}", scalar(&tagged.value)?)))
        } else if *function == Tag::new("Sub") {
            self.substitute(&scalar(&tagged.value)?).map(Value::String)
        } else if *function == Tag::new("Join") {
            let parts = tagged.value.as_sequence().map(Vec::as_slice);
            let Some([separator, list]) = parts else {
                return error("!Join needs a separator and a list");
            };
            let list = self.texts(list)?;
            Ok(Value::String(list.join(&scalar(separator)?)))
        } else {
            error(format!("{function} is not understood here"))
        }
    }

    fn reference(&self, name: &str) -> Result<Value> {
        if let Some(value) = self.parameters.get(name) {
            Ok(value.clone())
        } else if self.resources.contains(name) || name.starts_with("AWS::") {
            Ok(Value::String(name.to_owned()))
        } else {
            error(format!("!Ref {name}: there is no such parameter or resource"))
        }
    }

    fn substitute(&self, text: &str) -> Result<String> {
        let (mut result, mut rest) = (String::new(), text);
        while let Some((before, after)) = rest.split_once("${") {
            let Some((name, after)) = after.split_once('}') else {
                return error(format!("!Sub {text}: no closing brace"));
            };
            let resource = name.split('.').next().unwrap_or_default();
            result.push_str(before);
            result.push_str(&scalar(&self.reference(resource)?)?);
            rest = after;
        }
        Ok(result + rest)
    }

    fn text(&self, value: &Value) -> Result<String> {
        scalar(&self.resolve(value)?)
    }

    fn texts(&self, value: &Value) -> Result<Vec<String>> {
        match self.resolve(value)? {
            Value::Sequence(items) => items.iter().map(|item| self.text(item)).collect(),
            other => error(format!("a list is expected, not {other:?}")),
        }
    }

    fn number<T: std::str::FromStr>(&self, value: &Value) -> Result<T> {
        let text = self.text(value)?;
        text.parse().or_else(|_| error(format!("{text} is not a number")))
    }
}

/// Checks a value as CloudFormation does before it creates anything.
fn check_parameter(name: &str, declaration: &Value, value: &str) -> Result<Value> {
    let kind = declaration.get("Type").and_then(Value::as_str).unwrap_or_default();
    let is_list = kind == "CommaDelimitedList" || kind.starts_with("List<");
    let items: Vec<&str> = if is_list { value.split(',').map(str::trim).collect() } else { vec![value] };
    if let Some(pattern) = declaration.get("AllowedPattern").and_then(Value::as_str) {
        let whole = format!("^(?:{pattern})$");
        let Ok(regex) = Regex::new(&whole) else {
            return error(format!("parameter {name}: {pattern} is no pattern"));
        };
        if let Some(wrong) = items.iter().find(|item| !regex.is_match(item)) {
            return error(format!("parameter {name}: {wrong} does not match {pattern}"));
        }
    }
    if let Some(allowed) = declaration.get("AllowedValues").and_then(Value::as_sequence) {
        let allowed: Vec<String> = allowed.iter().map(scalar).collect::<Result<_>>()?;
        if let Some(wrong) = items.iter().find(|item| !allowed.iter().any(|allowed| allowed == *item)) {
            return error(format!("parameter {name}: {wrong} is not one of {}", allowed.join(", ")));
        }
    }
    for (bound, refuses) in [("MinValue", f64::lt as fn(&f64, &f64) -> bool), ("MaxValue", f64::gt)] {
        if let Some(limit) = declaration.get(bound).and_then(Value::as_f64)
            && items.iter().any(|item| item.parse().is_ok_and(|item: f64| refuses(&item, &limit)))
        {
            return error(format!("parameter {name}: {value} is beyond {bound} {limit}"));
        }
    }
    if kind == "Number" && value.parse::<f64>().is_err() {
        return error(format!("parameter {name}: {value} is not a number"));
    }
    if is_list { Ok(Value::Sequence(items.into_iter().map(Value::from).collect())) } else { Ok(Value::from(value)) }
}

fn read_function(
    name: &str,
    resource: &Value,
    globals: Option<&Value>,
    references: &References,
) -> Result<(String, Function)> {
    let in_metadata = |key: &str| resource.get("Metadata").and_then(|metadata| metadata.get(key));
    if in_metadata("BuildMethod").and_then(Value::as_str) != Some("rust-cargolambda") {
        return error(format!("{name}: BuildMethod must be rust-cargolambda"));
    }
    let binary = in_metadata("BuildProperties").and_then(|properties| properties.get("Binary"));
    let Some(binary) = binary.and_then(Value::as_str) else {
        return error(format!("{name}: no Binary to build"));
    };

    let properties = &resource["Properties"];
    let timeout = properties.get("Timeout").or_else(|| globals?.get("Timeout"));
    let timeout = timeout.map_or(Ok(3), |timeout| references.number(timeout))?;
    let mut environment = BTreeMap::new();
    for level in [globals, Some(properties)].into_iter().flatten() {
        let variables = level.get("Environment").and_then(|environment| environment.get("Variables"));
        for (key, value) in variables.and_then(Value::as_mapping).into_iter().flatten() {
            environment.insert(scalar(key)?, references.text(value)?);
        }
    }
    let mut routes = Vec::new();
    for (event, declaration) in properties.get("Events").and_then(Value::as_mapping).into_iter().flatten() {
        let place = format!("{name}, event {}", scalar(event)?);
        if declaration.get("Type").and_then(Value::as_str) != Some("HttpApi") {
            return error(format!("{place}: only HttpApi events are understood here"));
        }
        routes.push(read_route(&place, &declaration["Properties"], references)?);
    }
    Ok((binary.to_owned(), Function { routes, environment, timeout: Duration::from_secs(timeout) }))
}

fn read_route(place: &str, properties: &Value, references: &References) -> Result<Route> {
    let (method, path) = (references.text(&properties["Method"])?, references.text(&properties["Path"])?);
    let method = method.to_ascii_uppercase();
    if !["ANY", "GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"].contains(&method.as_str()) {
        return error(format!("{place}: {method} is no method"));
    }
    // SAM makes an integration and no route of it, and says nothing (aws/serverless-application-model issue 1949).
    if path.ends_with('/') || !path.starts_with('/') {
        return error(format!("{place}: the path {path} must begin with a slash and not end with one"));
    }
    let greedy = path.find("{proxy+}");
    if path.contains('{') && greedy != path.len().checked_sub("{proxy+}".len()) {
        return error(format!("{place}: {path} may have {{proxy+}} at its end and no other variable"));
    }
    Ok(Route { method, path })
}

fn read_cors(api: &Value, references: &References) -> Result<Cors> {
    let Some(cors) = api["Properties"].get("CorsConfiguration") else {
        return error("the HttpApi has no CorsConfiguration");
    };
    let origins = references.texts(&cors["AllowOrigins"])?;
    let credentials = cors.get("AllowCredentials").and_then(Value::as_bool).unwrap_or_default();
    if credentials && origins.iter().any(|origin| origin.contains('*')) {
        return error("CorsConfiguration: the HTTP API refuses * together with AllowCredentials");
    }
    Ok(Cors {
        origins,
        methods: references.texts(&cors["AllowMethods"])?,
        headers: references.texts(&cors["AllowHeaders"])?,
        max_age: references.number(&cors["MaxAge"])?,
        credentials,
    })
}

fn read_throttle(api: &Value, references: &References) -> Result<Throttle> {
    let settings = &api["Properties"]["DefaultRouteSettings"];
    Ok(Throttle {
        rate: references.number(&settings["ThrottlingRateLimit"])?,
        burst: references.number(&settings["ThrottlingBurstLimit"])?,
    })
}

fn read_table(name: &str, resource: &Value, references: &References) -> Result<Table> {
    let properties = &resource["Properties"];
    let key = |kind: &str| {
        let schema = properties["KeySchema"].as_sequence().into_iter().flatten();
        let mut keys = schema.filter(|key| key["KeyType"].as_str() == Some(kind));
        keys.next().map_or_else(|| error(format!("{name}: no {kind} key")), |key| scalar(&key["AttributeName"]))
    };
    Ok(Table {
        name: name.to_owned(),
        partition_key: key("HASH")?,
        sort_key: key("RANGE")?,
        ttl_attribute: references.text(&properties["TimeToLiveSpecification"]["AttributeName"])?,
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
