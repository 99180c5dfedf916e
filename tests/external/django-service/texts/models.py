"""A user model for ids that are text, as `UserIds=random` makes them."""

from django.contrib.auth.models import AbstractUser
from django.db import models


class Person(AbstractUser):
    id = models.CharField(max_length=22, primary_key=True)
