"""The commands for operators, with the stack, the log and the identities on the AWS at MOTO_URL, and the table of this machine."""

import base64
import http.server
import json
import os
import subprocess
import sys
import threading
import urllib.error
import urllib.request

from local_stack import client, free_port, started

sys.path.insert(0, "tests/contract")
import sam_template

STACK = "kakao-login"
MOTO = os.environ["MOTO_URL"]
REASON = "ticket 4711"
NOBODY = "-" + "A" * 21
READ, MANAGE = "local-operators-read", "local-operators-manage"
MEMBERS = {"record", "step", "at", "operator", "command", "stack", "user", "kakao_id", "reason", "host", "admin"}


class Proxy:
    """Passes requests on and counts them. `answer` takes the operation and says what is answered instead, or None."""

    def __init__(self, target, answer=lambda operation: None):
        proxy = self
        self.target, self.answer, self.operations = target, answer, []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                operation = self.headers.get("x-amz-target", "").split(".")[-1]
                proxy.operations.append(operation)
                status, text = proxy.answer(operation) or proxy.pass_on(self.path, self.headers, body)
                self.send_response(status)
                self.send_header("content-type", "application/x-amz-json-1.1")
                self.send_header("content-length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def pass_on(self, path, headers, body):
        headers = {name: value for name, value in headers.items() if name.lower() not in ("host", "content-length", "connection")}
        asked = urllib.request.Request(self.target + path, data=body, headers=headers, method="POST")
        try:
            with urllib.request.urlopen(asked) as response:
                return response.status, response.read()
        except urllib.error.HTTPError as refused:
            return refused.code, refused.read()


class Operator:
    def __init__(self, table, logs):
        self.table, self.logs = table, logs

    def run(self, *arguments, key=MANAGE, logs=None):
        endpoints = {"AWS_ENDPOINT_URL": MOTO, "AWS_ENDPOINT_URL_DYNAMODB": self.table.url, "AWS_ENDPOINT_URL_CLOUDWATCH_LOGS": logs or self.logs.url}
        environment = os.environ | endpoints | {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": "x", "AWS_MAX_ATTEMPTS": "1", "AWS_DEFAULT_REGION": "ap-northeast-2"}
        ran = subprocess.run(["target/debug/admin", *arguments], capture_output=True, text=True, check=False, env=environment)
        return ran.returncode, ran.stdout, ran.stderr

    def does(self, command, *arguments, status=0, key=MANAGE):
        """The result as JSON, or the error."""
        ended, said, error = self.run(command, STACK, *arguments, "--reason", REASON, "--json", key=key)
        assert ended == status, f"{command} {arguments}: {ended} {said} {error}"
        return error if status else json.loads(said)


def create_stack(table):
    translated = sam_template.translate(sam_template.load(), sam_template.REQUIRED)
    template = {
        "Parameters": translated["Parameters"],
        "Resources": {"OperatorsLogs": translated["Resources"]["OperatorsLogs"]},
        "Outputs": {"TableName": {"Value": table}, "OperatorsLogGroup": translated["Outputs"]["OperatorsLogGroup"]},
    }
    for name, more in [(STACK, {"KakaoAdminKeyHashes": "1" * 64}), ("no-admin-key", {})]:
        given = sam_template.REQUIRED | more
        parameters = [{"ParameterKey": key, "ParameterValue": value} for key, value in given.items()]
        client("cloudformation", MOTO).create_stack(StackName=name, TemplateBody=json.dumps(template), Parameters=parameters)
    [outputs] = [stack["Outputs"] for stack in client("cloudformation", MOTO).describe_stacks(StackName=STACK)["Stacks"]]
    return next(output["OutputValue"] for output in outputs if output["OutputKey"] == "OperatorsLogGroup")


def records(group):
    """The access records by their names, each with its lines in order."""
    logs, found = client("logs", MOTO), {}
    for stream in logs.describe_log_streams(logGroupName=group)["logStreams"]:
        for event in logs.get_log_events(logGroupName=group, logStreamName=stream["logStreamName"], startFromHead=True)["events"]:
            line = json.loads(event["message"])
            assert stream["logStreamName"].endswith("/" + line["record"]), stream
            found.setdefault(line["record"], []).append(line)
    return found


def roles_of(access):
    part = access.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))).get("roles")


def nothing_without_a_record(operator, user):
    """Where the access cannot be recorded, nothing is read and nothing is printed."""
    commands = [
        ["find", STACK, user], ["show", STACK, user], ["disable", STACK, user], ["enable", STACK, user], ["end-sessions", STACK, user],
        ["export", STACK, user], ["delete", STACK, user, "--yes"], ["set-roles", STACK, user, "staff"],
    ]
    refused = 400, json.dumps({"__type": "AccessDeniedException", "message": "no"}).encode()
    rejected = 200, json.dumps({"rejectedLogEventsInfo": {"tooNewLogEventStartIndex": 0}}).encode()
    for command in commands:
        status, said, error = operator.run(*command)
        assert (status, said) == (2, "") and "--reason" in error, f"{command} runs without a reason: {status} {error}"
        for name, answer in [("PutLogEvents", refused), ("PutLogEvents", rejected), ("CreateLogStream", refused)]:
            operator.logs.answer = lambda operation, name=name, answer=answer: answer if operation == name else None
            status, said, error = operator.run(*command, "--reason", REASON)
            assert (status, said) == (1, "") and "record" in error, f"{command} with {name} refused: {status} {said} {error}"
        operator.logs.answer = lambda operation: None
        status, said, error = operator.run(*command, "--reason", REASON, logs=f"http://127.0.0.1:{free_port()}")
        assert (status, said) == (1, ""), f"{command} without CloudWatch Logs: {status} {said} {error}"
    assert operator.table.operations == [], f"the table was asked: {operator.table.operations}"
    status, said, error = operator.run("delete", STACK, user, "--reason", REASON)
    assert status == 2 and "--yes" in error, f"a deletion without --yes: {status} {error}"
    status, said, error = operator.run("delete", "no-admin-key", user, "--yes", "--reason", REASON)
    assert status == 1 and "KakaoAdminKeyHashes" in error, f"a deletion that cannot be finished: {status} {error}"
    assert operator.table.operations == []


def every_command(local, operator, user, access):
    shown = operator.does("show", user, key=READ)
    assert (shown["user"], shown["logins"], len(shown["sessions"]), shown["roles"]) == (user, 1, 1, []), shown
    kakao = shown["kakao_id"]
    found = operator.does("find", "--kakao", kakao, key=READ)
    assert found == {"user": user, "kakao_id": kakao, "standing": "may log in"}, found
    assert operator.does("export", user, key=READ)["user"]["pk"] == user
    refused = operator.does("disable", user, key=READ, status=1)
    assert "AccessDenied" in refused, refused

    assert operator.does("set-roles", user, "staff", "billing:read") == {"user": user, "result": "changed", "roles": ["billing:read", "staff"], "sessions": 1}
    assert operator.does("set-roles", user, "staff", "billing:read")["result"] == "unchanged"
    assert "name of a claim" in operator.does("set-roles", user, "sub", status=1)
    assert roles_of(local.login("ryan")[2]) == ["billing:read", "staff"]
    assert operator.does("set-roles", user)["roles"] == []
    assert roles_of(local.login("ryan")[2]) is None

    assert operator.does("disable", user)["result"] == "changed"
    assert not local.is_alive(access), "a session of a disabled user"
    assert local.login("ryan")[0] == 403
    assert operator.does("find", user)["standing"] == "disabled"
    assert operator.does("disable", "--kakao", kakao)["result"] == "unchanged"
    assert operator.does("enable", user)["result"] == "changed"
    status, again, access = local.login("ryan")
    assert (status, again) == (200, user)
    assert operator.does("end-sessions", user) == {"user": user, "result": "changed", "sessions": 1}
    assert not local.is_alive(access)

    deleted = operator.does("delete", user, "--yes")
    assert deleted["result"] == "deleted", deleted
    local.finish("deletion")
    assert local.unlinks("ryan") == 1
    assert "no such user" in operator.does("show", NOBODY, status=3)
    return kakao


def all_on_record(group, user, kakao):
    lines = records(group)
    begun = {name: [line for line in record if line["step"] == "begun"] for name, record in lines.items()}
    assert all(len(one) == 1 for one in begun.values()), begun
    done = [record for record in lines.values() if len(record) == 2]
    for first, last in done:
        assert first.keys() == MEMBERS and last.keys() == MEMBERS | {"result"}, (first, last)
        assert last["step"] == "ended" and first["record"] == last["record"], (first, last)
        assert first["reason"] == REASON and first["stack"] == STACK and first["operator"].startswith("arn:aws:"), first
        assert first["host"], first
    results = {(last["command"], last["result"], last["user"], last["kakao_id"]) for _, last in done}
    expected = {
        ("show", "shown", user, None), ("find", "found", user, kakao), ("find", "found", user, None), ("export", "exported", user, None),
        ("disable", "failed", user, None), ("set-roles", "changed", user, None), ("set-roles", "unchanged", user, None),
        ("disable", "changed", user, None), ("disable", "unchanged", user, kakao), ("enable", "changed", user, None),
        ("end-sessions", "changed", user, None), ("delete", "deleted", user, None), ("show", "no such user", NOBODY, None),
    }
    assert results == expected, results ^ expected


with started() as local:
    table, logs = Proxy(local.url["DYNAMODB_PORT"]), Proxy(MOTO)
    group = create_stack(local.table)
    operator = Operator(table, logs)
    user, access = local.enter("ryan")
    nothing_without_a_record(operator, user)
    kakao = every_command(local, operator, user, access)
    all_on_record(group, user, kakao)
print("passed: operators")
