"""A stack of this machine whose AWS is moto: tables, backups, CloudFormation and logs."""

import contextlib
import hashlib
import json
import os
import secrets
import subprocess
import time

import deletions
import local_stack
from browser import Browser
from local_stack import client, free_port

MOTO = os.environ["MOTO_URL"]
STACK = deletions.STACK


def origin_settings(origin, table="Table"):
    """Of a stack whose pages and API are at this origin. Refresh tokens rotate after seconds, so that a drill sees it."""
    return {
        "AWS_ENDPOINT_URL_DYNAMODB": MOTO, "EXISTING_TABLE": table, "ISSUER": origin, "ALLOWED_ORIGINS": origin, "API_URL": origin,
        "REDIRECT_URIS": f"{origin}/", "CALLBACK_URI": f"{origin}/auth/kakao/callback", "ROTATION_WINDOW": "5", "SESSION_LINKS": "auto",
        "LOGIN_RATE_LIMIT": "100", "AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "x", "AWS_REGION": "ap-northeast-2",
    }


def of_kakao(local):
    return {"KAKAO_AUTH_URL": local.kakao, "KAKAO_API_URL": local.kakao}


class Site:
    def __init__(self, local, origin, running):
        self.local, self.origin, self.running = local, origin, running
        self.first, self.dynamodb, self.browsers = local, client("dynamodb", MOTO), {}
        self.groups = deletions.create_stacks(local.table)

    @property
    def api(self):
        return self.local.api

    def credential(self, user):
        code = {"user": user, "redirect_uri": f"{self.origin}/", "code_challenge": local_stack.CHALLENGE}
        code = self.first.control("codes", code)["code"]
        return {"code": code, "redirect_uri": f"{self.origin}/", "code_verifier": local_stack.VERIFIER}

    def enter(self, user, is_linked=False):
        """Logs in. Right after a deletion it takes a second until the login is newer than Kakao's "not linked"."""
        for _ in range(30):
            self.browsers[user] = Browser(self.api, self.origin)
            status, found = self.browsers[user].log_in(self.credential(user), is_linked)
            if status != 400:
                break
            time.sleep(0.1)
        assert status == 200, f"{user} cannot log in: {status} {found}"
        return found

    def browser(self, user, is_linked=False):
        self.enter(user, is_linked)
        return self.browsers[user]

    def unlink(self, user, send):
        self.first.control("webhooks/unlink", {"user": user, "send": send})

    def is_stored(self, user):
        key = {"pk": {"S": f"USER#{user}"}, "sk": {"S": "PROFILE"}}
        stored = self.dynamodb.get_item(TableName=self.local.table, Key=key, ConsistentRead=True).get("Item", {})
        return "created_at" in stored and "deleting_at" not in stored

    def finish(self, *kinds):
        self.local.finish(*kinds)

    wait_for = finish

    def keep_receipts(self, earlier):
        """What CloudWatch Logs keeps of the functions' logs, with some deletions so many seconds earlier."""
        lines = self.first.receipts()
        assert lines, "no receipts of deletions"
        for line in lines:
            line["deleted_at"] -= earlier.get(line["user_id"], 0)
        for resources in self.groups:
            deletions.put_lines(resources["AccountLogs"], lines)

    def back_up(self):
        self.backup = self.dynamodb.create_backup(TableName=self.local.table, BackupName="drill")["BackupDetails"]["BackupArn"]

    def close(self):
        """The first stack gets no request any more, as nobody knows its address; the next is closed until it is opened."""
        self.first_api, self.local = self.local.api, None

    def restore_table(self):
        self.dynamodb.restore_table_from_backup(TargetTableName="restored", BackupArn=self.backup)
        return "restored"

    def set_up(self, table):
        recovery, expiry = {"PointInTimeRecoveryEnabled": True}, {"Enabled": True, "AttributeName": "expires_at"}
        self.dynamodb.update_continuous_backups(TableName=table, PointInTimeRecoverySpecification=recovery)
        self.dynamodb.update_time_to_live(TableName=table, TimeToLiveSpecification=expiry)
        self.dynamodb.update_table(TableName=table, DeletionProtectionEnabled=True)

    def adopt(self, table, **more):
        """Here no function can be closed by itself. A secret that nobody has does the same."""
        nobodys = {"ORIGIN_SECRET_HASHES": hashlib.sha256(secrets.token_bytes()).hexdigest()}
        settings = origin_settings(self.origin, table) | of_kakao(self.first)
        self.local = self.running.enter_context(local_stack.started(**settings, **nobodys | more))
        cloudformation = client("cloudformation", MOTO)
        template = json.loads(json.dumps(cloudformation.get_template(StackName=STACK)["TemplateBody"]))
        template["Outputs"]["TableName"]["Value"] = table
        cloudformation.update_stack(StackName=STACK, TemplateBody=json.dumps(template))

    def open(self):
        assert Browser(self.api, self.origin).ask("POST", "/auth/refresh", {})[0] == 403, "the API was open all the time"
        self.adopt(self.local.table, ORIGIN_SECRET_HASHES="")

    def admin(self, command, *arguments):
        settings = {
            "AWS_ENDPOINT_URL": MOTO, "AWS_MAX_ATTEMPTS": "1", "AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "x",
            "AWS_DEFAULT_REGION": "ap-northeast-2", "AWS_ENDPOINT_URL_LAMBDA": self.local.url["LAMBDA_PORT"], "ROTATE_KEYS_FUNCTION": "RotateKeys",
        }
        called = ["target/debug/admin", command, STACK, *arguments]
        ran = subprocess.run(called, capture_output=True, text=True, check=False, env=os.environ | settings)
        assert ran.returncode == 0, f"{called}: {ran.returncode} {ran.stdout} {ran.stderr}"
        return ran.stdout


@contextlib.contextmanager
def started():
    with contextlib.ExitStack() as running:
        origin = f"http://localhost:{free_port()}"
        local = running.enter_context(local_stack.started(**origin_settings(origin)))
        yield Site(local, origin, running)
