//! `local doctor`: finds a configuration, has it examined and prints what was found.

use std::{collections::BTreeMap, env, process::ExitCode};

use local::{
    cloud,
    doctor::{Finding, KEY_RING, NO_KEYS, STORED, Settings, examine},
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

/// The parameters of a stack, and what rotate-keys says of its keys, as the AWS command line may ask for them.
async fn deployed(stack: &str) -> Result<Settings, String> {
    let described = aws(&["cloudformation", "describe-stacks", "--stack-name", stack]).await?;
    let outputs = pairs(&described, "Outputs", "OutputKey", "OutputValue");
    let output = |name: &str| outputs.get(name).ok_or_else(|| format!("{stack} has no output {name}"));
    let mut settings = parameters(&described);
    let api_url = env::var("API_URL").ok().or_else(|| outputs.get("ApiUrl").cloned());
    settings.insert("API_URL".to_owned(), api_url.unwrap_or_default());
    // Nobody but the functions may read the keys, so rotate-keys says what there is.
    let keys = describe_keys(output("RotateKeysFunction")?).await?;
    settings.extend(stored_keys(&keys));
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

/// Of Kakao's secrets it is only known whether they are stored: what was put had the right shape.
fn stored_keys(keys: &Value) -> Settings {
    let state = keys["described"]["keys"].as_str().unwrap_or_default();
    let stored = |name: &str| if keys["described"][name] == true { STORED } else { "" }.to_owned();
    Settings::from([
        (KEY_RING.to_owned(), if state == "made" { "filled" } else { NO_KEYS }.to_owned()),
        ("KAKAO_CLIENT_SECRET".to_owned(), stored("kakao_client_secret")),
        ("KAKAO_ADMIN_KEY".to_owned(), stored("kakao_admin_key")),
    ])
}

async fn describe_keys(function: &str) -> Result<Value, String> {
    let file = env::temp_dir().join(format!("doctor-{}.json", std::process::id()));
    std::fs::write(&file, r#"{"command":"describe"}"#).map_err(|error| error.to_string())?;
    // As a file of bytes, which both major versions of the command line take as it stands.
    let (payload, output) = (format!("fileb://{}", file.display()), file.with_extension("out"));
    let invoke = ["lambda", "invoke", "--function-name", function, "--payload", &payload];
    let invoked = aws(&[&invoke[..], &[&output.display().to_string()]].concat()).await;
    let answer = std::fs::read(&output).unwrap_or_default();
    for file in [&file, &output] {
        let _ = std::fs::remove_file(file);
    }
    invoked?;
    serde_json::from_slice(&answer).map_err(|_| "rotate-keys did not describe the keys".to_owned())
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
    }

    #[test]
    fn what_rotate_keys_says_is_read_and_nothing_counts_as_stored_without_its_word() {
        let described = json!({"described": {"keys": "made", "kakao_client_secret": true, "kakao_admin_key": false}});
        let expected = [("KEY_RING", "filled"), ("KAKAO_CLIENT_SECRET", STORED), ("KAKAO_ADMIN_KEY", "")];
        assert_eq!(stored_keys(&described), expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
        for other in [json!({"described": {"keys": "none"}}), json!({"errorMessage": "x"}), json!(null)] {
            let stored = stored_keys(&other);
            assert_eq!((stored["KEY_RING"].as_str(), stored["KAKAO_CLIENT_SECRET"].as_str()), (NO_KEYS, ""), "{other}");
        }
    }
}
