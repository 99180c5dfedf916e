"""Files of users, and the command `admin` with a table for each import."""

import itertools
import json
import os
import subprocess
import time

JOINED = "2019-04-05T06:07:08Z"
# Four batches, the last of them not full.
USERS, BLACKLISTED = 110, 3
# What no output may contain, but for the file that is asked for.
PERSONAL = ["ryan", "apeach", "Jo", "example", "137601692442", "kakaocdn"]


def user(number, **members):
    person = {
        "kind": "user", "id": number, "kakao_id": str(1376016924420000000 + number), "username": f"ryan{number}", "first_name": "Jo",
        "last_name": "", "email": f"ryan{number}@example.com", "email_verified": True, "nickname": "apeach",
        "profile_image": "https://k.kakaocdn.net/a.jpg", "date_joined": JOINED, "last_login": None, "groups": [],
    }
    return person | members


def blacklisted(jti):
    return {"kind": "blacklisted", "jti": jti, "expires_at": "2099-01-01T00:00:00Z"}


def export(*lines, highest=None, **counts):
    """The text of a file. Lines may be texts."""
    ids = [line["id"] for line in lines if isinstance(line, dict) and isinstance(line.get("id"), int)]
    header = {"kind": "export", "format": 1, "exported_at": JOINED, "highest_user_id": highest or max(ids, default=0)}
    revoked = sum(isinstance(line, dict) and line["kind"] == "blacklisted" for line in lines)
    end = {"kind": "end", "users": len(lines) - revoked, "blacklisted": revoked} | counts
    return "".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in (header, *lines, end))


def everybody():
    people = [user(number) for number in range(1, USERS + 1)]
    return export(*people, *[blacklisted(f"jti-{number}") for number in range(BLACKLISTED)])


class Admin:
    """The command, a table for each import, and a file for each."""

    def __init__(self, local, endpoint, folder):
        self.local, self.endpoint, self.folder, self.numbers = local, endpoint, folder, itertools.count(1)
        self.environment = os.environ | {
            "AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "x", "AWS_DEFAULT_REGION": "ap-northeast-2",
            "AWS_ENDPOINT_URL_DYNAMODB": endpoint,
        }

    def table(self):
        name = f"users-{next(self.numbers)}"
        keys = {"pk": "HASH", "sk": "RANGE"}
        self.local.dynamodb.create_table(
            TableName=name, BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
            KeySchema=[{"AttributeName": key, "KeyType": kind} for key, kind in keys.items()],
        )
        return name

    def file(self, text):
        path = f"{self.folder}/{next(self.numbers)}.jsonl"
        with open(path, "wb") as file:
            file.write(text.encode() if isinstance(text, str) else text)
        return path

    def start(self, table, *arguments, **environment):
        named = {"USERS_TABLE": table} if table else {}
        return subprocess.Popen(
            ["target/debug/admin", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env=self.environment | named | environment,
        )

    def run(self, table, *arguments, **environment):
        running = self.start(table, *arguments, **environment)
        said, error = running.communicate()
        for text in PERSONAL if arguments[0] == "import" else []:
            assert text not in said + error, f"the output has {text}: {said} {error}"
        return running.returncode, said, error

    def does(self, table, *arguments, **environment):
        status, said, error = self.run(table, *arguments, **environment)
        assert status == 0 and not error, f"{arguments}: {status} {said} {error}"
        return said.splitlines()

    def later(self):
        """An import takes what was written in the same second for its own, whose response was lost."""
        began = int(time.time())
        while int(time.time()) == began:
            time.sleep(0.05)

    def refuses(self, reason, table, *arguments, **environment):
        status, said, error = self.run(table, *arguments, **environment)
        assert status == 1 and reason in error, f"{arguments}: {status} {said} {error}"
        return said.splitlines()

    def items(self, table):
        """The table, without the times of imports."""
        pages = self.local.dynamodb.get_paginator("scan").paginate(TableName=table, ConsistentRead=True)
        items = [item for page in pages for item in page["Items"]]
        for item in items:
            item.pop("imported_at", None)
            if item["sk"]["S"] == "SIMPLEJWT":
                item.pop("at")
        return sorted(items, key=lambda item: item["pk"]["S"])
