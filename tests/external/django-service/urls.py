"""The routes of the service."""

from django.urls import path
from people.user_events import user_events
from rest_framework.response import Response
from rest_framework.views import APIView


class Me(APIView):
    def get(self, request):
        return Response({"id": request.user.pk, "email": request.user.email, "first_name": request.user.first_name})


urlpatterns = [path("me/", Me.as_view()), path("user-events/", user_events)]
