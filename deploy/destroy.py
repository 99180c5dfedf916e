"""`make destroy`: deletes both stacks of an environment. What is in its tables, its receipts and its site stays, but for a preview's.

    python deploy/destroy.py prod|staging|pr-12

It asks for the name of the stack. A run that was killed is run again."""

import sys

import botocore.exceptions

import settings as configured
from deploy import as_command, check_account, say
from settings import Refused
from stacks import EDGE_REGION, Stack
from samcli.yamlhelper import yaml_parse

KINDS = {"AWS::DynamoDB::Table": "table", "AWS::Logs::LogGroup": "log group", "AWS::S3::Bucket": "bucket"}
# What AWS says of something that is gone.
GONE = {"ResourceNotFoundException", "NoSuchBucket", "TableNotFoundException"}


def kept(stack):
    """What outlives a stack: each one's kind, name in the template and name in AWS."""
    template = stack.cloudformation.get_template(StackName=stack.described["StackId"], TemplateStage="Processed")["TemplateBody"]
    declared = (yaml_parse(template) if isinstance(template, str) else template)["Resources"]
    pages = stack.cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack.described["StackId"])
    listed = [resource for page in pages for resource in page["StackResourceSummaries"]]
    return [
        (KINDS[resource["ResourceType"]], resource["LogicalResourceId"], resource["PhysicalResourceId"])
        for resource in listed
        if resource["ResourceType"] in KINDS
        and declared.get(resource["LogicalResourceId"], {}).get("DeletionPolicy", "").startswith("Retain")
        and resource.get("PhysicalResourceId")
    ]


def earlier(stack):
    """The stacks of that name that were deleted, for a run that has not come to an end."""
    pages = stack.cloudformation.get_paginator("list_stacks").paginate(StackStatusFilter=["DELETE_COMPLETE"])
    ids = [one["StackId"] for page in pages for one in page["StackSummaries"] if one["StackName"] == stack.name]
    found = []
    for stack_id in ids:
        gone = Stack(stack_id, stack.region)
        found += kept(gone) if gone.exists else []
    return found


def throw_away(stack, kind, name):
    """Deletes it with everything in it, if it is still there."""
    try:
        {"table": delete_table, "log group": delete_log_group, "bucket": delete_bucket}[kind](stack.session, name)
        print(f"deleted the {kind} {name}", flush=True)
    except botocore.exceptions.ClientError as error:
        if error.response["Error"]["Code"] not in GONE:
            raise


def delete_table(session, name):
    dynamodb = session.client("dynamodb")
    dynamodb.update_table(TableName=name, DeletionProtectionEnabled=False)
    dynamodb.delete_table(TableName=name)


def delete_log_group(session, name):
    session.client("logs").delete_log_group(logGroupName=name)


def delete_bucket(session, name):
    s3 = session.client("s3")
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=name):
        found = [{"Key": one["Key"], "VersionId": one["VersionId"]} for kind in ("Versions", "DeleteMarkers") for one in page.get(kind, [])]
        if found:
            s3.delete_objects(Bucket=name, Delete={"Objects": found, "Quiet": True})
    s3.delete_bucket(Bucket=name)


def announce(settings, stacks, kept_ones):
    for stack in stacks:
        print(f"{stack.name} in {stack.region} will be deleted" if stack.exists else f"{stack.name} in {stack.region} does not exist")
    print("Deleted too, with all that is in it:" if settings.is_preview else "These stay, and cost what their data costs:")
    for _, kind, logical, name in kept_ones:
        print(f"  {kind} {name} ({logical})")
    for what in ("KeysKmsKeyArn", "ExistingTable"):
        for name in filter(None, (stack.parameters.get(what) for stack in stacks)):
            print(f"  {name} ({what}) is not the stack's, and stays")


def adoption(kept_ones, stacks):
    """The line with which another deployment takes over the users."""
    tables = [name for _, kind, logical, name in kept_ones if kind == "table" and logical == "Table"]
    tables += [stack.parameters["ExistingTable"] for stack in stacks if stack.parameters.get("ExistingTable")]
    return f'ExistingTable = "{tables[0]}"' if tables else None


def main(words):
    if len(words) != 1:
        raise Refused("make destroy ENV=… names the environment")
    settings = configured.read(words[0], with_parameters=False)
    say(f"{settings.env}: {settings.stack} in account {check_account(settings)}")
    # The address first: an API that is gone behind it would be an outage of the site too.
    stacks = [Stack(settings.edge_stack, EDGE_REGION), Stack(settings.stack, settings.region)]
    kept_ones = [(stack, *one) for stack in stacks for one in (kept(stack) if stack.exists else [])]
    if settings.is_preview:
        kept_ones += [(stack, *one) for stack in stacks for one in earlier(stack)]
    if not any(stack.exists for stack in stacks) and not kept_ones:
        raise Refused(f"there is no stack {settings.stack} in {settings.region}")
    announce(settings, stacks, kept_ones)
    line = adoption(kept_ones, stacks)
    print(f"Type {settings.stack} to go on: ", end="", flush=True)
    if sys.stdin.readline().strip() != settings.stack:
        raise Refused("that is not the name of the stack. Nothing was deleted")
    for stack in stacks:
        stack.wait().delete()
    if settings.is_preview:
        for stack, kind, _, name in kept_ones:
            throw_away(stack, kind, name)
    elif line:
        print(f"The users are kept. A deployment takes them over with this among its parameters:\n{line}")
    return 0


if __name__ == "__main__":
    sys.exit(as_command(main))
