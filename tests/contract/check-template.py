"""Checks what SAM's translator makes of template.yaml: cfn-lint for several parameter sets, routes, CORS, throttles, the shape of
each role, and that nothing secret or perishable slips in. Which actions and documents a role needs is for the tests, as the local
stack enforces the roles; tests/contract/openapi.rs compares the routes with openapi.yaml."""

import copy
import json
import pathlib
import subprocess
import sys
import tempfile

import aliases
import iam
import sam_template

sys.path.append("local")
import path_prefix

# Every function is limited to some partitions of the table, by the condition of each statement about it. Only this one also has
# a statement without a condition.
ALL_PARTITIONS = {"KakaoLogin"}
# Rows of users, and of these functions others.
USERS = {"USER#*"}
DELETIONS = {*USERS, "KAKAO#*", "OUTBOX"}
PARTITIONS = {"Account": DELETIONS, "FinishDeletions": {*DELETIONS, "IMPORTED#*"}, "KakaoEvents": {"OUTBOX"}}
# These may do more while tokens from Django are exchanged, by a policy of its own.
WITH_DJANGO = {"KakaoLogin": set(), "Refresh": {"SIMPLEJWT#*", "USER#*", "IMPORTED#*"}, "Logout": {"SIMPLEJWT#*", "IMPORTED#*"}}
# These read no keys.
WITHOUT_KEYS = {"KakaoEvents", "PublishUserEvents"}
# This one has no part of a table, but the stream of one.
READERS_OF_THE_STREAM = {"PublishUserEvents"}
STREAM_ACTIONS = {f"dynamodb:{action}" for action in ("ListStreams", "DescribeStream", "GetShardIterator", "GetRecords")}
# Every function but this one is limited to some documents of keys.
WRITER_OF_KEYS = "RotateKeys"
DOCUMENTS = {"ISSUING", "VERIFYING", "LOGOUT", "KAKAO", "DJANGO"}
VALUES = sam_template.REQUIRED | sam_template.PARAMETER_SETS["several origins"]

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

source = sam_template.load()
with tempfile.TemporaryDirectory() as folder:
    for name, chosen in sam_template.PARAMETER_SETS.items():
        given = sam_template.REQUIRED | chosen
        for refusal in sam_template.refusals(source, given):
            check(False, f"{name}: {refusal}")
        translated = sam_template.translate(source, given)
        check(cycle(translated["Resources"]) is None, f"{name}: a cycle: {cycle(translated['Resources'])}")
        for problem in [*aliases.problems(source, translated["Resources"]), *iam.problems(translated, given)]:
            check(False, f"{name}: {problem}")
        (pathlib.Path(folder) / f"{name}.json").write_text(json.dumps(translated, indent=1))
    # A parameter may be unused here, as SAM has put its value in the place of the reference.
    lint = subprocess.run(["cfn-lint", "--ignore-checks", "W2001", "--", *pathlib.Path(folder).iterdir()], capture_output=True, text=True, check=False)
    check(lint.returncode == 0, f"cfn-lint, of what SAM makes of it:\n{lint.stdout}{lint.stderr}")
check(sam_template.refusals(source, sam_template.REQUIRED | {"Stage": "local"}), "the stage local can be deployed")
for name, declaration in source["Parameters"].items():
    # YAML reads on, off, yes and no as booleans unless they are quoted, and CloudFormation compares text.
    values = [*declaration.get("AllowedValues", []), declaration.get("Default", "")]
    check(not any(isinstance(value, bool) for value in values), f"{name}: a value has to be quoted: {values}")
resources = sam_template.translate(source, VALUES)["Resources"]
for problem in aliases.release_problems(source):
    check(False, problem)

for prefix in ["/api/v1/auth", "/auth", "/api"]:
    prefixed = copy.deepcopy(source)
    path_prefix.with_prefix(prefixed, prefix)
    before = {key for _, _, key in path_prefix.routes(source)}
    after = [key for _, _, key in path_prefix.routes(prefixed)]
    check(set(after) == {path_prefix.moved(key, prefix) for key in before}, f"{prefix}: other routes than before, moved")
    check(len(after) == len(set(after)), f"{prefix}: a route is declared twice")
    throttled = prefixed["Resources"]["HttpApi"]["Properties"]["RouteSettings"].keys()
    check(throttled <= set(after), f"{prefix}: settings for routes that do not exist: {throttled - set(after)}")
    sam_template.translate(prefixed, VALUES)

body = resources["HttpApi"]["Properties"]["Body"]
declared = {
    (event["Properties"]["Method"].lower(), event["Properties"]["Path"], name)
    for name, function in source["Resources"].items()
    for event in function.get("Properties", {}).get("Events", {}).values()
    if event["Type"] == "HttpApi"
}
made = set()
for path, methods in body["paths"].items():
    check(not path.endswith("/"), f"{path} ends in a slash, which an HTTP API refuses")
    for method, operation in methods.items():
        integration = operation["x-amazon-apigateway-integration"]
        check(integration["payloadFormatVersion"] == "2.0", f"{method} {path}: payload {integration['payloadFormatVersion']}")
        # Never a function itself, which would be its latest version.
        called = [name.removesuffix("Aliaslive") for name in references(integration) if name.endswith("Aliaslive")]
        check(len(called) == 1, f"{method} {path} leads to {sorted(references(integration))}")
        made |= {(method, path, name) for name in called}
check(declared == made, f"declared and made routes differ: {declared ^ made}")

cors = body.get("x-amazon-apigateway-cors", {})
check(cors.get("allowOrigins") == VALUES["AllowedOrigins"].split(","), "CORS: other origins than those of the parameter")
check(cors.get("allowCredentials") is True, "CORS: no credentials")
check(cors.get("allowHeaders") == source["Parameters"]["AllowHeaders"]["Default"].split(","), "CORS: other headers than those of the parameter")
check(set(cors.get("exposeHeaders", [])) == {"retry-after", "www-authenticate"}, "CORS: exposed headers")
check({method.lower() for method in cors.get("allowMethods", [])} == {method for method, _, _ in made}, "CORS: methods")

functions = {name for name, resource in resources.items() if resource["Type"] == "AWS::Lambda::Function"}
identities = {name for name, resource in resources.items() if resource["Type"].startswith("AWS::IAM::")}
own = {f"{name}{part}" for name in functions for part in ("Role", "KeyAccess") if part == "Role" or name not in WITHOUT_KEYS}
own |= {f"{name}DjangoAccess" for name in WITH_DJANGO}
# CodeDeploy's, by SAM, with which it moves the aliases, and what operators may do, which iam.py examines.
own |= {"CodeDeployServiceRole", "OperatorsReadPolicy", "OperatorsManagePolicy"}
check(identities == own, f"roles or policies beside the functions' own: {sorted(identities ^ own)}")

for name in functions:
    role, function = (resources[part]["Properties"] for part in (f"{name}Role", name))
    # The one policy that is not ours: SAM adds it, so that a function may write its log.
    managed = [arn.split("/")[-1] for arn in role["ManagedPolicyArns"]]
    check(managed == ["AWSLambdaBasicExecutionRole"], f"{name} has the managed policies {managed}")
    allowed = set()
    policies = role.get("Policies", [])
    if name not in WITHOUT_KEYS:
        access = resources[f"{name}KeyAccess"]["Properties"]
        check(access["RoleName"] == {"Ref": f"{name}Role"}, f"{name}KeyAccess is for {access['RoleName']}")
        policies = [*policies, access]
    partitions = PARTITIONS.get(name, USERS)
    if name in WITH_DJANGO:
        access = resources[f"{name}DjangoAccess"]
        check(access["Condition"] == "ExchangesDjangoTokens", f"{name}DjangoAccess does not depend on DjangoRefreshUntil")
        access = access["Properties"]
        check(access["RoleName"] == {"Ref": f"{name}Role"}, f"{name}DjangoAccess is for {access['RoleName']}")
        policies = [*policies, access]
        partitions = partitions | WITH_DJANGO[name]
    for statement in (s for policy in policies for s in policy["PolicyDocument"]["Statement"]):
        check("*" not in json.dumps([statement["Action"], statement["Resource"]]), f"{name}: a wildcard in {statement}")
        touched = set(references(statement["Resource"]))
        if "StreamArn" in json.dumps(statement["Resource"]):
            check(name in READERS_OF_THE_STREAM, f"{name} may read the stream")
            check(set(statement["Action"]) == STREAM_ACTIONS, f"{name}: {statement['Action']} of the stream")
            continue
        allowed |= touched & {"Table", "Keys"}
        conditions = {}
        if "Table" in touched and ("Condition" in statement or name not in ALL_PARTITIONS):
            operators = [operator for operator in statement.get("Condition", {}) if operator != "Null"]
            check(operators in (["ForAllValues:StringLike"], ["ForAllValues:StringEquals"]), f"{name}: {statement}")
            keys = statement["Condition"][operators[0]]["dynamodb:LeadingKeys"] if operators else []
            check(keys and set(keys) <= partitions, f"{name} may access the partitions {keys}")
            conditions = {
                **{operator: {"dynamodb:LeadingKeys": keys} for operator in operators},
                "Null": {"dynamodb:LeadingKeys": "false"},
            }
        if "Keys" in touched and name != WRITER_OF_KEYS:
            documents = statement.get("Condition", {}).get("ForAllValues:StringEquals", {}).get("dynamodb:LeadingKeys", [])
            check(documents and set(documents) < DOCUMENTS, f"{name} may read the documents {documents}")
            conditions = {
                "ForAllValues:StringEquals": {"dynamodb:LeadingKeys": documents},
                "Null": {"dynamodb:LeadingKeys": "false"},
            }
        check(statement.get("Condition", {}) == conditions, f"{name}: conditions of {statement}")
    environment = function["Environment"]["Variables"]
    named = set(references(environment)) & {"Table", "Keys"}
    check(named == allowed, f"{name} is told of {sorted(named)} and may touch {sorted(allowed)}")
    check("{{resolve:" not in json.dumps(environment), f"{name} has a resolved secret in its environment")
    check(function["Runtime"] == "provided.al2023", f"{name}: runtime")
    check(function.get("LoggingConfig", {}).get("LogGroup") == {"Ref": f"{name}Logs"}, f"{name} has no log group of its own")

for name, resource in resources.items():
    properties = resource["Properties"]
    if resource["Type"] == "AWS::DynamoDB::Table":
        # A first deployment that fails would leave tables behind, which the next one could not make.
        check(resource.get("DeletionPolicy") == "RetainExceptOnCreate", f"{name} goes with the stack")
        check(resource.get("UpdateReplacePolicy") == "Retain", f"{name} goes with an update")
    if resource["Type"] == "AWS::Logs::LogGroup":
        check("RetentionInDays" in properties, f"{name} keeps logs for ever")

permissions = [r["Properties"] for r in resources.values() if r["Type"] == "AWS::Lambda::Permission"]
for permission in permissions:
    by = permission["Principal"]
    check(by in ("apigateway.amazonaws.com", "events.amazonaws.com"), f"{by} may call a function")
    if by == "events.amazonaws.com":
        called = permission["FunctionName"]
        check(called in ({"Ref": "RotateKeys"}, {"Ref": "FinishDeletions"}), "a schedule calls another function")
        check("SourceArn" in permission, f"any rule may call {called}")

# The table of keys is as closed as a secret store: its policy denies every action on items to everybody but the functions' roles,
# and nothing else, so that whoever deploys can still manage it.
ITEM_ACTIONS = {
    "GetItem", "BatchGetItem", "Query", "Scan", "ConditionCheckItem", "PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem",
    "PartiQLSelect", "PartiQLInsert", "PartiQLUpdate", "PartiQLDelete",
}
keys = resources["Keys"]["Properties"]
[denial] = keys["ResourcePolicy"]["PolicyDocument"]["Statement"]
check((denial["Effect"], denial["Principal"], denial["Resource"]) == ("Deny", "*", "*"), f"the policy of Keys: {denial}")
check(set(denial["Action"]) == {f"dynamodb:{action}" for action in ITEM_ACTIONS}, "the policy of Keys denies other actions")
roles = {tuple(arn["Fn::GetAtt"]) for arn in denial["Condition"]["ArnNotEquals"]["aws:PrincipalArn"]}
check(roles == {(f"{name}Role", "Arn") for name in functions - WITHOUT_KEYS if "Keys" in references(resources[f"{name}KeyAccess"])},
      f"the policy of Keys lets in {sorted(roles)}")
check(denial["Condition"].keys() == {"ArnNotEquals"}, f"the policy of Keys has other conditions: {denial['Condition']}")
check(not keys["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"], "backups keep keys that were replaced")
check("StreamSpecification" not in keys, "a stream hands the keys out")
check(keys["DeletionProtectionEnabled"] == {"Ref": "Protection"}, "the keys have no deletion protection")

table = resources["Table"]["Properties"]
check(table["BillingMode"] == "PAY_PER_REQUEST", "the table is not on demand")
check(table["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}, "the table has no TTL")
check(table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"], "no point-in-time recovery")
# DynamoDB encrypts every table with a key of its own, which is free. This would mean KMS's, which costs money for each request.
check("SSESpecification" not in table, "another encryption than DynamoDB's own")
check(table["DeletionProtectionEnabled"] == {"Ref": "Protection"}, "no deletion protection")
check(source["Parameters"]["Protection"]["Default"] == "true", "tables are not protected unless somebody asks for it")

# The stream and all that reads it exist with UserEvents=on only.
stream = {"Fn::If": ["HasUserEvents", {"StreamViewType": "NEW_AND_OLD_IMAGES"}, {"Ref": "AWS::NoValue"}]}
check(table.get("StreamSpecification") == stream, f"the table's stream: {table.get('StreamSpecification')}")
conditional = {name for name, resource in resources.items() if resource.get("Condition") == "HasUserEvents"}
expected = {"PublishUserEvents", "PublishUserEventsRole", "PublishUserEventsLogs", "UserEventsStream", "UserEventBus", "UserEventsQueue",
            "UserEventsQueueAlarm", "UserEventsDelayAlarm", "PublishUserEventsErrors"}
check(conditional == expected, f"with user events only: {sorted(conditional ^ expected)}")
for name, resource in resources.items():
    foreign = set(references(resource)) & expected
    check(not foreign or name in expected, f"{name} refers to {sorted(foreign)}, which may not exist")
check(resources["UserEventsQueue"]["Properties"]["SqsManagedSseEnabled"], "the queue of user events is not encrypted")
mappings = [r["Properties"] for r in resources.values() if r["Type"] == "AWS::Lambda::EventSourceMapping"]
check([m["FunctionName"] for m in mappings] == [{"Ref": "PublishUserEvents"}], "other event source mappings")

stage = next(r["Properties"] for r in resources.values() if r["Type"] == "AWS::ApiGatewayV2::Stage")
throttles = {"ThrottlingRateLimit", "ThrottlingBurstLimit"}
check(throttles <= stage.get("DefaultRouteSettings", {}).keys(), "the API has no throttle")
login_routes = {f"{method.upper()} {path}" for method, path, name in made if name == "KakaoLogin"}
login_throttle = {"ThrottlingRateLimit": {"Ref": "LoginRateLimit"}, "ThrottlingBurstLimit": {"Ref": "LoginBurstLimit"}}
expected = {route: login_throttle for route in login_routes}
check(stage.get("RouteSettings") == expected, f"throttles of routes: {stage.get('RouteSettings')}, not {expected}")
log_group = resources["ApiLogs"]["Properties"].get("LogGroupName", {}).get("Fn::Sub", "")
check(log_group.startswith("/aws/vendedlogs/") and "${AWS::StackName}" in log_group, f"the access log is in {log_group}")
log_format = stage["AccessLogSettings"]["Format"]
for leak in ("header", "querystring", "path", "authorizer", "body", "cookie"):
    check(leak not in log_format.lower(), f"the access log holds {leak}")

for problem in problems:
    print(f"template.yaml: {problem}", file=sys.stderr)
sys.exit(1 if problems else 0)
