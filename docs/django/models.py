"""How far a user's events have been handled. Copy this into the models of the app that has `user_events.py`."""

from django.conf import settings
from django.db import models


class UserVersion(models.Model):
    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True)
    version = models.BigIntegerField(default=0)
