"""The service's own API."""

from rest_framework.response import Response
from rest_framework.views import APIView


class Orders(APIView):
    """The orders of the caller, and who that is."""

    def get(self, request):
        user = request.user
        orders = list(user.orders.order_by("id").values_list("id", flat=True))
        level = getattr(getattr(user, "membership", None), "level", None)
        return Response({"user": user.pk, "is_staff": user.is_staff, "orders": orders, "level": level})

    def post(self, request):
        order = request.user.orders.create(title=request.data["title"])
        return Response({"id": order.pk}, status=201)
