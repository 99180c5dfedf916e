"""Routes: the login with Kakao, dj-rest-auth's own, and the service's."""

from allauth.socialaccount.providers.kakao.views import KakaoOAuth2Adapter
from dj_rest_auth.registration.views import SocialLoginView
from django.conf import settings
from django.urls import include, path
from kakao_login.user_events import user_events
from shop.views import Orders


class Adapter(KakaoOAuth2Adapter):
    profile_url = f"{settings.KAKAO_URL}/v2/user/me"


class KakaoLogin(SocialLoginView):
    adapter_class = Adapter


urlpatterns = [
    path("dj-rest-auth/kakao/", KakaoLogin.as_view()),
    path("dj-rest-auth/", include("dj_rest_auth.urls")),
    path("api/orders/", Orders.as_view()),
    path("api/user-events/", user_events),
]
