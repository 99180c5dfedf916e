"""An AWS with an account, the settings of a site, and the commands as a test runs them."""

import contextlib
import io
import os
import pathlib
import shutil
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import aws as fake
from aws import Aws, boto3, configured, stacks

import deploy
import destroy
import release
import smoke
from settings import Refused

PROD, EDGE, PREVIEW = "kakao-login", "kakao-login-edge", "kakao-login-pr-12"
SETTINGS = """
[default.global.parameters]
region = "ap-northeast-2"
[prod.global.parameters]
stack_name = "kakao-login"
account = "123456789012"
[prod.deploy.parameters.parameter_overrides]
AllowedOrigins = "https://www.lion.kr"
RedirectUris = "https://www.lion.kr/callback,https://www.lion.kr/admin/callback"
Issuer = "https://www.lion.kr"
KakaoAppId = "7654321"
KakaoRestApiKey = "fedcba9876543210fedcba9876543210"
"""
WITH_EDGE = """
[prod.edge.parameters.parameter_overrides]
Domain = "www.lion.kr"
HostedZoneId = "ZABCDEF"
ContentSecurityPolicy = "default-src 'self'; script-src 'self'"
"""
PREVIEWS = (SETTINGS + WITH_EDGE).replace("[prod.", "[preview.").replace('"kakao-login"', '"kakao-login-{env}"').replace("www.lion.kr", "{env}.lion.kr")
PREVIEWS = PREVIEWS.replace('KakaoAppId', 'Protection = "false"\nKakaoAppId')


class Killed(BaseException):
    """What a run dies of."""


class World:
    """A new AWS with an account, and this folder's settings."""

    def __init__(self, folder, settings):
        self.folder, self.aws, self.patched = folder, None, []
        self.settings(settings)
        self.checked = []

    def settings(self, text):
        (self.folder / "samconfig.toml").write_text(text)

    def patch(self, thing, name, value):
        self.patched.append((thing, name, getattr(thing, name, None)))
        setattr(thing, name, value)

    def __enter__(self):
        boto3.DEFAULT_SESSION = None
        fake.reset()
        self.aws = fake.CURRENT = Aws()
        self.aws.hook(self.patch)
        self.patch(configured, "FOLDER", self.folder)
        self.patch(release, "BUILT", pathlib.Path(os.environ["BUILT"]))
        self.patch(stacks, "PAUSE", 0)
        self.patch(smoke, "check", lambda wanted: self.checked.append(wanted) or 0)
        return self

    def __exit__(self, *_):
        for thing, name, value in reversed(self.patched):
            setattr(thing, name, value)
        if self.aws.broken:
            raise self.aws.broken

    def deploy(self, *words, dies_after=None):
        """What it prints. A number says at which step the run dies."""
        steps, perform = [], deploy.Deployment.perform

        def counted(deployment, view, step, argument):
            perform(deployment, view, step, argument)
            steps.append(step)
            if len(steps) - 1 == dies_after:
                raise Killed

        deploy.Deployment.perform = counted
        try:
            with contextlib.redirect_stdout(io.StringIO()) as said:
                status = deploy.main(words or ["prod"])
        finally:
            deploy.Deployment.perform = perform
        assert status == 0, said.getvalue()
        self.steps = steps
        return said.getvalue()

    def destroy(self, env, typed):
        stdin, sys.stdin = sys.stdin, io.StringIO(typed + "\n")
        try:
            with contextlib.redirect_stdout(io.StringIO()) as said:
                destroy.main([env])
        finally:
            sys.stdin = stdin
        return said.getvalue()

    def refused(self, words, *, what=None):
        try:
            (what or (lambda: self.deploy(*words)))()
        except Refused as refused:
            return str(refused)
        raise AssertionError("it was not refused")

    def regional(self, name=PROD):
        return self.aws.parameters(name)

    def sams(self):
        """The parameters of each sam deploy."""
        runs = [arguments for program, *arguments in self.aws.done if program == "sam"]
        return [dict(word.replace('"', "").split("=", 1) for word in run if '="' in word) for run in runs]

    def is_complete(self):
        assert self.regional()["OriginSecretHashes"] == stacks.hash_of(self.aws.sent), self.regional()
        assert self.regional()["Protection"] == "true"


def site(folder):
    shutil.rmtree(folder / "dist", ignore_errors=True)
    for name in ["index.html", "assets/app-1a2b3c4d.js", "robots.txt", ".well-known/apple-app-site-association", ".DS_Store"]:
        path = folder / "dist" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return str(folder / "dist")
