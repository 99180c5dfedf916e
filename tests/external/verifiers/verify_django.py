"""A Django service with a view that simplejwt protects, of which this is all."""

import os

import django
from django.conf import settings
from django.urls import path
from tokens import right_and_wrong

jwks, token, wrong = right_and_wrong(os.environ)
algorithm, issuer = os.environ["ALGORITHM"], os.environ["ISSUER"]
if algorithm == "HS256":
    keys = {"SIGNING_KEY": os.environ["HS256_KEY"]}
else:
    keys = {"JWK_URL": f"{issuer}/.well-known/jwks.json"}
settings.configure(
    ROOT_URLCONF=__name__,
    SECRET_KEY="not used for tokens",
    ALLOWED_HOSTS=["testserver"],
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "rest_framework"],
    REST_FRAMEWORK={
        "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework_simplejwt.authentication.JWTStatelessUserAuthentication"],
        "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    },
    SIMPLE_JWT={"ALGORITHM": algorithm, "ISSUER": issuer, "AUDIENCE": os.environ["AUDIENCE"], **keys},
)
django.setup()

from django.test import Client  # noqa: E402
from rest_framework.response import Response  # noqa: E402
from rest_framework.views import APIView  # noqa: E402
from rest_framework_simplejwt.backends import TokenBackend  # noqa: E402
from rest_framework_simplejwt.exceptions import TokenBackendError  # noqa: E402


class Orders(APIView):
    def get(self, request):
        return Response({"orders_of": request.user.id})


urlpatterns = [path("orders/", Orders.as_view())]


def get(token):
    headers = {"authorization": f"Bearer {token}"} if token else {}
    return Client().get("/orders/", headers=headers)


served = get(token)
assert served.status_code == 200, served.content
assert served.json()["orders_of"] == os.environ["USER_ID"], served.content
assert get(None).status_code == 401
for name, bad in wrong.items():
    assert get(bad).status_code == 401, name

expected = {"jwk_url": keys.get("JWK_URL"), "signing_key": keys.get("SIGNING_KEY")}
right = {"issuer": issuer, "audience": os.environ["AUDIENCE"]}
for name, other in {
    "another issuer": {"issuer": issuer + "/"},
    "another audience": {"audience": "other-api"},
    "expired": {"leeway": -3_600},
}.items():
    try:
        TokenBackend(algorithm, **expected, **(right | other)).decode(token)
        raise SystemExit(f"accepted: {name}")
    except TokenBackendError:
        pass
print(f"Django {django.__version__} with simplejwt: {algorithm} served a view, {len(wrong) + 4} wrong ones refused")
