"""The Django service beside the real stack, whose events reach it as by an API destination. Needs target/debug/local."""

import contextlib
import json
import os
import pathlib
import socket
import subprocess
import tempfile
import time
import unittest
import urllib.error
import urllib.request

import service

ROOT = service.HERE.parents[2]
VERIFIER, CHALLENGE = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return str(listener.getsockname()[1])


PORTS = {name: free_port() for name in ("PORT", "KAKAO_PORT", "DYNAMODB_PORT", "LAMBDA_PORT", "EVENTS_PORT")}
API, KAKAO = (f"http://localhost:{PORTS[name]}" for name in ("PORT", "KAKAO_PORT"))
service.configure(ALGORITHM="ES256", JWK_URL=f"{API}/.well-known/jwks.json", ISSUER=API, AUDIENCE="api")

from django.contrib.auth import get_user_model  # noqa: E402
from django.test import LiveServerTestCase  # noqa: E402

User = get_user_model()


def request(method, url, body=None, access=None):
    headers = ({"authorization": f"Bearer {access}"} if access else {}) | ({"content-type": "application/json"} if body else {})
    asked = urllib.request.Request(url, json.dumps(body).encode() if body else None, headers, method=method)
    try:
        with urllib.request.urlopen(asked, timeout=10) as response:
            return response.status, json.loads(response.read() or "null")
    except urllib.error.HTTPError as refused:
        return refused.code, json.loads(refused.read() or "null")


def log_in():
    """A new person at Kakao logs in by code, as recently as the deletion of an account needs it."""
    status, person = request("POST", f"{KAKAO}/control/users", {"account": {"profile": {"nickname": "라이언"}}})
    assert status == 200, person
    code = {"user": person["name"], "redirect_uri": f"{API}/", "code_challenge": CHALLENGE}
    code = request("POST", f"{KAKAO}/control/codes", code)[1]["code"]
    status, login = request("POST", f"{API}/auth/kakao", {"code": code, "redirect_uri": f"{API}/", "code_verifier": VERIFIER})
    assert status == 200, login
    return login["user"]["pk"], login["access"]


def becomes(expected, look):
    """What it is once it is as expected, or after 20 seconds."""
    until = time.monotonic() + 20
    while (found := look()) != expected and time.monotonic() < until:
        time.sleep(0.1)
    return found


class WithTheStack(LiveServerTestCase):
    host = "localhost"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.printed = cls.enterClassContext(tempfile.NamedTemporaryFile())
        settings = {
            "ISSUER": API,
            "USER_IDS": "random" if service.HAS_TEXT_IDS else "numbers",
            "USER_EVENTS": "on",
            "USER_EVENTS_URL": f"{cls.live_server_url}/user-events/",
            "USER_EVENTS_AUTHORIZATION": service.EVENTS_KEY,
        }
        cls.stack = subprocess.Popen([ROOT / "target/debug/local"], cwd=ROOT, env=os.environ | PORTS | settings, stdout=cls.printed)
        cls.addClassCleanup(lambda: (cls.stack.kill(), cls.stack.wait()))

        def is_up():
            with contextlib.suppress(urllib.error.URLError, ConnectionError):
                return request("GET", f"{API}/.well-known/jwks.json")[0]

        assert becomes(200, is_up) == 200, "the stack does not start"

    def me(self, access):
        return request("GET", f"{self.live_server_url}/me/", access=access)

    def test_a_login_a_change_and_a_deletion_reach_the_service(self):
        pk, access = log_in()
        status, me = self.me(access)
        self.assertEqual((status, me["id"], type(me["id"])), (200, pk, str if service.HAS_TEXT_IDS else int))

        self.assertEqual(request("PATCH", f"{API}/auth/profile", {"first_name": "길동"}, access)[0], 200)
        self.assertEqual(becomes("길동", lambda: self.me(access)[1]["first_name"]), "길동")

        self.assertEqual(request("DELETE", f"{API}/auth/account", access=access)[0], 202)
        self.assertEqual(becomes(401, lambda: self.me(access)[0]), 401, "with an access token that has not expired")
        user = User.objects.get(pk=pk)
        self.assertEqual((user.is_active, user.first_name, user.email), (False, "", ""))

        lines = pathlib.Path(self.printed.name).read_text().splitlines()
        printed = [(kind, json.loads(detail)) for kind, _, detail in (line.partition(" ") for line in lines) if kind.startswith("user.")]
        events = [(kind, detail["version"]) for kind, detail in printed if detail["id"] == pk]
        self.assertEqual(events, [("user.created", 1), ("user.updated", 2), ("user.deleted", 3)])

    def test_a_user_who_never_calls_the_service_is_there_too(self):
        pk, _ = log_in()
        self.assertTrue(becomes(True, lambda: User.objects.filter(pk=pk).exists()))


if __name__ == "__main__":
    unittest.main()
