"""A stack of this machine behind an edge that sends the origin secret. A deployment is another process on the same tables, and for a
while requests meet either, as in a canary."""

import contextlib
import hashlib
import http.server
import itertools
import os
import secrets
import threading
import urllib.error
import urllib.request
from dataclasses import replace

import local_stack
import plan
from browser import Browser
from here import MOTO, Site, of_kakao, origin_settings
from local_stack import client, free_port, request

HOP_BY_HOP = {"host", "connection", "content-length", "transfer-encoding", "x-origin-secret", "x-viewer-ip"}


def hash_of(secret):
    return hashlib.sha256(secret.encode()).hexdigest()


class Edge(http.server.ThreadingHTTPServer):
    """CloudFront: sends the secret, and reaches every version of the functions that serves."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, port, secret):
        self.secret, self.apis, self.turn = secret, [], itertools.count()
        super().__init__(("127.0.0.1", port), Handler)

    def api(self):
        apis = self.apis
        return apis[next(self.turn) % len(apis)]


class Handler(http.server.BaseHTTPRequestHandler):
    def forward(self):
        headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP_BY_HOP}
        headers |= {"x-origin-secret": self.server.secret, "x-viewer-ip": "203.0.113.7"}
        body = self.rfile.read(int(self.headers.get("content-length", 0))) or None
        asked = urllib.request.Request(self.server.api() + self.path, data=body, method=self.command, headers=headers)
        try:
            answer = urllib.request.urlopen(asked, timeout=20)
        except urllib.error.HTTPError as refused:
            answer = refused
        with answer:
            text = answer.read()
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                if name.lower() not in HOP_BY_HOP:
                    self.send_header(name, value)
            self.send_header("content-length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

    do_GET = do_POST = forward

    def log_message(self, *_):
        pass


class Behind:
    def __init__(self, edge, origin, running):
        self.edge, self.origin, self.running = edge, origin, running
        self.hashes, self.passed, self.clocks, self.first, self.made = (hash_of(edge.secret),), 0, [], None, None
        self.serve(self.hashes)
        self.first = self.local
        self.edge.apis = [self.local.api]

    @property
    def api(self):
        return self.origin

    @property
    def secret(self):
        return self.edge.secret

    def serve(self, hashes):
        """Functions with these hashes, at the same time as the others."""
        clock = str(free_port())
        settings = origin_settings(self.origin) | {"ROTATION_WINDOW": "30", "ORIGIN_SECRET_HASHES": ",".join(hashes), "CLOCK_PORT": clock}
        settings |= of_kakao(self.first) if self.first else {}
        self.local = self.running.enter_context(local_stack.started(**settings))
        self.clocks.append(f"http://localhost:{clock}/")
        self.set_clock(self.clocks[-1], self.passed)

    def set_clock(self, clock, seconds):
        status, _ = request("POST", clock, {"seconds": seconds})
        assert status in (200, 204), status

    def pass_time(self, seconds):
        self.passed += seconds
        for clock in self.clocks:
            self.set_clock(clock, seconds)

    def credential(self, _):
        user = self.first.control("users", {})["name"]
        code = {"user": user, "redirect_uri": f"{self.origin}/", "code_challenge": local_stack.CHALLENGE}
        return {"code": self.first.control("codes", code)["code"], "redirect_uri": f"{self.origin}/", "code_verifier": local_stack.VERIFIER}

    admin = Site.admin

    def view(self):
        return plan.View(plan.OK, self.hashes, plan.OK, hash_of(self.edge.secret))

    def perform(self, step, run):
        """One step of a deployment. What moves requests to new functions lets the old ones serve for a while."""
        name, argument = step
        if name == "make":
            self.made = secrets.token_urlsafe(32)
            return replace(run, made=hash_of(self.made))
        if name == "edge":
            self.edge.secret = self.made or self.edge.secret
        else:
            assert name == "regional", step
            self.serve(argument)
            self.edge.apis = [self.edge.apis[-1], self.local.api]
            self.canary()
            self.edge.apis, self.hashes = [self.local.api], argument
        return replace(run, done=run.done | {name})

    def status_with(self, secret):
        """Of a refresh without a cookie, at the API's own host."""
        status, _ = Browser(self.local.api, self.origin).ask("POST", "/auth/refresh", {}, **{"x-origin-secret": secret})
        return status


@contextlib.contextmanager
def started():
    with contextlib.ExitStack() as running:
        port = free_port()
        edge = Edge(port, secrets.token_urlsafe(32))
        threading.Thread(target=edge.serve_forever, daemon=True).start()
        running.callback(edge.server_close)
        running.callback(edge.shutdown)
        yield Behind(edge, f"http://localhost:{port}", running)
