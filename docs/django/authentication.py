"""Authenticates requests by the access tokens of kakao-login, and makes the user at the first one.

Copy this file into an app of yours, and name the class in REST_FRAMEWORK["DEFAULT_AUTHENTICATION_CLASSES"]. Set
KAKAO_LOGIN_IMPORTED_UP_TO to the highest id of `auth_user` at the export, or to 0 if no users were imported.
"""

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password
from django.core.exceptions import PermissionDenied, ValidationError
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.exceptions import AuthenticationFailed, InvalidToken


def username(pk):
    """The username of a row that is made here. The name that people see is not unique, so it cannot be this one."""
    return f"kakao_{pk}"


def user_of(user_id):
    """The row of this user, which is made if there is none.

    A row above the imported ones that was not made here belongs to somebody whom Django gave the same number, such as
    an administrator: the token is not theirs.
    """
    model = get_user_model()
    pk = model._meta.pk.to_python(user_id)
    made_here = {"username": username(pk), "password": make_password(None)}
    user, _ = model.objects.get_or_create(pk=pk, defaults=made_here)
    was_imported = isinstance(pk, int) and pk <= settings.KAKAO_LOGIN_IMPORTED_UP_TO
    if not was_imported and user.get_username() != username(pk):
        raise PermissionDenied(f"Django gave the id {pk} of a user of kakao-login to another user")
    return user


class KakaoLoginAuthentication(JWTAuthentication):
    def get_user(self, validated_token):
        try:
            user = user_of(validated_token["user_id"])
        except (KeyError, ValidationError, PermissionDenied) as error:
            raise InvalidToken("The token's user_id is not one of a user here") from error
        if not user.is_active:
            raise AuthenticationFailed("User is inactive", code="user_inactive")
        return user
