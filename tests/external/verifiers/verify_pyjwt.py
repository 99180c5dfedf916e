"""PyJWT, as FastAPI services use it."""

import os

import jwt
from tokens import decode, right_and_wrong

jwks, token, wrong = right_and_wrong(os.environ)
algorithm, issuer, audience = (os.environ[name] for name in ("ALGORITHM", "ISSUER", "AUDIENCE"))
keys = jwt.PyJWKClient(f"{issuer}/.well-known/jwks.json")


def verify(token, **other):
    if algorithm == "HS256":
        key = os.environ["HS256_KEY"]
    else:
        key = keys.get_signing_key_from_jwt(token)
    expected = {"algorithms": [algorithm], "issuer": issuer, "audience": audience} | other
    return jwt.decode(token, key, **expected)


def refused(token, **other):
    try:
        verify(token, **other)
    except jwt.PyJWTError:
        return True
    return False


claims = verify(token)
assert claims["sub"] == claims["user_id"] and claims["token_type"] == "access", claims
for name, bad in wrong.items():
    assert refused(bad), name
assert refused(token, issuer=issuer + "/"), "another issuer"
assert refused(token, audience="other-api"), "another audience"
# An hour later.
assert refused(token, leeway=-3_600), "expired"
if algorithm == "HS256":
    assert jwks == {"keys": []}, "a symmetric key is published"
print(f"PyJWT {jwt.__version__}: {algorithm} accepted, {len(wrong) + 3} wrong ones refused")
