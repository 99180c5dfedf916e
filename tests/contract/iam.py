"""What the roles and policies of template.yaml allow on AWS, once SAM has translated it and CloudFormation has resolved it.

tests/contract/uses/ has what the functions do: each verb on each table, with the partitions that it names. Every use has to be allowed,
and every other verb, table and partition denied. The local stack enforces the roles as its own reader understands the template, and this
evaluates what is deployed."""

import fnmatch
import itertools
import json
import pathlib

ACCOUNT = "123456789012"
ARN = "arn:aws:{}:ap-northeast-2:" + ACCOUNT + ":{}"
ARNS = {
    "AWS::DynamoDB::Table": ("dynamodb", "table/{}"), "AWS::Events::EventBus": ("events", "event-bus/{}"),
    "AWS::SQS::Queue": ("sqs", "{}"), "AWS::Lambda::Function": ("lambda", "function:{}"), "AWS::Logs::LogGroup": ("logs", "log-group:{}:*"),
    "AWS::SNS::Topic": ("sns", "{}"),
}
PSEUDO = {"AWS::Partition": "aws", "AWS::Region": "ap-northeast-2", "AWS::AccountId": ACCOUNT, "AWS::StackName": "kakao-login",
          "AWS::URLSuffix": "amazonaws.com", "AWS::StackId": ARN.format("cloudformation", "stack/kakao-login/0")}
LABEL = "2026-12-20T15:00:00.000"
# Policies of AWS's that SAM attaches, as AWS publishes them.
MANAGED = {
    "AWSLambdaBasicExecutionRole": [("logs:CreateLogGroup logs:CreateLogStream logs:PutLogEvents", "*")],
    "AWSCodeDeployRoleForLambda": [
        ("cloudwatch:DescribeAlarms lambda:UpdateAlias lambda:GetAlias lambda:GetProvisionedConcurrencyConfig sns:Publish", "*"),
        ("s3:GetObject s3:GetObjectVersion", "arn:aws:s3:::*/CodeDeploy/*"),
        ("lambda:InvokeFunction", "arn:aws:lambda:*:*:function:CodeDeployHook_*"),
    ],
}
ITEMS = ["GetItem", "BatchGetItem", "Query", "ConditionCheckItem", "PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem"]
# These name no partition.
WHOLE = ["Scan", "PartiQLSelect", "PartiQLInsert", "PartiQLUpdate", "PartiQLDelete"]
MANAGING = ["DescribeTable", "UpdateTable", "DeleteTable", "PutResourcePolicy", "DeleteResourcePolicy", "UpdateContinuousBackups",
            "CreateBackup", "ExportTableToPointInTime"]
STREAMING = ["ListStreams", "DescribeStream", "GetShardIterator", "GetRecords"]
OTHERS = ["events:PutEvents", "sqs:SendMessage", "sqs:ReceiveMessage", "lambda:InvokeFunction", "lambda:UpdateFunctionCode", "kms:Decrypt",
          "secretsmanager:GetSecretValue", "s3:GetObject", "iam:PassRole", "sts:AssumeRole", "logs:FilterLogEvents", "logs:DeleteLogGroup"]
PARTITIONS = {
    "Table": ["USER#", "KAKAO#", "OUTBOX", "CLAIM#", "IMPORTED#", "SIMPLEJWT#", "COUNTER"],
    "Keys": ["ISSUING", "VERIFYING", "LOGOUT", "KAKAO", "DJANGO", "MARKER"],
}
# kakao-login makes users and everything that belongs to them, and rotate-keys all documents: what they do, they may do everywhere.
EVERYWHERE = {
    ("KakaoLogin", "Table"): {f"dynamodb:{verb}" for verb in ["GetItem", "BatchGetItem", "PutItem", "UpdateItem", "DeleteItem"]},
    ("RotateKeys", "Keys"): {f"dynamodb:{verb}" for verb in ["GetItem", "PutItem"]},
}
# What the commands of operators do, by policy. tests/contract/operators.rs has the commands.
OPERATORS = {
    "OperatorsReadPolicy": {"GetItem": ["USER#", "KAKAO#"], "Query": ["USER#", "KAKAO#"]},
    "OperatorsManagePolicy": {
        "GetItem": ["USER#", "KAKAO#"], "Query": ["USER#", "KAKAO#"], "UpdateItem": ["USER#", "KAKAO#", "IMPORTED#"],
        "PutItem": ["USER#", "OUTBOX"], "DeleteItem": ["USER#"], "Scan": None,
    },
}


class Stack:
    """A translated template with these parameters, its intrinsic functions resolved to values and names."""

    def __init__(self, translated, given):
        declared = translated["Parameters"]
        values = {name: str(declaration.get("Default", "")) for name, declaration in declared.items()} | given
        self.values, self.conditions, self.declared = values | PSEUDO, translated["Conditions"], translated["Resources"]
        kept = {name: made for name, made in self.declared.items() if "Condition" not in made or self.holds(made["Condition"])}
        self.resources = {name: {"Type": made["Type"]} | self.resolve(made.get("Properties", {})) for name, made in kept.items()}

    def holds(self, condition):
        if isinstance(condition, str):
            return self.holds(self.conditions[condition])
        ((function, arguments),) = condition.items()
        return {
            "Condition": lambda: self.holds(arguments),
            "Fn::Not": lambda: not self.holds(arguments[0]),
            "Fn::And": lambda: all(map(self.holds, arguments)),
            "Fn::Or": lambda: any(map(self.holds, arguments)),
            "Fn::Equals": lambda: self.resolve(arguments[0]) == self.resolve(arguments[1]),
        }[function]()

    def attribute(self, resource, attribute):
        kind = self.declared[resource]["Type"]
        if kind == "AWS::IAM::Role":
            return f"arn:aws:iam::{ACCOUNT}:role/{resource}"
        if attribute == "StreamArn":
            return self.attribute(resource, "Arn") + f"/stream/{LABEL}"
        service, path = ARNS.get(kind, ("other", "{}"))
        return ARN.format(service, path.format(resource)) if attribute == "Arn" else f"{resource}.{attribute}"

    def resolve(self, part):
        if isinstance(part, list):
            resolved = map(self.resolve, part)
            return [one for one in resolved if one is not None]
        if not isinstance(part, dict):
            return part
        if len(part) == 1:
            ((function, argument),) = part.items()
            if function == "Ref":
                return None if argument == "AWS::NoValue" else self.values.get(argument, argument)
            if function == "Fn::GetAtt":
                return self.attribute(*(argument if isinstance(argument, list) else argument.split(".", 1)))
            if function == "Fn::If":
                return self.resolve(argument[1 if self.holds(argument[0]) else 2])
            if function == "Fn::Join":
                return argument[0].join(self.resolve(argument[1]))
            if function == "Fn::Sub":
                text, names = argument if isinstance(argument, list) else (argument, {})
                for piece in {piece.split("}")[0] for piece in text.split("${")[1:]}:
                    value = {"Ref": piece} if "." not in piece else {"Fn::GetAtt": piece}
                    text = text.replace(f"${{{piece}}}", str(self.resolve(names.get(piece, value))))
                return text
        return {key: value for key, value in ((key, self.resolve(inner)) for key, inner in part.items()) if value is not None}

    def statements(self, role):
        """Of a role: its own, those of policies that are attached to it, and those of AWS's."""
        made = self.resources[role]
        documents = [policy["PolicyDocument"] for policy in made.get("Policies", [])]
        documents += [p["PolicyDocument"] for p in self.resources.values() if p["Type"] == "AWS::IAM::RolePolicy" and p["RoleName"] == role]
        own = [statement for document in documents for statement in document["Statement"]]
        managed = [MANAGED[arn.split("/")[-1]] for arn in made.get("ManagedPolicyArns", [])]
        return own + [{"Effect": "Allow", "Action": actions.split(), "Resource": on} for policy in managed for actions, on in policy]


def as_list(value):
    return value if isinstance(value, list) else [value]


def condition_holds(operator, wanted, context):
    """Of the operators that the templates use. Any other is a KeyError: nobody has said here what it means."""
    ((key, values),) = wanted.items()
    found = context.get(key)
    values = as_list(values)
    return {
        # True for a request without the key, as on AWS.
        "ForAllValues:StringEquals": lambda: all(one in values for one in found or []),
        "ForAllValues:StringLike": lambda: all(any(fnmatch.fnmatchcase(one, value) for value in values) for one in found or []),
        "Null": lambda: (not found) == (values == ["true"]),
        "ArnNotEquals": lambda: found not in values,
    }[operator]()


def applies(statement, action, resource, context):
    assert statement.keys() <= {"Sid", "Effect", "Principal", "Action", "Resource", "Condition"}, statement
    return (
        any(fnmatch.fnmatchcase(action.lower(), one.lower()) for one in as_list(statement["Action"]))
        and any(fnmatch.fnmatchcase(resource, one) for one in as_list(statement["Resource"]))
        and all(condition_holds(operator, wanted, context) for operator, wanted in statement.get("Condition", {}).items())
    )


def allowed(stack, principal, statements, action, resource, keys=None):
    context = {"aws:PrincipalArn": principal} | ({} if keys is None else {"dynamodb:LeadingKeys": keys})
    of_the_table = []
    for name, made in stack.resources.items():
        if made["Type"] == "AWS::DynamoDB::Table" and "ResourcePolicy" in made and resource.startswith(stack.attribute(name, "Arn")):
            of_the_table += made["ResourcePolicy"]["PolicyDocument"]["Statement"]
    assert all(statement["Effect"] == "Deny" and statement["Principal"] == "*" for statement in of_the_table), of_the_table
    effects = {one["Effect"] for one in statements + of_the_table if applies(one, action, resource, context)}
    return effects == {"Allow"}


def recorded(stack):
    """What the functions do in this deployment, by the name of the function in the template."""
    folder = pathlib.Path(__file__).parent / "uses"
    files = ["user-events.json"] + ["from-django.json"] * stack.holds("ExchangesDjangoTokens")
    uses = {}
    for file in files:
        for function, resources in json.loads((folder / file).read_text()).items():
            name = function.title().replace("-", "")
            for resource, actions in resources.items():
                for action, kinds in actions.items():
                    uses.setdefault((name, resource, action), set()).update(kinds)
    return uses


def example(kind):
    return f"{kind}x" if kind.endswith("#") else kind


def requests(table, kinds):
    """Each verb on a table, with one partition of each kind, with two, and with none."""
    arn = {"Table": table, "Keys": ARN.format("dynamodb", "table/Keys"), "Others": ARN.format("dynamodb", "table/Others")}
    for name, verb in itertools.product(arn, ITEMS):
        of = kinds.get(name, kinds["Table"])
        for some in [[kind] for kind in of] + ([list(two) for two in itertools.combinations(of, 2)] if verb.startswith("Batch") else []):
            yield name, f"dynamodb:{verb}", arn[name], some
        yield name, f"dynamodb:{verb}", arn[name], None
        # GSIs, if there are any one day.
        yield f"{name}/index", f"dynamodb:{verb}", f"{arn[name]}/index/x", None
    for name, verb in itertools.product(arn, WHOLE + MANAGING):
        yield name, f"dynamodb:{verb}", arn[name], None
    for name, verb in itertools.product(arn, STREAMING):
        yield f"{name}/stream", f"dynamodb:{verb}", f"{arn[name]}/stream/{LABEL}", None
    for action in OTHERS:
        for name, on in [("UserEventBus", ("events", "event-bus/UserEventBus")), ("UserEventsQueue", ("sqs", "UserEventsQueue")),
                         ("RotateKeys", ("lambda", "function:RotateKeys")), ("RefreshLogs", ("logs", "log-group:RefreshLogs:*"))]:
            yield name, action, ARN.format(*on), None


def compare(stack, who, statements, principal, is_expected, table):
    for name, action, resource, kinds in requests(table, PARTITIONS):
        keys = None if kinds is None else [example(kind) for kind in kinds]
        found, wanted = allowed(stack, principal, statements, action, resource, keys), is_expected(name, action, kinds)
        if found != wanted:
            yield f"{who} may {'' if found else 'not '}{action} {name} {' and '.join(kinds or [])}"


def problems(translated, given):
    """What these roles and policies allow and must not, or do not and must."""
    stack = Stack(translated, given)
    existing = stack.values["ExistingTable"]
    table = ARN.format("dynamodb", f"table/{existing}") if existing else stack.attribute("Table", "Arn")
    uses = recorded(stack)
    roles = [name for name, made in stack.resources.items() if made["Type"] == "AWS::IAM::Role"]
    functions = [name.removesuffix("Role") for name in roles if name != "CodeDeployServiceRole"]
    known = {name for name, _, _ in uses} - ({"PublishUserEvents"} if not stack.holds("HasUserEvents") else set())
    if set(functions) != known:
        yield f"roles of {sorted(functions)}, and tests/contract/uses/ has {sorted(known)}"
        return
    for function in functions:
        def does(name, action, kinds, function=function):
            used = uses.get((function, name, action))
            if used is None:
                return False
            is_item = action.removeprefix("dynamodb:") in ITEMS
            is_used = not is_item if kinds is None else set(kinds) <= used
            return is_used or action in EVERYWHERE.get((function, name), ())

        role = f"{function}Role"
        yield from compare(stack, function, stack.statements(role), stack.attribute(role, "Arn"), does, table)

    # Whoever may do everything in the account may do everything but read and write keys.
    everything = [{"Effect": "Allow", "Action": "*", "Resource": "*"}]
    closed = {f"dynamodb:{verb}" for verb in ITEMS + WHOLE}
    for who in ["Administrator", "CodeDeployServiceRole", "KakaoEventsRole", "RefreshRole2"]:
        manages = lambda name, action, kinds: not (name.startswith("Keys") and action in closed)
        yield from compare(stack, f"{who} with every permission", everything, f"arn:aws:iam::{ACCOUNT}:role/{who}", manages, table)

    # CodeDeploy moves aliases and looks at alarms.
    code_deploy = stack.resources["CodeDeployServiceRole"]
    ((trust,), statements) = code_deploy["AssumeRolePolicyDocument"]["Statement"], stack.statements("CodeDeployServiceRole")
    if trust["Principal"] != {"Service": ["codedeploy.amazonaws.com"]}:
        yield f"{trust['Principal']} may move the aliases"
    arn = stack.attribute("CodeDeployServiceRole", "Arn")
    yield from compare(stack, "CodeDeploy", statements, arn, lambda *_: False, table)
    for action in ["lambda:UpdateAlias", "cloudwatch:DescribeAlarms"]:
        if not allowed(stack, arn, statements, action, ARN.format("lambda", "function:Refresh")):
            yield f"CodeDeploy may not {action}"
    for role in roles:
        (trust,) = stack.resources[role]["AssumeRolePolicyDocument"]["Statement"]
        if role != "CodeDeployServiceRole" and trust["Principal"] != {"Service": ["lambda.amazonaws.com"]}:
            yield f"{trust['Principal']} may take {role}"

    for policy, verbs in OPERATORS.items():
        statements, operator = stack.resources[policy]["PolicyDocument"]["Statement"], f"arn:aws:iam::{ACCOUNT}:role/Operator"

        def may(name, action, kinds, verbs=verbs):
            verb = action.removeprefix("dynamodb:")
            if name != "Table" or verb not in verbs:
                return False
            return kinds is None if verbs[verb] is None else kinds is not None and set(kinds) <= set(verbs[verb])

        yield from compare(stack, policy, statements, operator, may, table)
        records = ARN.format("logs", "log-group:OperatorsLogs:*")
        for action, is_allowed in [("CreateLogStream", True), ("PutLogEvents", True), ("DeleteLogGroup", False), ("DeleteLogStream", False),
                                   ("PutRetentionPolicy", False)]:
            if allowed(stack, operator, statements, f"logs:{action}", records) != is_allowed:
                yield f"{policy} may {'not ' if is_allowed else ''}logs:{action} the access records"
