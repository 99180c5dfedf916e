"""Writes Django's users with a Kakao account as JSON Lines, which `admin import` reads. It changes nothing.

    python manage.py shell -v 0 < export_users.py > users.jsonl

Or copy it to `management/commands/export_users.py` of an app, and run `python manage.py export_users > users.jsonl`.
The report goes to standard error. It names users by their ids in Django only.
"""

import datetime
import json
import re
import sys

from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError
from django.db import connections, models
from django.utils import timezone

# What SocialAccount calls Kakao. It is another name if Kakao is set up as an OpenID Connect provider.
PROVIDER = "kakao"
PAGE = 2000
# Larger numbers are not exact in JavaScript.
HIGHEST = 2**53 - 1


def export(out, err):
    User = get_user_model()
    if not isinstance(User._meta.pk, models.IntegerField):
        raise CommandError("the ids of %s are not numbers, so they cannot be kept" % User._meta.label)
    if not apps.is_installed("allauth.socialaccount"):
        raise CommandError("allauth.socialaccount is not installed, so nobody's Kakao account is known")
    highest = highest_id(User)
    if highest > HIGHEST:
        raise CommandError("the highest id, %d, is above 2^53 - 1" % highest)
    line(out, kind="export", format=1, exported_at=utc(datetime.datetime.now(datetime.timezone.utc)), highest_user_id=highest)
    counts = export_users(User, highest, out, err)
    blacklisted = export_blacklist(out)
    line(out, kind="end", users=counts["exported"], blacklisted=blacklisted)
    for what, count in sorted(counts.items()):
        err.write("%d %s\n" % (count, what))
    err.write("%d blacklisted refresh tokens\n" % blacklisted)
    err.write("%d is the highest id that Django has given\n" % highest)


def export_users(User, highest, out, err):
    """Users who join meanwhile have higher ids, and are not exported."""
    # The default manager may hide users, who could not log in to Django. So they do not get in here either.
    users = User._default_manager.filter(pk__lte=highest)
    counts, done, total = {"exported": 0}, 0, users.count()
    shared = shared_uids()
    for page in pages(users):
        about = About(page)
        for user in page:
            accounts = about.accounts.get(user.pk, [])
            others = sorted({account.provider for account in accounts} - {PROVIDER})
            accounts = [account for account in accounts if account.provider == PROVIDER]
            if why := obstacle(user, accounts, shared):
                count(counts, "not exported: " + why)
                err.write("user %d: not exported: %s\n" % (user.pk, why))
                continue
            line(out, **described(user, accounts[0], about))
            count(counts, "exported")
            if others:
                count(counts, "exported: logs in by another provider too, which does not move")
                err.write("user %d: exported: logs in by %s too, which does not move\n" % (user.pk, ", ".join(others)))
            if user.has_usable_password():
                count(counts, "exported: has a password, which does not move")
        done += len(page)
        progress(err, done, total)
    return counts


def obstacle(user, accounts, shared):
    """Why a user is not exported."""
    if not getattr(user, "is_active", True):
        return "is not active"
    if not accounts:
        return "has no Kakao account"
    if len(accounts) > 1:
        return "has several Kakao accounts"
    if accounts[0].uid in shared:
        return "has the same Kakao account as another user"
    if not re.fullmatch("[1-9][0-9]{0,18}", accounts[0].uid, re.ASCII):
        return "has a Kakao account whose uid is not a number of Kakao's"
    if user.pk < 1:
        return "has an id below 1"


def described(user, account, about):
    kakao = members(account.extra_data, "kakao_account")
    profile, properties = members(kakao, "profile"), members(account.extra_data, "properties")
    has_picture = profile.get("is_default_image") is not True
    email = getattr(user, "email", "") or ""
    by_kakao = kakao.get("email") == email and kakao.get("is_email_valid") is kakao.get("is_email_verified") is True
    joined, last = getattr(user, "date_joined", None), getattr(user, "last_login", None)
    return {
        "kind": "user",
        "id": user.pk,
        "kakao_id": account.uid,
        "username": user.get_username(),
        "first_name": getattr(user, "first_name", ""),
        "last_name": getattr(user, "last_name", ""),
        "email": email,
        "email_verified": bool(email) and (by_kakao or (user.pk, email.lower()) in about.verified),
        "nickname": text(profile.get("nickname")) or text(properties.get("nickname")),
        "profile_image": (text(profile.get("profile_image_url")) or text(properties.get("profile_image"))) if has_picture else None,
        "date_joined": local(joined or account.date_joined),
        "last_login": local(last),
        "groups": about.groups.get(user.pk, []),
    }


class About:
    """What other tables say of a page of users."""

    def __init__(self, page):
        ids = [user.pk for user in page]
        SocialAccount = apps.get_model("socialaccount", "SocialAccount")
        self.accounts = {}
        for account in SocialAccount.objects.filter(user_id__in=ids).order_by("pk"):
            self.accounts.setdefault(account.user_id, []).append(account)
        self.verified = set()
        if apps.is_installed("allauth.account"):
            addresses = apps.get_model("account", "EmailAddress").objects.filter(user_id__in=ids, verified=True)
            self.verified = {(user, email.lower()) for user, email in addresses.values_list("user_id", "email")}
        self.groups = {}
        if hasattr(get_user_model(), "groups"):
            named = get_user_model()._base_manager.filter(pk__in=ids, groups__isnull=False)
            for user, group in named.order_by("groups__name").values_list("pk", "groups__name"):
                self.groups.setdefault(user, []).append(group)


def shared_uids():
    """Kakao accounts of more than one user. allauth's constraint rules them out, where the table has it."""
    accounts = apps.get_model("socialaccount", "SocialAccount").objects.filter(provider=PROVIDER).order_by()
    several = accounts.values("uid").annotate(users=models.Count("pk")).filter(users__gt=1)
    return set(several.values_list("uid", flat=True))


def export_blacklist(out):
    """The refresh tokens that simplejwt would refuse though they have not expired."""
    if not apps.is_installed("rest_framework_simplejwt.token_blacklist"):
        return 0
    now, exported = timezone.now(), 0
    if not settings.USE_TZ:
        # simplejwt stores UTC then, and not local time.
        now = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
    blacklisted = apps.get_model("token_blacklist", "BlacklistedToken").objects
    for page in pages(blacklisted.filter(token__expires_at__gt=now).select_related("token")):
        for entry in page:
            line(out, kind="blacklisted", jti=entry.token.jti, expires_at=utc(entry.token.expires_at))
        exported += len(page)
    return exported


def highest_id(User):
    """The highest id that was ever given, so that no new user gets that of one who was deleted."""
    connection, table, column = connections[User._base_manager.db], User._meta.db_table, User._meta.pk.column
    highest = User._base_manager.aggregate(highest=models.Max("pk"))["highest"] or 0
    given = 0
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT pg_get_serial_sequence(%s, %s)", [connection.ops.quote_name(table), column])
            sequence = cursor.fetchone()[0]
            if sequence:
                cursor.execute("SELECT last_value, is_called FROM " + sequence)
                last, is_given = cursor.fetchone()
                given = last if is_given else last - 1
        elif connection.vendor == "mysql":
            # Statistics of tables may be a day old. This is not.
            cursor.execute("SHOW CREATE TABLE " + connection.ops.quote_name(table))
            following = re.search(r" AUTO_INCREMENT=(\d+)", cursor.fetchone()[1].rpartition("\n)")[2])
            given = int(following.group(1)) - 1 if following else 0
        elif connection.vendor == "sqlite":
            cursor.execute("SELECT 1 FROM sqlite_master WHERE name = 'sqlite_sequence'")
            if cursor.fetchone():
                cursor.execute("SELECT seq FROM sqlite_sequence WHERE name = %s", [table])
                given = (cursor.fetchone() or [0])[0]
    return max(highest, given)


def pages(query):
    """Pages by id. MySQL's driver would hold the whole result in memory, and others what is prefetched."""
    query = query.order_by("pk")
    page = list(query[:PAGE])
    while page:
        yield page
        page = list(query.filter(pk__gt=page[-1].pk)[:PAGE])


def members(value, name):
    found = value.get(name) if isinstance(value, dict) else None
    return found if isinstance(found, dict) else {}


def text(value):
    return value if isinstance(value, str) and value else None


def local(moment):
    """Django's own times are local ones if USE_TZ is off."""
    if moment is not None and timezone.is_naive(moment):
        moment = timezone.make_aware(moment)
    return moment and utc(moment)


def utc(moment):
    if timezone.is_naive(moment):
        moment = moment.replace(tzinfo=datetime.timezone.utc)
    return moment.astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def line(out, **members):
    out.write(json.dumps(members, separators=(",", ":")) + "\n")


def count(counts, what):
    counts[what] = counts.get(what, 0) + 1


def progress(err, done, total):
    if err.isatty():
        err.write("\r%d of %d users%s" % (done, total, "\n" if done >= total else ""))
        err.flush()


class Command(BaseCommand):
    help = "Writes the users with a Kakao account as JSON Lines."

    def handle(self, **options):
        export(self.stdout, sys.stderr)


# As standard input of `manage.py shell`, and not as a command of an app.
if __name__ == "django.core.management.commands.shell":
    export(sys.stdout, sys.stderr)
