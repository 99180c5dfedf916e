"""What `make smoke` checks. Each takes the site and what is expected of it, and raises what is wrong."""

import http.client
import json
import socket
import time
import urllib.parse

# A new stack has no keys for its first minutes, and the name of a new site is not known everywhere at once.
WAIT_FOR_KEYS, WAIT_FOR_NAME, PAUSE = 360, 90, 5
FOREIGN = "https://foreign.example"


class Failed(Exception):
    pass


class Site:
    def __init__(self, address, hidden=None):
        self.address = urllib.parse.urlsplit(address)
        # What no response may name.
        self.hidden = hidden and urllib.parse.urlsplit(hidden).netloc
        self.started = time.monotonic()

    def waits(self, seconds):
        if time.monotonic() - self.started > seconds:
            return False
        time.sleep(PAUSE)
        return True

    def ask(self, method, path, body=None, scheme=None, **headers):
        """Status, headers by lower-case name, and body. A 503 is asked again."""
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None:
            headers |= {"content-type": "application/json"}
        while True:
            kind = http.client.HTTPSConnection if (scheme or self.address.scheme) == "https" else http.client.HTTPConnection
            connection = kind(self.address.netloc, timeout=15)
            try:
                connection.request(method, path, json.dumps(body) if isinstance(body, (dict, list)) else body, headers)
                response = connection.getresponse()
                found = {name.lower(): value for name, value in response.getheaders()}
                got = response.status, found, response.read().decode(errors="replace")
            except socket.gaierror as error:
                if self.waits(WAIT_FOR_NAME):
                    continue
                raise Failed(f"{self.address.netloc} is not in the DNS: {error.strerror}") from None
            finally:
                connection.close()
            if got[0] != 503 or not self.waits(WAIT_FOR_KEYS):
                break
        if self.hidden and self.hidden in got[2] + str(got[1]):
            raise Failed(f"{method} {path} names the API's own host")
        return got

    def expect(self, status, method, path, body=None, code=None, **headers):
        got, found, text = self.ask(method, path, body, **headers)
        if got != status:
            raise Failed(f"{method} {path} was answered with {got}, not {status}: {text[:200]}")
        if code and json.loads(text).get("code") != code:
            raise Failed(f"{method} {path} was answered with {text[:200]}, not with the code {code}")
        return found, text


def page(site, wanted):
    """Pages come from the site, with its headers (docs/edge.md)."""
    got, headers, text = site.ask("GET", "/")
    if got != 200:
        raise Failed(f"GET / was answered with {got}. If the front end is not there yet, make deploy SITE=dist uploads it")
    for name in ("content-security-policy", "strict-transport-security", "x-content-type-options"):
        if name not in headers:
            raise Failed(f"the page has no {name}")
    if site.expect(200, "GET", "/smoke/any/page")[1] != text:
        raise Failed("/smoke/any/page is not the page of the app: is the function of pages there?")
    if site.address.scheme == "https":
        got, headers, _ = site.ask("GET", "/", scheme="http")
        if got not in (301, 302, 307, 308) or not headers.get("location", "").startswith("https://"):
            raise Failed(f"http is answered with {got}, and not with a redirect to https")


def missing(site, wanted):
    """A missing file is missing, and errors are not pages (docs/edge.md)."""
    site.expect(404, "GET", "/smoke-missing.js")
    got, _, text = site.ask("GET", "/.well-known/apple-app-site-association")
    if got not in (200, 404) or text == site.expect(200, "GET", "/")[1]:
        raise Failed("/.well-known/apple-app-site-association is the page of the app")
    _, text = site.expect(404, "GET", "/auth/smoke")
    if not text.startswith("{"):
        raise Failed(f"/auth/smoke is answered by the site: {text[:100]}")


def keys(site, wanted):
    """The keys are public, and may be cached (docs/verifying-tokens.md)."""
    for path in ("/.well-known/jwks.json", "/.well-known/openid-configuration"):
        headers, text = site.expect(200, "GET", path)
        if "max-age" not in headers.get("cache-control", ""):
            raise Failed(f"{path} may not be cached")
    issuer = json.loads(text)["issuer"]
    if wanted.issuer and issuer != wanted.issuer:
        raise Failed(f"the issuer is {issuer}, not {wanted.issuer}")
    if wanted.algorithm != "HS256" and not json.loads(site.expect(200, "GET", "/.well-known/jwks.json")[1])["keys"]:
        raise Failed("there is no public key")


def strangers(site, wanted):
    """Without a session everything is refused, and nothing is kept (docs/api.md)."""
    drop_in = [f"{wanted.drop_in}/token/refresh", f"{wanted.drop_in}/token/refresh/"] if wanted.drop_in else []
    for path in ("/auth/refresh", "/auth/refresh/", *drop_in):
        headers, _ = site.expect(401, "POST", path, code="token_not_valid")
        if headers.get("cache-control") != "no-store" or headers.get("x-cache", "").startswith("Hit"):
            raise Failed(f"{path} may be cached")
    site.expect(401, "GET", "/auth/profile", code="not_authenticated")
    site.expect(401, "GET", "/auth/sessions", code="not_authenticated")
    site.expect(401, "DELETE", "/auth/account", code="not_authenticated")
    site.expect(401, "POST", "/auth/verify", {"token": "none"}, code="token_not_valid")
    site.expect(200, "POST", "/auth/logout")
    site.expect(413, "POST", "/auth/refresh", json.dumps({"x": "x" * 17_000}), code="payload_too_large")
    site.expect(401, "POST", "/webhooks/kakao/unlink", {}, code="not_authenticated")


def origins(site, wanted):
    """Other sites' pages may do nothing (docs/api.md)."""
    for path in ("/auth/refresh", "/auth/logout", "/auth/kakao"):
        headers, _ = site.expect(403, "POST", path, {}, code="origin_not_allowed", origin=FOREIGN)
        if headers.get("access-control-allow-origin"):
            raise Failed(f"{path} allows {FOREIGN}")


def locked(site, wanted):
    """Past CloudFront nobody gets in (docs/edge.md)."""
    api = Site(wanted.api)
    for method, path in (("POST", "/auth/refresh"), ("GET", "/.well-known/jwks.json")):
        api.expect(403, method, path, code="wrong_address")


def user(site, wanted):
    """A login, a refresh and a logout of an app (docs/native.md)."""
    _, text = site.expect(200, "POST", "/auth/kakao", {"access_token": wanted.token, "transport": "body"})
    session = json.loads(text)
    try:
        _, text = site.expect(200, "POST", "/auth/refresh", {"refresh": session["refresh"]})
        site.expect(200, "GET", "/auth/profile", authorization=f"Bearer {json.loads(text)['access']}")
    finally:
        site.expect(200, "POST", "/auth/logout", {"refresh": session["refresh"]})
    site.expect(401, "POST", "/auth/refresh", {"refresh": session["refresh"]})
