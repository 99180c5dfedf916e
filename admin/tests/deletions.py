"""`admin replay-deletions`, `reconcile` and `close-deletion`, with the logs and the stack on the AWS at MOTO_URL, and the table, Kakao and
finish-deletions of this machine.

Moto does not filter log lines by their JSON, so the command gets every line."""

import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

import boto3

sys.path.insert(0, "tests/contract")
import sam_template

STACK, STRANGER, INCOMPLETE, MISLED = "kakao-login", "stranger", "incomplete", "misled"
MOTO = os.environ["MOTO_URL"]
PORTS = ["PORT", "KAKAO_PORT", "DYNAMODB_PORT", "LAMBDA_PORT"]
# The page of a filter-log-events has 10,000 lines in moto, a page of a scan has 1 MB, and a page of Kakao's list has 100 people.
NOISE, FILLER, NEWCOMERS = 10_001, 300_000, 105
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
NOBODY = "-" + "A" * 21


def client(service, endpoint, key="local"):
    settings = {"aws_access_key_id": key, "aws_secret_access_key": "x", "region_name": "ap-northeast-2"}
    return boto3.client(service, endpoint_url=endpoint, **settings)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def request(method, url, body=None, **headers):
    data = None if body is None else json.dumps(body).encode()
    headers |= {"content-type": "application/json"} if data else {}
    asked = urllib.request.Request(url, data=data, method=method, headers=headers)
    try:
        with urllib.request.urlopen(asked) as response:
            status, text = response.status, response.read()
    except urllib.error.HTTPError as refused:
        status, text = refused.code, refused.read()
    return status, json.loads(text) if text else None


class Local:
    """The stack of this machine."""

    def __init__(self, ports, log):
        self.url = {name: f"http://localhost:{port}" for name, port in ports.items()}
        self.api, self.kakao = self.url["PORT"], self.url["KAKAO_PORT"]
        self.dynamodb = client("dynamodb", self.url["DYNAMODB_PORT"])
        self.table = next(name for name in self.dynamodb.list_tables()["TableNames"] if not name.endswith("Keys"))
        self.log, self.read = log, 0

    def control(self, path, body):
        status, answer = request("POST", f"{self.kakao}/control/{path}", body)
        assert status in (200, 204), f"{path}: {status} {answer}"
        return answer

    def login(self, user):
        """Status, user id and access token of a login by code."""
        code = {"user": user, "redirect_uri": f"{self.api}/", "code_challenge": CHALLENGE}
        code = self.control("codes", code)["code"]
        body = {"code": code, "redirect_uri": f"{self.api}/", "code_verifier": VERIFIER}
        status, answer = request("POST", f"{self.api}/auth/kakao", body)
        return (status, answer["user"]["pk"], answer["access"]) if status == 200 else (status, None, None)

    def enter(self, user):
        """Logs in. Right after a deletion it takes a second until the login is newer than Kakao's "not linked"."""
        for _ in range(30):
            status, pk, access = self.login(user)
            if status != 400:
                break
            time.sleep(0.1)
        assert status == 200, f"{user} cannot log in: {status}"
        return pk, access

    def is_alive(self, access):
        status, answer = request("GET", f"{self.api}/auth/profile", authorization=f"Bearer {access}")
        assert status in (200, 401), f"{status} {answer}"
        return status == 200

    def leave(self, access):
        status, answer = request("DELETE", f"{self.api}/auth/account", authorization=f"Bearer {access}")
        assert status == 202, f"an account cannot be deleted: {status} {answer}"

    def items(self):
        pages = self.dynamodb.get_paginator("scan").paginate(TableName=self.table, ConsistentRead=True)
        return [item for page in pages for item in page["Items"]]

    def restore(self, backup):
        for item in self.items():
            self.dynamodb.delete_item(TableName=self.table, Key={name: item[name] for name in ("pk", "sk")})
        for item in backup:
            self.dynamodb.put_item(TableName=self.table, Item=item)

    def work(self, kind):
        return [item for item in self.items() if item["pk"]["S"] == "OUTBOX" and item.get("kind", {}).get("S") == kind]

    def set(self, item, **numbers):
        for name, number in numbers.items():
            self.dynamodb.update_item(
                TableName=self.table, Key={key: item[key] for key in ("pk", "sk")}, UpdateExpression="SET #n = :n",
                ExpressionAttributeNames={"#n": name}, ExpressionAttributeValues={":n": {"N": str(number)}},
            )

    def run(self):
        """What the schedule does."""
        url = f"{self.url['LAMBDA_PORT']}/2015-03-31/functions/FinishDeletions/invocations"
        status, answer = request("POST", url, {"command": "finish_deletions"})
        assert status == 200 and "finished" in answer, f"finish-deletions: {status} {answer}"

    def finish(self, *kinds):
        """Runs until nothing of these kinds is left, though it may not be due yet."""
        for _ in range(100):
            left = [item for kind in kinds for item in self.work(kind)]
            if not left:
                return
            for item in left:
                self.set(item, due_at=0)
            self.run()
        raise AssertionError(f"not finished: {left}")

    def receipts(self):
        """The new receipts in the log."""
        with open(self.log) as file:
            file.seek(self.read)
            lines = file.read().splitlines()
            self.read = file.tell()
        return [json.loads(line) for line in lines if '"account_deleted","user_id"' in line]

    def unlinks(self, user):
        return request("GET", f"{self.kakao}/control/calls?user={user}")[1].get("/v1/user/unlink", 0)


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
    logs.create_log_stream(logGroupName=group, logStreamName="a")
    events = [{"timestamp": now, "message": line if isinstance(line, str) else json.dumps(line)} for line in lines]
    for start in range(0, len(events), 9_000):
        logs.put_log_events(logGroupName=group, logStreamName="a", logEvents=events[start : start + 9_000])


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
    noise = [{"level": "INFO", "function": "account"}, "START", {"event": "account_exported", "user_id": users["frodo"][0], "deleted_at": 1}]
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
    admin.refuses("AccessDenied", "replay-deletions", STACK, key="local-refresh")
    assert all(local.is_alive(users[name][1]) for name in ["frodo"])

    expected = "5 receipts of deletions in the logs.\n4 are deleted, and 1 were not in this table.\n"
    for _ in range(2):
        said = admin.does("replay-deletions", STACK)
        assert said == expected, said
    for name, (_, access) in users.items():
        assert local.is_alive(access) == (name == "frodo"), f"{name} after the replay"
        assert local.login(name)[0] == (200 if name == "frodo" else 409), f"{name} logs in before the deletion is finished"
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
    assert re.search("The deletion is closed", admin.does("close-deletion", STACK, user))
    assert not local.work("deletion") and any(item["user_id"]["S"] == user for item in local.work("final_sweep"))
    admin.refuses("no open deletion", "close-deletion", STACK, user)
    assert local.enter("frodo")[0] != user


if __name__ == "__main__":
    ports = {name: str(free_port()) for name in PORTS}
    with tempfile.NamedTemporaryFile("w") as log:
        running = subprocess.Popen(["target/debug/local"], env=os.environ | ports, stdout=log, stderr=subprocess.DEVNULL)
        try:
            for _ in range(100):
                try:
                    urllib.request.urlopen(f"http://localhost:{ports['PORT']}/.well-known/jwks.json").close()
                    break
                except OSError:
                    time.sleep(0.1)
            local = Local(ports, log.name)
            admin = Admin(local)
            groups = create_stacks(local.table)
            replay(local, admin, groups)
            reconcile(local, admin)
            close(local, admin)
        finally:
            running.terminate()
            running.wait()
    print("passed: deletions are replayed, reconciled with Kakao and closed")
