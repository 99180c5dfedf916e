//! What is deployed fits together: template, functions, events, and the table of `cargo lambda watch`.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use finish_deletions::FinishDeletions;
use lambda_http::{Context, RequestExt};
use local::{
    assemble::{self, TEMPLATE},
    template::{Template, TemplateError},
};
use publish_user_events::{Batch, PublishUserEvents};
use serde_json::Value;
use shared::http::Event;

/// With every function that a parameter adds.
fn template() -> Template {
    assemble::template(&BTreeMap::from([("USER_EVENTS".to_owned(), "on".to_owned())])).unwrap()
}

/// The template with its own values for all parameters that have one.
pub(crate) fn deployed(yaml: &str) -> Result<Template, TemplateError> {
    deployed_with(yaml, BTreeMap::new())
}

/// The same with these values replaced or added.
pub(crate) fn deployed_with(yaml: &str, mut given: BTreeMap<String, String>) -> Result<Template, TemplateError> {
    let parameters = [
        ("Issuer", "https://a.example"),
        ("AllowedOrigins", "https://a.example"),
        ("KakaoAppId", "1"),
        ("RedirectUris", "https://a.example/"),
        ("KakaoRestApiKey", "0123456789abcdef0123456789abcdef"),
    ];
    for (name, value) in parameters {
        given.entry(name.to_owned()).or_insert_with(|| value.to_owned());
    }
    Template::read(yaml, &given)
}

#[test]
fn every_route_is_declared_with_its_slash_too() {
    for declared in template().functions.into_values() {
        let paths: BTreeSet<&str> = declared.routes.iter().map(|route| route.path.as_str()).collect();
        for path in &paths {
            let without_slash = path.strip_suffix("/{proxy+}");
            let twin = without_slash.map_or_else(|| format!("{path}/{{proxy+}}"), str::to_owned);
            assert!(paths.contains(twin.as_str()), "{path} has no {twin}");
        }
    }
}

#[test]
fn cargo_lambda_watch_sends_the_same_routes_to_the_same_functions() {
    let manifest = include_str!("../../Cargo.toml");
    let (_, table) = manifest.split_once("[workspace.metadata.lambda.watch.router]\n").unwrap();
    let watched: BTreeSet<&str> = table.lines().take_while(|line| line.starts_with('"')).collect();
    let mut declared: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (function, declaration) in template().functions {
        for route in declaration.routes {
            let path = route.path.replace("{proxy+}", "");
            let target = format!(r#"{{ method = "{}", function = "{function}" }}"#, route.method);
            declared.entry(path).or_default().insert(target);
        }
    }
    let declared = declared.iter().map(|(path, targets)| {
        let targets: Vec<&str> = targets.iter().map(String::as_str).collect();
        format!(r#""{path}" = [{}]"#, targets.join(", "))
    });
    let declared: Vec<String> = declared.collect();
    assert_eq!(watched, declared.iter().map(String::as_str).collect());
}

#[test]
fn a_template_that_would_not_deploy_is_refused() {
    let read = |from: &str, to: &str| {
        assert!(TEMPLATE.contains(from), "{from}");
        let yaml = TEMPLATE.replacen(from, to, 1);
        deployed(&yaml).map(drop).map_err(|error| error.to_string())
    };
    assert_eq!(read("Description", "Description"), Ok(()));
    for (from, to, complaint) in [
        ("Path: /auth/kakao }", "Path: /auth/kakao/ }", "slash"),
        ("Path: /auth/kakao }", "Path: auth/kakao }", "slash"),
        ("Path: /auth/kakao }", "Path: /auth/refresh }", "twice"),
        (r#"Path: "/auth/kakao/{proxy+}""#, r#"Path: "/auth/{proxy+}/kakao""#, "{proxy+}"),
        ("Method: POST, Path: /auth/kakao }", "Method: PSOT, Path: /auth/kakao }", "method"),
        ("!Ref AccessTtl", "!Ref AccessTTL", "AccessTTL"),
        ("AllowOrigins: !Ref AllowedOrigins", "AllowOrigins: ['*']", "refuses *"),
        ("Default: 300", "Default: 5", "MinValue"),
        ("Default: arm64", "Default: arm", "arm64, x86_64"),
        ("BuildProperties: { Binary: refresh }", "BuildProperties: {}", "Binary"),
        ("    Type: AWS::DynamoDB::Table", "    Type: AWS::DynamoDB::Tab", "table"),
    ] {
        let refusal = read(from, to).unwrap_err();
        assert!(refusal.contains(complaint), "{to}: {refusal}");
    }
}

#[test]
fn a_parameter_is_checked_as_cloudformation_does() {
    for (name, value) in [
        ("KAKAO_APP_ID", "5f0ab1c2d3e4f5061728394a5b6c7d8e"),
        ("KAKAO_REST_API_KEY", "1234567"),
        ("COOKIE_SAMESITE", "strict"),
        ("SESSION_LINKS", "true"),
        ("ALLOWED_ORIGINS", "https://a.example/"),
        ("ALLOWED_ORIGINS", "https://a.example, *"),
        ("ISSUER", "https://a.example/"),
        ("REDIRECT_URIS", "a.example"),
        ("CREDENTIALS", "access_token,password"),
        ("CREDENTIALS", ""),
        ("REQUIRE_BINDING", "yes"),
        ("ROTATION_WINDOW", "0"),
        ("ACCESS_TTL", "soon"),
    ] {
        let given = BTreeMap::from([(name.to_owned(), value.to_owned())]);
        assert!(assemble::template(&given).is_err(), "{name}={value}");
    }
}

/// Addresses that the template accepts and that are wrong are refused when the functions start, before any request.
#[test]
fn the_template_refuses_addresses_as_the_functions_do() {
    use shared::address::{check_issuer, check_origin, check_redirect_uri};
    let deploys = |name: &str, value: &str| {
        deployed_with(TEMPLATE, BTreeMap::from([(name.to_owned(), value.to_owned())])).is_ok()
    };
    let cases = [
        ("https://www.example.com", ""),
        ("https://www.example.com:8443", ""),
        ("https://www.example.com:80", ""),
        ("http://localhost:5173", ""),
        ("http://127.0.0.1:443", ""),
        ("https://www.example.com:443", "port"),
        ("http://localhost:80", "port"),
        ("http://localhost:080", "port"),
        ("https://WWW.example.com", "case"),
        ("https://www.example.com.", "dot"),
        ("https://user@www.example.com", "user"),
        ("https://한글.example", "IDN"),
    ];
    let ports: Vec<String> = (1..=1_000).map(|port| format!("https://a.example:{port}")).collect();
    let ports = ports.iter().map(|origin| (origin.as_str(), if origin.ends_with(":443") { "port" } else { "" }));
    for (origin, wrong) in cases.into_iter().chain(ports) {
        let uri = format!("{origin}/callback?from=kakao");
        let issuer = format!("{origin}/auth");
        for (name, value, checked) in [
            ("AllowedOrigins", origin, check_origin(origin)),
            ("RedirectUris", &uri, check_redirect_uri(&uri)),
            ("Issuer", &issuer, check_issuer(&issuer)),
        ] {
            let deploys = deploys(name, value);
            assert_eq!((checked.is_ok(), deploys), (wrong.is_empty(), wrong.is_empty()), "{name} {value}: {wrong}");
        }
    }
    for (name, value) in [
        ("AllowedOrigins", "https://www.example.com/"),
        ("AllowedOrigins", "https://www.example.com?x"),
        ("AllowedOrigins", "https://www.example.com,"),
        ("AllowedOrigins", "https://*.example.com"),
        ("RedirectUris", "https://www.example.com/#x"),
        ("RedirectUris", "https://www.example.com/한"),
        ("RedirectUris", "https://www.example.com/a b"),
        ("Issuer", "https://www.example.com/"),
        ("Issuer", "https://www.example.com/auth/"),
        ("Issuer", "https://www.example.com/auth?x"),
    ] {
        assert!(!deploys(name, value), "{name} {value}");
    }
}

#[test]
fn local_timeouts_are_the_deployed_ones() {
    let (here, deployed) = (template(), deployed(TEMPLATE).unwrap());
    for (function, name) in [
        ("kakao-login", "CREDENTIALS"),
        ("kakao-login", "REQUIRE_BINDING"),
        ("kakao-login", "ACCESS_TTL"),
        ("kakao-login", "SESSION_IDLE_TTL"),
        ("kakao-login", "SESSION_MAX_TTL"),
        ("kakao-login", "ROTATION_WINDOW"),
        ("rotate-keys", "VERIFIER_CACHE_TTL"),
    ] {
        let of = |template: &Template| template.functions[function].environment[name].clone();
        assert_eq!(of(&here), of(&deployed), "{name}");
    }
}

/// A setting that a function needs and the template lacks would fail only on AWS.
#[test]
fn each_function_gets_exactly_the_settings_that_it_needs() {
    let clock: Arc<dyn shared::clock::Clock> = Arc::new(shared::clock::SystemClock);
    let local = BTreeMap::new();
    let build = |template: &local::template::Template| {
        let functions = assemble::functions(template, &local, &clock).map(drop);
        let functions = functions.and_then(|()| local::keys::rotate_keys(template, &local, &clock).map(drop));
        let functions =
            functions.and_then(|()| assemble::worker::<FinishDeletions>(template, &local, &clock).map(drop));
        functions.and_then(|()| assemble::worker::<PublishUserEvents>(template, &local, &clock).map(drop))
    };
    let complete = template();
    assert!(build(&complete).is_ok());
    for (function, declared) in &complete.functions {
        for name in declared.environment.keys().filter(|name| !["STAGE", "STACK_NAME"].contains(&name.as_str())) {
            let mut without = complete.clone();
            without.functions.get_mut(function).unwrap().environment.remove(name);
            let error = build(&without).err();
            assert!(
                error.is_some_and(|error| error.to_string().contains(name.as_str())),
                "{function} does not need {name}"
            );
        }
    }
}

/// A value that CloudFormation accepts and a function refuses would stop that function at its start.
#[test]
fn the_functions_accept_every_bound_and_every_listed_value_of_the_template() {
    let clock: Arc<dyn shared::clock::Clock> = Arc::new(shared::clock::SystemClock);
    let yaml: serde_yaml_ng::Value = serde_yaml_ng::from_str(TEMPLATE).unwrap();
    let mut tried = 0;
    for (name, parameter) in yaml["Parameters"].as_mapping().unwrap() {
        let bounds = ["MinValue", "MaxValue"].into_iter().filter_map(|bound| parameter.get(bound));
        let listed = parameter.get("AllowedValues").and_then(|values| values.as_sequence()).into_iter().flatten();
        for value in bounds.chain(listed) {
            let value = value.as_str().map_or_else(|| value.as_u64().unwrap().to_string(), str::to_owned);
            let name = name.as_str().unwrap();
            let template = deployed_with(TEMPLATE, BTreeMap::from([(name.to_owned(), value.clone())])).unwrap();
            let local = BTreeMap::from([("AWS_REGION".to_owned(), "ap-northeast-2".to_owned())]);
            let functions = assemble::functions(&template, &local, &clock).map(drop);
            let all = functions.and_then(|()| local::keys::rotate_keys(&template, &local, &clock).map(drop));
            assert!(all.is_ok(), "{name}={value}: {:?}", all.err());
            tried += 1;
        }
    }
    assert!(tried >= 60, "{tried}");
}

/// `events/<function>.json`: a request for a function with routes, a batch of records for one with a stream, else the event of its
/// schedule.
#[test]
fn each_function_has_a_recorded_event_that_it_can_read() {
    for (function, declared) in template().functions {
        let file = format!("{}/../events/{function}.json", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{file}: {error}"));
        let event: Value = serde_json::from_str(&text).unwrap();
        if let [stream] = declared.streams.as_slice() {
            assert!(serde_json::from_str::<Batch>(&text).is_ok(), "{file} is not a batch of records");
            let records = event["Records"].as_array().unwrap();
            assert!(records.iter().all(|record| stream.takes(record)), "{file} has records that the filter drops");
            continue;
        }
        if declared.routes.is_empty() {
            let schedules = declared.schedules.iter().map(|schedule| serde_json::from_str(&schedule.input).unwrap());
            assert!(schedules.collect::<Vec<Value>>().contains(&event), "{file} is not what a schedule sends");
            continue;
        }
        let key = event["routeKey"].as_str().unwrap();
        assert!(declared.routes.iter().any(|route| route.key() == key), "{file}: {function} has no route {key}");
        let request = serde_json::from_str::<Event>(&text).unwrap().into_request(Context::default());
        assert_eq!(format!("{} {}", request.method(), request.uri().path()), key, "{file}");
        assert_eq!(request.raw_http_path(), request.uri().path(), "{file}");
    }
}

#[test]
fn the_docs_state_how_long_a_session_lasts_and_what_it_proves() {
    let page = include_str!("../../docs/sessions.md");
    let deployed = deployed(TEMPLATE).unwrap();
    let days = |name: &str| deployed.functions["kakao-login"].environment[name].parse::<u32>().unwrap() / 86_400;
    let (idle, absolute) = (days("SESSION_IDLE_TTL"), days("SESSION_MAX_TTL"));
    let ends = format!("ends {idle} days after its last rotation and {absolute} days after its login");
    assert!(page.contains(&ends), "{ends}");
    assert!(page.contains("AAL1") && absolute <= 30, "NIST SP 800-63B-4");
}
