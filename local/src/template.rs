//! Reads what a local stack needs from `template.yaml`, and rejects what AWS would reject or silently drop.

mod conditions;
mod http_api;
pub mod policies;
mod prefix;
mod references;
mod streams;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use serde_yaml_ng::{Mapping, Value};

use self::{
    conditions::Conditions,
    policies::{Denial, Statement},
    references::References,
};
pub use self::{
    http_api::{Cors, Route, Throttle, Throttles},
    prefix::with_prefix,
    streams::EventSource,
};

/// The parts of the template that a local stack uses.
#[derive(Clone, Debug)]
pub struct Template {
    /// Every function, by the name of its binary.
    pub functions: BTreeMap<String, Function>,
    /// What operators may do with the tables, by the names of their policies: `operators-read` and `operators-manage`.
    pub operators: BTreeMap<String, Vec<Statement>>,
    /// The HTTP API's CORS configuration.
    pub cors: Cors,
    /// The HTTP API's throttles.
    pub throttles: Throttles,
    /// The table of users and sessions.
    pub table: Table,
    /// The table of keys.
    pub keys: Table,
}

/// A Lambda function.
#[derive(Clone, Debug)]
pub struct Function {
    /// The routes that lead to it.
    pub routes: Vec<Route>,
    /// Its environment, with references resolved.
    pub environment: BTreeMap<String, String>,
    /// The schedules that invoke it.
    pub schedules: Vec<Schedule>,
    /// The streams whose records it gets.
    pub streams: Vec<EventSource>,
    /// How long it may take.
    pub timeout: Duration,
    /// What its role allows.
    pub policies: Vec<Statement>,
}

/// A schedule with a fixed interval.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// The interval.
    pub every: Duration,
    /// The event that the function gets, as JSON.
    pub input: String,
}

/// A DynamoDB table.
#[derive(Clone, Debug)]
pub struct Table {
    /// Its name in a local stack, which is the name of the resource.
    pub name: String,
    /// The partition key.
    pub partition_key: String,
    /// The sort key, if it has one.
    pub sort_key: Option<String>,
    /// The attribute that holds the expiry time, if items expire.
    pub ttl_attribute: Option<String>,
    /// Whether it has a stream, with the items before and after each write.
    pub has_stream: bool,
    /// What its resource policy denies.
    pub denials: Vec<Denial>,
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
    /// Reads a template. `parameters` override the defaults.
    ///
    /// # Errors
    ///
    /// [`TemplateError`] with the place in the template.
    pub fn read(yaml: &str, parameters: &BTreeMap<String, String>) -> Result<Self> {
        let root: Value = serde_yaml_ng::from_str(yaml).or_else(|broken| error(broken.to_string()))?;
        let references = References::read(&root, parameters)?;
        let resources = &Conditions::of(&root, &references).apply(mapping(&root, "Resources")?)?;
        let of_type = |kind: &'static str| {
            resources.iter().filter_map(move |(name, resource)| {
                (resource.get("Type").and_then(Value::as_str) == Some(kind)).then_some((name.as_str()?, resource))
            })
        };

        let Some((api_name, api)) = of_type("AWS::Serverless::HttpApi").next() else {
            return error("there is no AWS::Serverless::HttpApi");
        };
        let globals = root.get("Globals").and_then(|globals| globals.get("Function"));
        let mut functions = BTreeMap::new();
        let mut routes = BTreeSet::new();
        let mut binaries = BTreeMap::new();
        for (name, resource) in of_type("AWS::Serverless::Function") {
            let read = read_function(resource, globals, &references, resources, api_name);
            let (binary, function) = read.map_err(|error| error.at(name))?;
            for route in &function.routes {
                if !routes.insert(route.clone()) {
                    return error(format!("{name}: {} {} is declared twice", route.method, route.path));
                }
            }
            binaries.insert(format!("{name}Role"), binary.clone());
            if functions.insert(binary.clone(), function).is_some() {
                return error(format!("{name}: another function has the binary {binary} already"));
            }
        }
        for (name, resource) in of_type("AWS::IAM::RolePolicy") {
            let granted = policies::read_role_policy(resource, resources).map_err(|error| error.at(name))?;
            match binaries.get(&granted.role).and_then(|binary| functions.get_mut(binary)) {
                Some(function) => function.policies.extend(granted.statements),
                None => return error(format!("{name}: {} is not a function's role", granted.role)),
            }
        }
        let mut operators = BTreeMap::new();
        for (name, resource) in of_type("AWS::IAM::ManagedPolicy") {
            let statements = policies::of_operators(resource, resources).map_err(|error| error.at(name))?;
            operators.insert(kebab(name.trim_end_matches("Policy")), statements);
        }
        for (name, resource) in of_type("AWS::Lambda::EventSourceMapping") {
            let (function, source) = streams::read(resource, &references, resources).map_err(|error| error.at(name))?;
            match binaries.get(&format!("{function}Role")).and_then(|binary| functions.get_mut(binary)) {
                Some(function) => function.streams.push(source),
                None => return error(format!("{name}: there is no function {function}")),
            }
        }
        let table = |wanted: &str| match of_type("AWS::DynamoDB::Table").find(|(name, _)| *name == wanted) {
            Some((name, table)) => read_table(name, table, &references, &binaries).map_err(|error| error.at(name)),
            None => error(format!("there is no table {wanted}")),
        };
        let throttles = http_api::read_throttles(api, &references).map_err(|error| error.at(api_name))?;
        // API Gateway does not create a stage that has settings for a route that does not exist.
        if let Some(key) = throttles.routes.keys().find(|key| !routes.iter().any(|route| route.key() == **key)) {
            return error(format!("{api_name}: RouteSettings: there is no route {key}"));
        }
        Ok(Self {
            functions,
            operators,
            cors: http_api::read_cors(api, &references).map_err(|error| error.at(api_name))?,
            throttles,
            table: table("Table")?,
            keys: table("Keys")?,
        })
    }
}

impl Template {
    /// Renames a table, as CloudFormation does, also in environments and policies.
    pub fn rename(&mut self, resource: &str, name: &str) {
        for statements in self.operators.values_mut() {
            rename_in(statements, resource, name);
        }
        for function in self.functions.values_mut() {
            for value in function.environment.values_mut().filter(|value| *value == resource) {
                name.clone_into(value);
            }
            for source in function.streams.iter_mut().filter(|source| source.table == resource) {
                name.clone_into(&mut source.table);
            }
            rename_in(&mut function.policies, resource, name);
        }
        for table in [&mut self.table, &mut self.keys].into_iter().filter(|table| table.name == resource) {
            name.clone_into(&mut table.name);
        }
    }
}

fn rename_in(statements: &mut [Statement], resource: &str, name: &str) {
    for statement in statements {
        for part in ["", "/stream"] {
            if statement.resources.remove(&format!("{resource}{part}")) {
                statement.resources.insert(format!("{name}{part}"));
            }
        }
    }
}

/// `OperatorsRead` as `operators-read`.
fn kebab(name: &str) -> String {
    let mut kebab = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !kebab.is_empty() {
            kebab.push('-');
        }
        kebab.push(letter.to_ascii_lowercase());
    }
    kebab
}

/// The properties of each resource of this type, as JSON, with all references resolved to names. `parameters` override the defaults.
///
/// # Errors
///
/// [`TemplateError`] with the place in the template.
pub fn resources(
    yaml: &str,
    kind: &str,
    parameters: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, serde_json::Value>> {
    let root: Value = serde_yaml_ng::from_str(yaml).or_else(|broken| error(broken.to_string()))?;
    let references = References::read(&root, parameters)?;
    let resources = Conditions::of(&root, &references).apply(mapping(&root, "Resources")?)?;
    let of_type = resources.iter().filter(|(_, resource)| resource.get("Type").and_then(Value::as_str) == Some(kind));
    let read = of_type.map(|(name, resource)| {
        let (name, properties) = (scalar(name)?, resource.get("Properties").unwrap_or(&Value::Null));
        let resolved = references.resolve_all(properties).map_err(|error| error.at(&name))?;
        let json = serde_json::to_value(resolved).or_else(|broken| error(format!("{name}: {broken}")))?;
        Ok((name, json))
    });
    read.collect()
}

fn read_function(
    resource: &Value,
    globals: Option<&Value>,
    references: &References,
    resources: &Mapping,
    api: &str,
) -> Result<(String, Function)> {
    let in_metadata = |key: &str| resource.get("Metadata").and_then(|metadata| metadata.get(key));
    if in_metadata("BuildMethod").and_then(Value::as_str) != Some("rust-cargolambda") {
        return error("BuildMethod must be rust-cargolambda");
    }
    let binary = in_metadata("BuildProperties").and_then(|properties| properties.get("Binary"));
    let Some(binary) = binary.and_then(Value::as_str) else {
        return error("BuildProperties has no Binary");
    };

    let properties = &resource["Properties"];
    let timeout = properties.get("Timeout").or_else(|| globals?.get("Timeout"));
    let timeout = timeout.map_or(Ok(3), |timeout| references.number(timeout)).map_err(|error| error.at("Timeout"))?;
    if !(1..=900).contains(&timeout) {
        return error(format!("Timeout must be 1 to 900 seconds, not {timeout}"));
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
    let (mut routes, mut schedules) = (Vec::new(), Vec::new());
    for (event, declaration) in properties.get("Events").and_then(Value::as_mapping).into_iter().flatten() {
        let read = if declaration["Type"].as_str() == Some("Schedule") {
            read_schedule(&declaration["Properties"], references).map(|schedule| schedules.push(schedule))
        } else {
            http_api::read_route(declaration, references, api).map(|route| routes.push(route))
        };
        read.map_err(|error| error.at(&format!("event {}", event.as_str().unwrap_or_default())))?;
    }
    let policies = policies::read(properties, resources).map_err(|error| error.at("Policies"))?;
    Ok((
        binary.to_owned(),
        Function {
            routes,
            schedules,
            streams: Vec::new(),
            environment,
            timeout: Duration::from_secs(timeout),
            policies,
        },
    ))
}

fn read_schedule(properties: &Value, references: &References) -> Result<Schedule> {
    let rate = references.member(properties, "Schedule", References::text)?;
    // EventBridge refuses "1 minutes".
    let minutes = rate.strip_prefix("rate(").and_then(|rest| rest.strip_suffix(" minutes)"));
    let minutes = minutes.and_then(|minutes| minutes.parse().ok()).filter(|minutes| *minutes > 1);
    let Some(minutes) = minutes.or((rate == "rate(1 minute)").then_some(1)) else {
        return error(format!("Schedule must be rate(1 minute), or rate(N minutes) with N of at least 2, not {rate}"));
    };
    let input = references.member(properties, "Input", References::text)?;
    if serde_json::from_str::<serde_json::Value>(&input).is_err() {
        return error("Input is not JSON");
    }
    Ok(Schedule { every: Duration::from_mins(minutes), input })
}

fn read_table(
    name: &str,
    resource: &Value,
    references: &References,
    binaries: &BTreeMap<String, String>,
) -> Result<Table> {
    let properties = &resource["Properties"];
    let with = |list: &str, member: &str, value: &str| {
        let mut items = properties[list].as_sequence().into_iter().flatten();
        items.find(|item| item[member].as_str() == Some(value)).cloned()
    };
    let key = |kind: &str| {
        let Some(key) = with("KeySchema", "KeyType", kind) else { return Ok(None) };
        let attribute = scalar(&key["AttributeName"])?;
        match with("AttributeDefinitions", "AttributeName", &attribute) {
            Some(definition) if definition["AttributeType"].as_str() == Some("S") => Ok(Some(attribute)),
            _ => error(format!("AttributeDefinitions: {attribute} must be declared with type S")),
        }
    };
    if properties["BillingMode"].as_str() != Some("PAY_PER_REQUEST") {
        return error("BillingMode must be PAY_PER_REQUEST");
    }
    let ttl_attribute = match properties.get("TimeToLiveSpecification") {
        None => None,
        Some(expiry) if expiry["Enabled"].as_bool() == Some(true) => {
            Some(references.member(expiry, "AttributeName", References::text)?)
        }
        Some(_) => return error("TimeToLiveSpecification: not enabled"),
    };
    Ok(Table {
        name: name.to_owned(),
        partition_key: key("HASH")?.map_or_else(|| error("no HASH key"), Ok)?,
        sort_key: key("RANGE")?,
        ttl_attribute,
        has_stream: streams::read_specification(properties)?,
        denials: policies::read_denials(properties, binaries).map_err(|error| error.at("ResourcePolicy"))?,
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
        other => error(format!("expected a string, not {other:?}")),
    }
}
