"""The bakery on Django: ``wsgi`` with plain views, ``asgi`` with async views.

Views of the other kind would work too, but cost a thread a request, and so would measure that. There is no middleware,
session or database, as in the other apps. Settings and URLs are here, where a project has a file for each.
"""

from __future__ import annotations

from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.handlers.asgi import ASGIHandler, ASGIRequest
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import path

from apps import recipes

if not settings.configured:
    settings.configure(ALLOWED_HOSTS=["*"], MIDDLEWARE=[], ROOT_URLCONF=__name__, SECRET_KEY="nothing is signed")


def respond(answer: recipes.Answer) -> HttpResponse:
    """An answer as Django sends it, its bytes unchanged."""
    return HttpResponse(answer.body, status=answer.status, content_type=recipes.CONTENT_TYPE)


def cake(request: WSGIRequest) -> HttpResponse:
    """Bake a cake: eleven steps."""
    return respond(recipes.bake(recipes.CAKE, request.META["QUERY_STRING"].encode("latin-1")))


def frosting(request: WSGIRequest) -> HttpResponse:
    """Make frosting: five steps."""
    return respond(recipes.bake(recipes.FROSTING, request.META["QUERY_STRING"].encode("latin-1")))


def healthz(_: HttpRequest) -> HttpResponse:
    """Say that requests are served."""
    return respond(recipes.HEALTHY)


async def cake_async(request: ASGIRequest) -> HttpResponse:
    """Bake a cake: eleven steps."""
    return respond(await recipes.bake_async(recipes.CAKE, request.scope["query_string"]))


async def frosting_async(request: ASGIRequest) -> HttpResponse:
    """Make frosting: five steps."""
    return respond(await recipes.bake_async(recipes.FROSTING, request.scope["query_string"]))


async def healthz_async(_: HttpRequest) -> HttpResponse:
    """Say that requests are served."""
    return respond(recipes.HEALTHY)


urlpatterns = (path("cake", cake), path("frosting", frosting), path("healthz", healthz))
async_urlpatterns = (
    path("cake", cake_async),
    path("frosting", frosting_async),
    path("healthz", healthz_async),
)


class _AsyncRequest(ASGIRequest):  # type: ignore[misc]  # Django ships no types.
    """A request with the URLs of the async views."""

    urlconf = async_urlpatterns


wsgi: WSGIHandler = get_wsgi_application()
asgi: ASGIHandler = get_asgi_application()
asgi.request_class = _AsyncRequest
