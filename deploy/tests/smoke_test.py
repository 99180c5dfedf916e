"""`make smoke` against the stack of this machine behind the local edge: what is right passes, and each thing that goes wrong on the way is
found by the check for it."""

import contextlib
import hashlib
import http.client
import http.server
import io
import os
import pathlib
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
from dataclasses import replace

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent.parent / "admin/tests")]
import checks
import smoke
from local_stack import free_port, request, started
from smoke import Expected

SECRET = "x" * 43


class Break(http.server.BaseHTTPRequestHandler):
    """Between a stranger and the edge: HTTPS, the redirect to it, and one mistake."""

    protocol_version = "HTTP/1.0"

    def log_message(self, *_):
        pass

    def answer(self):
        mistake = self.server.mistake
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        if not isinstance(self.request, ssl.SSLSocket):
            status, headers, text = 301, {"location": f"https://{self.headers['host']}{self.path}"}, b""
        elif mistake is logout_ends_nothing and self.path == "/auth/logout":
            status, headers, text = 200, {}, b"{}"
        else:
            status, headers, text = self.forward(body)
        status, headers, text = mistake(self.command, self.path, (status, headers, text), self)
        self.send_response(status)
        for name, value in headers.items():
            if name not in ("transfer-encoding", "connection", "content-length", "date", "server"):
                self.send_header(name, value)
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def forward(self, body):
        connection = http.client.HTTPConnection("localhost", self.server.edge, timeout=15)
        headers = {name: value for name, value in self.headers.items() if name.lower() != "connection"}
        connection.request(self.command, self.path, body or None, headers)
        response = connection.getresponse()
        found = {name.lower(): value for name, value in response.getheaders()}
        text = response.read()
        connection.close()
        return response.status, found, text

    do_GET = do_POST = do_DELETE = answer


class Server(http.server.ThreadingHTTPServer):
    def __init__(self, port, edge, context):
        super().__init__(("127.0.0.1", port), Break)
        self.edge, self.context, self.mistake = edge, context, right

    def finish_request(self, request, client_address):
        """Both on one port: TLS begins with this byte."""
        if request.recv(1, socket.MSG_PEEK) == b"\x16":
            request = self.context.wrap_socket(request, server_side=True)
        super().finish_request(request, client_address)

    def handle_error(self, *_):
        pass


def right(method, path, got, handler):
    return got


def logout_ends_nothing(method, path, got, handler):
    """The API never hears of it."""
    return got


def at(paths, change):
    """A mistake in the responses for these paths."""
    return lambda method, path, got, handler: change(*got) if path in paths else got


def without(name):
    return lambda status, headers, text: (status, {key: value for key, value in headers.items() if key != name}, text)


def with_header(name, value):
    return lambda status, headers, text: (status, headers | {name: value}, text)


def page_for_errors(method, path, got, handler):
    return (200, {"content-type": "text/html"}, b"page") if got[0] in (403, 404) else got


def no_slashes(method, path, got, handler):
    return (404, {}, b'{"message":"Not Found"}') if path.startswith("/dj-rest-auth") and path.endswith("/") else got


def kept(method, path, got, handler):
    return (200, {}, b'{"access":"x","refresh":"x"}') if path == "/auth/refresh" and got[0] == 401 else got


# Which check finds what.
MISTAKES = {
    "a page without a policy": (checks.page, at(["/"], without("content-security-policy"))),
    "a page without HSTS": (checks.page, at(["/"], without("strict-transport-security"))),
    "no function for pages": (checks.page, lambda m, path, got, h: (404, {}, b"<Error>") if path.startswith("/smoke/") else got),
    "no front end": (checks.page, at(["/"], lambda *_: (404, {}, b"<Error>"))),
    "plain http": (checks.page, lambda m, path, got, h: (200, {}, b"page") if got[0] == 301 else got),
    "pages instead of errors": (checks.missing, page_for_errors),
    "the page for Apple": (checks.missing, at(["/.well-known/apple-app-site-association"], lambda *_: (200, {}, b"page"))),
    "the site at /auth": (checks.missing, at(["/auth/smoke"], lambda *_: (404, {}, b"<Error>"))),
    "keys that may not be cached": (checks.keys, at(["/.well-known/jwks.json"], with_header("cache-control", "no-store"))),
    "another issuer": (checks.keys, at(["/.well-known/openid-configuration"], lambda s, h, text: (s, h, text.replace(b"https://localhost", b"https://other")))),
    "no keys": (checks.keys, at(["/.well-known/jwks.json"], lambda s, h, text: (s, h, b'{"keys":[]}'))),
    "a refresh from a cache": (checks.strangers, at(["/auth/refresh"], with_header("x-cache", "Hit from cloudfront"))),
    "a refresh that may be cached": (checks.strangers, at(["/auth/refresh/"], with_header("cache-control", "max-age=60"))),
    "no slashes": (checks.strangers, no_slashes),
    "a session for anybody": (checks.strangers, kept),
    "large bodies": (checks.strangers, lambda m, path, got, h: (401, {"cache-control": "no-store"}, b'{"code":"token_not_valid"}') if got[0] == 413 else got),
    "an open webhook": (checks.strangers, at(["/webhooks/kakao/unlink"], lambda *_: (200, {}, b""))),
    "an origin that is allowed": (checks.origins, lambda m, path, got, h: (got[0], got[1] | {"access-control-allow-origin": "*"}, got[2]) if h.headers.get("origin") else got),
    "no check of origins": (checks.origins, lambda m, path, got, h: (200, {}, b"{}") if h.headers.get("origin") and path == "/auth/logout" else got),
    "a logout that ends nothing": (checks.user, logout_ends_nothing),
    "a login that fails": (checks.user, at(["/auth/kakao"], lambda s, h, text: (s, h, text) if s == 403 else (502, {}, b"{}"))),
}


def found_by(wanted):
    """The checks that fail."""
    with contextlib.redirect_stdout(io.StringIO()) as said:
        status = smoke.check(wanted)
    lines = said.getvalue().splitlines()
    failed = [line.removeprefix("FAILED  ") for line in lines if line.startswith("FAILED")]
    assert status == bool(failed) and len(lines) == 7, said.getvalue()
    return failed


@contextlib.contextmanager
def edge(port, api, folder):
    environment = os.environ | {"PORT": str(port), "API": api, "SITE": str(folder)}
    running = subprocess.Popen(["node", "tests/edge/serve.mjs", f"OriginSecret={SECRET}"], env=environment, stdout=subprocess.PIPE, text=True)
    try:
        assert running.stdout.readline().startswith("http"), "the local edge does not start"
        yield
    finally:
        running.terminate()
        running.wait()


def certificate(folder):
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=localhost -addext subjectAltName=DNS:localhost -keyout key.pem -out cert.pem"
    subprocess.run(command.split(), cwd=folder, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    os.environ["SSL_CERT_FILE"] = str(folder / "cert.pem")
    return context


def main(folder):
    (folder / "site").mkdir()
    (folder / "site/index.html").write_text("page")
    context = certificate(folder)
    port, edge_port = free_port(), free_port()
    url = f"https://localhost:{port}"
    checks.PAUSE = checks.WAIT_FOR_KEYS = 0.1
    settings = {
        "ORIGIN_SECRET_HASHES": hashlib.sha256(SECRET.encode()).hexdigest(), "ISSUER": url, "ALLOWED_ORIGINS": url,
        "LOGIN_RATE_LIMIT": "1000", "LOGIN_BURST_LIMIT": "1000",
    }
    with started(**settings) as local, edge(edge_port, local.api, folder / "site"):
        server = Server(port, edge_port, context)
        threading.Thread(target=server.serve_forever, daemon=True).start()

        def token():
            # A user may log in 20 times a minute.
            user = local.control("users", {"nickname": "라이언"})["name"]
            return local.control("tokens", {"user": user})["access_token"]

        right_one = Expected(url, local.api, issuer=url, token=token())
        assert not (failed := found_by(right_one)), failed
        for name, (check, server.mistake) in MISTAKES.items():
            failed = found_by(replace(right_one, token=token()))
            assert any(line.startswith(check.__doc__) for line in failed), f"{name}: {check.__name__} does not find it: {failed}"
        # An API that is not locked, and one whose own host a response names.
        server.mistake = right
        failed = found_by(replace(right_one, api=f"http://localhost:{edge_port}", token=token()))
        assert [line for line in failed if line.startswith(checks.locked.__doc__)], failed
        server.mistake = at(["/auth/verify"], lambda s, h, text: (s, h, text.replace(b"{", b'{"host":"%s",' % local.api.removeprefix("http://").encode(), 1)))
        failed = found_by(replace(right_one, token=token()))
        assert len(failed) == 1 and "names the API's own host" in failed[0], failed
        server.mistake = right
        checks.WAIT_FOR_NAME = 0
        failed = found_by(replace(right_one, url="https://nowhere.invalid"))
        assert len(failed) == 6 and "is not in the DNS" in failed[0], failed
        server.shutdown()
    print(f"passed: make smoke finds each of {len(MISTAKES) + 2} mistakes behind the local edge")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        main(pathlib.Path(temporary))
