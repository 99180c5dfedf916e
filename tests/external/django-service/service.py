"""A Django service with the files of docs/django in an app of its own, and a view that needs a user."""

import os
import pathlib
import shutil
import sys
import tempfile

import django
from django.conf import settings

HERE = pathlib.Path(__file__).resolve().parent
IMPORTED_UP_TO = 100
EVENTS_KEY = "Bearer of-the-connection"
HAS_TEXT_IDS = os.environ.get("USER_IDS") == "random"


def configure(**simple_jwt):
    """Sets Django up. The app `people` is a copy of the files, as a service has one."""
    copy = pathlib.Path(tempfile.mkdtemp())
    shutil.copytree(HERE.parents[2] / "docs/django", copy / "people")
    (copy / "people/__init__.py").touch()
    sys.path[:0] = [str(copy), str(HERE)]
    settings.configure(
        ROOT_URLCONF="urls",
        SECRET_KEY="not used for tokens",
        STATIC_URL="static/",
        ALLOWED_HOSTS=["testserver", "localhost"],
        MIDDLEWARE=["django.middleware.csrf.CsrfViewMiddleware"],
        INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "rest_framework", "people"]
        + (["texts"] if HAS_TEXT_IDS else []),
        AUTH_USER_MODEL="texts.Person" if HAS_TEXT_IDS else "auth.User",
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": copy / "db.sqlite3"}},
        REST_FRAMEWORK={
            "DEFAULT_AUTHENTICATION_CLASSES": ["people.authentication.KakaoLoginAuthentication"],
            "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
        },
        SIMPLE_JWT=simple_jwt,
        KAKAO_LOGIN_IMPORTED_UP_TO=IMPORTED_UP_TO,
        KAKAO_LOGIN_EVENTS_KEY=EVENTS_KEY,
    )
    django.setup()
    django.core.management.call_command("migrate", run_syncdb=True, verbosity=0)
    return copy
