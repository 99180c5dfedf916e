"""Wrong tokens, made of a right one: what every verifier has to refuse. Each is named for the rule that it breaks."""

import base64
import hashlib
import hmac
import json


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def changed(token, **members):
    """The token with another header and its old signature."""
    head, claims, signature = token.split(".")
    return f"{encode(json.dumps(json.loads(decode(head)) | members).encode())}.{claims}.{signature}"


def forged(token, key, **members):
    """The token with another header, signed by HMAC with what everybody knows."""
    message, _ = changed(token, **members).rsplit(".", 1)
    return f"{message}.{encode(hmac.new(key, message.encode(), hashlib.sha256).digest())}"


def wrong_tokens(token, jwks):
    head, claims, signature = token.split(".")
    more = encode(json.dumps(json.loads(decode(claims)) | {"user_id": "somebody else"}).encode())
    yield "other claims under the old signature", f"{head}.{more}.{signature}"
    yield "no signature", f"{head}.{claims}."
    yield "alg none (RFC 8725 §3.1)", changed(token, alg="none").rsplit(".", 1)[0] + "."
    yield "kid of nobody", changed(token, kid="nobody")
    yield "kid as a path", changed(token, kid="../../../../dev/null")
    yield "signed with an empty key", forged(token, b"", alg="HS256")
    for key in jwks["keys"]:
        public = json.dumps(key).encode()
        yield "the public key as an HMAC secret (RFC 8725 §2.1)", forged(token, public, alg="HS256")
        raw = decode(key["x"]) if key["kty"] == "EC" else decode(key["n"])
        yield "a part of the public key as an HMAC secret", forged(token, raw, alg="HS256")
    yield "four parts", token + ".x"
    yield "JSON serialisation", json.dumps({"protected": head, "payload": claims, "signature": signature})


def right_and_wrong(environment):
    """What a verifier is tried with: the key set, a right token, and wrong ones by name."""
    jwks, token = json.loads(environment["JWKS"]), environment["ACCESS"]
    wrong = dict(wrong_tokens(token, jwks))
    wrong["the refresh token"] = environment["REFRESH"]
    return jwks, token, wrong
