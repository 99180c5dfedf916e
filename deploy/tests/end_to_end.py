"""`make deploy` and `make destroy` on moto: a new site, another secret, every step at which a run can die, and the states in which a
stack cannot be updated."""

import os
import pathlib
import tempfile

import aws as fake
from aws import ACCOUNT, API, EDGE_REGION, REGION, boto3, stacks
from removal import destroyed, preview_destroyed
from world import EDGE, PROD, SETTINGS, WITH_EDGE, Killed, World, site

import release


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
