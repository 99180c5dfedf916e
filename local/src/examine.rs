//! `local doctor`: finds a configuration, has it examined and prints what was found.

use std::{collections::BTreeMap, env, process::ExitCode};

use local::{
    cloud,
    doctor::{Finding, KEY_RING, NO_KEYS, Settings, examine},
    kakao::SHOP,
};
use serde_json::Value;
use tokio::process::Command;

/// Status 0 if nothing is wrong, 1 if something is, 2 if that cannot be told.
pub(crate) async fn doctor(stack: Option<&str>) -> ExitCode {
    let settings = match stack {
        Some(stack) => deployed(stack).await,
        None => Ok(local_settings(&env::vars().collect())),
    };
    let settings = match settings {
        Ok(settings) => settings,
        Err(message) => {
            eprintln!("{message}");
            return ExitCode::from(2);
        }
    };
    let findings = examine(&settings);
    for finding in &findings {
        println!("{finding}");
    }
    if findings.iter().any(|finding| matches!(finding, Finding::Wrong(_))) {
        return ExitCode::FAILURE;
    }
    println!("Nothing is wrong.");
    ExitCode::SUCCESS
}

/// What `make run` would have in this environment.
fn local_settings(given: &BTreeMap<String, String>) -> Settings {
    let mut settings = cloud::settings(given);
    let secrets = [("KAKAO_CLIENT_SECRET", SHOP.client_secret), ("KAKAO_ADMIN_KEY", SHOP.admin_key)];
    for (name, default) in secrets {
        settings.insert(name.to_owned(), given.get(name).map_or(default, String::as_str).to_owned());
    }
    let api_url = given.get("API_URL").cloned().unwrap_or_else(|| settings["ISSUER"].clone());
    settings.insert("API_URL".to_owned(), api_url);
    settings
}

/// The parameters of a stack, the secret of Kakao, and whether there are keys, as the AWS command line may read them.
async fn deployed(stack: &str) -> Result<Settings, String> {
    let described = aws(&["cloudformation", "describe-stacks", "--stack-name", stack]).await?;
    let outputs = pairs(&described, "Outputs", "OutputKey", "OutputValue");
    let output = |name: &str| outputs.get(name).ok_or_else(|| format!("{stack} has no output {name}"));
    let mut settings = parameters(&described);
    let api_url = env::var("API_URL").ok().or_else(|| outputs.get("ApiUrl").cloned());
    settings.insert("API_URL".to_owned(), api_url.unwrap_or_default());
    // A secret that was never filled has no value to get: its members are missing then, which is found.
    if let Ok(answer) = aws(&["secretsmanager", "get-secret-value", "--secret-id", output("KakaoSecret")?]).await {
        settings.extend(kakao_secrets(&answer));
    }
    // Its value would be the private keys.
    let ring = aws(&["secretsmanager", "describe-secret", "--secret-id", output("KeyRing")?]).await?;
    settings.insert(KEY_RING.to_owned(), if has_keys(&ring) { "filled" } else { NO_KEYS }.to_owned());
    Ok(settings)
}

fn pairs(described: &Value, list: &str, key: &str, value: &str) -> BTreeMap<String, String> {
    let items = described["Stacks"][0][list].as_array().into_iter().flatten();
    items.filter_map(|item| Some((item[key].as_str()?.to_owned(), item[value].as_str()?.to_owned()))).collect()
}

fn parameters(described: &Value) -> Settings {
    let parameters = pairs(described, "Parameters", "ParameterKey", "ParameterValue").into_iter();
    let known = parameters.filter_map(|(parameter, value)| {
        let name = if parameter == "AlarmTopicArn" { Some("ALARM_TOPIC_ARN") } else { cloud::variable(&parameter) };
        Some((name?.to_owned(), value))
    });
    known.collect()
}

fn kakao_secrets(answer: &Value) -> Settings {
    let members: Value = serde_json::from_str(answer["SecretString"].as_str().unwrap_or_default()).unwrap_or_default();
    let names = ["KAKAO_CLIENT_SECRET", "KAKAO_ADMIN_KEY"];
    names.map(|name| (name.to_owned(), members[name].as_str().unwrap_or_default().to_owned())).into()
}

/// The template's placeholder is the first version, and stays the current one until rotate-keys has made keys.
fn has_keys(described: &Value) -> bool {
    let labels = described["VersionIdsToStages"].as_object().into_iter().flatten().map(|(_, labels)| labels);
    labels.filter_map(Value::as_array).flatten().any(|label| label == "AWSPREVIOUS")
}

async fn aws(arguments: &[&str]) -> Result<Value, String> {
    let output = Command::new("aws").args(arguments).args(["--output", "json"]).output().await;
    let output = output.map_err(|error| format!("aws: {error} (`make venv` installs it into .venv/bin)"))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
    }
    serde_json::from_slice(&output.stdout).map_err(|_| "aws answers no JSON".to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_stacks_parameters_are_read_by_the_names_of_settings() {
        let described = json!({"Stacks": [{"Parameters": [
            {"ParameterKey": "RotationWindow", "ParameterValue": "28"},
            {"ParameterKey": "AlarmTopicArn", "ParameterValue": ""},
            {"ParameterKey": "MemorySize", "ParameterValue": "256"},
        ]}]});
        let expected = [("ROTATION_WINDOW", "28"), ("ALARM_TOPIC_ARN", "")];
        assert_eq!(parameters(&described), expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
        let secret = json!({"SecretString": r#"{"KAKAO_CLIENT_SECRET": "s"}"#});
        let expected = [("KAKAO_CLIENT_SECRET", "s"), ("KAKAO_ADMIN_KEY", "")];
        assert_eq!(kakao_secrets(&secret), expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
    }

    #[test]
    fn a_key_ring_has_keys_once_its_placeholder_is_the_previous_version() {
        for (versions, expected) in [
            (json!({"a": ["AWSCURRENT"]}), false),
            (json!({"a": ["AWSCURRENT"], "b": ["AWSPENDING"]}), false),
            (json!({"a": ["AWSPREVIOUS"], "b": ["AWSCURRENT", "AWSPENDING"]}), true),
            (json!(null), false),
        ] {
            assert_eq!(has_keys(&json!({"VersionIdsToStages": versions})), expected, "{versions}");
        }
    }
}
