//! Templates that are refused, with an error that says where.

use super::*;
use crate::assemble::TEMPLATE;

fn parameters() -> BTreeMap<String, String> {
    let parameters = [
        ("Issuer", "https://a.example"),
        ("AllowedOrigins", "https://a.example,https://b.example"),
        ("KakaoAppId", "1"),
        ("RedirectUris", "https://a.example/"),
        ("KakaoRestApiKey", "0123456789abcdef0123456789abcdef"),
    ];
    parameters.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

/// The project's template, with `from` replaced by `to`.
fn read(from: &str, to: &str) -> Result<Template> {
    assert!(TEMPLATE.contains(from), "{from}");
    Template::read(&TEMPLATE.replacen(from, to, 1), &parameters())
}

const EVENT: &str = "{ ApiId: !Ref HttpApi, Method: POST, Path: /auth/kakao }";
const GREEDY: &str = r#"Path: "/auth/kakao/{proxy+}""#;
const EXPIRY: &str = "{ AttributeName: expires_at, Enabled: true }";

#[test]
fn the_projects_template_is_read() {
    let template = read("Description", "Description").unwrap();
    let refresh = &template.functions["refresh"];
    assert_eq!(refresh.timeout, Duration::from_secs(10));
    // From the globals, a parameter's default, a list and a resource.
    for (name, value) in [
        ("STAGE", "prod"),
        ("ACCESS_TTL", "300"),
        ("ALLOWED_ORIGINS", "https://a.example,https://b.example"),
        ("KEYS_TABLE_NAME", "Keys"),
    ] {
        assert_eq!(refresh.environment[name], value);
    }
    assert_eq!(template.cors.origins, ["https://a.example", "https://b.example"]);
    assert!(template.cors.credentials);
    assert_eq!(template.cors.exposed, ["retry-after", "www-authenticate"]);
    let throttles = &template.throttles;
    assert_eq!((throttles.default.rate, throttles.default.burst), (500.0, 1000.0));
    for (method, path) in [
        ("GET", "/auth/kakao"),
        ("POST", "/auth/kakao"),
        ("POST", "/dj-rest-auth/kakao"),
        ("GET", "/auth/kakao/login"),
        ("GET", "/auth/kakao/callback"),
        ("GET", "/accounts/kakao/login"),
        ("GET", "/accounts/kakao/login/callback"),
    ] {
        for path in [path.to_owned(), format!("{path}/{{proxy+}}")] {
            let of = throttles.of(&Route { method: method.to_owned(), path: path.clone() });
            assert_eq!((of.rate, of.burst), (20.0, 40.0), "{method} {path}");
        }
    }
    assert_eq!(throttles.routes.len(), 14);
    assert_eq!(template.table.ttl_attribute.as_deref(), Some("expires_at"));
}

#[test]
fn an_error_says_where_it_is() {
    for (from, to, words) in [
        (EVENT, "{ ApiId: !Ref HttpApi, Path: /auth/kakao }", ["KakaoLogin: event Own: ", "Method"]),
        (EVENT, "{ ApiId: !Ref HttpApi, Method: POST }", ["KakaoLogin: event Own: ", "Path"]),
        ("KEYS_TABLE_NAME: !Ref Keys", "KEYS_TABLE_NAME: !If [A, b, c]", ["KakaoLogin: ", "no condition A"]),
        (
            "KEYS_TABLE_NAME: !Ref Keys",
            "KEYS_TABLE_NAME: !Select [0, [a]]",
            ["KakaoLogin: KEYS_TABLE_NAME: ", "!Select"],
        ),
        ("Timeout: 10", "Timeout: soon", ["KakaoLogin: Timeout: ", "soon"]),
        (
            "ThrottlingRateLimit: !Ref ThrottlingRateLimit",
            "Nothing: 1",
            ["HttpApi: DefaultRouteSettings: ", "ThrottlingRateLimit"],
        ),
        (
            "POST /auth/kakao: { ThrottlingRateLimit: !Ref LoginRateLimit, ",
            "POST /auth/kakao: { ",
            ["HttpApi: RouteSettings: POST /auth/kakao: ", "ThrottlingRateLimit"],
        ),
        ("POST /dj-rest-auth/kakao:", "POST /kakao:", ["HttpApi: RouteSettings: ", "no route POST /kakao"]),
        (
            USERS_ONLY,
            "Condition: { StringLike: { dynamodb:LeadingKeys: a } }",
            ["KakaoLogin: Policies: ", "StringLike"],
        ),
        (USERS_ONLY, "Condition: { \"Null\": { aws:username: \"true\" } }", ["KakaoLogin: Policies: ", "aws:username"]),
        (TABLE_ARN, "Resource: !Ref Table", ["KakaoLogin: Policies: ", "Table"]),
        (TABLE_ARN, "Resource: '*'", ["KakaoLogin: Policies: ", "*"]),
        (TABLE_ARN, "Resource: !GetAtt KeyRing.Arn", ["KakaoLogin: Policies: ", "KeyRing"]),
        (TABLE_ARN, "NotResource: !GetAtt Table.Arn", ["KakaoLogin: Policies: ", "NotResource"]),
        ("- dynamodb:PutItem", "- dynamodb:*", ["KakaoLogin: Policies: ", "dynamodb:*"]),
        (
            "Policies:\n        - Version: \"2012-10-17\"",
            "Policies:\n        - DynamoDBCrudPolicy: {}",
            ["KakaoLogin: ", "Statement"],
        ),
        ("MaxAge: 7200", "MaxAge: long", ["HttpApi: MaxAge: ", "long"]),
        ("[retry-after, www-authenticate]", "['a b']", ["HttpApi: ", "a b"]),
        ("KeyType: HASH", "KeyType: OTHER", ["Keys: ", "HASH"]),
        ("Principal: \"*\"", "Principal: { AWS: a }", ["Keys: ResourcePolicy: ", "Principal"]),
        ("!GetAtt RefreshRole.Arn", "!GetAtt OtherRole.Arn", ["Keys: ResourcePolicy: ", "OtherRole"]),
        ("RoleName: !Ref VerifyRole", "RoleName: !Ref OtherRole", ["VerifyKeyAccess: ", "OtherRole"]),
        ("rate(5 minutes)", "rate(1 hour)", ["RotateKeys: event Schedule: ", "rate(1 hour)"]),
        ("rate(5 minutes)", "rate(1 minutes)", ["RotateKeys: event Schedule: ", "rate(1 minutes)"]),
        ("rate(1 minute)", "rate(2 minute)", ["FinishDeletions: event Schedule: ", "rate(2 minute)"]),
    ] {
        let refusal = read(from, to).unwrap_err().to_string();
        assert!(words.iter().all(|word| refusal.contains(word)), "{to}: {refusal}");
    }
}

const TABLE_ARN: &str = r#"Resource: !If [HasOwnTable, !GetAtt Table.Arn, !Sub "arn:${AWS::Partition}:dynamodb:${AWS::Region}:${AWS::AccountId}:table/${ExistingTable}"]"#;
const USERS_ONLY: &str = "Condition:\n                ForAllValues:StringLike: { dynamodb:LeadingKeys: [\"USER#*\"] }\n                \"Null\": { dynamodb:LeadingKeys: \"false\" }";

/// SAM deploys nearly all of these without a warning.
#[test]
fn a_template_that_sam_would_deploy_differently_than_it_reads_is_refused() {
    for (from, to, complaint) in [
        (EVENT, "{ Method: POST, Path: /auth/kakao }", "ApiId"),
        (EVENT, "{ ApiId: !Ref Table, Method: POST, Path: /auth/kakao }", "ApiId"),
        ("BuildProperties: { Binary: refresh }", "BuildProperties: { Binary: kakao-login }", "kakao-login already"),
        (
            "    Type: AWS::Serverless::Function",
            "    Type: AWS::Serverless::Function\n    Condition: A",
            "there is no condition A",
        ),
        (GREEDY, r#"Path: "/auth/kakao{proxy+}""#, "segment"),
        (GREEDY, r#"Path: "/auth/a{id}/{proxy+}""#, "segment"),
        (GREEDY, r#"Path: "/auth/{id+}/{proxy+}""#, "segment"),
        (GREEDY, r#"Path: "/auth/{}/{proxy+}""#, "segment"),
        (GREEDY, r#"Path: "/auth//{proxy+}""#, "segment"),
        ("Timeout: 10", "Timeout: 0", "900"),
        ("Timeout: 10", "Timeout: 901", "900"),
        (EXPIRY, "{ AttributeName: expires_at, Enabled: false }", "not enabled"),
        ("{ AttributeName: sk, AttributeType: S }", "{ AttributeName: sk, AttributeType: N }", "sk must be"),
        ("        - { AttributeName: sk, AttributeType: S }\n", "", "sk must be"),
        ("BillingMode: PAY_PER_REQUEST", "BillingMode: PROVISIONED", "BillingMode"),
        ("AllowCredentials: true", "AllowCredentials: yes please", "neither"),
    ] {
        let refusal = read(from, to).expect_err(to).to_string();
        assert!(refusal.contains(complaint), "{to}: {refusal}");
    }
}

#[test]
fn a_star_with_credentials_is_refused_however_it_is_written() {
    for (credentials, refused) in [("true", true), ("'true'", true), ("false", false)] {
        let yaml = TEMPLATE.replacen("AllowOrigins: !Ref AllowedOrigins", "AllowOrigins: ['*']", 1);
        let yaml = yaml.replacen("AllowCredentials: true", &format!("AllowCredentials: {credentials}"), 1);
        assert_eq!(Template::read(&yaml, &parameters()).is_err(), refused, "{credentials}");
    }
}

#[test]
fn a_numeric_parameter_must_be_a_decimal_number() {
    for (value, refused) in [("60", false), ("NaN", true), ("inf", true), ("0x3c", true), ("", true)] {
        let mut given = parameters();
        given.insert("AccessTtl".to_owned(), value.to_owned());
        assert_eq!(Template::read(TEMPLATE, &given).is_err(), refused, "{value}");
    }
}

#[test]
fn the_routes_of_dj_rest_auth_move_to_another_prefix_and_no_other_route_does() {
    let routes = |yaml: &str| -> std::collections::BTreeSet<(String, String)> {
        let template = Template::read(yaml, &parameters()).unwrap();
        let functions = template.functions.iter();
        functions.flat_map(|(name, function)| function.routes.iter().map(|route| (name.clone(), route.key()))).collect()
    };
    let before = routes(TEMPLATE);
    for prefix in ["/api/v1/auth", "/auth", "/api"] {
        let after = routes(&with_prefix(TEMPLATE, prefix).unwrap());
        let moved = |(name, key): &(String, String)| (name.clone(), key.replacen("/dj-rest-auth", prefix, 1));
        assert_eq!(after, before.iter().map(moved).collect(), "{prefix}");
        assert!(after.contains(&("profile".to_owned(), format!("GET {prefix}/user"))), "{prefix}");
    }
    for wrong in ["", "/", "api", "/api/", "//api", "/a b", "/{id}", "/한글", "https://a.example"] {
        assert!(with_prefix(TEMPLATE, wrong).is_err(), "{wrong}");
    }
}

/// Each of these would deploy, and the function would get other records here than on AWS, or none.
#[test]
fn a_stream_that_the_local_stack_would_read_in_another_way_is_refused() {
    let read = |from: &str, to: &str| {
        assert!(TEMPLATE.contains(from), "{from}");
        let mut parameters = parameters();
        parameters.insert("UserEvents".to_owned(), "on".to_owned());
        Template::read(&TEMPLATE.replacen(from, to, 1), &parameters)
    };
    let template = read("Description", "Description").unwrap();
    let function = &template.functions["publish-user-events"];
    assert_eq!(function.streams[0].max_record_age, Duration::from_hours(22));
    assert!(template.table.has_stream && !template.keys.has_stream);
    assert_eq!(function.environment["USER_EVENT_BUS"], "UserEventBus");
    let pattern = r#"{"dynamodb":{"Keys":{"sk":{"S":["PROFILE"]}}}}"#;
    for (from, to, complaint) in [
        ("StartingPosition: TRIM_HORIZON", "StartingPosition: LATEST", "must be TRIM_HORIZON"),
        ("FunctionResponseTypes: [ReportBatchItemFailures]", "Enabled: true", "Enabled is not supported"),
        ("      FunctionResponseTypes: [ReportBatchItemFailures]\n", "", "must be ReportBatchItemFailures"),
        ("BisectBatchOnFunctionError: true", "BisectBatchOnFunctionError: false", "must be true"),
        ("BatchSize: 100", "BatchSize: 0", "out of range"),
        ("BatchSize: 100", "BatchSize: 100\n      ParallelizationFactor: 2", "ParallelizationFactor is not supported"),
        ("MaximumRecordAgeInSeconds: 79200", "MaximumRecordAgeInSeconds: -1", "not a number"),
        ("      MaximumRecordAgeInSeconds: 79200\n", "", "there is no MaximumRecordAgeInSeconds"),
        (pattern, r#"{"dynamodb":{"Keys":{"sk":{"S":[{"prefix":"P"}]}}}}"#, "FilterCriteria"),
        (pattern, r#"{"dynamodb":{}}"#, "FilterCriteria"),
        (pattern, "{", "FilterCriteria"),
        ("Destination: !GetAtt UserEventsQueue.Arn", "Destination: !Ref UserEventsQueue", "AWS::SQS::Queue"),
        (
            "EventSourceArn: !If [HasOwnTable, !GetAtt Table.StreamArn",
            "EventSourceArn: !If [HasOwnTable, !GetAtt Keys.StreamArn",
            "Keys has no stream",
        ),
        (
            "EventSourceArn: !If [HasOwnTable, !GetAtt Table.StreamArn",
            "EventSourceArn: !If [HasOwnTable, !GetAtt Table.Arn",
            "StreamArn",
        ),
        ("StreamViewType: NEW_AND_OLD_IMAGES", "StreamViewType: NEW_IMAGE", "NEW_AND_OLD_IMAGES"),
        ("FunctionName: !Ref PublishUserEvents", "FunctionName: !Ref Table", "there is no function Table"),
        ("Action: events:PutEvents", "Action: events:*", "not a single action"),
        ("Action: sqs:SendMessage", "Action: dynamodb:PutItem", "not an action on UserEventsQueue"),
        ("Resource: !GetAtt UserEventBus.Arn", "Resource: !Ref UserEventBus", "the ARN of a table, a bus or a queue"),
        (
            "Resource: !If [HasOwnTable, !GetAtt Table.StreamArn",
            "Resource: !If [HasOwnTable, !GetAtt Table.StreamARN",
            "the ARN of a table",
        ),
    ] {
        let refusal = read(from, to).expect_err(to).to_string();
        assert!(refusal.contains(complaint), "{to}: {refusal}");
    }
}
