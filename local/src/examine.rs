//! `local doctor`: finds a configuration, has it examined and prints what was found.

use std::{collections::BTreeMap, env, process::ExitCode};

use local::{
    cloud,
    doctor::{Finding, Settings, examine},
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

/// The parameters of a stack, and the secret of Kakao, as the AWS command line may read them.
async fn deployed(stack: &str) -> Result<Settings, String> {
    let described = aws(&["cloudformation", "describe-stacks", "--stack-name", stack]).await?;
    let described = &described["Stacks"][0];
    let pairs = |list: &str, key: &str, value: &str| -> Vec<(String, String)> {
        let items = described[list].as_array().into_iter().flatten();
        items.filter_map(|item| Some((item[key].as_str()?.to_owned(), item[value].as_str()?.to_owned()))).collect()
    };
    let mut settings = Settings::new();
    for (parameter, value) in pairs("Parameters", "ParameterKey", "ParameterValue") {
        if let Some(name) = cloud::variable(&parameter) {
            settings.insert(name.to_owned(), value);
        }
    }
    let outputs: BTreeMap<String, String> = pairs("Outputs", "OutputKey", "OutputValue").into_iter().collect();
    let api_url = env::var("API_URL").ok().or_else(|| outputs.get("ApiUrl").cloned());
    settings.insert("API_URL".to_owned(), api_url.unwrap_or_default());

    let secret = outputs.get("KakaoSecret").ok_or_else(|| format!("{stack} has no output KakaoSecret"))?;
    // A secret that was never filled has no value to get: its members are missing then, which is found.
    if let Ok(answer) = aws(&["secretsmanager", "get-secret-value", "--secret-id", secret]).await {
        let members: Value =
            serde_json::from_str(answer["SecretString"].as_str().unwrap_or_default()).unwrap_or_default();
        for name in ["KAKAO_CLIENT_SECRET", "KAKAO_ADMIN_KEY"] {
            let value = members[name].as_str().unwrap_or_default();
            settings.insert(name.to_owned(), value.to_owned());
        }
    }
    Ok(settings)
}

async fn aws(arguments: &[&str]) -> Result<Value, String> {
    let output = Command::new("aws").args(arguments).args(["--output", "json"]).output().await;
    let output = output.map_err(|error| format!("aws: {error} (`make venv` installs it into .venv/bin)"))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
    }
    serde_json::from_slice(&output.stdout).map_err(|_| "aws answers no JSON".to_owned())
}
