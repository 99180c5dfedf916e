"""Loads Django as a function on Lambda would, handles one login by the access token `TOKEN`, and prints its status."""

import io
import json
import os

from django.core.wsgi import get_wsgi_application

application = get_wsgi_application()
body = json.dumps({"access_token": os.environ["TOKEN"]}).encode()
environ = {
    "REQUEST_METHOD": "POST",
    "PATH_INFO": "/dj-rest-auth/kakao/",
    "SERVER_NAME": "localhost",
    "SERVER_PORT": "80",
    "CONTENT_TYPE": "application/json",
    "CONTENT_LENGTH": str(len(body)),
    "wsgi.input": io.BytesIO(body),
    "wsgi.url_scheme": "http",
}
statuses = []
for _ in application(environ, lambda status, headers: statuses.append(status)):
    pass
print(statuses[0], flush=True)
