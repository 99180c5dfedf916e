"""A Django project with dj-rest-auth, allauth and simplejwt's blacklist, in a folder of its own: bench/django's, with our two scripts as commands."""

import contextlib
import json
import os
import pathlib
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
DJANGO = ROOT / "target/django/bin/django-admin"
SETTINGS = """from settings import *
INSTALLED_APPS += ["moving"]
"""


class Project:
    def __init__(self, folder, settings=""):
        self.folder = pathlib.Path(folder)
        commands = self.folder / "moving/management/commands"
        commands.mkdir(parents=True)
        (self.folder / "moving/__init__.py").write_text("")
        (self.folder / "moved_settings.py").write_text(SETTINGS + settings)
        for name in ("export", "import"):
            (commands / f"{name}_users.py").write_text(self.script(name))
        self.environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": "moved_settings", "PYTHONPATH": f"{self.folder}:{ROOT / 'bench/django'}",
            "KAKAO_URL": "http://127.0.0.1:1", "SQLITE_PATH": str(self.folder / "django.sqlite3"),
        }
        self.run("migrate", "-v", "0")

    @staticmethod
    def script(name):
        return (ROOT / f"admin/django/{name}_users.py").read_text()

    def run(self, *arguments, status=0, stdin=None, **environment):
        """Standard output and standard error of a command, or of a script that a shell reads."""
        with tempfile.TemporaryFile("w+") as file:
            file.write(stdin or "")
            file.seek(0)
            ran = subprocess.run(
                [DJANGO, *arguments], stdin=file, capture_output=True, text=True, check=False, cwd=self.folder, env=self.environment | environment
            )
        assert ran.returncode == status, f"{arguments}: {ran.returncode} {ran.stdout} {ran.stderr}"
        return ran.stdout, ran.stderr

    def python(self, code):
        """What this code prints, as JSON."""
        return json.loads(self.run("shell", "-v", "0", stdin=code)[0] or "null")

    def rows(self):
        """Every row of users, Kakao accounts and addresses."""
        return self.python(ROWS)


ROWS = """
import json
from django.contrib.auth import get_user_model
from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount
users = get_user_model().objects.order_by("pk").values(
    "pk", "username", "first_name", "last_name", "email", "is_active", "date_joined", "last_login", "password")
accounts = SocialAccount.objects.order_by("pk").values("user_id", "provider", "uid", "extra_data")
addresses = EmailAddress.objects.order_by("pk").values("user_id", "email", "verified", "primary")
print(json.dumps([list(users), list(accounts), list(addresses)], default=str))
"""


@contextlib.contextmanager
def project(settings=""):
    with tempfile.TemporaryDirectory() as folder:
        yield Project(folder, settings)
