"""The bakery on Starlette (ASGI)."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from apps import recipes


def respond(answer: recipes.Answer) -> Response:
    """An answer as Starlette sends it, its bytes unchanged."""
    return Response(answer.body, status_code=answer.status, media_type=recipes.CONTENT_TYPE)


async def cake(request: Request) -> Response:
    """Bake a cake: eleven steps."""
    return respond(await recipes.bake_async(recipes.CAKE, request.scope["query_string"]))


async def frosting(request: Request) -> Response:
    """Make frosting: five steps."""
    return respond(await recipes.bake_async(recipes.FROSTING, request.scope["query_string"]))


async def healthz(_: Request) -> Response:
    """Say that requests are served."""
    return respond(recipes.HEALTHY)


app = Starlette(routes=[Route("/cake", cake), Route("/frosting", frosting), Route("/healthz", healthz)])
