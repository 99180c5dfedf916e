"""`admin doctor` on the AWS at MOTO_URL, with a rotate-keys of this machine: a stack as it is deployed, and each way to expose its keys.

Moto makes tables and roles of the template, but no table's policy. It knows nothing of streams to Kinesis and little of AWS Backup:
there it answers as AWS does not, and doctor has to say that it could not look."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request

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
    """What moto can make of the template: tables, roles and outputs."""
    translated = sam_template.translate(sam_template.load(), PARAMETERS | GOOD)
    kinds = ["AWS::DynamoDB::Table", "AWS::IAM::Role"]
    resources = {name: made for name, made in translated["Resources"].items() if made["Type"] in kinds}
    functions = {f"{name}Function": {"Value": name} for name in ["RotateKeys", "FinishDeletions"]}
    outputs = translated["Outputs"] | {"ApiUrl": {"Value": "https://x.example"}} | functions
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


def doctor(lambda_url, *arguments, stack=STACK):
    environment = os.environ | CREDENTIALS | {"AWS_ENDPOINT_URL": MOTO, "AWS_ENDPOINT_URL_LAMBDA": lambda_url, "AWS_MAX_ATTEMPTS": "1"}
    command = ["target/debug/admin", "doctor", stack, "--api-url", API, *arguments]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    return ran.returncode, ran.stdout.splitlines(), ran.stderr


def main(lambda_url):
    dynamodb, cloudformation = client("dynamodb"), client("cloudformation")
    status, _, error = doctor(lambda_url)
    assert status == 2 and "cannot be described" in error, f"a stack that does not exist: {status} {error}"

    deployed = template()
    cloudformation.create_stack(StackName=STACK, TemplateBody=json.dumps(deployed), Capabilities=["CAPABILITY_IAM"])
    listed = cloudformation.list_stack_resources(StackName=STACK)["StackResourceSummaries"]
    resources = {resource["LogicalResourceId"]: resource["PhysicalResourceId"] for resource in listed}
    table = resources["Keys"]
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

    expect(["has no resource policy"], "without a policy")
    put(right)
    lines = expect([], "as it is deployed")
    assert lines[-1] == "Nothing is wrong with what could be checked.", lines

    wider = json.loads(json.dumps(right))
    wider["Statement"][0]["Condition"]["ArnNotEquals"]["aws:PrincipalArn"].append("arn:aws:iam::123456789012:role/Eve")
    put(wider)
    recovery = {"PointInTimeRecoveryEnabled": True}
    dynamodb.update_continuous_backups(TableName=table, PointInTimeRecoverySpecification=recovery)
    dynamodb.update_table(TableName=table, DeletionProtectionEnabled=False)
    dynamodb.update_table(TableName=table, StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"})
    backup = dynamodb.create_backup(TableName=table, BackupName="kept")["BackupDetails"]["BackupArn"]
    expect(["role/Eve", "point-in-time recovery", "no deletion protection", "has a stream", backup], "everything wrong")


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
        main(f"http://localhost:{ports['LAMBDA_PORT']}")
    finally:
        local.terminate()
        said = local.communicate()[1]
    assert "warning:   ROTATION_WINDOW" in said, f"a local stack says of its settings: {said}"
    print("passed: doctor finds each way to expose the keys of a stack")
