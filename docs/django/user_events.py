"""Takes the events about users that kakao-login publishes: the view of an EventBridge API destination.

Set KAKAO_LOGIN_EVENTS_KEY to the value of the header `Authorization` that the destination's connection sends.
Events arrive at least once and in any order, so those that are not newer than the last one are dropped.
"""

import json

from django.conf import settings
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.http import HttpResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from .authentication import user_of, username
from .models import UserVersion

KINDS = ("user.created", "user.updated", "user.deleted")
# Nothing is newer than a deletion.
DELETED = 2**63 - 1


@csrf_exempt
@require_POST
def user_events(request):
    if not constant_time_compare(request.headers.get("Authorization", ""), settings.KAKAO_LOGIN_EVENTS_KEY):
        return HttpResponse(status=401)
    try:
        event = json.loads(request.body)
        apply(event["detail-type"], event["detail"])
    except (KeyError, TypeError, ValueError, ValidationError, PermissionDenied):
        # EventBridge does not repeat a request after this status.
        return HttpResponse(status=400)
    return HttpResponse(status=204)


@transaction.atomic
def apply(kind, detail):
    if kind not in KINDS:
        raise ValueError(f"{kind} is not an event about a user")
    user = user_of(detail["id"])
    seen, _ = UserVersion.objects.select_for_update().get_or_create(user=user)
    version = DELETED if kind == "user.deleted" else detail["version"]
    if version <= seen.version:
        return
    if kind == "user.deleted":
        # The row stays: other rows refer to it, and an access token that is still valid must not make another one.
        user.is_active = False
        user.username, user.email, user.first_name, user.last_name = username(user.pk), "", "", ""
    else:
        for name in ("email", "first_name", "last_name"):
            setattr(user, name, detail["user"][name])
    user.save()
    seen.version = version
    seen.save()
