"""Fills the database with users of every kind that a grown service has, and with rows that point at them.

It prints them as JSON: their ids, numbers at Kakao, and kinds. It runs in Django's shell.
"""

import json
import random
import sys
from datetime import timedelta

from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group, User
from django.utils import timezone
from shop.models import Membership, Order

KINDS = {
    "without Kakao": 30,
    "inactive": 20,
    "several emails": 20,
    "Google too": 10,
    "two at Kakao": 5,
    "bare": 20,
    "unverified email": 20,
    "staff": 4,
    "superuser": 1,
    "deleted": 12,
    "ordinary": 820,
}
# Half of them have a number of ten digits, the others one of nineteen.
NUMBERS = [2_000_000_000, 1_376_016_924_429_000_000]


def kakao(n, account=0):
    return str(NUMBERS[n % 2] + 2 * n + account)


def answer(n, kind):
    """What Kakao said of somebody, as allauth stores it."""
    if kind == "bare":
        return {"id": int(kakao(n))}
    picture = f"https://k.kakaocdn.net/{n}.jpg"
    profile = {"nickname": f"사용자 {n}", "profile_image_url": picture}
    email = {"email": f"u{n}@example.com", "is_email_valid": True, "is_email_verified": kind != "unverified email"}
    return {
        "id": int(kakao(n)),
        "properties": {"nickname": profile["nickname"], "profile_image": picture},
        "kakao_account": {"profile": profile, **email},
    }


kinds = [kind for kind, many in KINDS.items() for _ in range(many)]
random.Random(19).shuffle(kinds)
# The highest number was given to somebody who is gone.
kinds.remove("deleted")
kinds.append("deleted")
now, password = timezone.now(), make_password("a password")
users = [
    User(
        username=f"사용자{n}",
        first_name="" if kind == "bare" else f"길동{n}",
        email="" if kind == "bare" else f"u{n}@example.com",
        password=password if kind in ("without Kakao", "staff", "superuser") else make_password(None),
        date_joined=now - timedelta(days=2000 - n),
        last_login=None if n % 7 == 0 else now - timedelta(days=n % 50),
        is_active=kind != "inactive",
        is_staff=kind in ("staff", "superuser"),
        is_superuser=kind == "superuser",
    )
    for n, kind in enumerate(kinds, 1)
]
User.objects.bulk_create(users)
accounts, emails, orders, memberships = [], [], [], []
for n, (user, kind) in enumerate(zip(users, kinds), 1):
    if kind == "deleted":
        continue
    if kind != "without Kakao":
        accounts.append(SocialAccount(user=user, provider="kakao", uid=kakao(n), extra_data=answer(n, kind)))
    if kind == "two at Kakao":
        accounts.append(SocialAccount(user=user, provider="kakao", uid=kakao(n, 1), extra_data={}))
    if kind == "Google too":
        accounts.append(SocialAccount(user=user, provider="google", uid=f"g{n}", extra_data={}))
    if user.email:
        emails.append(EmailAddress(user=user, email=user.email, verified=kind != "unverified email", primary=True))
    if kind == "several emails":
        emails += [EmailAddress(user=user, email=f"u{n}@{host}", verified=True) for host in ("example.net", "example.org")]
    orders += [Order(user=user, title=f"order {k} of {n}") for k in range(n % 5)]
    if n % 3 == 0:
        memberships.append(Membership(user=user, level="gold" if n % 2 else "silver"))
for rows in (accounts, emails, orders, memberships):
    type(rows[0]).objects.bulk_create(rows)
editors = Group.objects.create(name="editors")
editors.user_set.set(users[::50])
User.objects.filter(pk__in=[user.pk for user, kind in zip(users, kinds) if kind == "deleted"]).delete()

people = [
    {"id": user.pk, "kakao": kakao(n), "kind": kind}
    for n, (user, kind) in enumerate(zip(users, kinds), 1)
]
json.dump({"people": people, "last": users[-1].pk}, sys.stdout)
