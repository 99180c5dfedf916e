"""From a real Django to a stack of this machine and back: `admin export-django`, `import`, `export-users` and `import-django`."""

import datetime
import json
import os
import subprocess
import tempfile

from django_project import project
from local_stack import started

HERE = ["ryan", "choonsik", "muzi"]
# Users 1 to 3 are people of the Kakao stand-in. All others are special, and 10 was deleted: only the sequence knows it.
FILL = """
import datetime
from django.contrib.auth.models import Group, User
from django.conf import settings
from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount
from rest_framework_simplejwt.token_blacklist.models import OutstandingToken
from rest_framework_simplejwt.tokens import RefreshToken

def person(uid, nickname=None, **members):
    user = User(first_name="Jo", last_name="Kim", **members)
    user.set_unusable_password()
    user.save()
    profile = {"nickname": nickname, "profile_image_url": "https://k.kakaocdn.net/a.jpg"}
    if uid:
        SocialAccount.objects.create(user=user, provider="kakao", uid=uid, extra_data={"kakao_account": {"profile": profile}})
    return user

for at, uid in enumerate(UIDS):
    person(uid, "N%d" % at, username="name%d" % at, email="name%d@example.com" % at)
EmailAddress.objects.create(user_id=1, email="name0@example.com", verified=True, primary=True)
EmailAddress.objects.create(user_id=2, email="name1@example.com", verified=False, primary=True)
User.objects.get(pk=1).groups.add(Group.objects.create(name="staff"))
person(None, username="without")
person("501", username="inactive", is_active=False)
several = person("502", username="several")
SocialAccount.objects.create(user=several, provider="kakao", uid="503")
both = person("504", username="both", password="x")
SocialAccount.objects.create(user=both, provider="google", uid="504")
both.set_password("x")
both.save()
person("05", username="odd")
person(None, username="late")
person("506", username="gone").delete()
revoked = RefreshToken.for_user(User.objects.get(pk=1))
revoked.blacklist()
expired = RefreshToken.for_user(User.objects.get(pk=1))
expired.blacklist()
for token, minutes in [(revoked, 1), (expired, -1)]:
    end = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=minutes)
    end = end if settings.USE_TZ else end.replace(tzinfo=None)
    OutstandingToken.objects.filter(jti=token["jti"]).update(expires_at=end)
print(json.dumps([revoked["jti"], max(User.objects.values_list("pk", flat=True))]))
"""
NEXT = "import json, uuid\nfrom django.contrib.auth.models import User\nprint(json.dumps(User.objects.create(username=uuid.uuid4().hex).pk))"

UP_TO = "If you use authentication.py, set KAKAO_LOGIN_IMPORTED_UP_TO to 12."


def admin(local, *arguments, status=0):
    environment = {
        "AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "x", "AWS_DEFAULT_REGION": "ap-northeast-2",
        "AWS_ENDPOINT_URL_DYNAMODB": local.url["DYNAMODB_PORT"], "USERS_TABLE": local.table,
    }
    ran = subprocess.run(["target/debug/admin", *arguments], capture_output=True, text=True, check=False, env=os.environ | environment)
    assert ran.returncode == status, f"{arguments}: {ran.returncode} {ran.stdout} {ran.stderr}"
    return ran.stdout


def script(name):
    return subprocess.run(["target/debug/admin", name], capture_output=True, text=True, check=True).stdout


def export(django, uids):
    """The file of either way to run the script, and its report."""
    jti, highest = django.python(f"import json\nUIDS = {uids}\n{FILL}")
    assert highest == 9, highest
    said, report = django.run("shell", "-v", "0", stdin=script("export-django"))
    for text in ("name0", "Jo", "example.com", *uids, "501"):
        assert text not in report, f"the report has {text}: {report}"
    expected = [
        "user 4: not exported: has no Kakao account",
        "user 5: not exported: is not active",
        "user 6: not exported: has several Kakao accounts",
        "user 7: exported: logs in by google too, which does not move",
        "user 8: not exported: has a Kakao account whose uid is not a number of Kakao's",
        "user 9: not exported: has no Kakao account",
        "4 exported",
        "1 exported: has a password, which does not move",
        "1 exported: logs in by another provider too, which does not move",
        "1 not exported: has a Kakao account whose uid is not a number of Kakao's",
        "2 not exported: has no Kakao account",
        "1 not exported: has several Kakao accounts",
        "1 not exported: is not active",
        "1 blacklisted refresh tokens",
        "10 is the highest id that Django has given",
    ]
    assert report.splitlines() == expected, report
    lines = [json.loads(line) for line in said.splitlines()]
    assert lines[0] | {"exported_at": ""} == {"kind": "export", "format": 1, "exported_at": "", "highest_user_id": 10}, lines[0]
    assert lines[1] | {"date_joined": ""} == {
        "kind": "user", "id": 1, "kakao_id": uids[0], "username": "name0", "first_name": "Jo", "last_name": "Kim",
        "email": "name0@example.com", "email_verified": True, "nickname": "N0", "profile_image": "https://k.kakaocdn.net/a.jpg",
        "date_joined": "", "last_login": None, "groups": ["staff"],
    }, lines[1]
    assert [line.get("id") for line in lines[1:5]] == [1, 2, 3, 7] and not lines[2]["email_verified"], lines
    assert lines[5]["jti"] == jti and lines[6] == {"kind": "end", "users": 4, "blacklisted": 1}, lines[5:]
    again, same = django.run("export_users")
    assert same == report and again.splitlines()[1:] == said.splitlines()[1:], "the command of an app exports something else"
    return said


def write(folder, lines):
    """A file of these lines, with their count in the last."""
    count = lambda kind: sum(json.loads(line)["kind"] == kind for line in lines[1:-1] if line.startswith("{") and line.endswith("}"))
    lines[-1] = json.dumps({"kind": "end", "users": len(lines) - 2 - count("deleted"), "deleted": count("deleted")})
    path = f"{folder}/{len(os.listdir(folder))}.jsonl"
    with open(path, "w") as file:
        file.write("".join(line + "\n" for line in lines))
    return path


def there(folder, django):
    """Moves users here, and lets some time pass. Returns what is exported from here, and the text id of one who joined."""
    data = {"DATA": f"{folder}/data"}
    with started(**data) as local:
        made = {name: local.control("users", {"nickname": name}) for name in [*HERE, "neo"]}
        file = f"{folder}/users.jsonl"
        with open(file, "w") as to:
            to.write(export(django, [str(made[name]["id"]) for name in HERE]))
        said = admin(local, "import", "x", file, "--apply")
        assert "4 created" in said, said
        pks = [local.enter(made[name]["name"])[0] for name in [*HERE, "neo"]]
        assert pks[:3] == [1, 2, 3] and len(pks[3]) == 22, pks
        local.leave(local.enter(made["choonsik"]["name"])[1])
        local.finish("deletion")
    # Its Kakao has forgotten everybody.
    with started(USER_IDS="numbers", **data) as local:
        new = [local.enter(local.control("users", {"id": 7_000_000 + number, "nickname": name})["name"])[0] for number, name in enumerate(["jay g", "tube"])]
        assert new == [11, 12], new
        return admin(local, "export-users", "x"), pks[3]


def notes_and_counts(report):
    """What is said of ids, and the rest of a report. Lines of the table come in any order."""
    said = [line.split(": ", 1) for line in report.splitlines() if ": " in line]
    notes = {where.partition("(")[2].rstrip(")") or where: what for where, what in said}
    return notes, [line for line in report.splitlines() if ": " not in line]


def back(folder, django, exported, text_id):
    """The way back: the same ids, nothing overwritten, nothing twice."""
    file = write(folder, exported.splitlines())
    before = django.rows()
    said, report = django.run("import_users", file)
    assert said == "" and django.rows() == before, "without --apply, Django's users are others"
    notes, counts = notes_and_counts(report)
    # Kakao said more at the logins here than Django knew.
    others = {"id 1": "unchanged: Django has another email", "id 3": "unchanged: Django has another email"}
    assert notes == others | {"user 2": "deactivated"}, report
    nothing = "Nothing was written. Run it with --apply, or APPLY=yes."
    assert counts == ["3 created", "1 deactivated", "3 unchanged", nothing], report
    said, report = django.run("shell", "-v", "0", stdin=script("import-django"), USERS_FILE=file, APPLY="yes")
    users, accounts, addresses = django.rows()
    mapping = json.loads(said)
    assert mapping == {"kind": "mapped", "id": text_id, "django_id": 13}, said
    assert [user["pk"] for user in users] == [1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13], users
    unchanged = [user | {"is_active": True} if user["pk"] == 2 else user for user in users[:9]]
    assert unchanged == before[0], "an old user is another one"
    assert [user["pk"] for user in users if not user["is_active"]] == [2, 5]
    assert [user["username"] for user in users[9:]] == ["kakao_11", "tube", "neo"], users[9:]
    assert all(user["password"].startswith("!") for user in users[9:]), "a new user has a password"
    assert 2 not in [account["user_id"] for account in accounts], "who was deleted can log in again"
    assert {account["user_id"] for account in accounts} >= {1, 3, 11, 12, 13}
    notes, counts = notes_and_counts(report)
    assert notes == others | {"user 2": "deactivated", "id 11": "created: created with another username"}, report
    assert counts == ["3 created", "1 deactivated", "3 unchanged", "Done.", UP_TO], report

    # A second run changes nothing, and the next user of Django gets a number that nobody has.
    said, report = django.run("import_users", file, "--apply")
    assert json.loads(said) == mapping and django.rows() == [users, accounts, addresses], "a second run has changed something"
    assert notes_and_counts(report)[1] == ["1 deactivated before", "6 unchanged", "Done.", UP_TO], report
    assert django.python(NEXT) == 14
    # A user who joins now gets the number after that.
    lines = exported.splitlines()
    header = json.loads(lines[0])
    lines[0] = json.dumps(header | {"highest_user_id": 40})
    django.run("import_users", write(folder, lines), "--apply")
    assert django.python(NEXT) == 41


def decisions(folder, django, exported):
    """What is for a person to decide is reported by line and id, and neither written nor guessed."""
    # The row that the authentication class made, one that only looks like it, and a stranger.
    django.python("""
from django.contrib.auth.models import User
from allauth.account.models import EmailAddress
for pk, name, password in [(20, "kakao_20", None), (21, "kakao_21", "x"), (22, "kakao_22", None), (23, "other", None)]:
    user = User(pk=pk, username=name)
    user.set_password(password)
    user.save()
EmailAddress.objects.create(user_id=22, email="s@example.com", verified=True, primary=True)
""")
    header, first = exported.splitlines()[0], json.loads(exported.splitlines()[1])
    header = json.dumps(json.loads(header) | {"highest_user_id": 40})

    def user(number, **members):
        return json.dumps(first | {"id": number, "kakao_id": str(600 + number), "username": f"u{number}", "email": ""} | members)

    lines = [
        header, user(20), user(21), user(22), user(23), user(24, kakao_id="504"), user(25, kakao_id="x"), user(26)[:-1], user(99),
        user(27, email="NAME0@example.com", email_verified=True), user(28, date_joined="2020-01-01"), user(29, username="name0"),
        json.dumps({"kind": "deleted", "id": 1}), "",
    ]
    file = write(folder, lines)
    expected = [
        "line 3 (id 21): its number is another user's in Django",
        "line 4 (id 22): its number is another user's in Django",
        "line 5 (id 23): its number is another user's in Django",
        "line 6 (id 24): its Kakao account is another user's in Django",
        "line 7: bad line: kakao_id",
        "line 8: bad line: kind",
        "line 9: bad line: id",
        "line 11: bad line: date_joined",
    ]
    before = django.rows()
    for apply in (False, True):
        _, report = django.run("import_users", file, *["--apply"][:apply], status=1)
        said = report.splitlines()
        assert sorted(line for line in said if line in expected) == sorted(expected), f"{report}\nfor {expected}"
        assert "Nobody is deactivated while Django's users and the file's do not agree." in said, report
        assert "authentication.py" not in report, report
        assert said[-1] == "CommandError: 8 lines need you: see above", report
        assert apply or django.rows() == before
    users, accounts, addresses = django.rows()
    assert next(user for user in users if user["pk"] == 1)["is_active"], "somebody is deactivated by a file of another Django"
    linked = {account["user_id"] for account in accounts} - {account["user_id"] for account in before[1]}
    assert linked == {20, 27, 29}, linked
    assert [(user["username"], user["email"]) for user in users if user["pk"] in (27, 29)] == [("u27", ""), ("kakao_29", "")]
    assert addresses == before[2], "the address of another user is taken over"


def incomplete(folder, django, exported):
    before = django.rows()
    lines = exported.splitlines(keepends=True)
    for text, reason in [
        ("", "the first line"), ("".join(lines[1:]), "the first line"), ("".join(lines[:-1]), "truncated"), (exported[:-3], "truncated"),
        ("".join(lines[:2] + lines[3:]), "lines are between the first and the last"),
    ]:
        path = f"{folder}/incomplete.jsonl"
        with open(path, "w") as file:
            file.write(text)
        _, report = django.run("import_users", path, "--apply", status=1)
        assert reason in report, report
    assert django.rows() == before


def without_time_zones():
    """Django's times are local ones, and simplejwt's are UTC, if USE_TZ is off."""
    with project('USE_TZ = False\nTIME_ZONE = "Asia/Seoul"\n') as django:
        file = django.folder / "users.jsonl"
        file.write_text(export(django, ["601", "602", "603"]))
        lines = [json.loads(line) for line in file.read_text().splitlines()]
        now = datetime.datetime.now(datetime.timezone.utc)
        minutes = datetime.datetime.fromisoformat(lines[5]["expires_at"]) - now
        assert datetime.timedelta() < minutes <= datetime.timedelta(minutes=1), lines[5]
        for moment in [lines[0]["exported_at"], *(line["date_joined"] for line in lines[1:5])]:
            assert now - datetime.timedelta(minutes=5) < datetime.datetime.fromisoformat(moment) <= now, f"{moment}, and now is {now}"
        before = django.rows()
        django.python("from django.contrib.auth.models import User\nUser.objects.get(pk=7).delete()")
        django.run("import_users", str(file), "--apply")
        joined = lambda rows: next(user["date_joined"] for user in rows[0] if user["pk"] == 7)[:19]
        assert joined(django.rows()) == joined(before), "a user joins at another time"


if __name__ == "__main__":
    with project() as django, tempfile.TemporaryDirectory() as folder:
        exported, text_id = there(folder, django)
        back(folder, django, exported, text_id)
        decisions(folder, django, exported)
        incomplete(folder, django, exported)
    without_time_zones()
    print("passed: users move here from Django and back, with their ids")
