"""Routes: login by Kakao access token, dj-rest-auth's own, and a profile of one row."""

from allauth.socialaccount.providers.kakao.views import KakaoOAuth2Adapter
from dj_rest_auth.registration.views import SocialLoginView
from django.conf import settings
from django.urls import include, path
from rest_framework.response import Response
from rest_framework.views import APIView


class Adapter(KakaoOAuth2Adapter):
    profile_url = f"{settings.KAKAO_URL}/v2/user/me"


class KakaoLogin(SocialLoginView):
    adapter_class = Adapter


class Profile(APIView):
    def get(self, request):
        user = request.user
        return Response({"id": user.pk, "username": user.username, "email": user.email})


urlpatterns = [
    path("dj-rest-auth/kakao/", KakaoLogin.as_view()),
    path("dj-rest-auth/", include("dj_rest_auth.urls")),
    path("api/profile/", Profile.as_view()),
]
