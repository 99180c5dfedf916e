"""Measures a deployed stack on Lambda itself, and prints a table to paste into an issue.

    python bench/on_lambda.py [ENV]

ENV is an environment of samconfig.toml, or prod. Credentials are those of the AWS command line. The variables
COLD_STARTS and WARM_REQUESTS say how many of each request.

Each function is started anew by a change of its configuration, then invoked as the gateway invokes it, and its REPORT lines are read
from its log group. The configuration is restored at the end. Only `$LATEST` is changed and invoked, so users behind an alias notice
nothing. With an access token of Kakao's, a login, refreshes and a logout are measured too, as a user of the app who logs out again.
"""

import concurrent.futures
import contextlib
import datetime
import getpass
import json
import os
import pathlib
import subprocess
import sys
import time

import boto3
import botocore.exceptions

import report_lines

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "deploy"))
import settings
import stacks

PRICES = json.loads((ROOT / "bench/prices.json").read_text())
EVENT = (ROOT / "events/refresh.json").read_text()

# Of each request.
COLD_STARTS, WARM_REQUESTS = int(os.environ.get("COLD_STARTS", "20")), int(os.environ.get("WARM_REQUESTS", "50"))
# Cold starts at a time. A new account may run ten functions at once.
AT_ONCE = 5
# A user may log in 20 times a minute and keeps 20 sessions, and should not lose those of other devices by this.
COLD_LOGINS, WARM_LOGINS = 5, 10
# Set in a function's environment while it is measured: a number, and the log level to go back to.
MARK = "MEASURED"
# The header with which CloudFront calls a stack that refuses others.
EDGE = {}
# Lines of a log arrive after seconds.
WAIT_FOR_LINES, PAUSE = 120, 2


class Problem(Exception):
    """What went wrong, in words for the person at the terminal."""


def say(text):
    print(text, file=sys.stderr, flush=True)


def event(method, path, body=None, **headers):
    """A request as the gateway sends it to a function: a program's, without `Origin` and cookies."""
    made = json.loads(EVENT)
    del made["cookies"]
    made |= {"routeKey": f"{method} {path}", "rawPath": path}
    made["headers"] = {"host": made["headers"]["host"], "user-agent": "make measure", "accept": "*/*"} | EDGE | headers
    made["requestContext"]["http"] |= {"method": method, "path": path, "userAgent": "make measure"}
    made["requestContext"]["routeKey"] = made["routeKey"]
    if body is not None:
        made["headers"]["content-type"], made["body"] = "application/json", json.dumps(body)
    return made


class Function:
    """A function of the stack, by its name in the template."""

    def __init__(self, lambdas, logs, resources, name):
        self.lambdas, self.logs = lambdas, logs
        if name not in resources:
            raise Problem(f"the stack has no function {name}. If it is a stack of this project, deploy this release first")
        self.name = resources[name]
        found = self.lambdas.get_function_configuration(FunctionName=self.name)
        self.revision = found["RevisionId"]
        self.architecture, self.memory = found["Architectures"][0], found["MemorySize"]
        self.variables = found.get("Environment", {}).get("Variables", {})
        self.logging = found["LoggingConfig"]
        # A run that was killed has left its mark.
        left = self.variables.pop(MARK, "").split()
        if left:
            self.logging["SystemLogLevel"] = left[1]
        self.changes = 0

    def configure(self, variables, logging):
        """Changes the configuration, unless somebody else has since: a deployment would be undone."""
        try:
            self.lambdas.update_function_configuration(
                FunctionName=self.name, Environment={"Variables": variables}, LoggingConfig=logging, RevisionId=self.revision
            )
        except self.lambdas.exceptions.PreconditionFailedException:
            raise self.foreign_change() from None
        self.lambdas.get_waiter("function_updated_v2").wait(FunctionName=self.name, WaiterConfig={"Delay": 0.1, "MaxAttempts": 600})
        found = self.lambdas.get_function_configuration(FunctionName=self.name)
        if found["Environment"]["Variables"] != variables:
            raise self.foreign_change()
        self.revision = found["RevisionId"]

    def foreign_change(self):
        """The reason to stop. What somebody else has deployed is not restored to what was there before."""
        self.changes = 0
        return Problem(f"{self.name} was changed by somebody else. Is it being deployed?")

    def stop_processes(self):
        """The next invocation is a cold start. Lambda writes REPORT lines at the level INFO only."""
        self.changes += 1
        mark = f"{self.changes} {self.logging.get('SystemLogLevel', 'INFO')}"
        self.configure(self.variables | {MARK: mark}, self.logging | {"SystemLogLevel": "INFO"})

    def restore(self):
        if self.changes:
            self.changes = 0
            self.configure(self.variables, self.logging)

    def invoke(self, made, expected):
        """The id of the invocation, and the body of the response."""
        answer = self.lambdas.invoke(FunctionName=self.name, Payload=json.dumps(made))
        result = json.loads(answer["Payload"].read())
        if "FunctionError" in answer:
            raise Problem(f"{self.name} failed: {result.get('errorMessage')}")
        if result["statusCode"] != expected:
            raise Problem(f"{self.name}: {made['routeKey']} was answered with {result['statusCode']}, not {expected}: {code(result)}")
        body = json.loads(result["body"]) if result.get("body") else {}
        return answer["ResponseMetadata"]["RequestId"], body

    def reports(self, ids, since):
        """The reports of these invocations."""
        group, found, deadline = self.logging["LogGroup"], {}, time.monotonic() + WAIT_FOR_LINES
        search = {"logGroupName": group, "startTime": since, "filterPattern": f'?"{report_lines.JSON_TYPE}" ?"REPORT RequestId"'}
        while True:
            for page in self.logs.get_paginator("filter_log_events").paginate(**search):
                read = filter(None, (report_lines.read(line["message"]) for line in page["events"]))
                found |= {report.request: report for report in read if report.request in ids}
            if len(found) == len(ids):
                return list(found.values())
            if time.monotonic() > deadline:
                raise Problem(f"{group} has {len(found)} of {len(ids)} REPORT lines after {WAIT_FOR_LINES} s")
            time.sleep(PAUSE)


def code(result):
    """Why a function refused a request. It never repeats what was sent."""
    with contextlib.suppress(ValueError, TypeError, KeyError):
        return json.loads(result["body"])["code"]
    return "it gave no reason"


class Measurement:
    """The functions of a stack, and the lines of the table so far."""

    def __init__(self, session, stack):
        self.lambdas, self.logs = session.client("lambda"), session.client("logs")
        pages = session.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack)
        listed = [resource for page in pages for resource in page["StackResourceSummaries"]]
        self.resources = {resource["LogicalResourceId"]: resource["PhysicalResourceId"] for resource in listed}
        self.rows, self.function = [], None

    def measure(self, name, method, path, status, requests=None, cold=COLD_STARTS, warm=WARM_REQUESTS, **headers):
        """Invokes a function cold and warm. `requests` makes the bodies of the requests and gets those of the responses."""
        function = self.function = Function(self.lambdas, self.logs, self.resources, name)
        since = int(time.time() * 1_000) - 60_000
        say(f"{method} {path}: {cold} cold starts and {warm} warm requests")
        ids = []

        def invoke(at):
            invocation, answer = function.invoke(event(method, path, requests and requests.body(at), **headers), status)
            if requests:
                requests.answered(at, answer)
            return invocation

        try:
            with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as threads:
                for start in range(0, cold, AT_ONCE):
                    function.stop_processes()
                    ids += threads.map(invoke, range(start, min(start + AT_ONCE, cold)))
            ids += map(invoke, range(cold, cold + warm))
            reports = function.reports(set(ids), since)
        finally:
            function.restore()
        failed = sum(report.has_failed for report in reports)
        if failed:
            raise Problem(f"{function.name}: {failed} invocations failed, says Lambda")
        self.rows.append((f"{method} {path}", status, reports))

    def without_user(self):
        """Requests of a stranger, which change nothing."""
        self.measure("KakaoLogin", "GET", "/auth/kakao", 204)
        self.measure("Refresh", "POST", "/auth/refresh", 401)
        self.measure("Logout", "POST", "/auth/logout", 200)
        self.measure("Profile", "GET", "/auth/profile", 401)
        self.measure("Sessions", "GET", "/auth/sessions", 401)
        self.measure("Account", "GET", "/auth/account", 401)
        self.measure("Verify", "POST", "/auth/verify", 401, Same({"token": "none"}))
        self.measure("Jwks", "GET", "/.well-known/jwks.json", 200)

    def with_user(self, kakao_token):
        """What an app does for its user, who has a session for each login and ends them all."""
        sessions = Sessions()
        try:
            logins = Same({"access_token": kakao_token, "transport": "body"}, sessions)
            self.measure("KakaoLogin", "POST", "/auth/kakao", 200, logins, COLD_LOGINS, WARM_LOGINS)
            self.measure("Refresh", "POST", "/auth/refresh", 200, sessions)
            bearer = {"authorization": f"Bearer {sessions.access}"}
            self.measure("Profile", "GET", "/auth/profile", 200, **bearer)
            self.measure("Sessions", "GET", "/auth/sessions", 200, **bearer)
        finally:
            if sessions.tokens:
                cold = min(COLD_LOGINS, len(sessions.tokens))
                self.measure("Logout", "POST", "/auth/logout", 200, sessions, cold, len(sessions.tokens) - cold)


class Same:
    """One body for all requests."""

    def __init__(self, body, sessions=None):
        self.one, self.sessions = body, sessions

    def body(self, _):
        return self.one

    def answered(self, _, answer):
        if self.sessions:
            self.sessions.begin(answer)


class Sessions:
    """The sessions of an app, each with its latest token. Requests that run at the same time are of different sessions."""

    def __init__(self):
        self.tokens, self.access = [], None

    def begin(self, login):
        self.tokens.append(login["refresh"])

    def body(self, at):
        return {"refresh": self.tokens[at % len(self.tokens)]}

    def answered(self, at, answer):
        # A refresh within 30 s of the last one leaves the token as it is.
        self.tokens[at % len(self.tokens)] = answer.get("refresh") or self.tokens[at % len(self.tokens)]
        self.access = answer.get("access", self.access)


def ask_for_token():
    """Nothing is shown, and nothing is kept."""
    prompt = "A Kakao access token of yours for this app, to measure logins and refreshes too (Enter: without): "
    return (getpass.getpass(prompt) if sys.stdin.isatty() else sys.stdin.readline()).strip()


def heading(region, stack, function):
    git = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--tags"]
    release = subprocess.run(git, capture_output=True, text=True, check=False).stdout.strip() or "unknown"
    today = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
    return (
        f"Measured on Lambda on {today} by `make measure`: stack `{stack}`, release `{release}`, {region}, "
        f"{function.architecture}, {function.memory} MB.\n\nTimes are medians / 99 %, and median / 90 % / 99 % of warm responses. "
        "Prices are Lambda's part of a million requests like these, without free tier.\n"
    )


def price(region, architecture):
    """Lambda's. Most regions have the same."""
    prices = PRICES["regions"]["Seoul" if region == "ap-northeast-2" else "N. Virginia"]
    second = "lambda_gb_second" if architecture == "arm64" else "lambda_gb_second_x86_64"
    return {"request": prices["lambda_per_million"] / 1e6, "gigabyte_second": prices[second]}


def add_origin_secret(found):
    """If the stack answers only requests that come through its edge stack, these do."""
    edge = stacks.Stack(found.edge_stack, stacks.EDGE_REGION)
    if edge.exists:
        EDGE[stacks.SECRET_HEADER] = stacks.origin_secret(edge)


def main(env="prod"):
    try:
        found = settings.read(env, with_parameters=False)
    except settings.Refused as refused:
        raise Problem(refused) from None
    stack, region = found.stack, found.region
    session = boto3.Session(region_name=region)
    token = ask_for_token()
    try:
        add_origin_secret(found)
        measurement = Measurement(session, stack)
        measurement.without_user()
        if token:
            measurement.with_user(token)
    except (botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError) as error:
        raise Problem(f"AWS: {error}") from None
    function = measurement.function
    print(heading(region, stack, function))
    print(report_lines.table(measurement.rows, price(region, function.architecture)))


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except Problem as problem:
        sys.exit(f"error: {problem}")
