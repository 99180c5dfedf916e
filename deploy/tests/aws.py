"""An AWS of this process for tests of `deploy/`: moto, with what it cannot make left out of the two templates, and the commands that a
deployment runs. Every change is checked at once: CloudFront's secret is one that the API's parameters know."""

import contextlib
import hashlib
import http.server
import json
import logging
import os
import pathlib
import sys
import threading
import urllib.request

DEPLOY = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(DEPLOY))
for name in [name for name in os.environ if name.startswith("AWS_")]:
    del os.environ[name]
os.environ |= {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_DEFAULT_REGION": "ap-northeast-2", "AWS_MAX_ATTEMPTS": "1"}

import boto3
import moto.cloudformation.exceptions
import moto.cloudformation.models
import moto.cloudformation.responses
from moto.server import ThreadedMotoServer
from samcli.cli.types import CfnParameterOverridesType

import settings as configured
import stacks

sys.path.append(str(configured.ROOT / "tests/contract"))
import sam_template

ACCOUNT, REGION, EDGE_REGION = "123456789012", "ap-northeast-2", "us-east-1"
API = "https://abcdefghij.execute-api.ap-northeast-2.amazonaws.com"
KEPT = ("AWS::DynamoDB::Table", "AWS::Logs::LogGroup", "AWS::S3::Bucket")
TEMPLATE = configured.template("template.yaml")
# With the parameters of the template, which the translation changes.
TRANSLATED = json.dumps(sam_template.translate(TEMPLATE, sam_template.REQUIRED) | {"Parameters": TEMPLATE["Parameters"]})
# A command that asks this process what to do.
COMMAND = f"""#!{sys.executable} -S
import json, os, sys, urllib.request
body = json.dumps([os.path.basename(sys.argv[0]), *sys.argv[1:]]).encode()
sys.exit(int(urllib.request.urlopen(os.environ["COMMANDS"], body).read()))
"""
NoUpdates = moto.cloudformation.exceptions.ValidationError


def reduced(template, outputs):
    """What moto can make of it: what outlives the stack."""
    resources = {name: made for name, made in template["Resources"].items() if made["Type"] in KEPT}
    for made in resources.values():
        made["DeletionPolicy"] = made.get("DeletionPolicy", "Delete").replace("RetainExceptOnCreate", "Retain")
        for unknown in ("ResourcePolicy", "DeletionProtectionEnabled", "SSESpecification", "LifecycleConfiguration", "OwnershipControls"):
            made["Properties"].pop(unknown, None)
    for declared in template["Parameters"].values():
        # Moto says a list as Python does.
        declared["Type"] = "String"
    kept = {name: template[name] for name in ("AWSTemplateFormatVersion", "Parameters", "Conditions")}
    return json.dumps(kept | {"Resources": resources, "Outputs": {name: {"Value": value} for name, value in outputs.items()}})


class Aws:
    def __init__(self):
        # What was done, in order: commands, changes of the edge stack, continued rollbacks.
        self.done, self.sent, self.fails, self.status_after, self.broken = [], None, set(), {}, None
        self.dynamodb = boto3.client("dynamodb")
        origin = {"Id": "api", "DomainName": "a.kr", "CustomHeaders": {"Quantity": 1, "Items": [{"HeaderName": "x-origin-secret", "HeaderValue": "by hand"}]}, "CustomOriginConfig": {"HTTPPort": 80, "HTTPSPort": 443, "OriginProtocolPolicy": "https-only"}}
        config = {"CallerReference": "x", "Comment": "", "Enabled": True, "Origins": {"Quantity": 1, "Items": [origin]}, "DefaultCacheBehavior": {"TargetOriginId": "api", "ViewerProtocolPolicy": "https-only"}}
        self.distribution = boto3.client("cloudfront").create_distribution(DistributionConfig=config)["Distribution"]["Id"]
        self.regional, self.edge = (boto3.client("cloudformation", region_name=region) for region in (REGION, EDGE_REGION))

    def described(self, client, name):
        with contextlib.suppress(client.exceptions.ClientError):
            return client.describe_stacks(StackName=name)["Stacks"][0]
        return None

    def parameters(self, name, client=None):
        found = self.described(client or self.regional, name)
        return found and {one["ParameterKey"]: one["ParameterValue"] for one in found["Parameters"]}

    def backend(self, region):
        return moto.cloudformation.models.cloudformation_backends[ACCOUNT][region]

    def set_status(self, region, name, status):
        (stack,) = [stack for stack in self.backend(region).stacks.values() if stack.name == name]
        stack.status = status

    def command(self, program, *arguments):
        """What sam, make and cargo do here. Returns the exit status."""
        self.done.append((program, *arguments))
        if program == "make":
            built = pathlib.Path(os.environ["BUILT"])
            (built / "Refresh").mkdir(parents=True, exist_ok=True)
            (built / "Refresh/bootstrap").write_bytes(b"binary")
            (built / "template.yaml").write_text("template")
        return self.sam(arguments) if program == "sam" else int(program in self.fails)

    def sam(self, arguments):
        at = arguments.index("--parameter-overrides")
        given = CfnParameterOverridesType().convert(tuple(arguments[at + 1 :]), None, None)
        assert not (problems := sam_template.refusals(TEMPLATE, given)), problems
        assert given.keys() == TEMPLATE["Parameters"].keys(), "a parameter that is left out keeps its value"
        name = arguments[arguments.index("--stack-name") + 1]
        if "sam" in self.fails:
            return 1
        change = self.regional.update_stack if self.described(self.regional, name) else self.regional.create_stack
        pairs = [{"ParameterKey": key, "ParameterValue": value} for key, value in given.items()]
        try:
            change(StackName=name, TemplateBody=reduced(json.loads(TRANSLATED), {"ApiUrl": API}), Parameters=pairs)
        except self.regional.exceptions.ClientError as error:
            # What --no-fail-on-empty-changeset is for.
            assert "No updates are to be performed" in str(error), error
        for resource in self.regional.list_stack_resources(StackName=name)["StackResourceSummaries"]:
            if resource["ResourceType"] == "AWS::DynamoDB::Table":
                self.dynamodb.update_table(TableName=resource["PhysicalResourceId"], DeletionProtectionEnabled=given["Protection"] == "true")
        self.check_lock(name)
        return int("sam after all" in self.fails)

    def check_lock(self, name):
        """No request through CloudFront is refused."""
        known = tuple(filter(None, (self.parameters(name) or {}).get("OriginSecretHashes", "").split(",")))
        assert len(known) <= 2, known
        if self.sent and known:
            assert hashlib.sha256(self.sent.encode()).hexdigest() in known, f"CloudFront's secret is refused by {known}"

    def changed_edge(self, name, text, parameters, previous):
        """The template for moto, after what AWS would check."""
        assert text == stacks.edge_template()
        template = json.loads(json.dumps(configured.template("edge.yaml"), default=str))
        given = {key: previous.get(key) if value is None else value for key, value in parameters.items()}
        assert not (problems := sam_template.refusals(template, given, EDGE_REGION)), problems
        assert given["ApiHost"] == API.removeprefix("https://"), given["ApiHost"]
        assert given["OriginSecretHash"] == hashlib.sha256(given["OriginSecret"].encode()).hexdigest()
        if given == previous:
            raise NoUpdates(name, message="No updates are to be performed.")
        is_new = given["OriginSecret"] != self.sent
        self.done.append(("edge", "new secret" if is_new else "same secret"))
        self.sent = given["OriginSecret"]
        self.check_lock(name.removesuffix("-edge"))
        return reduced(template, {"SiteUrl": f"https://{given['Domain']}", "DistributionId": self.distribution, "DistributionHost": "d1.cloudfront.net", "SiteBucket": {"Ref": "Site"}, "OriginSecretHash": given["OriginSecretHash"]})

    def hook(self, monkey):
        """Puts itself between CloudFormation's API and moto."""
        models, aws = moto.cloudformation.models, self
        create, update = models.CloudFormationBackend.create_stack, models.CloudFormationBackend.update_stack

        def created(backend, name, template, parameters, *rest, **named):
            if name.endswith("-edge"):
                template = aws.changed_edge(name, template, parameters, {})
            return create(backend, name, template, parameters, *rest, **named)

        def updated(backend, name, template, role_arn, parameters, tags):
            if name.endswith("-edge"):
                (stack,) = [stack for stack in backend.stacks.values() if stack.name == name]
                given = {one["ParameterKey"]: None if one.get("UsePreviousValue") else one.get("ParameterValue", "") for one in parameters}
                template = aws.changed_edge(name, template, given, dict(stack.parameters))
            return update(backend, name, template, role_arn, parameters, tags)

        def continued(response):
            aws.done.append(("continue", response._get_param("StackName")))
            aws.set_status(response.region, response._get_param("StackName"), aws.status_after.get("continue", "UPDATE_ROLLBACK_COMPLETE"))
            return moto.core.responses.ActionResult({})

        monkey(models.CloudFormationBackend, "create_stack", created)
        monkey(models.CloudFormationBackend, "update_stack", updated)
        monkey(moto.cloudformation.responses.CloudFormationResponse, "continue_update_rollback", continued)


CURRENT = None


@contextlib.contextmanager
def served(folder):
    """Moto, and programs first in the path that ask the current AWS."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def do_POST(self):
            try:
                status = CURRENT.command(*json.loads(self.rfile.read(int(self.headers["content-length"]))))
            except Exception as error:
                CURRENT.broken = error
                status = 99
            self.send_response(200)
            self.end_headers()
            self.wfile.write(str(status).encode())

    for name in ("sam", "make", "cargo"):
        (folder / name).write_text(COMMAND)
        (folder / name).chmod(0o755)
    moto_server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    moto_server.start()
    host, port = moto_server.get_host_and_port()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    os.environ |= {"AWS_ENDPOINT_URL": f"http://{host}:{port}", "COMMANDS": f"http://127.0.0.1:{server.server_port}/", "PATH": f"{folder}:{os.environ['PATH']}"}
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    try:
        yield
    finally:
        server.shutdown()
        moto_server.stop()


def reset():
    """A new account."""
    urllib.request.urlopen(urllib.request.Request(f"{os.environ['AWS_ENDPOINT_URL']}/moto-api/reset", method="POST")).read()
