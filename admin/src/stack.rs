//! A deployed stack, as CloudFormation describes it.

use std::{collections::BTreeMap, env};

use serde_json::Value;

use crate::aws::{self, AwsError};

/// Name the functions, and the table, where there is no CloudFormation to ask: on a developer's machine.
const ROTATE_KEYS: &str = "ROTATE_KEYS_FUNCTION";
const FINISH_DELETIONS: &str = "FINISH_DELETIONS_FUNCTION";
const USERS: &str = "USERS_TABLE";
const OPERATORS_LOG_GROUP: &str = "OPERATORS_LOG_GROUP";

/// What is wrong with a stack's name, or with the stack.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StackError {
    /// CloudFormation could not be asked, or does not know the stack.
    #[error("{0}\nThe stack cannot be described. Check its name, the region and your credentials")]
    Aws(#[from] AwsError),
    /// The stack was made by another template or by an older release.
    #[error("the stack {stack} has no output {output}. If it is a stack of this project, deploy this release first")]
    NoOutput {
        /// The stack's name.
        stack: String,
        /// The output's name.
        output: &'static str,
    },
}

/// A stack's parameters and outputs.
pub(crate) struct Stack {
    name: String,
    pub parameters: BTreeMap<String, String>,
    outputs: BTreeMap<String, String>,
}

impl Stack {
    /// Asks CloudFormation.
    pub(crate) fn describe(name: &str) -> Result<Self, StackError> {
        let described = aws::call(&["cloudformation", "describe-stacks", "--stack-name", name])?;
        Ok(Self {
            name: name.to_owned(),
            parameters: pairs(&described["Stacks"][0]["Parameters"], "ParameterKey", "ParameterValue"),
            outputs: pairs(&described["Stacks"][0]["Outputs"], "OutputKey", "OutputValue"),
        })
    }

    /// An output that every stack of this release has.
    pub(crate) fn output(&self, output: &'static str) -> Result<&str, StackError> {
        let found = self.outputs.get(output).map(String::as_str);
        found.ok_or_else(|| StackError::NoOutput { stack: self.name.clone(), output })
    }

    /// The function rotate-keys.
    pub(crate) fn rotate_keys_function(&self) -> Result<String, StackError> {
        env::var(ROTATE_KEYS).map_or_else(|_| self.output("RotateKeysFunction").map(str::to_owned), Ok)
    }

    /// The stack's resources: their names in AWS by their names in the template.
    pub(crate) fn resources(&self) -> Result<BTreeMap<String, String>, AwsError> {
        let listed = aws::call(&["cloudformation", "list-stack-resources", "--stack-name", &self.name])?;
        Ok(pairs(&listed["StackResourceSummaries"], "LogicalResourceId", "PhysicalResourceId"))
    }
}

/// The function rotate-keys of the stack with this name.
pub(crate) fn rotate_keys_function(stack: &str) -> Result<String, StackError> {
    match env::var(ROTATE_KEYS) {
        Ok(function) => Ok(function),
        Err(_) => Stack::describe(stack)?.rotate_keys_function(),
    }
}

/// The function finish-deletions of the stack with this name.
pub(crate) fn finish_deletions_function(stack: &str) -> Result<String, StackError> {
    match env::var(FINISH_DELETIONS) {
        Ok(function) => Ok(function),
        Err(_) => Stack::describe(stack)?.output("FinishDeletionsFunction").map(str::to_owned),
    }
}

/// The table of users of the stack with this name.
pub(crate) fn users_table(stack: &str) -> Result<String, StackError> {
    match env::var(USERS) {
        Ok(table) => Ok(table),
        Err(_) => Stack::describe(stack)?.output("TableName").map(str::to_owned),
    }
}

/// The log group of the access records of the stack with this name.
pub(crate) fn operators_log_group(stack: &str) -> Result<String, StackError> {
    match env::var(OPERATORS_LOG_GROUP) {
        Ok(group) => Ok(group),
        Err(_) => Stack::describe(stack)?.output("OperatorsLogGroup").map(str::to_owned),
    }
}

/// Whether users of the stack with this name can be unlinked at Kakao. A stack of this machine has an admin key.
pub(crate) fn can_unlink(stack: &str) -> Result<bool, StackError> {
    if env::var(USERS).is_ok() {
        return Ok(true);
    }
    let described = Stack::describe(stack)?;
    Ok(described.parameters.get("KakaoAdminKeyHashes").is_some_and(|hashes| !hashes.is_empty()))
}

/// A map from a list of objects. CloudFormation and Secrets Manager tags have this shape.
pub(crate) fn pairs(list: &Value, key: &str, value: &str) -> BTreeMap<String, String> {
    let items = list.as_array().into_iter().flatten();
    items.filter_map(|item| Some((item[key].as_str()?.to_owned(), item[value].as_str()?.to_owned()))).collect()
}
