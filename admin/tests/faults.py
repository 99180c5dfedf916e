"""A proxy before DynamoDB that hurts chosen requests."""

import contextlib
import http.client
import http.server
import json
import threading
import urllib.parse

CUT, LOST, DENIED, THROTTLED = "cut", "lost", "denied", "throttled"
ERRORS = {DENIED: "AccessDeniedException", THROTTLED: "ProvisionedThroughputExceededException"}
# More often than the SDK tries by itself.
OFTEN = 4


class Proxy(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, target):
        super().__init__(("127.0.0.1", 0), Handler)
        self.target = urllib.parse.urlsplit(target).netloc
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.lock = threading.Lock()
        self.inject(None, None)

    def inject(self, fault, at, meanwhile=None):
        """Hurts the request with this number from now on: the first is 1. `meanwhile` is called then."""
        self.fault, self.at, self.meanwhile, self.count = fault, at, meanwhile, 0

    def next_fault(self):
        with self.lock:
            self.count += 1
            last = self.at and self.at + (OFTEN if self.fault == THROTTLED else 1)
            if not self.at or not self.at <= self.count < last:
                return None
        if self.meanwhile:
            self.meanwhile()
        return self.fault

    def handle_error(self, request, client_address):
        """A connection that was cut."""


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        fault = self.server.next_fault()
        if fault == CUT:
            return self.cut()
        if fault in ERRORS:
            return self.respond(400, json.dumps({"__type": f"com.amazonaws.dynamodb.v20120810#{ERRORS[fault]}"}).encode())
        connection = http.client.HTTPConnection(self.server.target)
        with contextlib.closing(connection):
            connection.request("POST", self.path, body, dict(self.headers))
            response = connection.getresponse()
            status, text = response.status, response.read()
        return self.cut() if fault == LOST else self.respond(status, text)

    def respond(self, status, text):
        self.send_response(status)
        self.send_header("content-type", "application/x-amz-json-1.0")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def cut(self):
        self.close_connection = True
        self.connection.close()

    def log_message(self, *arguments):
        """Says nothing."""


@contextlib.contextmanager
def proxy(target):
    server = Proxy(target)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
