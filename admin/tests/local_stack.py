"""A stack of this machine, as a test of the admin commands drives it: people at Kakao, the API, the table, and the log."""

import contextlib
import json
import os
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

import boto3

PORTS = ["PORT", "KAKAO_PORT", "DYNAMODB_PORT", "LAMBDA_PORT"]
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


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

    def __init__(self, ports, log, settings):
        self.url = {name: f"http://localhost:{port}" for name, port in ports.items()}
        self.url["DYNAMODB_PORT"] = settings.get("AWS_ENDPOINT_URL_DYNAMODB", self.url["DYNAMODB_PORT"])
        self.api, self.kakao = self.url["PORT"], settings.get("KAKAO_API_URL", self.url["KAKAO_PORT"])
        self.dynamodb = client("dynamodb", self.url["DYNAMODB_PORT"])
        self.table = settings.get("EXISTING_TABLE", "Table")
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
        """Changes an item, unless the schedule has removed it meanwhile."""
        for name, number in numbers.items():
            with contextlib.suppress(self.dynamodb.exceptions.ConditionalCheckFailedException):
                self.dynamodb.update_item(
                    TableName=self.table, Key={key: item[key] for key in ("pk", "sk")}, UpdateExpression="SET #n = :n",
                    ConditionExpression="attribute_exists(pk)", ExpressionAttributeNames={"#n": name},
                    ExpressionAttributeValues={":n": {"N": str(number)}},
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


@contextlib.contextmanager
def started(**settings):
    """A stack of this machine, which answers. Settings are environment variables."""
    ports = {name: str(free_port()) for name in PORTS}
    with tempfile.NamedTemporaryFile("w") as log:
        running = subprocess.Popen(["target/debug/local"], env=os.environ | ports | settings, stdout=log, stderr=subprocess.DEVNULL)
        try:
            for _ in range(100):
                try:
                    urllib.request.urlopen(f"http://localhost:{ports['PORT']}/.well-known/jwks.json").close()
                    break
                except OSError as error:
                    # One that only answers its edge stack refuses everybody else once it is there.
                    if getattr(error, "code", None) == 403:
                        break
                    time.sleep(0.1)
            yield Local(ports, log.name, settings)
        finally:
            running.terminate()
            running.wait()
