"""Prints what the rehearsal compares: users with their numbers at Kakao, and the rows that point at users. It runs in Django's shell."""

import json

from allauth.socialaccount.models import SocialAccount
from django.contrib.auth.models import User
from shop.models import Membership, Order

kakao = {}
for user, uid in SocialAccount.objects.filter(provider="kakao").values_list("user_id", "uid"):
    kakao.setdefault(user, []).append(uid)
users = User.objects.values_list("id", "is_active")
print(
    json.dumps(
        {
            "users": {user: {"isActive": is_active, "kakao": kakao.get(user, [])} for user, is_active in users},
            "orders": dict(Order.objects.values_list("id", "user_id")),
            "members": list(Membership.objects.values_list("user_id", flat=True)),
        }
    )
)
