"""Records what dj-rest-auth and this API respond to the same accidents, for the demo page.

    target/django/bin/python bench/django/record_replay.py > web/demo/src/replay/recording.json

It needs `make bench-django`'s environment and `target/debug/local`. Both sides use the same Kakao stand-in. No token is recorded.
"""

import base64
import concurrent.futures
import contextlib
import http.client
import importlib.metadata
import json
import os
import pathlib
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timezone

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
LOCAL = os.environ.get("LOCAL_BIN", str(ROOT / "target/debug/local"))
PACKAGES = ["Django", "dj-rest-auth", "djangorestframework-simplejwt", "django-allauth"]
TRIALS = 100
# Longer than our window for repeated refreshes of rotating tokens (`RotationWindow`).
AN_HOUR = 3600


def free_port():
    """A port with three free ones after it."""
    while True:
        first = 20_000 + secrets.randbelow(10_000)
        with contextlib.suppress(OSError), contextlib.ExitStack() as held:
            for port in range(first, first + 5):
                held.enter_context(socket.create_server(("127.0.0.1", port)))
            return first


def call(port, method, path, body=None, headers=()):
    """A response: its status, body and Set-Cookie lines."""
    connection = http.client.HTTPConnection("localhost", port, timeout=20)
    connection.request(method, path, None if body is None else json.dumps(body), {"Content-Type": "application/json", **dict(headers)})
    response = connection.getresponse()
    text = response.read()
    connection.close()
    try:
        content = json.loads(text)
    except ValueError:
        content = {}
    return response.status, content if isinstance(content, dict) else {}, response.headers.get_all("set-cookie") or []


class Side:
    """A back end, and what a browser or a thief holds of a session there."""

    def __init__(self, port, kakao):
        self.port, self.kakao = port, kakao

    def kakao_token(self):
        _, user, _ = call(self.kakao, "POST", "/control/users", {})
        _, token, _ = call(self.kakao, "POST", "/control/tokens", {"user": user["name"]})
        return token["access_token"]

    def said(self, method, path, response):
        status, body, _ = response
        said = {"method": method, "path": path, "status": status}
        if code := body.get("code") or (body.get("detail") if status >= 400 else None):
            said["code"] = code
        return said


class Django(Side):
    refresh_path, profile_path, logout_path = "/dj-rest-auth/token/refresh/", "/api/profile/", "/dj-rest-auth/logout/"

    def log_in(self):
        status, body, cookies = call(self.port, "POST", "/dj-rest-auth/kakao/", {"access_token": self.kakao_token()})
        assert status == 200, body
        return {"access": body["access"], "cookie": cookie_of(cookies, "refresh_token")}

    def refresh(self, session, keep=True):
        """Refreshes, and stores the response unless it is lost."""
        response = call(self.port, "POST", self.refresh_path, {}, [("Cookie", session["cookie"])])
        if keep and response[0] == 200:
            session["access"], session["cookie"] = response[1]["access"], cookie_of(response[2], "refresh_token") or session["cookie"]
        return self.said("POST", self.refresh_path, response)

    # There is nothing else to send.
    refresh_by_cookie_alone = refresh

    def wait(self, seconds):
        """No time passes here, to its advantage. It makes no difference: a spent token is on the blacklist at once."""


class Ours(Side):
    refresh_path, profile_path, logout_path = "/auth/refresh", "/auth/profile", "/auth/logout"

    def log_in(self):
        link = draw()
        status, body, cookies = call(self.port, "POST", "/auth/kakao", {"access_token": self.kakao_token(), "link": link})
        assert status == 200 and body["link"], body
        return {"access": body["access"], "cookie": cookie_of(cookies, "__Host-Http-refresh_token"), "prev": body["link"], "next": None}

    def refresh(self, session, keep=True):
        """As the client does: it stores the next link before it sends it, and sends the same one until it is confirmed."""
        session["next"] = session["next"] or draw()
        link = {"prev": session["prev"], "next": session["next"]}
        response = call(self.port, "POST", self.refresh_path, {"link": link}, [("Cookie", session["cookie"])])
        if keep and response[0] == 200:
            session["access"] = response[1]["access"]
            if confirmed := response[1].get("link"):
                session["prev"], session["next"] = confirmed, None
        return self.said("POST", self.refresh_path, response)

    def refresh_by_cookie_alone(self, session):
        return self.said("POST", self.refresh_path, call(self.port, "POST", self.refresh_path, {}, [("Cookie", session["cookie"])]))

    def wait(self, seconds):
        status, _, _ = call(self.clock, "POST", "/", {"seconds": seconds})
        assert status == 204


def draw():
    return base64.urlsafe_b64encode(secrets.token_bytes(16)).rstrip(b"=").decode()


def cookie_of(lines, name):
    return next((line.split(";")[0] for line in lines if line.startswith(f"{name}=") and not line.startswith(f'{name}=""')), None)


def race(side):
    """Two tabs refresh at the same instant with what they share, many times."""
    outcomes = {}
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for _ in range(TRIALS):
            session = side.log_in()
            side.wait(20)
            if isinstance(side, Ours):
                session["next"] = draw()
            both = list(pool.map(lambda tab: side.refresh(tab)["status"], [dict(session), dict(session)]))
            name = ", ".join(map(str, sorted(both)))
            outcomes[name] = outcomes.get(name, 0) + 1
    return [{"act": "both-tabs", "method": "POST", "path": side.refresh_path, "outcomes": outcomes}]


def lost(side):
    session = side.log_in()
    side.wait(20)
    steps = [{"act": "lost", **side.refresh(session, keep=False)}]
    side.wait(AN_HOUR)
    return [*steps, {"act": "again", **side.refresh(session)}]


def theft(side, steal):
    """A thief copies what `steal` sends, and uses it before the owner comes back."""
    owner = side.log_in()
    side.wait(20)
    thief = dict(owner)
    steps = [{"act": "thief", **steal(thief)}]
    side.wait(AN_HOUR)
    steps.append({"act": "owner", **side.refresh(owner)})
    steps.append({"act": "thief-again", **steal(thief)})
    return steps


def cookie(side):
    return theft(side, side.refresh_by_cookie_alone)


def everything(side):
    return theft(side, side.refresh)


def logout(side):
    session = side.log_in()
    bearer = [("Authorization", f"Bearer {session['access']}")]
    body = {} if isinstance(side, Django) else {"link": {"prev": session["prev"]}}
    out = call(side.port, "POST", side.logout_path, body, [("Cookie", session["cookie"])])
    profile = call(side.port, "GET", side.profile_path, None, bearer)
    return [{"act": "logout", **side.said("POST", side.logout_path, out)}, {"act": "call", **side.said("GET", side.profile_path, profile)}]


def wait_for(port, process):
    for _ in range(200):
        assert process.poll() is None, f"{process.args[0]} ended"
        with contextlib.suppress(OSError):
            return socket.create_connection(("127.0.0.1", port), 1).close()
        time.sleep(0.1)
    raise TimeoutError(port)


@contextlib.contextmanager
def running(args, port, **options):
    process = subprocess.Popen(args, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)
    try:
        wait_for(port, process)
        yield
    finally:
        process.terminate()
        process.wait()


def main():
    port = free_port()
    clock, django_port = port + 4, free_port()
    settings = {"PORT": port, "CLOCK_PORT": clock, "LOGIN_RATE_LIMIT": 10000, "LOGIN_BURST_LIMIT": 5000}
    ours_env = {"PATH": os.environ["PATH"], **{name: str(value) for name, value in settings.items()}}
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        stack.enter_context(running([LOCAL], port, cwd=ROOT, env=ours_env))
        here = pathlib.Path(__file__).parent
        # Of the children's environment only: this process may have another Django.
        env = {**os.environ, "KAKAO_URL": f"http://localhost:{port + 1}", "SQLITE_PATH": f"{folder}/db.sqlite", "DJANGO_SETTINGS_MODULE": "settings"}
        subprocess.run([sys.executable, "-m", "django", "migrate", "--verbosity", "0"], cwd=here, env=env, check=True)
        gunicorn = [sys.executable, "-m", "gunicorn", "django.core.wsgi:get_wsgi_application()", "--workers", "2", "--bind", f"127.0.0.1:{django_port}"]
        stack.enter_context(running(gunicorn, django_port, cwd=here, env=env))
        ours, django = Ours(port, port + 1), Django(django_port, port + 1)
        ours.clock = clock
        scenes = {scene.__name__: {"ours": scene(ours), "django": scene(django)} for scene in (race, lost, cookie, everything, logout)}
    versions = {name: importlib.metadata.version(name) for name in PACKAGES}
    today = datetime.now(timezone.utc).date().isoformat()
    json.dump({"recorded_on": today, "trials": TRIALS, "versions": versions, "scenes": scenes}, sys.stdout, indent=2)
    print()


if __name__ == "__main__":
    main()
