"""template.yaml as SAM and CloudFormation take it: its parameters, its rules, and what SAM makes of it."""

import copy
import logging
import re

import boto3

from samcli.yamlhelper import yaml_parse
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

# SAM warns of experiments of its own.
logging.getLogger("samtranslator").setLevel(logging.ERROR)

REQUIRED = {
    "AllowedOrigins": "https://www.example.com",
    "RedirectUris": "https://www.example.com/callback",
    "Issuer": "https://www.example.com",
    "KakaoAppId": "1",
    "KakaoRestApiKey": "0" * 32,
}
# Ways to deploy that differ in what the template becomes.
PARAMETER_SETS = {
    "defaults": {},
    "another site": {"CookieSameSite": "None"},
    "RS256": {"SigningAlgorithm": "RS256"},
    "linked": {"SessionLinks": "on"},
    "rotating": {"SessionLinks": "off"},
    "no apps": {"NativeClients": "false"},
    "compatibility": {"Compatibility": "dj-rest-auth"},
    "numbers": {"UserIds": "numbers"},
    "user events": {"UserEvents": "on"},
    "from Django": {"DjangoRefreshUntil": "2026-12-20T15:00:00Z", "DjangoRefreshCookie": "my-refresh-token"},
    "hosted": {"CallbackUri": "https://www.example.com/auth/kakao/callback"},
    "alarms": {"AlarmTopicArn": "arn:aws:sns:ap-northeast-2:123456789012:alarms"},
    "email": {"AlarmEmail": "operators@example.com", "Dashboard": "false"},
    "locked": {"OriginSecretHashes": f"{'1' * 64},{'2' * 64}", "Release": "3" * 64, "SafeDeployment": "AllAtOnce"},
    "existing table": {
        "ExistingTable": "restored",
        "ExistingTableStream": "2026-12-20T15:00:00.000",
        "UserEvents": "on",
        "Protection": "false",
    },
    "several origins": {
        "AllowedOrigins": "https://www.example.com,https://m.example.com,http://localhost:5173",
        "RedirectUris": "https://www.example.com/callback,https://m.example.com/callback",
        "KakaoAppKeys": f"{'1' * 32},{'2' * 32}",
        "KakaoAdminKeyHashes": f"{'1' * 64},{'2' * 64}",
    },
    "keys": {
        "FirstKeys": "wait",
        "KeysKmsKeyArn": "arn:aws:kms:ap-northeast-2:123456789012:key/12345678-1234-1234-1234-123456789012",
    },
    "x86_64": {"Architecture": "x86_64", "MemorySize": "1024", "Stage": "dev"},
}


def load():
    with open("template.yaml") as file:
        return yaml_parse(file.read())


def items(declaration, value):
    """The items of a list, each of which CloudFormation checks, or the one value."""
    is_list = declaration["Type"] == "CommaDelimitedList"
    return [item.strip() for item in value.split(",")] if is_list else [value]


def refusals(template, given, region="ap-northeast-2"):
    """Why CloudFormation would refuse these parameters there."""
    declared = template["Parameters"]
    found = [f"there is no parameter {name}" for name in given if name not in declared]
    values = {name: str(given.get(name, declaration.get("Default", ""))) for name, declaration in declared.items()}
    for name, declaration in declared.items():
        if name not in given and "Default" not in declaration:
            found.append(f"{name} is missing")
            continue
        for item in items(declaration, values[name]):
            if "AllowedPattern" in declaration and not re.fullmatch(declaration["AllowedPattern"], item):
                found.append(f"{name} {declaration['ConstraintDescription']}, not {item}")
            if "AllowedValues" in declaration and item not in map(str, declaration["AllowedValues"]):
                found.append(f"{name}: {item} is not one of {declaration['AllowedValues']}")
            if declaration["Type"] == "Number":
                if not re.fullmatch("[0-9]+", item):
                    found.append(f"{name}: {item} is not a number")
                elif not declaration.get("MinValue", 0) <= int(item) <= declaration.get("MaxValue", 2**31):
                    found.append(f"{name}: {item} is out of range")
    values["AWS::Region"] = region
    for rule in template.get("Rules", {}).values():
        broken = [assertion for assertion in rule["Assertions"] if not holds(assertion["Assert"], values)]
        found += [assertion["AssertDescription"] for assertion in broken]
    return found


def holds(condition, values):
    """Whether a rule's condition is true. What it does not know it refuses by a KeyError."""
    ((function, arguments),) = condition.items()
    text = lambda value: values[value["Ref"]] if isinstance(value, dict) else str(value)
    return {
        "Fn::Not": lambda: not holds(arguments[0], values),
        "Fn::And": lambda: all(holds(argument, values) for argument in arguments),
        "Fn::Or": lambda: any(holds(argument, values) for argument in arguments),
        "Fn::Equals": lambda: text(arguments[0]) == text(arguments[1]),
    }[function]()


def translate(template, given):
    """What SAM makes of it. The values become the defaults, so that a linter sees them wherever a parameter is used."""
    source = copy.deepcopy(template)
    for resource in source["Resources"].values():
        # SAM translates what `sam build` and `sam package` leave: code in a bucket.
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = "s3://bucket/key"
    source["Globals"]["Function"].pop("CodeUri", None)
    # CloudFormation hands SAM a list for a parameter that is one, and SAM copies it into the CORS configuration.
    lists = {name for name, declaration in source["Parameters"].items() if declaration["Type"] == "CommaDelimitedList"}
    defaults = {name: source["Parameters"][name]["Default"] for name in lists if "Default" in source["Parameters"][name]}
    values = {name: value.split(",") if name in lists else value for name, value in (defaults | given).items()}
    session = boto3.Session(region_name="ap-northeast-2")
    translated = Translator({}, Parser(), boto_session=session).translate(source, parameter_values=values)
    for name, value in given.items():
        declaration = translated["Parameters"][name]
        declaration["Default"] = int(value) if declaration["Type"] == "Number" else value
    return translated
