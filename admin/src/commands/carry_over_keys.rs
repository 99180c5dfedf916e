//! `admin carry-over-keys`.

use clap::Args;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::Value;

use super::{CommandError, StackName};
use crate::{
    aws,
    rotate_keys::{self, Command},
    stack::{self, pairs},
};

/// The secrets of releases before the table of keys, by their names in the template of that time.
const RING: &str = "KeyRing";
const KAKAO: &str = "KakaoSecret";
const SECRETS: [&str; 4] = [RING, "VerificationKeys", "LogoutKeys", KAKAO];

/// Move the keys of a stack here from Secrets Manager, where earlier releases kept them.
///
/// Nobody is logged out:
///
/// 1. Deploy with FirstKeys=wait. Until the next step the functions answer 503, and sessions stay valid.
/// 2. Run this command.
/// 3. When all is well, run it again with --delete-old-secrets.
///
/// You can go back to the earlier release until the first rotation on the table.
/// Step 2 only reads the old secrets, and they can be restored for 30 days after step 3.
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub(super) struct CarryOverKeys {
    #[command(flatten)]
    stack: StackName,
    /// Delete the old secrets, with a recovery window of 30 days, instead of reading them.
    #[arg(long)]
    delete_old_secrets: bool,
}

/// The value of the secret `KakaoSecret`.
#[derive(Deserialize)]
struct KakaoCredentials {
    #[serde(rename = "KAKAO_CLIENT_SECRET")]
    client_secret: SecretString,
    #[serde(rename = "KAKAO_ADMIN_KEY", default)]
    admin_key: SecretString,
}

/// What `aws secretsmanager get-secret-value` prints.
#[derive(Deserialize)]
struct SecretValue {
    #[serde(rename = "SecretString")]
    text: SecretString,
}

impl CarryOverKeys {
    pub(super) fn run(&self) -> Result<(), CommandError> {
        let stack = &self.stack.stack;
        let function = stack::rotate_keys_function(stack)?;
        let listed = secrets_of(stack)?;
        if self.delete_old_secrets {
            return delete(&function, stack, &listed);
        }
        // Both are read before either is written.
        let ring = value(stack, &listed, RING)?;
        let kakao = value(stack, &listed, KAKAO)?;
        // What serde says of it could quote the secret.
        let kakao: KakaoCredentials = serde_json::from_str(kakao.expose_secret()).map_err(|_| {
            CommandError::Other(format!("the secret {KAKAO} of the stack {stack} is not JSON with KAKAO_CLIENT_SECRET"))
        })?;
        rotate_keys::invoke(&function, &Command::CarryOver { ring: &ring })?;
        let put = Command::PutKakaoSecrets { client_secret: &kakao.client_secret, admin_key: &kakao.admin_key };
        rotate_keys::invoke(&function, &put)?;
        println!("The keys are carried over. The functions read them within a minute, and every session goes on.");
        Ok(())
    }
}

fn delete(function: &str, stack: &str, listed: &Value) -> Result<(), CommandError> {
    let described = rotate_keys::invoke(function, &Command::Describe)?;
    if described["described"]["keys"] != "made" {
        let why = format!("the stack {stack} has no keys in its table, so nothing was deleted. Carry them over first");
        return Err(CommandError::Other(why));
    }
    for name in SECRETS {
        for arn in arns(stack, listed, name) {
            let delete = ["secretsmanager", "delete-secret", "--secret-id", arn, "--recovery-window-in-days", "30"];
            aws::call(&delete)?;
            println!("{name} will be deleted in 30 days.");
        }
    }
    Ok(())
}

/// The secrets that CloudFormation tagged with the stack's name. Its template left them behind.
fn secrets_of(stack: &str) -> Result<Value, CommandError> {
    let filters = ["Key=tag-key,Values=aws:cloudformation:stack-name", &format!("Key=tag-value,Values={stack}")];
    Ok(aws::call(&[&["secretsmanager", "list-secrets", "--filters"][..], &filters].concat())?)
}

/// The filters look for a tag with that key and for one with that value; here both are of one tag.
fn arns<'a>(stack: &str, listed: &'a Value, name: &str) -> Vec<&'a str> {
    let secrets = listed["SecretList"].as_array().into_iter().flatten();
    let named = secrets.filter(|secret| {
        let tags = pairs(&secret["Tags"], "Key", "Value");
        let tag = |key: &str| tags.get(key).map(String::as_str);
        tag("aws:cloudformation:stack-name") == Some(stack) && tag("aws:cloudformation:logical-id") == Some(name)
    });
    named.filter_map(|secret| secret["ARN"].as_str()).collect()
}

fn value(stack: &str, listed: &Value, name: &str) -> Result<SecretString, CommandError> {
    let [arn] = arns(stack, listed, name)[..] else {
        let why = format!(
            "Secrets Manager does not have exactly one secret {name} of the stack {stack}. Check the stack's name, the region and \
             whether the secret is scheduled for deletion"
        );
        return Err(CommandError::Other(why));
    };
    let output = aws::run(&["secretsmanager", "get-secret-value", "--secret-id", arn], None)?;
    let value: Result<SecretValue, _> = serde_json::from_slice(&output);
    value
        .map(|value| value.text)
        .map_err(|_| CommandError::Other(format!("the secret {name} of the stack {stack} has no text")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_secrets_of_this_stack_and_name_are_meant() {
        let secret = |arn: &str, stack: &str, name: &str| {
            json!({"ARN": arn, "Tags": [{"Key": "aws:cloudformation:stack-name", "Value": stack},
                {"Key": "aws:cloudformation:logical-id", "Value": name}]})
        };
        let listed = json!({"SecretList": [
            secret("a", "stack", RING), secret("b", "stack", KAKAO), secret("c", "other", RING), {"ARN": "d"},
        ]});
        assert_eq!(arns("stack", &listed, RING), ["a"]);
        assert_eq!(arns("stack", &listed, KAKAO), ["b"]);
        assert_eq!(arns("stack", &listed, "LogoutKeys"), Vec::<&str>::new());
        assert_eq!(arns("stack", &Value::Null, RING), Vec::<&str>::new());
    }
}
