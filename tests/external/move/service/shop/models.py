"""Tables that point at Django's users, as hundreds do in a service that has grown."""

from django.conf import settings
from django.db import models


class Order(models.Model):
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="orders")
    title = models.CharField(max_length=100)


class Membership(models.Model):
    """Its primary key is the user's."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.PROTECT, primary_key=True)
    level = models.CharField(max_length=20)
