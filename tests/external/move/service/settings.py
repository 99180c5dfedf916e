"""A service with a Kakao login by dj-rest-auth, allauth and simplejwt. `PHASE` is how far its move has come.

`REFRESH_IN_BODY` sends the refresh token in bodies too, for front ends that keep it in localStorage.
"""

import os
from datetime import timedelta

SECRET_KEY = os.environ["SECRET_KEY"]
ALLOWED_HOSTS = ["localhost"]
ROOT_URLCONF = "urls"
KAKAO_URL = os.environ["KAKAO_URL"]
ISSUER = os.environ["ISSUER"]
PHASE = os.environ.get("PHASE")
KAKAO_LOGIN_EVENTS_KEY = os.environ["EVENTS_KEY"]

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "rest_framework",
    "rest_framework_simplejwt",
    "rest_framework_simplejwt.token_blacklist",
    "allauth",
    "allauth.account",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.google",
    "allauth.socialaccount.providers.kakao",
    "dj_rest_auth",
    "dj_rest_auth.registration",
    # A copy of docs/django.
    "kakao_login",
    "shop",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
]
CONTEXT = ["django.template.context_processors.request"]
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "OPTIONS": {"context_processors": CONTEXT}}]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ["SQLITE_PATH"],
        "OPTIONS": {
            "timeout": 20,
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        },
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True

AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
ACCOUNT_EMAIL_VERIFICATION = "none"
SOCIALACCOUNT_PROVIDERS = {"kakao": {"APP": {"client_id": "unused", "secret": "unused"}}}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework_simplejwt.authentication.JWTAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
}
REST_AUTH = {
    "USE_JWT": True,
    "TOKEN_MODEL": None,
    "SESSION_LOGIN": False,
    "JWT_AUTH_REFRESH_COOKIE": "refresh_token",
    "JWT_AUTH_HTTPONLY": not os.environ.get("REFRESH_IN_BODY"),
}
SIMPLE_JWT = {
    "ACCESS_TOKEN_LIFETIME": timedelta(hours=1),
    "REFRESH_TOKEN_LIFETIME": timedelta(days=14),
    "ROTATE_REFRESH_TOKENS": True,
    "BLACKLIST_AFTER_ROTATION": True,
}

# From the hour of the move, tokens of both. Later, four settings for the new ones alone.
if PHASE in ("both", "moved"):
    REST_FRAMEWORK["DEFAULT_AUTHENTICATION_CLASSES"] = ["kakao_login.authentication.KakaoLoginAuthentication"]
    KAKAO_LOGIN_IMPORTED_UP_TO = int(os.environ["IMPORTED_UP_TO"])
if PHASE == "both":
    KAKAO_LOGIN_ISSUER = ISSUER
    SIMPLE_JWT["AUTH_TOKEN_CLASSES"] = [
        "rest_framework_simplejwt.tokens.AccessToken",
        "kakao_login.during_the_move.KakaoLoginAccessToken",
    ]
if PHASE == "moved":
    SIMPLE_JWT |= {
        "ALGORITHM": "ES256",
        "JWK_URL": f"{ISSUER}/.well-known/jwks.json",
        "ISSUER": ISSUER,
        "AUDIENCE": "api",
    }
