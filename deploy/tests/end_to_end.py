"""`make deploy` and `make destroy` on moto: a new site, another secret, every step at which a run can die, and the states in which a
stack cannot be updated."""

import contextlib
import io
import os
import pathlib
import shutil
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import aws as fake
from aws import ACCOUNT, API, EDGE_REGION, REGION, Aws, ThreadedMotoServer, boto3, configured, stacks

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


def new_site(world):
    said = world.deploy("prod", "--site", site(world.folder), "--arch", "arm64")
    assert world.steps == ["make", "regional", "edge", "regional"], world.steps
    done = world.aws.done
    assert [one[0] for one in done] == ["make", "sam", "edge", "sam", "cargo"], done
    assert done[0] == ("make", "--no-print-directory", "build", "ARCH=arm64"), done[0]
    expected = "deploy --template-file {} --stack-name kakao-login --region ap-northeast-2 --capabilities CAPABILITY_IAM --resolve-s3 --no-confirm-changeset --no-fail-on-empty-changeset --parameter-overrides"
    assert " ".join(done[1][1:14]) == expected.format(release.BUILT / "template.yaml"), done[1][:14]
    assert done[-1] == ("cargo", "run", "-q", "-p", "admin", "--", "doctor", PROD, "--api-url", "https://www.lion.kr"), done[-1]
    first, second = world.sams()
    assert (first["Protection"], second["Protection"]) == ("false", "true"), "a first deployment that fails can be undone"
    assert first["OriginSecretHashes"] == second["OriginSecretHashes"] == stacks.hash_of(world.aws.sent), "it is locked from its first second"
    assert first["Release"] == second["Release"] and first["Architecture"] == "arm64"
    assert first["RedirectUris"] == "https://www.lion.kr/callback,https://www.lion.kr/admin/callback"
    assert len(world.aws.sent) == 43 and world.aws.sent not in said + str(done), "the secret is told"
    edge = world.aws.parameters(EDGE, world.aws.edge)
    assert edge["ContentSecurityPolicy"] == "default-src 'self'; script-src 'self'", edge
    (wanted,) = world.checked
    assert (wanted.url, wanted.api, wanted.issuer, wanted.drop_in) == ("https://www.lion.kr", API, "https://www.lion.kr", "/dj-rest-auth"), wanted
    s3 = boto3.client("s3", region_name=EDGE_REGION)
    (bucket,) = [one["Name"] for one in s3.list_buckets()["Buckets"]]
    found = {one["Key"]: s3.head_object(Bucket=bucket, Key=one["Key"]) for one in s3.list_objects_v2(Bucket=bucket)["Contents"]}
    immutable, asked_for = "public, max-age=31536000, immutable", "no-cache"
    assert {name: (one["ContentType"], one["CacheControl"]) for name, one in found.items()} == {
        "index.html": ("text/html; charset=utf-8", asked_for),
        "assets/app-1a2b3c4d.js": ("text/javascript; charset=utf-8", immutable),
        "robots.txt": ("text/plain; charset=utf-8", asked_for),
        ".well-known/apple-app-site-association": ("application/json", asked_for),
    }, found
    for left in ["Doctor has findings", "KakaoAdminKeyHashes", "https://www.lion.kr/webhooks/kakao/unlink"]:
        assert (left in said) == (left != "Doctor has findings"), f"{left}: {said}"

    # Again, with nothing to do; then with another parameter; then with another secret.
    secret = world.aws.sent
    world.deploy("prod", "--arch", "arm64")
    assert world.steps == ["regional", "edge"] and world.sams()[-1] == second and world.aws.sent == secret, world.steps
    world.settings(SETTINGS.replace("KakaoAppId", 'AccessTtl = "600"\nKakaoAppId') + WITH_EDGE)
    world.deploy("prod", "--arch", "arm64")
    assert world.sams()[-1]["AccessTtl"] == "600" and world.sams()[-1]["Release"] != second["Release"], "users keep the old settings"
    world.deploy("prod", "--arch", "arm64", "--rotate-origin")
    assert world.steps == ["make", "regional", "edge", "regional"] and world.aws.sent != secret
    old, new = stacks.hash_of(secret), stacks.hash_of(world.aws.sent)
    assert [one["OriginSecretHashes"] for one in world.sams()[-2:]] == [f"{old},{new}", new], world.sams()[-2:]
    assert {one["Protection"] for one in world.sams()[-2:]} == {"true"}
    world.is_complete()


def every_death(folder):
    """A run dies after any step, of a new site and of a new secret, and the next one ends as it should."""
    for rotates in ([], ["--rotate-origin"]):
        for step in range(4):
            with World(folder, SETTINGS + WITH_EDGE) as world:
                if rotates:
                    world.deploy("prod")
                try:
                    world.deploy("prod", *rotates, dies_after=step)
                    raise AssertionError(f"{rotates} {step}: it does not die")
                except Killed:
                    pass
                world.deploy("prod", *(rotates if step == 1 else []))
                world.is_complete()


def sam_fails(world):
    world.aws.fails = {"sam"}
    assert "run the same command again" in world.refused(["prod"])
    assert world.aws.sent is None
    # It has lost the connection, and CloudFormation goes on.
    world.aws.fails = {"sam after all"}
    world.refused(["prod"])
    world.aws.fails = set()
    world.deploy("prod")
    world.is_complete()


def states(world):
    world.deploy("prod")
    # Nothing of it is left, or nothing was created.
    for status in ("ROLLBACK_COMPLETE", "REVIEW_IN_PROGRESS"):
        world.aws.set_status(REGION, PROD, status)
        world.deploy("prod")
        assert world.steps[0] == "delete regional", world.steps
        world.is_complete()
    world.aws.set_status(EDGE_REGION, EDGE, "ROLLBACK_COMPLETE")
    world.aws.sent = None
    world.deploy("prod")
    assert world.steps[:2] == ["delete edge", "make"], world.steps
    world.is_complete()
    world.aws.set_status(REGION, PROD, "UPDATE_ROLLBACK_FAILED")
    world.deploy("prod")
    assert ("continue", PROD) in world.aws.done
    world.aws.set_status(REGION, PROD, "UPDATE_ROLLBACK_FAILED")
    world.aws.status_after["continue"] = "UPDATE_ROLLBACK_FAILED"
    assert "cannot be rolled back" in world.refused(["prod"])
    world.aws.set_status(REGION, PROD, "UPDATE_IN_PROGRESS")
    looks = []
    look = stacks.Stack.look

    def later(stack):
        looks.append(stack.name)
        if len(looks) == 12:
            world.aws.set_status(REGION, PROD, "UPDATE_COMPLETE")
        return look(stack)

    world.patch(stacks.Stack, "look", later)
    world.deploy("prod")
    assert world.steps == ["wait", "regional", "edge"], world.steps
    for status in ("DELETE_FAILED", "ROLLBACK_FAILED"):
        world.aws.set_status(REGION, PROD, status)
        sams = len(world.sams())
        assert f"is in {status}" in world.refused(["prod"]) and len(world.sams()) == sams


def refusals(world):
    world.settings((SETTINGS + WITH_EDGE).replace(ACCOUNT, "210987654321"))
    assert "credentials of the account 123456789012, and prod belongs to 210987654321" in world.refused(["prod"])
    assert world.aws.done == []
    # What was deployed by hand is not reset, and a table not forgotten.
    world.settings(SETTINGS.replace("KakaoAppId", 'SessionMaxTtl = "604800"\nExistingTable = "restored"\nKakaoAppId'))
    world.deploy("prod")
    assert world.steps == ["regional", "regional"] and world.checked[-1].api is None and world.checked[-1].url == API
    world.settings(SETTINGS)
    said = world.refused(["prod"])
    assert 'SessionMaxTtl = "604800"' in said and 'ExistingTable = "restored"' in said and "AccessTtl" not in said, said
    forgets = SETTINGS.replace("KakaoAppId", 'SessionMaxTtl = "2592000"\nExistingTable = ""\nKakaoAppId')
    world.settings(forgets)
    assert "uses the table restored" in world.refused(["prod"])
    os.environ["FORGET_TABLE"] = "1"
    try:
        world.deploy("prod")
    finally:
        del os.environ["FORGET_TABLE"]
    assert world.regional()["ExistingTable"] == ""
    assert "has none" in world.refused(["prod", "--rotate-origin"])
    assert "has none" in world.refused(["prod", "--site", "dist"])
    assert "path_prefix = \"/api/auth\"" in world.refused(["prod", "--path-prefix", "/api/auth"])
    # An API that everybody may call stays open until the edge serves.
    world.settings(SETTINGS + WITH_EDGE)
    before = len(world.sams())
    world.deploy("prod")
    assert [one["OriginSecretHashes"] for one in world.sams()[before:]] == ["", stacks.hash_of(world.aws.sent)], world.sams()[before:]
    world.settings(SETTINGS)
    assert f"{EDGE} exists in us-east-1, and the settings have no Domain" in world.refused(["prod"])


def prefix(world):
    world.settings(SETTINGS.replace("account", 'path_prefix = "/api/v1/auth"\naccount') + WITH_EDGE)
    world.deploy("prod", "--path-prefix", "/api/v1/auth")
    assert world.aws.done[0][-1] == "PATH_PREFIX=/api/v1/auth", world.aws.done[0]
    assert world.aws.parameters(EDGE, world.aws.edge)["DropInPrefix"] == world.checked[-1].drop_in == "/api/v1/auth"


def tables():
    return boto3.client("dynamodb").list_tables()["TableNames"]


def leftovers():
    return tables(), len(boto3.client("s3").list_buckets()["Buckets"])


def destroyed(world):
    world.deploy("prod", "--site", site(world.folder))
    names = tables()
    assert len(names) == 2, names
    said = world.refused([], what=lambda: world.destroy("prod", "prod"))
    assert "Nothing was deleted" in said and world.regional()
    said = world.destroy("prod", PROD)
    users = next(name for name in names if "Keys" not in name)
    assert f'ExistingTable = "{users}"' in said and all(name in said for name in names), said
    assert world.regional() is None and world.aws.described(world.aws.edge, EDGE) is None
    assert tables() == names and leftovers()[1] == 1, "what was kept is gone"
    assert "there is no stack" in world.refused([], what=lambda: world.destroy("prod", PROD))
    # Its tables can be adopted.
    world.aws.sent = None
    world.settings(SETTINGS.replace("KakaoAppId", f'ExistingTable = "{users}"\nKakaoAppId') + WITH_EDGE)
    world.deploy("prod")
    assert len(tables()) == 3, tables()


def preview_destroyed(folder):
    with World(folder, PREVIEWS) as world:
        world.deploy("pr-12", "--site", site(folder))
        assert world.steps == ["make", "regional", "edge"] and world.regional(PREVIEW)["Protection"] == "false"
        assert world.regional(PREVIEW)["AllowedOrigins"] == "https://pr-12.lion.kr"
        thrown_away = {name for _, _, name in destroy.kept(stacks.Stack(PREVIEW, REGION))}
        total = len(thrown_away) + 1
        assert total >= 5, total
        throw_away, done = destroy.throw_away, []
        # It dies before each thing that it throws away, and is run again.
        for at in range(total):

            def dying(*what, at=at, count=[]):
                count.append(what)
                if len(count) - 1 == at:
                    raise Killed
                throw_away(*what)

            destroy.throw_away = dying
            try:
                world.destroy("pr-12", PREVIEW)
            except Killed:
                done.append(at)
        destroy.throw_away = throw_away
        assert done == list(range(total)), done
        world.destroy("pr-12", PREVIEW)
        # Moto deletes no log groups with a stack; those that AWS would have kept are gone.
        groups = {one["logGroupName"] for one in boto3.client("logs").describe_log_groups()["logGroups"]}
        assert not groups & thrown_away and leftovers() == ([], 0), (groups, leftovers())


def main():
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        os.environ["BUILT"] = str(folder / "built")
        with fake.served(folder):
            for scenario in (new_site, sam_fails, states, refusals, prefix, destroyed):
                with World(folder, SETTINGS + WITH_EDGE) as world:
                    scenario(world)
            every_death(folder)
            preview_destroyed(folder)
    print("passed: deployments end as they should, wherever a run dies, and a preview leaves nothing")


if __name__ == "__main__":
    main()
