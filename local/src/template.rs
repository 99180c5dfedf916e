//! Reads `template.yaml` as far as a local stack needs it, and refuses what the cloud would refuse or silently drop.

mod http_api;
pub mod policies;
mod references;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use serde_yaml_ng::{Mapping, Value};

pub use self::http_api::{Cors, Route, Throttle, Throttles};
use self::{policies::Statement, references::References};

/// What the template says of the parts that a local stack has.
#[derive(Clone, Debug)]
pub struct Template {
    /// Every function, by the name of its binary.
    pub functions: BTreeMap<String, Function>,
    /// The HTTP API's CORS configuration.
    pub cors: Cors,
    /// The HTTP API's throttles.
    pub throttles: Throttles,
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
    /// What its role allows.
    pub policies: Vec<Statement>,
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
            let read = read_function(resource, globals, &references, resources, api_name);
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
        let throttles = http_api::read_throttles(api, &references).map_err(|error| error.at(api_name))?;
        // API Gateway does not create a stage with settings of a route that is not there.
        if let Some(key) = throttles.routes.keys().find(|key| !routes.iter().any(|route| route.key() == **key)) {
            return error(format!("{api_name}: RouteSettings: there is no route {key}"));
        }
        Ok(Self {
            functions,
            cors: http_api::read_cors(api, &references).map_err(|error| error.at(api_name))?,
            throttles,
            table: read_table(name, table, &references).map_err(|error| error.at(name))?,
        })
    }
}

impl Template {
    /// Gives a table or a secret another name than its resource's, as CloudFormation does: in environments and policies too.
    pub fn rename(&mut self, resource: &str, name: &str) {
        for function in self.functions.values_mut() {
            for value in function.environment.values_mut().filter(|value| *value == resource) {
                name.clone_into(value);
            }
            for statement in &mut function.policies {
                if statement.resources.remove(resource) {
                    statement.resources.insert(name.to_owned());
                }
            }
        }
        if self.table.name == resource {
            name.clone_into(&mut self.table.name);
        }
    }
}

fn read_function(
    resource: &Value,
    globals: Option<&Value>,
    references: &References,
    resources: &Mapping,
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
        let route = http_api::read_route(declaration, references, api);
        routes.push(route.map_err(|error| error.at(&format!("event {}", event.as_str().unwrap_or_default())))?);
    }
    let policies = policies::read(properties, resources).map_err(|error| error.at("Policies"))?;
    Ok((binary.to_owned(), Function { routes, environment, timeout: Duration::from_secs(timeout), policies }))
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
