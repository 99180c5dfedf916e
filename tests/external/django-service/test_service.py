"""What docs/django does with tokens and events. USER_IDS=random runs it with ids that are text."""

import datetime
import unittest

import jwt
import service
from cryptography.hazmat.primitives.asymmetric import ec

KEY = ec.generate_private_key(ec.SECP256R1())
service.configure(ALGORITHM="ES256", SIGNING_KEY=None, VERIFYING_KEY=KEY.public_key(), ISSUER="https://x", AUDIENCE="api")

from django.contrib.auth import get_user_model  # noqa: E402
from django.test import Client, TestCase  # noqa: E402

User = get_user_model()
# As an event has it, and as a token has it.
ID = "AZ-_0123456789abcdefgh" if service.HAS_TEXT_IDS else 1_234
OTHER = "BZ-_0123456789abcdefgh" if service.HAS_TEXT_IDS else 1_235


def token(user_id, key=KEY, **claims):
    now = datetime.datetime.now(datetime.UTC)
    claims = {"token_type": "access", "jti": "j", "iss": "https://x", "aud": "api", "user_id": str(user_id)} | claims
    return jwt.encode({"exp": now + datetime.timedelta(minutes=5), "iat": now} | claims, key, "ES256")


def get(user_id, **claims):
    return Client().get("/me/", headers={"authorization": f"Bearer {token(user_id, **claims)}"})


def send(kind, version, user_id=ID, key=service.EVENTS_KEY, **user):
    detail = {"id": user_id, "version": version}
    if kind != "user.deleted":
        names = {"username": "Ryan", "email": "", "first_name": "", "last_name": "", "nickname": "Ryan"}
        detail["user"] = {"pk": user_id, **names} | user
    event = {"version": "0", "source": "kakao-login", "detail-type": kind, "detail": detail}
    headers = {"authorization": key} if key is not None else {}
    return Client(enforce_csrf_checks=True).post("/user-events/", event, content_type="application/json", headers=headers)


class Tokens(TestCase):
    def test_the_first_authenticated_request_makes_the_user_and_later_ones_find_it(self):
        for _ in range(2):
            served = get(ID)
            self.assertEqual((served.status_code, served.json()["id"]), (200, ID))
        user = User.objects.get()
        self.assertEqual((user.pk, user.is_active, user.is_staff, user.is_superuser), (ID, True, False, False))
        self.assertFalse(user.has_usable_password())

    def test_a_wrong_token_makes_no_user(self):
        others = ec.generate_private_key(ec.SECP256R1())
        past = datetime.datetime.now(datetime.UTC) - datetime.timedelta(hours=1)
        for wrong in [{"key": others}, {"exp": past}, {"token_type": "refresh"}, {"iss": "https://y"}, {"aud": "b"}]:
            self.assertEqual(get(ID, **wrong).status_code, 401, wrong)
        self.assertEqual(User.objects.count(), 0)

    def test_a_user_who_is_not_active_is_refused(self):
        get(ID)
        User.objects.update(is_active=False)
        self.assertEqual(get(ID).status_code, 401)


@unittest.skipIf(service.HAS_TEXT_IDS, "numbers only")
class Numbers(TestCase):
    def test_an_imported_user_keeps_the_row_that_other_rows_refer_to(self):
        User.objects.create(pk=17, username="ryan", email="ryan@example.com")
        self.assertEqual(get(17).json()["email"], "ryan@example.com")
        self.assertEqual(User.objects.get().username, "ryan")

    def test_an_imported_user_who_is_deleted_keeps_the_row_and_no_name(self):
        User.objects.create(pk=17, username="ryan", email="ryan@example.com")
        self.assertEqual(send("user.deleted", 1, user_id=17).status_code, 204)
        user = User.objects.get()
        self.assertEqual((user.pk, user.username, user.email, user.is_active), (17, "kakao_17", "", False))
        self.assertEqual(get(17).status_code, 401)

    def test_an_id_that_is_not_a_number_is_refused(self):
        self.assertEqual(get("AZ-_0123456789abcdefgh").status_code, 401)
        self.assertEqual(send("user.created", 1, user_id="AZ-_0123456789abcdefgh").status_code, 400)

    def test_an_administrator_with_the_number_of_a_user_is_never_that_user(self):
        User.objects.create_superuser("admin", pk=ID, email="admin@example.com")
        self.assertEqual(get(ID).status_code, 401)
        for kind in ["user.updated", "user.deleted"]:
            self.assertEqual(send(kind, 1, first_name="Ryan").status_code, 400)
        admin = User.objects.get()
        self.assertEqual((admin.is_active, admin.first_name, admin.email), (True, "", "admin@example.com"))


class Events(TestCase):
    def test_an_event_makes_the_user_and_sets_the_names(self):
        sent = send("user.created", 1, email="ryan@example.com", first_name="Ryan", last_name="Lion")
        self.assertEqual(sent.status_code, 204)
        user = User.objects.get(pk=ID)
        self.assertEqual((user.email, user.first_name, user.last_name), ("ryan@example.com", "Ryan", "Lion"))
        self.assertFalse(user.has_usable_password())

    def test_an_event_is_applied_once_and_an_older_one_never(self):
        for version, name in [(2, "two"), (1, "one"), (2, "again"), (5, "five"), (4, "four")]:
            self.assertEqual(send("user.updated", version, first_name=name).status_code, 204)
            self.assertEqual(User.objects.get().first_name, "two" if version < 4 else "five")

    def test_two_users_have_versions_of_their_own(self):
        send("user.updated", 9, first_name="one")
        send("user.updated", 1, user_id=OTHER, first_name="other")
        self.assertEqual(User.objects.get(pk=OTHER).first_name, "other")

    def test_a_deleted_user_is_not_active_and_nothing_of_them_is_left(self):
        send("user.created", 1, email="ryan@example.com", first_name="Ryan", last_name="Lion")
        self.assertEqual(send("user.deleted", 2).status_code, 204)
        user = User.objects.get()
        self.assertEqual((user.is_active, user.email, user.first_name, user.last_name), (False, "", "", ""))
        self.assertEqual(get(ID).status_code, 401)

    def test_a_deleted_user_never_comes_back(self):
        for deletion in [1, 7]:
            send("user.deleted", deletion)
            for kind, version in [("user.updated", 3), ("user.created", 99)]:
                self.assertEqual(send(kind, version, first_name="Ryan").status_code, 204)
            self.assertEqual(get(ID).status_code, 401)
            self.assertEqual((User.objects.get().is_active, User.objects.get().first_name), (False, ""))

    def test_a_user_whom_django_has_never_seen_is_not_made_by_a_token_after_the_deletion(self):
        send("user.deleted", 2)
        self.assertEqual(get(ID).status_code, 401)

    def test_a_request_without_the_key_changes_nothing(self):
        for key in [None, "", "Bearer", "Bearer other", "Bearer öf-the-connection"]:
            self.assertEqual(send("user.created", 1, key=key).status_code, 401, key)
        self.assertEqual(User.objects.count(), 0)

    def test_what_is_not_an_event_is_refused_and_changes_nothing(self):
        post = lambda body: Client().post(  # noqa: E731
            "/user-events/", body, content_type="application/json", headers={"authorization": service.EVENTS_KEY}
        )
        half = {"detail-type": "user.created", "detail": {"id": ID, "version": 1, "user": {}}}
        for body in ["", "[]", "null", "{}", {"detail-type": "user.created"}, half]:
            self.assertEqual(post(body).status_code, 400, body)
        self.assertEqual(send("user.other", 1).status_code, 400)
        self.assertEqual(Client().get("/user-events/", headers={"authorization": service.EVENTS_KEY}).status_code, 405)
        self.assertEqual(User.objects.count(), 0)


if __name__ == "__main__":
    unittest.main()
