"""Checks what SAM makes of template.yaml: routes, also against openapi.yaml, CORS, each role's verbs, and that nothing secret or
perishable slips in."""

import json
import math
import re
import sys

import boto3

from samcli.yamlhelper import yaml_parse
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

READ = ["secretsmanager:GetSecretValue"]
WRITE = ["secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue"]
# What each role may do with what: nothing else, and no wildcard.
MAY = {
    "KakaoLogin": {
        "Table": ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"],
        "KeyRing": READ,
        "KakaoSecret": READ,
    },
    "Refresh": {"Table": ["dynamodb:GetItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"], "KeyRing": READ},
    "Logout": {"Table": ["dynamodb:DeleteItem", "dynamodb:Query", "dynamodb:BatchWriteItem"], "LogoutKeys": READ},
    "Profile": {"Table": ["dynamodb:BatchGetItem"], "VerificationKeys": READ},
    "Verify": {"VerificationKeys": READ},
    "Jwks": {"VerificationKeys": READ},
    "RotateKeys": {
        "KeyRing": [*WRITE, "secretsmanager:DescribeSecret", "secretsmanager:UpdateSecretVersionStage"],
        "VerificationKeys": WRITE,
        "LogoutKeys": WRITE,
    },
}
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
    for event in function.get("Properties", {}).get("Events", {}).values()
}
made = set()
for path, methods in body["paths"].items():
    check(not path.endswith("/"), f"{path} ends in a slash, which an HTTP API refuses")
    for method, operation in methods.items():
        integration = operation["x-amazon-apigateway-integration"]
        check(integration["payloadFormatVersion"] == "2.0", f"{method} {path}: payload {integration['payloadFormatVersion']}")
        made |= {(method, path, name) for name in references(integration) if name in source["Resources"]}
check(declared == made, f"declared and made routes differ: {declared ^ made}")

with open("openapi.yaml") as file:
    described = yaml_parse(file.read())
items = described["components"]["pathItems"]
# An operation that is described once is one function's.
functions_of = {}
for path, item in described["paths"].items():
    name = item["$ref"].split("/")[-1]
    for method in items[name]:
        functions_of.setdefault((name, method), set()).update(f for m, p, f in made if (m, p) == (method, path))
described_routes = {(m, path) for path, item in described["paths"].items() for m in items[item["$ref"].split("/")[-1]]}
routes = {(method, path) for method, path, _ in made if not path.endswith("{proxy+}")}
check(described_routes == routes, f"openapi.yaml has other routes: {described_routes ^ routes}")
for operation, names in functions_of.items():
    check(len(names) == 1, f"openapi.yaml: {operation} is the functions' {sorted(names)}")
with open("shared/src/error.rs") as file:
    codes = set(re.findall(r'"([a-z]+(?:_[a-z]+)+)"|code: "([a-z]+)"', file.read()))
codes = {code for pair in codes for code in pair if code}
schemas = described["components"]
known = set(schemas["schemas"]["Error"]["properties"]["code"]["enum"])
known |= set(schemas["responses"]["Refused"]["content"]["application/json"]["schema"]["properties"]["code"]["enum"])
check(codes == known, f"openapi.yaml has other codes: {codes ^ known}")

# Limits that openapi.yaml tells, and where the code has them.
for file, name, told in [
    ("local/src/gateway.rs", "MAX_HEADER_BYTES", "{:,} bytes | 431"),
    ("local/src/gateway.rs", "MAX_BODY_BYTES", "{:,} bytes | 413 of the gateway"),
    ("shared/src/http/mod.rs", "MAX_BODY_BYTES", "{:,} bytes | 413 `payload_too_large`"),
]:
    with open(file) as source_file:
        factors = re.search(rf"const {name}: usize = ([0-9_* ]+);", source_file.read())[1].replace("_", "").split("*")
    told = told.format(math.prod(map(int, factors)))
    check(told in described["info"]["description"], f"openapi.yaml does not say {told}, which is {name} in {file}")

cors = body.get("x-amazon-apigateway-cors", {})
check(cors.get("allowOrigins") == VALUES["AllowedOrigins"], "CORS: other origins than those of the parameter")
check(cors.get("allowCredentials") is True, "CORS: no credentials")
check(set(cors.get("allowHeaders", [])) == {"authorization", "content-type", "x-requested-with"}, "CORS: headers")
check({method.lower() for method in cors.get("allowMethods", [])} == {method for method, _, _ in made}, "CORS: methods")

functions = {name for name, resource in resources.items() if resource["Type"] == "AWS::Lambda::Function"}
check(functions == set(MAY), f"nothing is agreed for {sorted(functions ^ set(MAY))}")
identities = {name for name, resource in resources.items() if resource["Type"].startswith("AWS::IAM::")}
check(identities == {f"{name}Role" for name in MAY}, f"roles or policies beside the functions' own: {sorted(identities)}")

for name, may in MAY.items():
    role, function = (resources[part]["Properties"] for part in (f"{name}Role", name))
    # The one policy that is not ours: SAM adds it, so that a function may write its log.
    managed = [arn.split("/")[-1] for arn in role["ManagedPolicyArns"]]
    check(managed == ["AWSLambdaBasicExecutionRole"], f"{name} has the managed policies {managed}")
    found = {}
    for statement in (s for policy in role["Policies"] for s in policy["PolicyDocument"]["Statement"]):
        check("*" not in json.dumps(statement), f"{name}: a wildcard in {statement}")
        actions = statement["Action"]
        for resource in references(statement["Resource"]):
            found.setdefault(resource, set()).update([actions] if isinstance(actions, str) else actions)
    expected = {resource: set(actions) for resource, actions in may.items()}
    check(found == expected, f"{name} may {found}, not {expected}")
    environment = function["Environment"]["Variables"]
    named = {value["Ref"] for variable, value in environment.items() if variable.endswith("_ID") and "Ref" in value}
    secrets = {resource for resource in may if resource != "Table"}
    check(named - set(source["Parameters"]) == secrets, f"{name} is told of {sorted(named)}, not of {sorted(secrets)}")
    check("{{resolve:" not in json.dumps(environment), f"{name} has a resolved secret in its environment")
    check(function["Runtime"] == "provided.al2023", f"{name}: runtime")
    check(function.get("LoggingConfig", {}).get("LogGroup") == {"Ref": f"{name}Logs"}, f"{name} has no log group of its own")

for name, resource in resources.items():
    properties = resource["Properties"]
    if resource["Type"] == "AWS::SecretsManager::Secret":
        check("SecretString" not in properties, f"{name} gets its value from the template")
        # A secret without a value cannot be rotated: the key ring begins with a version that has no keys.
        template = properties.get("GenerateSecretString", {}).get("SecretStringTemplate")
        check(template == ('{"version":0}' if name == "KeyRing" else None), f"{name} begins with {template}")
    if resource["Type"] in ("AWS::SecretsManager::Secret", "AWS::DynamoDB::Table"):
        check(resource.get("DeletionPolicy") == "Retain", f"{name} goes with the stack")
        check(resource.get("UpdateReplacePolicy") == "Retain", f"{name} goes with an update")
    if resource["Type"] == "AWS::Logs::LogGroup":
        check("RetentionInDays" in properties, f"{name} keeps logs for ever")

rotation = resources["KeyRotation"]["Properties"]
check(rotation["RotateImmediatelyOnUpdate"] is True, "a new stack makes no keys")
check(rotation["SecretId"] == {"Ref": "KeyRing"}, "another secret is rotated")
permissions = [r["Properties"] for r in resources.values() if r["Type"] == "AWS::Lambda::Permission"]
for permission in permissions:
    by = permission["Principal"]
    check(by in ("apigateway.amazonaws.com", "secretsmanager.amazonaws.com"), f"{by} may call a function")
    if by == "secretsmanager.amazonaws.com":
        check(permission["FunctionName"] == {"Ref": "RotateKeys"}, "Secrets Manager may call another function")
        check(permission.get("SourceAccount") == {"Ref": "AWS::AccountId"}, "other accounts may rotate the keys")

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
