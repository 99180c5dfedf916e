"""edge.yaml as CloudFormation, CloudFront and AWS WAF take it: what it becomes with some parameters, where a request goes, and which
rules count it. As a program it prints what the template becomes, as JSON: edge_template.py NAME=VALUE …"""

import copy
import json
import re
import sys
import urllib.parse

from samcli.yamlhelper import yaml_parse

REGION = "us-east-1"
REQUIRED = {
    "ApiHost": "abcdefghij.execute-api.ap-northeast-2.amazonaws.com",
    "OriginSecret": "0" * 64,
}
CERTIFICATE = "arn:aws:acm:us-east-1:123456789012:certificate/12345678-1234-1234-1234-123456789012"
# Ways to deploy that differ in what the template becomes.
PARAMETER_SETS = {
    "defaults": {},
    "a zone": {"Domain": "www.example.com", "HostedZoneId": "Z0123456789ABCDEFGHIJ"},
    "a certificate": {"Domain": "www.example.com", "CertificateArn": CERTIFICATE},
    "both": {"Domain": "www.example.com", "HostedZoneId": "Z0123456789ABCDEFGHIJ", "CertificateArn": CERTIFICATE},
    "another policy": {"ContentSecurityPolicy": "default-src 'self'; script-src 'self' https://t1.kakaocdn.net"},
    "no drop-in": {"DropInPrefix": ""},
    "a prefix": {"DropInPrefix": "/api/v1/auth"},
    "the own prefix": {"DropInPrefix": "/auth"},
    "a hash": {"OriginSecretHash": "1" * 64},
    "counting": {"WafMode": "Count", "LoginsPerFiveMinutes": "10", "RequestsPerFiveMinutes": "100"},
}
METHODS = ["GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"]


def load():
    with open("edge.yaml") as file:
        return yaml_parse(file.read())


def is_true(condition, conditions, values):
    ((function, arguments),) = condition.items()
    inner = lambda argument: is_true(argument, conditions, values)
    text = lambda value: values[value["Ref"]] if isinstance(value, dict) else value
    return {
        "Condition": lambda: inner(conditions[arguments]),
        "Fn::Not": lambda: not inner(arguments[0]),
        "Fn::And": lambda: all(map(inner, arguments)),
        "Fn::Equals": lambda: text(arguments[0]) == text(arguments[1]),
    }[function]()


def resolve(template, given):
    """The resources and outputs that CloudFormation makes of it, without conditions and parameters."""
    defaults = {name: str(declared.get("Default", "")) for name, declared in template["Parameters"].items()}
    values, conditions = defaults | given, template["Conditions"]
    nothing = object()

    def value(part):
        if isinstance(part, list):
            return [one for one in map(value, part) if one is not nothing]
        if not isinstance(part, dict):
            return part
        if part.keys() == {"Fn::If"}:
            condition, yes, no = part["Fn::If"]
            return value(yes if is_true(conditions[condition], conditions, values) else no)
        if part == {"Ref": "AWS::NoValue"}:
            return nothing
        if part.keys() == {"Ref"} and part["Ref"] in values:
            return values[part["Ref"]]
        if part.keys() == {"Fn::Sub"}:
            text = re.sub(r"\$\{(\w+)\}", lambda name: values.get(name[1], name[0]), part["Fn::Sub"])
            return {"Fn::Sub": text} if "${" in text else text
        resolved = {key: value(inner) for key, inner in part.items()}
        return {key: inner for key, inner in resolved.items() if inner is not nothing}

    def made(section):
        for name, declared in template[section].items():
            declared = copy.deepcopy(declared)
            condition = declared.pop("Condition", None)
            if condition is None or is_true(conditions[condition], conditions, values):
                yield name, value(declared)

    return {
        "AWSTemplateFormatVersion": template["AWSTemplateFormatVersion"],
        "Resources": dict(made("Resources")),
        "Outputs": dict(made("Outputs")),
    }


def normalized(path):
    """The path by which CloudFront chooses a behavior (RFC 3986 §6.2.2). The origin gets the path as it was sent."""

    def decoded(code):
        char = chr(int(code[1], 16))
        return char if re.fullmatch("[A-Za-z0-9._~-]", char) else code[0].upper()

    kept = []
    segments = re.sub("/{2,}", "/", re.sub("%([0-9A-Fa-f]{2})", decoded, path)).split("/")[1:]
    for segment in segments:
        if segment == "..":
            kept = kept[:-1]
        elif segment != ".":
            kept.append(segment)
    ends_in_dots = segments[-1] in (".", "..")
    return "/" + "/".join(kept) + ("/" if ends_in_dots and kept else "")


def fits(pattern, path):
    """Whether a path has the pattern of a behavior: * is any text, ? is one character, and case matters."""
    return re.fullmatch("".join({"*": ".*", "?": "."}.get(char) or re.escape(char) for char in pattern), path) is not None


def behavior(distribution, path):
    """The behavior for a path: the first that fits."""
    path = normalized(path)
    found = (one for one in distribution["CacheBehaviors"] if fits(one["PathPattern"], path))
    return next(found, distribution["DefaultCacheBehavior"])


TRANSFORMATIONS = {
    "NONE": lambda path: path,
    "URL_DECODE": urllib.parse.unquote,
    # Repeated slashes, and dots where they are a segment.
    "NORMALIZE_PATH": lambda path: normalized(path.replace("%", "%25")).replace("%25", "%"),
}


def is_counted(statement, method, path):
    """Whether a statement of the firewall's matches a request. What it does not know it refuses by a KeyError."""
    ((kind, content),) = statement.items()
    inner = lambda one: is_counted(one, method, path)
    if kind == "OrStatement":
        return any(map(inner, content["Statements"]))
    if kind == "AndStatement":
        return all(map(inner, content["Statements"]))
    (field,) = content["FieldToMatch"]
    text = {"Method": method, "UriPath": path}[field]
    for transformation in sorted(content["TextTransformations"], key=lambda one: one["Priority"]):
        text = TRANSFORMATIONS[transformation["Type"]](text)
    return {
        "ByteMatchStatement": lambda: {"EXACTLY": text == content["SearchString"]}[content["PositionalConstraint"]],
        "RegexMatchStatement": lambda: re.search(content["RegexString"], text) is not None,
    }[kind]()


if __name__ == "__main__":
    given = dict(argument.split("=", 1) for argument in sys.argv[1:])
    print(json.dumps(resolve(load(), REQUIRED | given)))
