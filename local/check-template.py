"""Checks what SAM makes of template.yaml: routes, CORS, each role's verbs, and that nothing secret or perishable slips in."""

import json
import sys

import boto3

from samcli.yamlhelper import yaml_parse
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

VERBS = {
    "KakaoLogin": ["GetItem", "PutItem", "UpdateItem", "DeleteItem"],
    "Refresh": ["GetItem", "UpdateItem", "DeleteItem"],
    "Logout": ["DeleteItem", "Query", "BatchWriteItem"],
    "Profile": ["BatchGetItem"],
}
SECRETS = (
    "SIGNING_KEYS", "VERIFICATION_KEYS", "SESSION_SECRETS", "PSEUDONYM_KEY", "KAKAO_CLIENT_SECRET", "KAKAO_ADMIN_KEY"
)
# CloudFormation hands SAM a list for a parameter that is one, and SAM copies it into the CORS configuration.
VALUES = {
    "AllowedOrigins": ["https://www.example.com", "https://m.example.com"],
    "RedirectUris": ["https://www.example.com/"],
    "Issuer": "https://www.example.com",
    "KakaoAppId": "1",
    "KakaoRestApiKey": "0" * 32,
}

problems = []

def check(holds, problem):
    if not holds:
        problems.append(problem)

def references(value):
    """Names of the resources and parameters that a part of a template mentions."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "Ref":
                yield inner
            elif key == "Fn::GetAtt":
                yield inner[0] if isinstance(inner, list) else inner.split(".")[0]
            elif key == "Fn::Sub":
                text = inner[0] if isinstance(inner, list) else inner
                yield from (part.split("}")[0].split(".")[0] for part in text.split("${")[1:])
            elif key == "DependsOn":
                yield from [inner] if isinstance(inner, str) else inner
            yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)

def cycle(resources):
    """A resource that depends on itself, by whatever way, or None."""
    seen, done = [], set()

    def visit(name):
        if name in done or name not in resources:
            return None
        if name in seen:
            return " -> ".join(seen[seen.index(name):] + [name])
        seen.append(name)
        found = next(filter(None, map(visit, references(resources[name]))), None)
        seen.pop()
        done.add(name)
        return found

    return next(filter(None, map(visit, resources)), None)

with open("template.yaml") as file:
    source = yaml_parse(file.read())
for function in source["Resources"].values():
    # SAM translates what `sam build` and `sam package` leave: code in a bucket.
    if function["Type"] == "AWS::Serverless::Function":
        function["Properties"]["CodeUri"] = "s3://bucket/key"
source["Globals"]["Function"].pop("CodeUri", None)
session = boto3.Session(region_name="ap-northeast-2")
translated = Translator({}, Parser(), boto_session=session).translate(source, parameter_values=VALUES)
resources = translated["Resources"]

check(cycle(resources) is None, f"a cycle: {cycle(resources)}")

body = resources["HttpApi"]["Properties"]["Body"]
declared = {
    (event["Properties"]["Method"].lower(), event["Properties"]["Path"], name)
    for name, function in source["Resources"].items()
    for event in function["Properties"].get("Events", {}).values()
}
made = set()
for path, methods in body["paths"].items():
    check(not path.endswith("/"), f"{path} ends in a slash, which an HTTP API refuses")
    for method, operation in methods.items():
        integration = operation["x-amazon-apigateway-integration"]
        check(integration["payloadFormatVersion"] == "2.0", f"{method} {path}: payload {integration['payloadFormatVersion']}")
        made |= {(method, path, name) for name in references(integration) if name in source["Resources"]}
check(declared == made, f"declared and made routes differ: {declared ^ made}")

cors = body.get("x-amazon-apigateway-cors", {})
check(cors.get("allowOrigins") == VALUES["AllowedOrigins"], "CORS: other origins than those of the parameter")
check(cors.get("allowCredentials") is True, "CORS: no credentials")
check(set(cors.get("allowHeaders", [])) == {"authorization", "content-type", "x-requested-with"}, "CORS: headers")
check({method.lower() for method in cors.get("allowMethods", [])} == {method for method, _, _ in made}, "CORS: methods")

functions = {name for name, resource in resources.items() if resource["Type"] == "AWS::Lambda::Function"}
check(functions == set(VERBS), f"no verbs are agreed for {sorted(functions ^ set(VERBS))}")
identities = {name for name, resource in resources.items() if resource["Type"].startswith("AWS::IAM::")}
check(identities == {f"{name}Role" for name in VERBS}, f"roles or policies beside the functions' own: {sorted(identities)}")

for name, verbs in VERBS.items():
    role, function = (resources[part]["Properties"] for part in (f"{name}Role", name))
    # The one policy that is not ours: SAM adds it, so that a function may write its log.
    managed = [arn.split("/")[-1] for arn in role["ManagedPolicyArns"]]
    check(managed == ["AWSLambdaBasicExecutionRole"], f"{name} has the managed policies {managed}")
    statements = [s for policy in role["Policies"] for s in policy["PolicyDocument"]["Statement"]]
    actions = {a for s in statements for a in ([s["Action"]] if isinstance(s["Action"], str) else s["Action"])}
    expected = {f"dynamodb:{verb}" for verb in verbs} | {"secretsmanager:GetSecretValue"}
    check(actions == expected, f"{name} may {sorted(actions)}, not {sorted(expected)}")
    for statement in statements:
        check("*" not in json.dumps(statement), f"{name}: a wildcard in {statement}")
    mentioned = set(references(statements))
    check(mentioned == {"Table", f"{name}Secret"}, f"{name} may touch {sorted(mentioned)}")
    environment = function["Environment"]["Variables"]
    check(environment["SECRET_ID"] == {"Ref": f"{name}Secret"}, f"{name} reads another function's secret")
    for variable in SECRETS:
        check(variable not in environment, f"{name} has {variable} in its environment")
    check("{{resolve:" not in json.dumps(environment), f"{name} has a resolved secret in its environment")
    check(function["Runtime"] == "provided.al2023", f"{name}: runtime")
    check(function.get("LoggingConfig", {}).get("LogGroup") == {"Ref": f"{name}Logs"}, f"{name} has no log group of its own")

for name, resource in resources.items():
    properties = resource["Properties"]
    if resource["Type"] == "AWS::SecretsManager::Secret":
        for source_of_value in ("SecretString", "GenerateSecretString"):
            check(source_of_value not in properties, f"{name} gets its value from the template")
    if resource["Type"] in ("AWS::SecretsManager::Secret", "AWS::DynamoDB::Table"):
        check(resource.get("DeletionPolicy") == "Retain", f"{name} goes with the stack")
        check(resource.get("UpdateReplacePolicy") == "Retain", f"{name} goes with an update")
    if resource["Type"] == "AWS::Logs::LogGroup":
        check("RetentionInDays" in properties, f"{name} keeps logs for ever")

table = resources["Table"]["Properties"]
check(table["BillingMode"] == "PAY_PER_REQUEST", "the table is not on demand")
check(table["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}, "the table has no TTL")
check(table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"], "no point-in-time recovery")
check(table["SSESpecification"]["SSEEnabled"], "no encryption")
check(table["DeletionProtectionEnabled"], "no deletion protection")

stage = next(r["Properties"] for r in resources.values() if r["Type"] == "AWS::ApiGatewayV2::Stage")
throttles = {"ThrottlingRateLimit", "ThrottlingBurstLimit"}
check(throttles <= stage.get("DefaultRouteSettings", {}).keys(), "the API has no throttle")
log_format = stage["AccessLogSettings"]["Format"]
for leak in ("header", "querystring", "path", "authorizer", "body", "cookie"):
    check(leak not in log_format.lower(), f"the access log holds {leak}")

for problem in problems:
    print(f"template.yaml: {problem}", file=sys.stderr)
sys.exit(1 if problems else 0)
