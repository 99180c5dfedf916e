"""`make measure` against the AWS at MOTO_URL, with the functions of this machine behind a Lambda that counts processes as Lambda does:
a change of the configuration takes a moment and ends all of them, and a request that finds none free starts one."""

import contextlib
import hashlib
import http.server
import json
import math
import os
import pathlib
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

import boto3

HERE = pathlib.Path(__file__).parent
sys.path[:0] = ["bench", "admin/tests"]
# Two changes of the configuration for cold starts, one of them for fewer than at once.
os.environ |= {"COLD_STARTS": "7", "WARM_REQUESTS": "12"}
import on_lambda
import report_lines
from local_stack import client, free_port, request, started

MOTO = os.environ["MOTO_URL"]
RECORDED = [json.loads(line) for line in (HERE / "report-lines.jsonl").read_text().splitlines()]
COLD = [line for line in RECORDED if "initDurationMs" in line["record"]["metrics"]]
WARM = [line for line in RECORDED if line not in COLD]
FUNCTIONS = ["KakaoLogin", "Refresh", "Logout", "Profile", "Sessions", "Account", "Verify", "Jwks"]
PRICE = {"request": 0.2e-6, "gigabyte_second": 0.0000133334}
# The tool asks whether a change is complete at once, and then again after this time.
CHANGE_TAKES = 0.08
# With which CloudFront calls.
SECRET = "s" * 43


def lines_are_read():
    """Both formats, and nothing else."""
    text = "REPORT RequestId: 459921b5\tDuration: 2599.40 ms\tBilled Duration: 3149 ms\tMemory Size: 128 MB\tMax Memory Used: 94 MB"
    read = report_lines.read
    warm = report_lines.Report("459921b5", 2599.4, 3149, 128, 94, None, False)
    assert read(text + "\t\n") == warm
    assert read(f"{text}\tInit Duration: 549.04 ms\t\nXRAY TraceId: 1-5e\tSampled: true\n").init == 549.04
    assert read(f"{text}\tStatus: timeout").has_failed and not read(text).has_failed
    assert read(json.dumps(COLD[0])) == report_lines.Report("459921b5-681c-4a96-beb0-81e0aa586026", 6.21, 45, 512, 27, 38.4, False)
    failed = json.loads(json.dumps(WARM[0]))
    failed["record"]["status"] = "timeout"
    assert read(json.dumps(failed)).has_failed
    for other in ["", "START RequestId: 459921b5", "{}", "[]", "1", '{"type":"platform.report"}', '{"type":"platform.start","record":{}}']:
        assert read(other) is None, other


def figures_are_right():
    reports = [report_lines.read(json.dumps(line)) for line in RECORDED]
    assert [report_lines.percentile([5, 1, 4, 2, 3], percent) for percent in (0, 20, 50, 90, 99, 100)] == [1, 1, 3, 5, 5, 5]
    # 62.8 ms and 7.5 ms of half a gigabyte on average, at Seoul's prices.
    expected = (
        "| `GET /x` | 200 | 5 | 42.0 / 102.7 | 6.2 / 23.4 | 47.0 | $0.62 | 10 | 5.2 / 7.9 / 19.6 | 6.0 | $0.25 | 28 |"
    )
    assert report_lines.row("GET /x", 200, reports, PRICE) == expected, report_lines.row("GET /x", 200, reports, PRICE)
    no_cold = "| `GET /x` | 200 | 0 | – | – | – | – | 1 | 5.3 / 5.3 / 5.3 | 6.0 | $0.24 | 28 |"
    assert report_lines.row("GET /x", 200, reports[5:6], PRICE) == no_cold, report_lines.row("GET /x", 200, reports[5:6], PRICE)


class Process:
    """A function's configuration and its processes."""

    def __init__(self, name):
        self.name, self.variables, self.level = name, {"STAGE": "prod"}, "WARN"
        self.revision, self.changed_at, self.free = 0, 0, 0
        self.cold = self.warm = self.running = 0

    def configuration(self):
        return {
            "FunctionName": self.name, "Architectures": ["arm64"], "MemorySize": 512, "RevisionId": str(self.revision),
            "Environment": {"Variables": self.variables}, "State": "Active",
            "LastUpdateStatus": "InProgress" if self.is_changing() else "Successful",
            "LoggingConfig": {"LogFormat": "JSON", "SystemLogLevel": self.level, "ApplicationLogLevel": "INFO", "LogGroup": f"/{self.name}"},
        }

    def is_changing(self):
        return time.monotonic() < self.changed_at + CHANGE_TAKES

    def settle(self):
        """A change is complete, with another revision, and the old processes get no more requests."""
        if self.changed_at and not self.is_changing():
            self.changed_at, self.free = 0, 0
            self.revision += 1


class Lambda:
    """Lambda's API, with the requests answered by the stack of this machine."""

    def __init__(self, api):
        self.api, self.lock, self.fault = api, threading.Lock(), None
        self.functions = {name: Process(name) for name in FUNCTIONS}
        self.logs = client("logs", MOTO)
        self.tokens = {}
        for name in FUNCTIONS:
            self.logs.create_log_group(logGroupName=f"/{name}")
            self.logs.create_log_stream(logGroupName=f"/{name}", logStreamName="s")
            # What another process has written is not counted.
            self.report(name, COLD[0] | {"record": COLD[0]["record"] | {"requestId": "of-somebody-else"}})

    def report(self, name, line):
        event = {"timestamp": int(time.time() * 1_000), "message": json.dumps(line)}
        self.logs.put_log_events(logGroupName=f"/{name}", logStreamName="s", logEvents=[event])

    def change(self, name, wanted):
        function = self.functions[name]
        with self.lock:
            function.settle()
            if wanted["RevisionId"] != str(function.revision):
                return 412, {"Type": "User", "Message": "The Revision Id provided does not match the latest Revision Id."}
            function.variables, function.level = wanted["Environment"]["Variables"], wanted["LoggingConfig"]["SystemLogLevel"]
            function.revision, function.changed_at = function.revision + 1, time.monotonic()
            if self.fault == "deployed at once":
                function.variables = {"STAGE": "new"}
            return 200, function.configuration()

    def describe(self, name):
        with self.lock:
            self.functions[name].settle()
            return 200, self.functions[name].configuration()

    def invoke(self, name, event, invocation):
        function = self.functions[name]
        with self.lock:
            function.settle()
            is_cold = function.free == 0
            function.free -= 0 if is_cold else 1
            lines, at = (COLD, function.cold) if is_cold else (WARM, function.warm)
            function.cold, function.warm = function.cold + is_cold, function.warm + (not is_cold)
        if self.fault == "deployed later":
            function.revision, function.variables = function.revision + 1, {"STAGE": "new"}
        if is_cold:
            # Requests that come at the same time find no free process.
            time.sleep(0.1)
        answer = self.answer(event)
        with self.lock:
            function.free += 1
        line = lines[at % len(lines)]
        if function.level == "INFO":
            self.report(name, line | {"record": line["record"] | {"requestId": invocation}})
        return 200, answer

    def answer(self, event):
        sent = event["requestContext"]["http"]
        assert sent["path"] == event["rawPath"] and "cookies" not in event, event
        if event["rawPath"] == "/auth/refresh" and "body" in event:
            # So late that the token is replaced, and that the one before would end the session.
            request("POST", f"http://localhost:{os.environ['CLOCK_PORT']}/", {"seconds": 31})
        asked = urllib.request.Request(self.api + event["rawPath"], method=sent["method"], data=event.get("body", "").encode() or None)
        for header, value in event["headers"].items():
            if header != "host":
                asked.add_header(header, value)
        try:
            with urllib.request.urlopen(asked) as response:
                status, body = response.status, response.read().decode()
        except urllib.error.HTTPError as refused:
            status, body = refused.code, refused.read().decode()
        return {"statusCode": 403 if self.fault == "refused" else status, "headers": {}, "body": body}


@contextlib.contextmanager
def served(fake):
    class Handler(http.server.BaseHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def answer(self):
            content = json.loads(self.rfile.read(int(self.headers.get("content-length") or 0)) or b"null")
            _, _, _, name, *what = self.path.split("?")[0].split("/")
            invocation = f"{time.monotonic_ns()}"
            if what == ["invocations"]:
                status, result = fake.invoke(name, content, invocation)
            elif what == ["configuration"] and self.command == "PUT":
                status, result = fake.change(name, content)
            else:
                status, result = fake.describe(name)
                result = result if what == ["configuration"] else {"Configuration": result}
            text = json.dumps(result).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(text)))
            self.send_header("x-amzn-requestid", invocation)
            if status == 412:
                self.send_header("x-amzn-errortype", "PreconditionFailedException")
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_PUT = do_POST = answer

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()


def measure(url, typed):
    environment = os.environ | {
        "AWS_ENDPOINT_URL": MOTO, "AWS_ENDPOINT_URL_LAMBDA": url, "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x",
    }
    command = [sys.executable, "bench/on_lambda.py"]
    return subprocess.run(command, input=typed, capture_output=True, text=True, check=False, env=environment)


def expected_row(name, status, cold, warm):
    """The recorded lines that Lambda has dealt to these requests."""
    dealt = [COLD[at % len(COLD)] for at in cold] + [WARM[at % len(WARM)] for at in warm]
    return report_lines.row(name, status, [report_lines.read(json.dumps(line)) for line in dealt], PRICE)


def edge_stack():
    """CloudFront calls the API with a secret, without which that refuses everything."""
    header = {"HeaderName": "x-origin-secret", "HeaderValue": SECRET}
    origin = {"Id": "api", "DomainName": "api.example.com", "CustomHeaders": {"Quantity": 1, "Items": [header]}}
    origin["CustomOriginConfig"] = {"HTTPPort": 80, "HTTPSPort": 443, "OriginProtocolPolicy": "https-only"}
    behavior = {"TargetOriginId": "api", "ViewerProtocolPolicy": "https-only"}
    config = {"CallerReference": "x", "Comment": "", "Enabled": True, "Origins": {"Quantity": 1, "Items": [origin]}, "DefaultCacheBehavior": behavior}
    made = client("cloudfront", MOTO).create_distribution(DistributionConfig=config)["Distribution"]["Id"]
    outputs = {"DistributionId": {"Value": made}}
    bucket = {"Site": {"Type": "AWS::S3::Bucket"}}
    settings = {"aws_access_key_id": "x", "aws_secret_access_key": "x", "region_name": "us-east-1"}
    template = {"AWSTemplateFormatVersion": "2010-09-09", "Resources": bucket, "Outputs": outputs}
    boto3.client("cloudformation", endpoint_url=MOTO, **settings).create_stack(StackName="kakao-login-edge", TemplateBody=json.dumps(template))


def main(local):
    resources = {name: {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": name}} for name in FUNCTIONS}
    template = {"AWSTemplateFormatVersion": "2010-09-09", "Resources": resources}
    client("cloudformation", MOTO).create_stack(StackName="kakao-login", TemplateBody=json.dumps(template))
    edge_stack()
    fake = Lambda(local.api)
    user = local.control("users", {"nickname": "라이언"})["name"]
    token = local.control("tokens", {"user": user})["access_token"]
    with served(fake) as url:
        ran = measure(url, token + "\n")
        assert ran.returncode == 0, ran.stderr
        rows = [line for line in ran.stdout.splitlines() if line.startswith("| `")]
        strangers = [
            ("GET /auth/kakao", 204), ("POST /auth/refresh", 401), ("POST /auth/logout", 200), ("GET /auth/profile", 401),
            ("GET /auth/sessions", 401), ("GET /auth/account", 401), ("POST /auth/verify", 401), ("GET /.well-known/jwks.json", 200),
        ]
        first, again = (range(7), range(12)), (range(7, 14), range(12, 24))
        five, ten = range(7, 12), range(12, 22)
        expected = [expected_row(*what, *first) for what in strangers]
        expected += [
            expected_row("POST /auth/kakao", 200, five, ten), expected_row("POST /auth/refresh", 200, *again),
            expected_row("GET /auth/profile", 200, *again), expected_row("GET /auth/sessions", 200, *again),
            expected_row("POST /auth/logout", 200, five, ten),
        ]
        assert rows == expected, "\n".join([*rows, "instead of", *expected])
        assert "ap-northeast-2, arm64, 512 MB" in ran.stdout and token not in ran.stdout + ran.stderr
        kept = [function.name for function in fake.functions.values() if function.variables != {"STAGE": "prod"} or function.level != "WARN"]
        assert not kept, f"{kept} are not restored"
        items = [item for item in local.items() if item["sk"]["S"].startswith("SESSION#")]
        assert not items, f"{len(items)} sessions are left"

        # A run that was killed has left its mark.
        fake.functions["KakaoLogin"].variables[on_lambda.MARK], fake.functions["KakaoLogin"].level = "3 WARN", "INFO"
        fake.fault = "refused"
        ran = measure(url, "\n")
        assert ran.returncode == 1 and "GET /auth/kakao was answered with 403, not 204" in ran.stderr, ran.stderr
        login = fake.functions["KakaoLogin"]
        assert (login.variables, login.level) == ({"STAGE": "prod"}, "WARN"), "it is not restored after a failure"

        for fake.fault in ["deployed at once", "deployed later"]:
            ran = measure(url, "\n")
            assert ran.returncode == 1 and "was changed by somebody else" in ran.stderr, f"{fake.fault}: {ran.stderr}"
            assert login.variables == {"STAGE": "new"}, f"{fake.fault}: the deployment is undone"
    ran = subprocess.run([sys.executable, "bench/on_lambda.py", "nowhere"], input="\n", capture_output=True, text=True, check=False)
    assert ran.returncode == 1 and "no section nowhere" in ran.stderr, ran.stderr


if __name__ == "__main__":
    lines_are_read()
    figures_are_right()
    # As many requests as there are at once.
    os.environ |= {"LOGIN_RATE_LIMIT": "1000", "LOGIN_BURST_LIMIT": "1000", "CLOCK_PORT": str(free_port())}
    with started(ORIGIN_SECRET_HASHES=hashlib.sha256(SECRET.encode()).hexdigest()) as stack:
        main(stack)
    print("passed: make measure starts functions anew, reads what Lambda reports, and leaves everything as it was")
