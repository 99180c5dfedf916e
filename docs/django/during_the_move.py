"""Accepts access tokens of kakao-login beside Django's own, so that nobody is refused while a service moves.

Copy this file beside `authentication.py`, set KAKAO_LOGIN_ISSUER, and name both classes in SIMPLE_JWT["AUTH_TOKEN_CLASSES"],
simplejwt's own first. Django issues its own tokens as before. When the last of these has expired, four settings of simplejwt
take the place of this file.
"""

from django.conf import settings
from rest_framework_simplejwt.backends import TokenBackend
from rest_framework_simplejwt.tokens import AccessToken


class KakaoLoginAccessToken(AccessToken):
    _token_backend = TokenBackend(
        "ES256",
        jwk_url=f"{settings.KAKAO_LOGIN_ISSUER}/.well-known/jwks.json",
        issuer=settings.KAKAO_LOGIN_ISSUER,
        audience="api",
    )
