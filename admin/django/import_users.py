"""Gives Django the users back that `admin export-users` wrote, with the same ids. Without --apply it only reports.

    USERS_FILE=users.jsonl APPLY=yes python manage.py shell -v 0 < import_users.py > mapping.jsonl

Or copy it to `management/commands/import_users.py` of an app, and run `python manage.py import_users users.jsonl --apply`.
It creates the users that are missing, deactivates those who were deleted, and overwrites nothing. It can be run again.
Users whose ids are texts get new numbers, which standard output lists. The report goes to standard error, and names lines
and ids only.
"""

import json
import os
import re
import sys

from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connections, models, router, transaction
from django.utils import timezone
from django.utils.dateparse import parse_datetime

# What SocialAccount calls Kakao. It is another name if Kakao is set up as an OpenID Connect provider.
PROVIDER = "kakao"
PAGE = 500
HIGHEST = 2**53 - 1
TEXTS = ["username", "first_name", "last_name", "email"]
# What a line becomes. Those of the second list are for a person to decide.
CREATED, LINKED, UNCHANGED = "created", "linked to the row that Django made at the first request", "unchanged"
TAKEN, ELSEWHERE = "its number is another user's in Django", "its Kakao account is another user's in Django"
BAD, REFUSED = "bad line", "Django refuses it"
UNDECIDED = [TAKEN, ELSEWHERE, BAD, REFUSED]


def restore(path, apply, out, err):
    if not path:
        raise CommandError("name the file that `admin export-users` wrote")
    if not apps.is_installed("allauth.socialaccount"):
        raise CommandError("allauth.socialaccount is not installed, so Kakao accounts cannot be stored")
    file = File(path)
    deleted = {entry["id"] for _, entry, why in file.entries() if not why and entry["kind"] == "deleted"}
    # Nothing is written before the whole file was compared.
    report = compare(file, deleted, Report(err, quiet=apply))
    is_its_django = not (report.counts.get(TAKEN) or report.counts.get(ELSEWHERE))
    deleted = deleted if is_its_django else set()
    if apply:
        move_sequence(file.highest)
        report = Report(err)
        deactivate(deleted, report, write=True)
        compare(file, set(), report, write_to=out)
    else:
        deactivate(deleted, report, write=False)
    report.summary(apply)
    if is_its_django and apply:
        # Otherwise it refuses the tokens of users above the first export's highest id, whom this script has created.
        err.write("If you use authentication.py, set KAKAO_LOGIN_IMPORTED_UP_TO to %d.\n" % file.highest)
    if not is_its_django:
        err.write("Nobody is deactivated while Django's users and the file's do not agree.\n")
    undecided = sum(report.counts.get(what, 0) for what in UNDECIDED)
    if undecided:
        raise CommandError("%d lines need you: see above" % undecided)


class File:
    """What `admin export-users` wrote. A truncated file is refused."""

    def __init__(self, path):
        self.path, lines, first, last = path, 0, b"", b""
        with open(path, "rb") as file:
            for lines, last in enumerate(file, 1):
                first = first or last
        header, end = parse(first), parse(last)
        self.highest, self.total = header.get("highest_user_id"), lines - 2
        if header.get("kind") != "export" or header.get("format") != 1 or not is_number(self.highest, 0):
            raise CommandError("the first line is not that of an export of format 1")
        if end.get("kind") != "end":
            raise CommandError("the last line is not the end of an export, so the file is truncated")
        counts = [end.get(name, 0) for name in ("users", "blacklisted", "deleted")]
        if not all(is_number(count, 0) for count in counts) or sum(counts) != self.total:
            raise CommandError("%d lines are between the first and the last, which says %s" % (self.total, counts))

    def entries(self):
        """Number, entry and fault of each line between the first and the last."""
        with open(self.path, "rb") as file:
            for number, text in enumerate(file, 1):
                entry = parse(text)
                kind = entry.get("kind")
                if number in (1, self.total + 2) or kind == "blacklisted":
                    continue
                if kind == "user":
                    yield number, entry, fault(entry, self.highest)
                elif kind == "deleted":
                    yield number, entry, None if is_number(entry.get("id"), 1, self.highest) else "id"
                else:
                    yield number, {}, "kind"


def fault(entry, highest):
    """The member of a user that is not as it should be."""
    if not is_number(entry.get("id"), 1, highest) and not matches("[A-Za-z0-9_-]{22}", entry.get("id")):
        return "id"
    if not matches("[1-9][0-9]{0,18}", entry.get("kakao_id")):
        return "kakao_id"
    for name in TEXTS:
        if not isinstance(entry.get(name), str) or "\0" in entry[name]:
            return name
    if not isinstance(entry.get("email_verified"), bool):
        return "email_verified"
    for name in ("nickname", "profile_image"):
        if not isinstance(entry.get(name), (str, type(None))):
            return name
    if moment(entry.get("date_joined")) is None:
        return "date_joined"
    if entry.get("last_login") is not None and moment(entry["last_login"]) is None:
        return "last_login"
    return None


def compare(file, deleted, report, write_to=None):
    """Finds out what each line becomes, and writes it if there is somewhere to write to."""
    page = []
    for done, (number, entry, why) in enumerate(file.entries(), 1):
        if why:
            report.add(BAD, number, entry, why)
        elif entry["kind"] == "user":
            page.append((number, entry))
        if len(page) == PAGE:
            compare_page(page, deleted, report, write_to)
            page = []
            report.progress(done, file.total)
    compare_page(page, deleted, report, write_to)
    report.progress(file.total, file.total)
    return report


def compare_page(page, deleted, report, write_to):
    found = Found([entry for _, entry in page])
    for number, entry in page:
        what, user = found.standing(entry, deleted)
        notes = []
        if write_to and what in (CREATED, LINKED):
            try:
                with transaction.atomic(using=router.db_for_write(get_user_model())):
                    user, notes = create(entry) if what == CREATED else link(entry, user)
            except DatabaseError as error:
                # Its text may quote the user.
                what, notes = REFUSED, [type(error).__name__]
        if what in (UNCHANGED, LINKED) and user is not None:
            notes += ["Django has another " + name for name in ("first_name", "last_name", "email") if differs(user, entry, name)]
        report.add(what, number, entry, ", ".join(notes))
        if write_to and isinstance(entry["id"], str) and what in (CREATED, UNCHANGED):
            write_to.write(json.dumps({"kind": "mapped", "id": entry["id"], "django_id": user.pk}) + "\n")


class Found:
    """What Django has of a page of the file's users."""

    def __init__(self, page):
        SocialAccount = apps.get_model("socialaccount", "SocialAccount")
        accounts = SocialAccount.objects.filter(provider=PROVIDER, uid__in=[entry["kakao_id"] for entry in page])
        self.owners = dict(accounts.values_list("uid", "user_id"))
        ids = [entry["id"] for entry in page if not isinstance(entry["id"], str)] + list(self.owners.values())
        self.users = get_user_model()._base_manager.in_bulk(set(ids))
        self.has_logins = set(SocialAccount.objects.filter(user_id__in=ids).values_list("user_id", flat=True))
        if apps.is_installed("allauth.account"):
            addresses = apps.get_model("account", "EmailAddress").objects.filter(user_id__in=ids)
            self.has_logins.update(addresses.values_list("user_id", flat=True))

    def standing(self, entry, deleted):
        owner = self.owners.get(entry["kakao_id"])
        if owner is not None and owner not in deleted:
            is_same = isinstance(entry["id"], str) or owner == entry["id"]
            return (UNCHANGED if is_same else ELSEWHERE), self.users.get(owner)
        user = self.users.get(entry["id"])
        if user is None:
            return CREATED, None
        # Nobody but this person can log in as this user: `authentication.py` made the row at the first request.
        is_made_here = user.get_username() == "kakao_%s" % entry["id"] and not user.has_usable_password()
        return (LINKED if is_made_here and user.pk not in self.has_logins else TAKEN), user


def create(entry):
    User = get_user_model()
    known = {field.name: field for field in User._meta.concrete_fields}
    email, notes = free_email(entry)
    name = free_username(entry)
    if name is None:
        name, notes = "kakao_%s" % entry["id"], notes + ["created with another username"]
    values = {
        "first_name": entry["first_name"],
        "last_name": entry["last_name"],
        "email": email,
        "date_joined": moment(entry["date_joined"]),
        "last_login": moment(entry["last_login"]),
        "is_active": True,
        "password": make_password(None),
    }
    values.setdefault(User.USERNAME_FIELD, name)
    values = {name: value for name, value in values.items() if name in known}
    for name in ("first_name", "last_name"):
        if name in values:
            values[name] = values[name][: known[name].max_length]
    user = User(pk=None if isinstance(entry["id"], str) else entry["id"], **values)
    user.save(force_insert=True)
    add_logins(user, entry, email)
    return user, notes


def link(entry, user):
    email, notes = free_email(entry)
    add_logins(user, entry, email)
    return user, notes


def add_logins(user, entry, email):
    profile = {"nickname": entry["nickname"], "profile_image": entry["profile_image"]}
    data = {"id": int(entry["kakao_id"]), "properties": {name: value for name, value in profile.items() if value}}
    apps.get_model("socialaccount", "SocialAccount").objects.create(
        user=user, provider=PROVIDER, uid=entry["kakao_id"], extra_data=data
    )
    if email and apps.is_installed("allauth.account"):
        EmailAddress = apps.get_model("account", "EmailAddress")
        EmailAddress.objects.create(user=user, email=email.lower(), verified=True, primary=True)


def free_username(entry):
    """The name of the person, unless Django's forms would refuse it or another user has it."""
    User = get_user_model()
    name = entry["username"] or entry["nickname"] or ""
    try:
        User._meta.get_field(User.USERNAME_FIELD).clean(name, None)
    except ValidationError:
        return None
    return None if User._base_manager.filter(**{User.USERNAME_FIELD: name}).exists() else name


def free_email(entry):
    """A verified address that no other user has: whoever can read it may be able to log in."""
    User, email = get_user_model(), entry["email"] if entry["email_verified"] else ""
    if not email:
        return "", []
    is_taken = False
    if any(field.name == "email" for field in User._meta.concrete_fields):
        others = User._base_manager.filter(email__iexact=email)
        # The row of this person, if `user_events.py` has put the address there.
        is_taken = (others if isinstance(entry["id"], str) else others.exclude(pk=entry["id"])).exists()
    if not is_taken and apps.is_installed("allauth.account"):
        is_taken = apps.get_model("account", "EmailAddress").objects.filter(email__iexact=email).exists()
    return ("", ["without its email, which another user has in Django"]) if is_taken else (email, [])


def differs(user, entry, name):
    return bool(entry[name]) and hasattr(user, name) and getattr(user, name) != entry[name]


def deactivate(deleted, report, write):
    """Users whom the other side has deleted. Their rows stay, because other rows refer to them."""
    User, SocialAccount = get_user_model(), apps.get_model("socialaccount", "SocialAccount")
    ids = sorted(deleted)
    for start in range(0, len(ids), PAGE):
        page = ids[start : start + PAGE]
        accounts = SocialAccount.objects.filter(user_id__in=page, provider=PROVIDER)
        linked = set(accounts.values_list("user_id", flat=True))
        for user in User._base_manager.filter(pk__in=page).order_by("pk"):
            if not user.is_active and user.pk not in linked:
                report.add("deactivated before")
                continue
            report.add("deactivated", entry={"id": user.pk})
            if write:
                with transaction.atomic(using=router.db_for_write(User)):
                    User._base_manager.filter(pk=user.pk).update(is_active=False)
                    # So that the person can join again, as another user.
                    SocialAccount.objects.filter(user_id=user.pk, provider=PROVIDER).delete()


def move_sequence(highest):
    """Django's next user gets an id that nobody has or had."""
    User = get_user_model()
    connection, table, column = connections[router.db_for_write(User)], User._meta.db_table, User._meta.pk.column
    highest = max(highest, User._base_manager.aggregate(highest=models.Max("pk"))["highest"] or 0)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT pg_get_serial_sequence(%s, %s)", [connection.ops.quote_name(table), column])
            sequence = cursor.fetchone()[0]
            cursor.execute("SELECT setval(%s, GREATEST(last_value, %s)) FROM " + sequence, [sequence, highest])
        elif connection.vendor == "mysql":
            cursor.execute("SHOW CREATE TABLE " + connection.ops.quote_name(table))
            following = re.search(r" AUTO_INCREMENT=(\d+)", cursor.fetchone()[1].rpartition("\n)")[2])
            if not following or int(following.group(1)) <= highest:
                cursor.execute("ALTER TABLE %s AUTO_INCREMENT = %d" % (connection.ops.quote_name(table), highest + 1))
        elif connection.vendor == "sqlite":
            cursor.execute("UPDATE sqlite_sequence SET seq = MAX(seq, %s) WHERE name = %s", [highest, table])
            if not cursor.rowcount:
                cursor.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (%s, %s)", [table, highest])
        else:
            raise CommandError("move the sequence of %s above %d yourself" % (table, highest))


class Report:
    def __init__(self, err, quiet=False):
        self.err, self.quiet, self.counts = err, quiet, {}

    def add(self, what, number=None, entry=None, why=""):
        self.counts[what] = self.counts.get(what, 0) + 1
        if self.quiet or not (why or what in UNDECIDED or what == "deactivated"):
            return
        where = "line %d" % number if number else "user %s" % entry["id"]
        # An id that is not one may be anything.
        where += " (id %s)" % entry["id"] if number and what != BAD else ""
        self.err.write("%s: %s%s\n" % (where, what, ": " + why if why else ""))

    def summary(self, apply):
        for what, count in sorted(self.counts.items()):
            self.err.write("%d %s\n" % (count, what))
        self.err.write("Done.\n" if apply else "Nothing was written. Run it with --apply, or APPLY=yes.\n")

    def progress(self, done, total):
        if self.err.isatty():
            self.err.write("\r%d of %d lines%s" % (done, total, "\n" if done == total else ""))
            self.err.flush()


def parse(text):
    """A line's members. Another value has none."""
    try:
        entry = json.loads(text.decode())
    except ValueError:
        return {}
    return entry if isinstance(entry, dict) else {}


def is_number(value, lowest, highest=HIGHEST):
    return isinstance(value, int) and not isinstance(value, bool) and lowest <= value <= highest


def matches(pattern, value):
    return isinstance(value, str) and re.fullmatch(pattern, value, re.ASCII) is not None


def moment(text):
    """A time as Django stores it: local, and without a zone, if USE_TZ is off."""
    try:
        parsed = parse_datetime(text) if isinstance(text, str) else None
    except ValueError:
        return None
    if parsed is None or timezone.is_naive(parsed):
        return None
    return parsed if settings.USE_TZ else timezone.make_naive(parsed)


class Command(BaseCommand):
    help = "Creates users with the ids that `admin export-users` wrote."

    def add_arguments(self, parser):
        parser.add_argument("file")
        parser.add_argument("--apply", action="store_true", help="write, after a run without it has reported")

    def handle(self, **options):
        restore(options["file"], options["apply"], self.stdout, sys.stderr)


# As standard input of `manage.py shell`, and not as a command of an app.
if __name__ == "django.core.management.commands.shell":
    restore(os.environ.get("USERS_FILE"), os.environ.get("APPLY") == "yes", sys.stdout, sys.stderr)
