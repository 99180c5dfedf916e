"""`admin doctor` on the AWS at MOTO_URL, with a rotate-keys of this machine: a stack as it is deployed, and each way to expose its keys,
to lose its users, and to miss its settings.

Moto makes tables, roles, functions, versions and aliases of the template, but no table's policy. It knows nothing of streams to Kinesis and
little of AWS Backup: there it answers as AWS does not, and doctor has to say that it could not look."""

import contextlib
import http.server
import io
import json
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
import zipfile

import boto3

sys.path.insert(0, "tests/contract")
import sam_template

STACK = "kakao-login"
MOTO = os.environ["MOTO_URL"]
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_DEFAULT_REGION": "ap-northeast-2"}
PARAMETERS = sam_template.REQUIRED | {"AlarmTopicArn": "arn:aws:sns:ap-northeast-2:123456789012:alarms"}
API = "https://api.example.com"
GOOD = {"KakaoAppKeys": "1" * 32}


def client(service):
    settings = {"aws_access_key_id": "x", "aws_secret_access_key": "x", "region_name": "ap-northeast-2"}
    return boto3.client(service, endpoint_url=MOTO, **settings)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def template():
    """What moto can make of the template."""
    translated = sam_template.translate(sam_template.load(), PARAMETERS | GOOD)
    kinds = ["AWS::DynamoDB::Table", "AWS::IAM::Role", "AWS::Logs::LogGroup"]
    resources = {name: made for name, made in translated["Resources"].items() if made["Type"] in kinds}
    resources |= {name: translated["Resources"][name] for name in aliased(translated)}
    functions = {f"{name}Function": {"Value": name} for name in ["RotateKeys", "FinishDeletions"]}
    # Without what moto is not given.
    outputs = {name: made for name, made in translated["Outputs"].items() if not name.startswith("Operators")} | {"ApiUrl": {"Value": "https://x.example"}} | functions
    return translated | {"Resources": resources, "Outputs": outputs}


def policy(deployed, resources):
    """The policy of the table of keys, with the roles that were made."""
    text = json.dumps(deployed["Resources"]["Keys"]["Properties"]["ResourcePolicy"]["PolicyDocument"])
    document = json.loads(text)
    arns = document["Statement"][0]["Condition"]["ArnNotEquals"]["aws:PrincipalArn"]
    for at, reference in enumerate(arns):
        role = reference["Fn::GetAtt"][0]
        arns[at] = f"arn:aws:iam::123456789012:role/{resources[role]}"
    return document


def aliased(translated):
    return {made["Properties"]["FunctionName"]["Ref"] for made in translated["Resources"].values() if made["Type"] == "AWS::Lambda::Alias"}


def complete(functions, tables):
    """What the template says, and moto does not make of it."""
    lambdas, dynamodb = client("lambda"), client("dynamodb")
    for function in functions:
        variables = lambdas.get_function_configuration(FunctionName=function)["Environment"]["Variables"]
        texts = {name: str(value) for name, value in variables.items()}
        lambdas.update_function_configuration(FunctionName=function, Environment={"Variables": texts})
        version = lambdas.publish_version(FunctionName=function)["Version"]
        lambdas.create_alias(FunctionName=function, Name="live", FunctionVersion=version)
    for table in tables:
        dynamodb.update_table(TableName=table, DeletionProtectionEnabled=True)
    set_up(tables[0], True)


def set_up(table, is_on):
    """Backups and expiry."""
    recovery, expiry = {"PointInTimeRecoveryEnabled": is_on}, {"Enabled": is_on, "AttributeName": "expires_at"}
    client("dynamodb").update_continuous_backups(TableName=table, PointInTimeRecoverySpecification=recovery)
    client("dynamodb").update_time_to_live(TableName=table, TimeToLiveSpecification=expiry)


def put_code():
    """Where the template has the functions' code."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("bootstrap", "x")
    client("s3").create_bucket(Bucket="bucket", CreateBucketConfiguration={"LocationConstraint": "ap-northeast-2"})
    client("s3").put_object(Bucket="bucket", Key="key", Body=archive.getvalue())


@contextlib.contextmanager
def lambda_in_front_of(local_url):
    """A Lambda whose functions are moto's, and are invoked on this machine."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def forward(self):
            to = local_url if self.path.endswith("/invocations") else MOTO
            body = self.rfile.read(int(self.headers.get("content-length", 0))) or None
            asked = urllib.request.Request(to + self.path, data=body, method=self.command, headers=dict(self.headers))
            try:
                answer = urllib.request.urlopen(asked)
            except urllib.error.HTTPError as refused:
                answer = refused
            with answer:
                text = answer.read()
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                        self.send_header(name, value)
                self.send_header("content-length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

        do_GET = do_POST = forward

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def doctor(lambda_url, *arguments, stack=STACK):
    environment = os.environ | CREDENTIALS | {"AWS_ENDPOINT_URL": MOTO, "AWS_ENDPOINT_URL_LAMBDA": lambda_url, "AWS_MAX_ATTEMPTS": "1"}
    command = ["target/debug/admin", "doctor", stack, "--api-url", API, *arguments]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    return ran.returncode, ran.stdout.splitlines(), ran.stderr


def main(lambda_url):
    dynamodb, cloudformation = client("dynamodb"), client("cloudformation")
    status, _, error = doctor(lambda_url)
    assert status == 2 and "cannot be described" in error, f"a stack that does not exist: {status} {error}"

    put_code()
    deployed = template()
    cloudformation.create_stack(StackName=STACK, TemplateBody=json.dumps(deployed), Capabilities=["CAPABILITY_IAM"])
    listed = cloudformation.list_stack_resources(StackName=STACK)["StackResourceSummaries"]
    resources = {resource["LogicalResourceId"]: resource["PhysicalResourceId"] for resource in listed}
    table, users = resources["Keys"], resources["Table"]
    arn = dynamodb.describe_table(TableName=table)["Table"]["TableArn"]
    right = policy(deployed, resources)

    def put(document):
        dynamodb.put_resource_policy(ResourceArn=arn, Policy=json.dumps(document))

    def expect(parts, case):
        """An error for each of these parts and no other; and what moto does not know is unchecked."""
        status, lines, error = doctor(lambda_url)
        errors = [line for line in lines if line.startswith("error:")]
        assert status == (1 if parts else 0), f"{case}: status {status}: {lines} {error}"
        assert len(errors) == len(parts), f"{case}: {errors}"
        for part in parts:
            assert any(part in line for line in errors), f"{case}: {part}: {errors}"
        for subject in ["streaming to Kinesis", "what AWS Backup has backed up"]:
            assert any(line.startswith(f"unchecked: {subject}: could not be read.") for line in lines), f"{case}: {subject}: {lines}"
        return lines

    functions = client("lambda")
    complete([resources[name] for name in aliased(sam_template.translate(sam_template.load(), PARAMETERS))], [users, table])
    # A parameter that was changed without `make deploy`, an alias that is gone, a table as a restore makes it, and exposed keys.
    variables = functions.get_function_configuration(FunctionName=resources["Refresh"])["Environment"]["Variables"]
    changed = {"Variables": variables | {"ACCESS_TTL": "200"}}
    functions.update_function_configuration(FunctionName=resources["Refresh"], Environment=changed, MemorySize=1024)
    functions.delete_alias(FunctionName=resources["Logout"], Name="live")
    set_up(users, False)
    recovery = {"PointInTimeRecoveryEnabled": True}
    dynamodb.update_continuous_backups(TableName=table, PointInTimeRecoverySpecification=recovery)
    for one in [users, table]:
        dynamodb.update_table(TableName=one, DeletionProtectionEnabled=False)
    stream = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    dynamodb.update_table(TableName=table, StreamSpecification=stream)
    backup = dynamodb.create_backup(TableName=table, BackupName="kept")["BackupDetails"]["BackupArn"]
    wider = json.loads(json.dumps(right))
    wider["Statement"][0]["Condition"]["ArnNotEquals"]["aws:PrincipalArn"].append("arn:aws:iam::123456789012:role/Eve")
    put(wider)
    of_users = ["of users has no point-in-time recovery", "of users does not expire items", "of users has no deletion protection"]
    of_keys = ["role/Eve", "of keys has point-in-time recovery", "of keys has no deletion protection", "of keys has a stream", backup]
    of_functions = ["a version of Refresh that differs from the stack's in ACCESS_TTL, MemorySize: ", "Logout has no alias live"]
    expect([*of_users, *of_keys, *of_functions], "everything wrong")

    functions.update_function_configuration(FunctionName=resources["Refresh"], Environment={"Variables": variables}, MemorySize=512)
    functions.create_alias(FunctionName=resources["Logout"], Name="live", FunctionVersion="1")
    set_up(users, True)
    recovery = {"PointInTimeRecoveryEnabled": False}
    dynamodb.update_continuous_backups(TableName=table, PointInTimeRecoverySpecification=recovery)
    for one in [users, table]:
        dynamodb.update_table(TableName=one, DeletionProtectionEnabled=True)
    dynamodb.update_table(TableName=table, StreamSpecification={"StreamEnabled": False})
    dynamodb.delete_backup(BackupArn=backup)
    put(right)
    lines = expect([], "as it is deployed")
    assert lines[-1] == "Nothing is wrong with what could be checked.", lines

    # A stack with an adopted table, whose stream has another label since it was restored.
    dynamodb.update_table(TableName=users, StreamSpecification=stream)
    dynamodb.delete_resource_policy(ResourceArn=arn)
    given = PARAMETERS | GOOD | {"ExistingTable": users, "UserEvents": "on", "ExistingTableStream": "2026-12-20T15:00:00.000"}
    outputs = {"TableName": {"Value": users}, "KeysTableName": {"Value": table}, "RotateKeysFunction": {"Value": "RotateKeys"}}
    parts = {"Parameters": deployed["Parameters"], "Outputs": outputs, "Resources": {"RefreshLogs": deployed["Resources"]["RefreshLogs"]}}
    parameters = [{"ParameterKey": name, "ParameterValue": value} for name, value in given.items()]
    cloudformation.create_stack(StackName="adopted", TemplateBody=json.dumps(parts), Parameters=parameters)
    _, lines, _ = doctor(lambda_url, stack="adopted")
    of_users = [line for line in lines if "ExistingTable" in line]
    assert len(of_users) == 1 and "is 2026-12-20T15:00:00.000, and the table's stream is 2" in of_users[0], lines
    assert any("has no resource policy" in line for line in lines), lines


if __name__ == "__main__":
    ports = {name: str(free_port()) for name in ["PORT", "KAKAO_PORT", "DYNAMODB_PORT", "LAMBDA_PORT"]}
    # Too short, so that the local stack has something to say of its own settings.
    settings = os.environ | ports | {"ROTATION_WINDOW": "28"}
    local = subprocess.Popen(["target/debug/local"], env=settings, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        for _ in range(100):
            try:
                urllib.request.urlopen(f"http://localhost:{ports['PORT']}/.well-known/jwks.json").close()
                break
            except OSError:
                time.sleep(0.1)
        with lambda_in_front_of(f"http://localhost:{ports['LAMBDA_PORT']}") as lambda_url:
            main(lambda_url)
    finally:
        local.terminate()
        said = local.communicate()[1]
    assert "warning:   ROTATION_WINDOW" in said, f"a local stack says of its settings: {said}"
    print("passed: doctor finds each way to expose a stack's keys, to lose its users, and to miss its settings")
