"""`make destroy` on moto: what is kept and can be adopted, and a preview of which nothing stays, wherever a run dies."""

from aws import REGION, boto3, stacks
from world import EDGE, PREVIEW, PREVIEWS, PROD, SETTINGS, WITH_EDGE, Killed, World, site

import destroy


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
