//! `admin describe-keys`.

use clap::Args;

use super::{CommandError, StackName};
use crate::{
    rotate_keys::{self, Command},
    stack,
};

/// Show as JSON which keys and secrets a stack has, without any part of them.
#[derive(Args)]
pub(super) struct DescribeKeys {
    #[command(flatten)]
    stack: StackName,
}

impl DescribeKeys {
    pub(super) fn run(&self) -> Result<(), CommandError> {
        let function = stack::rotate_keys_function(&self.stack.stack)?;
        let result = rotate_keys::invoke(&function, &Command::Describe)?;
        println!("{:#}", result["described"]);
        Ok(())
    }
}
