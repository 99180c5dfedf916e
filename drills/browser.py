"""A browser of one user, as far as the API sees it: a cookie, the links of its session, and an access token."""

import base64
import json
import os
import urllib.error
import urllib.request


def new_link():
    return base64.urlsafe_b64encode(os.urandom(16)).decode().rstrip("=")


class Browser:
    def __init__(self, api, origin):
        self.api, self.origin = api, origin
        self.cookie = self.access = self.link = self.next = None

    def ask(self, method, path, body=None, **headers):
        """Status and body of a response. A cookie that it sets is kept."""
        headers |= {"origin": self.origin, "content-type": "application/json"} | ({"cookie": self.cookie} if self.cookie else {})
        data = None if body is None else json.dumps(body).encode()
        asked = urllib.request.Request(self.api + path, data=data, method=method, headers=headers)
        try:
            answer = urllib.request.urlopen(asked, timeout=20)
        except urllib.error.HTTPError as refused:
            answer = refused
        with answer:
            text = answer.read()
            for cookie in answer.headers.get_all("set-cookie") or []:
                pair = cookie.split(";")[0]
                self.cookie = pair if pair.split("=", 1)[1] else None
            return answer.status, json.loads(text) if text else {}

    def log_in(self, credential, is_linked=False):
        """The status of a login, and the user's id."""
        status, body = self.ask("POST", "/auth/kakao", credential | ({"link": new_link()} if is_linked else {}))
        if status != 200:
            return status, body
        self.take(body)
        return status, body["user"]["pk"]

    def refresh(self):
        """The status of a refresh. A response that confirms a link is the next one's `prev`."""
        links = {"link": {"prev": self.link, "next": self.next}} if self.link else {}
        status, body = self.ask("POST", "/auth/refresh", links)
        if status == 200:
            self.take(body)
        return status

    def take(self, body):
        self.access = body["access"]
        if body.get("link"):
            self.link, self.next = body["link"], new_link()

    def profile(self):
        return self.ask("GET", "/auth/profile", authorization=f"Bearer {self.access}")[0]

    def logout(self):
        status, body = self.ask("POST", "/auth/logout", {"link": {"prev": self.link, "next": self.next}} if self.link else {})
        assert status == 200, f"a logout: {status} {body}"

    def leave(self):
        status, body = self.ask("DELETE", "/auth/account", authorization=f"Bearer {self.access}")
        assert status == 202, f"an account cannot be deleted: {status} {body}"
