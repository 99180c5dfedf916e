"""A deployed stack of an environment, for a drill. `prod` only with PROD=yes: a drill ends sessions, or changes what serves."""

import getpass
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

import tomlkit

sys.path[:0] = ["drills", "deploy", "tests/contract"]
import settings as configured
from browser import Browser
from settings import ROOT, Refused
from stacks import EDGE_REGION, Stack

# What lets anybody in, and what must not work on a table before its deletions are repeated.
CLOSED = ["KakaoLogin", "Refresh", "FinishDeletions"]
PAUSE = 10


def settings_of(env):
    if env == "prod" and os.environ.get("PROD") != "yes":
        raise Refused("a drill is for another environment than prod, such as ENV=staging. PROD=yes does it all the same")
    return configured.read(env)


def run(*command, folder=ROOT, **more):
    """A command of the operator's, whose output they see."""
    print(f"$ {' '.join(command)}", flush=True)
    if subprocess.run(command, cwd=folder, check=False, env=os.environ | more).returncode:
        raise Refused(f"{' '.join(command)} failed. Mend it, and run the drill again")


class Site:
    def __init__(self, env):
        self.env, self.settings = env, settings_of(env)
        self.stack = Stack(self.settings.stack, self.settings.region)
        if not self.stack.exists:
            raise Refused(f"there is no stack {self.settings.stack}. make deploy ENV={env} makes it")
        edge = Stack(self.settings.edge_stack, EDGE_REGION)
        self.api = edge.outputs["SiteUrl"] if edge.exists else self.stack.outputs["ApiUrl"]
        self.origin = self.settings.parameters["AllowedOrigins"].split(",")[0]
        self.client = self.stack.session.client
        self.table = self.stack.outputs["TableName"]
        self.token = None

    def log_in(self):
        """A browser of your test user, and the user's id."""
        if self.token is None:
            self.token = getpass.getpass("A Kakao access token of a test user of yours: ").strip()
        browser = Browser(self.api, self.origin)
        status, user = browser.log_in({"access_token": self.token})
        if status != 200:
            raise Refused(f"the test user cannot log in: {status} {user}")
        return browser, user

    def back_up(self):
        """Point-in-time recovery goes to any second up to five minutes ago."""
        self.at = time.time()
        print("waiting six minutes, until the table can be restored to this moment", flush=True)

    def function(self, name):
        found = self.stack.cloudformation.describe_stack_resource(StackName=self.settings.stack, LogicalResourceId=name)
        return found["StackResourceDetail"]["PhysicalResourceId"]

    def close(self):
        for name in CLOSED:
            self.client("lambda").put_function_concurrency(FunctionName=self.function(name), ReservedConcurrentExecutions=0)

    def start(self, *names):
        for name in names:
            self.client("lambda").delete_function_concurrency(FunctionName=self.function(name))

    def restore_table(self):
        time.sleep(max(0, self.at + 360 - time.time()))
        dynamodb, name = self.client("dynamodb"), f"{self.settings.stack}-restored-{int(time.time())}"
        dynamodb.restore_table_to_point_in_time(SourceTableName=self.table, TargetTableName=name, RestoreDateTime=self.at)
        while dynamodb.describe_table(TableName=name)["Table"]["TableStatus"] != "ACTIVE":
            time.sleep(PAUSE)
        return name

    def set_up(self, table):
        dynamodb = self.client("dynamodb")
        recovery, expiry = {"PointInTimeRecoveryEnabled": True}, {"Enabled": True, "AttributeName": "expires_at"}
        dynamodb.update_continuous_backups(TableName=table, PointInTimeRecoverySpecification=recovery)
        dynamodb.update_time_to_live(TableName=table, TimeToLiveSpecification=expiry)
        dynamodb.update_table(TableName=table, DeletionProtectionEnabled=True)

    def adopt(self, table):
        """With the operator's settings and this table. The operator writes it to samconfig.toml when the drill is over."""
        before, self.table = self.table, table
        with tempfile.TemporaryDirectory() as folder:
            own = pathlib.Path(folder, "samconfig.local.toml")
            for name in configured.FILES:
                if (ROOT / name).exists():
                    shutil.copy(ROOT / name, folder)
            section = "preview" if self.settings.is_preview else self.env
            text = tomlkit.parse(own.read_text()) if own.exists() else tomlkit.document()
            parameters = text.setdefault(section, {}).setdefault("deploy", {}).setdefault("parameters", {})
            parameters["parameter_overrides"] = configured.overrides(parameters.get("parameter_overrides")) | {"ExistingTable": table}
            own.write_text(tomlkit.dumps(text))
            program = "import pathlib, sys; sys.path.insert(0, 'deploy'); import settings; settings.FOLDER = pathlib.Path(sys.argv.pop(1)); import deploy; sys.exit(deploy.as_command(deploy.main))"
            # Refreshes and logins are closed, so the smoke test at the end of a deployment fails.
            subprocess.run([sys.executable, "-c", program, folder, self.env], cwd=ROOT, check=False)
        if self.stack.look().parameters.get("ExistingTable") != table:
            raise Refused(f"{self.settings.stack} has not adopted {table}")
        self.goes_on = f'Write ExistingTable = "{table}" to [{section}.deploy.parameters.parameter_overrides]. {before} stays as it was'

    def admin(self, command, *arguments):
        if command == "replay-deletions":
            self.start("FinishDeletions")
        run("cargo", "run", "-q", "-p", "admin", "--", command, self.settings.stack, *arguments, AWS_REGION=self.settings.region)

    def wait_for(self, *kinds):
        """Until nothing of these kinds is left in the outbox, which finish-deletions works on every minute."""
        outbox = {":pk": {"S": "OUTBOX"}}
        while True:
            pages = self.client("dynamodb").get_paginator("query").paginate(TableName=self.table, KeyConditionExpression="pk = :pk", ExpressionAttributeValues=outbox)
            left = [item for page in pages for item in page["Items"] if item.get("kind", {}).get("S") in kinds]
            if not left:
                return
            print(f"{len(left)} items of the outbox are left", flush=True)
            time.sleep(PAUSE)

    def open(self):
        self.start("KakaoLogin", "Refresh")


def rotate(env, crowd):
    """Twenty logins of a test user, which refresh while the keys and the origin secret are rotated."""
    site = Site(env)
    browsers = [site.log_in()[0] for _ in range(19)]
    with crowd(browsers) as living:
        living.go_round()
        run("cargo", "run", "-q", "-p", "admin", "--", "replace-keys", site.settings.stack, "schedule", AWS_REGION=site.settings.region)
        living.go_round()
        if site.settings.edge is not None:
            run("make", "deploy", f"ENV={env}", "ROTATE_ORIGIN=1")
        living.go_round()
    print(f"passed: {sum(living.rounds)} refreshes and profiles of {len(browsers)} browsers succeed")
