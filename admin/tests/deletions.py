"""`admin replay-deletions`, `reconcile` and `close-deletion`, with the logs and the stack on the AWS at MOTO_URL, and the table, Kakao and
finish-deletions of this machine.

Moto does not filter log lines by their JSON, so the command gets every line."""

import json
import os
import subprocess
import sys
import time

from local_stack import client, request, started

sys.path.insert(0, "tests/contract")
import sam_template

STACK, STRANGER, INCOMPLETE, MISLED = "kakao-login", "stranger", "incomplete", "misled"
MOTO = os.environ["MOTO_URL"]
# The page of a filter-log-events has 10,000 lines in moto, a page of a scan has 1 MB, and a page of Kakao's list has 100 people.
NOISE, FILLER, NEWCOMERS = 10_001, 300_000, 105
NOBODY = "-" + "A" * 21


class Admin:
    def __init__(self, local):
        endpoints = {"AWS_ENDPOINT_URL": MOTO, "AWS_MAX_ATTEMPTS": "1", "AWS_SECRET_ACCESS_KEY": "x"}
        endpoints |= {f"AWS_ENDPOINT_URL_{name}": local.url[f"{name}_PORT"] for name in ("DYNAMODB", "LAMBDA")}
        self.environment = os.environ | endpoints | {"AWS_DEFAULT_REGION": "ap-northeast-2"}

    def run(self, *arguments, key="local"):
        ran = subprocess.run(
            ["target/debug/admin", *arguments], capture_output=True, text=True, check=False,
            env=self.environment | {"AWS_ACCESS_KEY_ID": key},
        )
        return ran.returncode, ran.stdout, ran.stderr

    def does(self, *arguments):
        status, said, error = self.run(*arguments)
        assert status == 0 and not error, f"{arguments}: {status} {said} {error}"
        return said

    def refuses(self, reason, *arguments, key="local"):
        status, said, error = self.run(*arguments, key=key)
        assert status == 1 and error.startswith("error: ") and reason in error, f"{arguments}: {status} {said} {error}"
        return said


def create_stacks(table):
    """What moto can make of the template, and stacks that are not of this release. Returns the log groups."""
    cloudformation = client("cloudformation", MOTO)
    translated = sam_template.translate(sam_template.load(), sam_template.REQUIRED)
    logs = {name: made for name, made in translated["Resources"].items() if name in ("AccountLogs", "FinishDeletionsLogs")}
    right = {"TableName": {"Value": table}, "FinishDeletionsFunction": {"Value": "FinishDeletions"}}
    wrong = right | {"FinishDeletionsFunction": {"Value": "RotateKeys"}}
    one = {"FinishDeletionsLogs": logs["FinishDeletionsLogs"]}
    for name, resources, outputs in [(STACK, logs, right), (INCOMPLETE, one, right), (MISLED, logs, wrong), (STRANGER, one, {})]:
        template = {"Parameters": translated["Parameters"], "Resources": resources, "Outputs": outputs}
        parameters = [{"ParameterKey": key, "ParameterValue": value} for key, value in sam_template.REQUIRED.items()]
        cloudformation.create_stack(StackName=name, TemplateBody=json.dumps(template), Parameters=parameters)
    listed = {name: cloudformation.list_stack_resources(StackName=name) for name in (STACK, MISLED)}
    return [{made["LogicalResourceId"]: made["PhysicalResourceId"] for made in listed[name]["StackResourceSummaries"]} for name in listed]


def put_lines(group, lines):
    logs, now = client("logs", MOTO), int(time.time() * 1000)
    logs.create_log_stream(logGroupName=group, logStreamName=f"{now}")
    events = [{"timestamp": now, "message": line if isinstance(line, str) else json.dumps(line)} for line in lines]
    for start in range(0, len(events), 9_000):
        logs.put_log_events(logGroupName=group, logStreamName=f"{now}", logEvents=events[start : start + 9_000])


def replay(local, admin, groups):
    """A backup revives users: those with a receipt are deleted again, and nobody else."""
    who = ["ryan", "choonsik", "apeach", "muzi", "frodo"]
    users = {name: local.enter(name) for name in who}
    # Of a release whose profiles did not say who the user is at Kakao.
    backup = local.items()
    old = next(item for item in backup if item["pk"]["S"] == f"USER#{users['apeach'][0]}" and item["sk"]["S"] == "PROFILE")
    del old["kakao_id"]
    for name in ["ryan", "apeach", "muzi"]:
        local.leave(users[name][1])
    by_request = local.receipts()
    local.control("webhooks/unlink", {"user": "choonsik"})
    local.finish("inquiry")
    by_kakao = [line for line in local.receipts() if line["user_id"] == users["choonsik"][0]]
    local.finish("deletion")
    assert local.unlinks("muzi") == 1
    # As if she had left before, so that the login is an hour later.
    for line in by_request:
        line["deleted_at"] -= 3600 if line["user_id"] == users["muzi"][0] else 0
    again, _ = local.enter("muzi")
    assert again != users["muzi"][0], "muzi has the old user"

    # Lines like a receipt that are none, and the receipt of somebody who is not in the table.
    other = {"event": "account_exported", "user_id": users["frodo"][0], "deleted_at": 1}
    noise = [{"level": "INFO", "function": "account"}, "START", other]
    nobody = {"event": "account_deleted", "user_id": NOBODY, "deleted_at": 1}
    for resources in groups:
        put_lines(resources["AccountLogs"], noise[:2] + [noise[0]] * NOISE + by_request)
        put_lines(resources["FinishDeletionsLogs"], noise + [noise[0]] * NOISE + by_kakao + [nobody])

    local.restore(backup)
    for name, (_, access) in users.items():
        assert local.is_alive(access), f"{name} is not in the backup"
    # None of these deletes anybody.
    admin.refuses("The stack cannot be described", "replay-deletions", "no-stack")
    admin.refuses("has no output FinishDeletionsFunction", "replay-deletions", STRANGER)
    admin.refuses("AccountLogs", "replay-deletions", INCOMPLETE)
    admin.refuses("finish-deletions did not carry the command out", "replay-deletions", MISLED)
    assert all(local.is_alive(access) for _, access in users.values()), "a command that failed has deleted somebody"
    # Without the right to scan, all are deleted again but her whose profile does not say who she is at Kakao.
    admin.refuses("AccessDenied", "replay-deletions", STACK, key="local-refresh")
    assert [name for name, (_, access) in users.items() if local.is_alive(access)] == ["apeach", "frodo"]

    expected = "5 receipts of deletions in the logs.\n4 are deleted, and 1 were not in this table.\n"
    for _ in range(2):
        said = admin.does("replay-deletions", STACK)
        assert said == expected, said
    for name, (user, access) in users.items():
        assert local.is_alive(access) == (name == "frodo"), f"{name} after the replay"
        # The schedule may have finished it meanwhile, so it need not be a 409.
        assert (local.login(name)[1] == user) == (name == "frodo"), f"{name} logs in after the replay"
    local.finish("deletion")
    assert local.unlinks("muzi") == 1, "muzi has joined again, and is unlinked"
    for name, (user, access) in users.items():
        assert local.is_alive(access) == (name == "frodo"), f"{name} after the deletion"
        assert (local.enter(name)[0] == user) == (name == "frodo"), f"{name} comes back"
    admin.does("replay-deletions", STACK)
    assert local.is_alive(local.enter("ryan")[1]), "a replay that comes later deletes somebody who has come back"


def reconcile(local, admin):
    """Users whom Kakao does not link are found, and deleted if Kakao says so once more."""
    for _ in range(NEWCOMERS):
        local.control("users", {})
    for number in range(8):
        item = {"pk": {"S": f"FILLER#{number}"}, "sk": {"S": "X"}, "filler": {"S": "x" * FILLER}}
        local.dynamodb.put_item(TableName=local.table, Item=item)
    gone, access = local.enter("con")
    local.control("webhooks/unlink", {"user": "con", "send": False})
    local.leave(local.enter("neo")[1])
    for item in local.work("deletion"):
        local.set(item, due_at=int(time.time()) + 3600)
    here = sum(item["sk"]["S"] == "IDENTITY" and "user_id" in item for item in local.items())
    url = f"{local.kakao}/v1/user/ids?limit=1"
    there = request("GET", url, authorization="KakaoAK adadadadadadadadadadadadadadad01")[1]["total_count"]
    assert there > NEWCOMERS, there

    admin.refuses("AccessDenied", "reconcile", STACK, "--apply", key="local-refresh")
    admin.refuses("The stack cannot be described", "reconcile", "no-stack", "--apply")
    local.control("quota", {"left": 1})
    said = admin.refuses("finish-deletions did not carry the command out", "reconcile", STACK, "--apply")
    local.control("quota", {"left": None})
    assert said == "" and not local.work("inquiry"), f"half of Kakao's list is compared: {said}"

    said = admin.does("reconcile", STACK)
    expected = [
        f"{here} people have a user here, and {there} are linked at Kakao.",
        "1 deletions are under way.",
        f"{there - here + 1} are linked at Kakao only: they have no user here.",
        "1 have a user here and are not linked at Kakao:",
        f"  {gone}",
    ]
    assert said.splitlines() == expected, f"{said}\nfor {expected}"
    assert not local.work("inquiry") and local.is_alive(access), "without --apply"
    said = admin.does("reconcile", STACK, "--apply")
    assert said.splitlines() == [*expected, "Kakao is asked about each of them within a few minutes."], said
    local.finish("inquiry")
    assert not local.is_alive(access), "con is not linked at Kakao and has a user"
    assert gone in [line["user_id"] for line in local.receipts()], "no receipt"
    local.finish("deletion")
    said = admin.does("reconcile", STACK)
    assert "\n0 have a user here and are not linked at Kakao:\n" in said, said


def close(local, admin):
    """A deletion that Kakao refuses is closed by an operator, but not while an unlink may take effect."""
    user, access = local.enter("frodo")
    local.control("faults", {"endpoint": "/v1/user/unlink", "user": "frodo", "fault": {"kind": "api_code", "code": -5}})
    admin.refuses("no open deletion", "close-deletion", STACK, user)
    assert local.is_alive(access)
    admin.refuses("no open deletion", "close-deletion", STACK, NOBODY)
    admin.refuses("did not carry the command out", "close-deletion", STACK, "nonsense")
    local.leave(access)
    for item in local.work("deletion"):
        local.set(item, due_at=0)
    while not (work := local.work("deletion"))[0].get("attempted_at"):
        local.run()
    admin.refuses("less than a minute ago", "close-deletion", STACK, user)
    assert local.work("deletion"), "it is closed"
    assert local.login("frodo")[0] == 409
    admin.refuses("The stack cannot be described", "close-deletion", "no-stack", user)
    local.set(work[0], attempted_at=int(time.time()) - 61)
    assert "The deletion is closed" in admin.does("close-deletion", STACK, user)
    assert not local.work("deletion") and any(item["user_id"]["S"] == user for item in local.work("final_sweep"))
    admin.refuses("no open deletion", "close-deletion", STACK, user)
    assert local.enter("frodo")[0] != user


if __name__ == "__main__":
    with started() as local:
        admin = Admin(local)
        replay(local, admin, create_stacks(local.table))
        reconcile(local, admin)
        close(local, admin)
    print("passed: deletions are replayed, reconciled with Kakao and closed")
