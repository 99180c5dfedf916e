"""`admin import` and `admin export-users`: into tables of this machine's DynamoDB, and into a stack on the AWS at MOTO_URL."""

import contextlib
import itertools
import json
import os
import pty
import subprocess
import tempfile
import time

import faults
from import_command import BLACKLISTED, USERS, Admin, blacklisted, everybody, export, user
from local_stack import client, started

MOTO = os.environ["MOTO_URL"]
MANY = 20_000


def imports(admin):
    """A dry run writes nothing, an import writes everybody, and a second one nobody."""
    table, file = admin.table(), admin.file(everybody())
    counts = f"{BLACKLISTED} blacklisted tokens revoked"
    said = admin.does(table, "import", "x", file)
    assert said == [f"{BLACKLISTED} blacklisted tokens to be revoked", f"{USERS} to be created", "Nothing was written. Run it again with --apply."], said
    assert admin.items(table) == [], "a dry run has written"
    said = admin.does(table, "import", "x", file, "--apply")
    assert said == [counts, f"{USERS} created"], said
    whole = admin.items(table)
    assert len(whole) == 3 * USERS + BLACKLISTED + 1, len(whole)
    profile = next(item for item in whole if item["pk"]["S"] == "USER#17")
    expected = {
        "pk": "USER#17", "sk": "PROFILE", "kakao_id": "1376016924420000017", "username": "ryan17", "first_name": "Jo",
        "email": "ryan17@example.com", "nickname": "apeach", "profile_image": "https://k.kakaocdn.net/a.jpg",
    }
    assert {name: value["S"] for name, value in profile.items() if "S" in value} == expected, profile
    numbers = {name: value["N"] for name, value in profile.items() if "N" in value}
    assert numbers == {"created_at": "1554444428", "logins": "0", "revision": "1"}, numbers
    admin.later()
    for arguments in (["--apply"], []):
        said = admin.does(table, "import", "x", file, *arguments)
        assert said[1] == f"{USERS} imported before", said
        assert admin.items(table) == whole, "a second import has written"
    return whole


def every_step_fails(admin, proxy, whole):
    """The network, DynamoDB or the process fails at each request of an import, which is run again until it is through."""
    file = admin.file(everybody())
    through_proxy = {"AWS_ENDPOINT_URL_DYNAMODB": proxy.url}
    admin.does(admin.table(), "import", "x", file, "--apply", **through_proxy)
    steps = proxy.count
    assert steps >= 2 + 4 + BLACKLISTED, steps
    ended = dict.fromkeys([faults.CUT, faults.LOST, faults.DENIED, faults.THROTTLED, "killed"], 0)
    for fault, step in itertools.product(ended, range(1, steps + 1)):
        table = admin.table()
        if fault == "killed":
            with contextlib.ExitStack() as stack:
                running = []
                # Killed while its request is on the way: half of the time it is carried out.
                proxy.inject([faults.CUT, faults.LOST][step % 2], step, lambda: running[0].kill())
                running.append(stack.enter_context(admin.start(table, "import", "x", file, "--apply", **through_proxy)))
                running[0].communicate()
            ended[fault] += running[0].returncode == -9
        else:
            proxy.inject(fault, step)
            status, said, error = admin.run(table, "import", "x", file, "--apply", **through_proxy)
            assert status == 0 or "Run the command again" in error, f"{fault} at {step}: {status} {said} {error}"
            ended[fault] += status != 0
        proxy.inject(None, None)
        kinds = [item["sk"]["S"] for item in admin.items(table)]
        assert kinds.count("SIMPLEJWT") == BLACKLISTED or "PROFILE" not in kinds, f"{fault} at {step}: a user before a revoked token"
        assert kinds.count("PROFILE") == kinds.count("IDENTITY") == kinds.count("IMPORTED"), f"{fault} at {step}: half of a user"
        for _ in range(2):
            admin.does(table, "import", "x", file, "--apply", **through_proxy)
        assert admin.items(table) == whole, f"{fault} at {step}: the table is another one"
    # Short faults are borne, and the others end the command.
    expected = {faults.CUT: 0, faults.LOST: 0, faults.DENIED: steps, faults.THROTTLED: 0, "killed": steps}
    assert ended == expected, f"{ended} of {steps}"


def incomplete_files(admin):
    """A file that was cut anywhere is refused before the table is asked for."""
    text = everybody().encode()
    nowhere = {"AWS_ENDPOINT_URL_DYNAMODB": "http://127.0.0.1:1"}
    ends = [0, 1, 40, len(text) // 2, len(text) - 2] + [at + 1 for at, byte in enumerate(text) if byte == 10][:-1:40]
    for end in ends:
        status, said, error = admin.run("none", "import", "x", admin.file(text[:end]), "--apply", **nowhere)
        assert (status, said) == (1, "") and error.startswith("error: the "), f"{end}: {status} {said} {error}"
    lines = everybody().splitlines(keepends=True)
    without = "".join(lines[:50] + lines[51:])
    admin.refuses("has 112 lines between the first and the last, and the last says 113", "none", "import", "x", admin.file(without), **nowhere)
    chatty = "12 objects imported automatically\n\n" + everybody()
    admin.refuses("the first line is not that of an export", "none", "import", "x", admin.file(chatty), **nowhere)
    admin.refuses("cannot be read", "none", "import", "x", f"{admin.folder}/none", **nowhere)


def bad_lines(admin):
    """Bad lines are named by number and skipped; the others are imported."""
    table = admin.table()
    lines = [
        user(1), '{"kind":"user","id":2,', user(3, id="3"), user(4, kakao_id="x"), user(5, date_joined="yesterday"), user(6),
        user(7), user(7, kakao_id="70"), user(8), user(9, kakao_id=user(8)["kakao_id"]), user(10), user(99), blacklisted("j" * 256),
    ]
    file = admin.file(export(*lines, highest=10))
    bad = [
        "line 3: bad line: it is not a JSON object", "line 4: bad line: id", "line 5: bad line: kakao_id", "line 6: bad line: date_joined",
        "line 8: bad line: another line has the same id", "line 9: bad line: another line has the same id",
        "line 10: bad line: another line has the same kakao_id", "line 11: bad line: another line has the same kakao_id",
        "line 13: bad line: id", "line 14: bad line: jti",
    ]
    for arguments, done in (([], "3 to be created"), (["--apply"], "3 created")):
        said = admin.refuses("10 lines were not imported", table, "import", "x", file, *arguments)
        assert said[:12] == [*bad, done, "10 bad lines"] or said[:12] == [*bad, "10 bad lines", done], said
    assert [item["pk"]["S"] for item in admin.items(table) if item["sk"]["S"] == "PROFILE"] == ["USER#1", "USER#10", "USER#6"]


def what_does_not_move(admin):
    table, file = admin.table(), admin.file(export(user(1, email_verified=False), user(2, groups=["staff"])))
    said = admin.does(table, "import", "x", file, "--apply")
    assert said[1:] == ["1 with an email that is not verified, and does not move", "1 with groups, which do not move"], said
    assert [item["pk"]["S"] for item in admin.items(table) if "email" in item] == ["USER#2"], "an email that nobody has verified"


def life(local, admin):
    """Imported people log in as who they were. What happened here since is reported, and stays."""
    table = local.table
    names = ["ryan", "choonsik", "muzi", "frodo", "con"]
    made = {name: local.control("users", {"nickname": name}) for name in names}
    kakao = {name: str(person["id"]) for name, person in made.items()}
    people = {name: person["name"] for name, person in made.items()}
    before, _ = local.enter(people["frodo"])
    assert before == 1
    lines = [user(1)] + [user(number, kakao_id=kakao[name], email="") for number, name in enumerate(names[:4], 2)]
    file = admin.file(export(*lines, highest=9))
    taken = "line 2 (id 1): not imported: the number is not reserved, so a new user may get it"
    known = "not imported: the person has logged in here before, and is user"
    said = admin.refuses("2 lines were not imported", table, "import", "x", file, "--apply")
    assert said == [taken, f"line 6 (id 5): {known} 1", "3 created", "2 not imported"], said

    assert [local.enter(people[name])[0] for name in names[:3]] == [2, 3, 4]
    assert local.enter(people["con"])[0] == 10, "a new user gets the number after the imported ones"
    admin.later()
    # One leaves, and everything that is left of her for some time is gone.
    local.leave(local.enter(people["choonsik"])[1])
    local.finish("deletion")
    for item in local.items():
        if item["pk"]["S"] in (f"KAKAO#{kakao['choonsik']}", "USER#3"):
            local.dynamodb.delete_item(TableName=table, Key={name: item[name] for name in ("pk", "sk")})
    lines[1]["first_name"] = "Mo"
    lines[3:] = [user(5, kakao_id=kakao["muzi"]), user(4, kakao_id="5"), user(10), user(11)]
    later = admin.file(export(*lines, highest=11))
    expected = [
        taken,
        "line 3 (id 2): imported before: what is stored here is newer and stays: first_name, email",
        "line 4 (id 3): deleted here: deleted here or unlinked at Kakao, so not imported again",
        f"line 5 (id 5): {known} 4",
        "line 6 (id 4): not imported: the number is another user's here",
        "line 7 (id 10): not imported: the number is not reserved, so a new user may get it",
        "line 8 (id 11): not imported: the number is not reserved, so a new user may get it",
        "1 deleted here", "1 imported before", "5 not imported",
    ]
    kinds = ("PROFILE", "IDENTITY", "IMPORTED", "USERS")
    users = [item for item in local.items() if item["sk"]["S"] in kinds]
    for arguments in ([], ["--apply"]):
        said = admin.refuses("5 lines were not imported", table, "import", "x", later, *arguments)
        assert said[: len(expected)] == expected, said
    assert [item for item in local.items() if item["sk"]["S"] in kinds] == users, "an import that reports only has written"

    status, said, error = admin.run(table, "export-users", "x")
    assert status == 0 and error.startswith("4 users\n1 deleted\n"), error
    exported = [json.loads(line) for line in said.splitlines()]
    assert exported[0] | {"exported_at": ""} == {"kind": "export", "format": 1, "exported_at": "", "highest_user_id": 10}, exported[0]
    assert {line["id"] for line in exported if line["kind"] == "user"} == {1, 2, 4, 10}, said
    assert exported[-2:] == [{"kind": "deleted", "id": 3}, {"kind": "end", "users": 4, "blacklisted": 0, "deleted": 1}], said
    # The file is one that `import` takes elsewhere.
    said = admin.does(admin.table(), "import", "x", admin.file(said), "--apply")
    assert said == ["4 created", "1 deleted where the file is from"] or said == ["1 deleted where the file is from", "4 created"], said


def a_terminal_has_a_bar(admin):
    table, file = admin.table(), admin.file(everybody())
    terminal, other_end = pty.openpty()
    with subprocess.Popen(
        ["target/debug/admin", "import", "x", file], stdout=subprocess.PIPE, stderr=other_end, env=admin.environment | {"USERS_TABLE": table},
    ) as running:
        said = running.stdout.read().decode()
    os.close(other_end)
    shown = os.read(terminal, 10_000).decode()
    os.close(terminal)
    assert f"]  97 % {USERS} of {USERS + BLACKLISTED}" in shown, shown
    assert "\r" not in said, said


def through_cloudformation(admin):
    """The stack's name is enough where there is CloudFormation, and moto's table is as good."""
    cloudformation = client("cloudformation", MOTO)
    table = {"Type": "AWS::DynamoDB::Table", "Properties": {
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": key, "AttributeType": "S"} for key in ("pk", "sk")],
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
    }}
    template = {"Resources": {"Table": table}, "Outputs": {"TableName": {"Value": {"Ref": "Table"}}}}
    cloudformation.create_stack(StackName="moved", TemplateBody=json.dumps(template))
    on_moto = {"AWS_ENDPOINT_URL": MOTO, "AWS_ENDPOINT_URL_DYNAMODB": MOTO}
    file = admin.file(everybody())
    for word in ("created", "imported before"):
        admin.later()
        said = admin.does(None, "import", "moved", file, "--apply", **on_moto)
        assert said[1] == f"{USERS} {word}", said
    admin.refuses("The stack cannot be described", None, "import", "none", file, **on_moto)


def credentials(admin):
    """Without credentials in the environment, the second version of the AWS command line is asked, and again when they have expired."""
    table, file = admin.table(), admin.file(everybody())
    environment = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_CONFIG_FILE": "/none", "AWS_SHARED_CREDENTIALS_FILE": "/none"}
    admin.refuses("set AWS_ACCESS_KEY_ID", table, "import", "x", file, **environment)
    # Of the first version there is no way to ask, and the second is not a Python package.
    expired = {"Version": 1, "AccessKeyId": "local", "SecretAccessKey": "x", "SessionToken": "x", "Expiration": "2026-01-01T00:00:00+00:00"}
    with open(f"{admin.folder}/aws", "w") as script:
        script.write(f"""#!/bin/sh
[ "$*" = "configure export-credentials --format process --output json" ] || exit 1
echo asked >> {admin.folder}/asked
echo '{json.dumps(expired)}'
""")
    os.chmod(script.name, 0o755)
    environment["PATH"] = f"{admin.folder}:{os.environ['PATH']}"
    said = admin.does(table, "import", "x", file, "--apply", **environment)
    assert said[1] == f"{USERS} created", said
    with open(f"{admin.folder}/asked") as asked:
        assert len(asked.readlines()) > 1, "expired credentials are used"


def speed(admin):
    """How many users a second, which depends on the machine and on what else it does."""
    table, file = admin.table(), admin.file(export(*[user(number) for number in range(1, MANY + 1)]))
    began = time.monotonic()
    said = admin.does(table, "import", "x", file, "--apply")
    assert said == [f"{MANY} created"], said
    print(f"{MANY / (time.monotonic() - began):,.0f} users a second into the table of this machine")


if __name__ == "__main__":
    with started(USER_IDS="numbers") as local, faults.proxy(local.url["DYNAMODB_PORT"]) as proxy, tempfile.TemporaryDirectory() as folder:
        admin = Admin(local, local.url["DYNAMODB_PORT"], folder)
        whole = imports(admin)
        incomplete_files(admin)
        bad_lines(admin)
        what_does_not_move(admin)
        a_terminal_has_a_bar(admin)
        through_cloudformation(admin)
        credentials(admin)
        life(local, admin)
        every_step_fails(admin, proxy, whole)
        speed(admin)
    print("passed: users are imported, whatever fails on the way")
