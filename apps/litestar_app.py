"""The bakery on Litestar (ASGI), without the pages that document the API."""

from __future__ import annotations

from typing import Any

from litestar import Litestar, Request, Response, get

from apps import recipes


def respond(answer: recipes.Answer) -> Response[bytes]:
    """An answer as Litestar sends it, its bytes unchanged."""
    return Response(answer.body, status_code=answer.status, media_type=recipes.CONTENT_TYPE)


def query(request: Request[Any, Any, Any]) -> bytes:
    """The raw query string."""
    raw: bytes = request.scope["query_string"]
    return raw


@get("/cake")
async def cake(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Bake a cake: eleven steps."""
    return respond(await recipes.bake_async(recipes.CAKE, query(request)))


@get("/frosting")
async def frosting(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Make frosting: five steps."""
    return respond(await recipes.bake_async(recipes.FROSTING, query(request)))


@get("/healthz")
async def healthz() -> Response[bytes]:
    """Say that requests are served."""
    return respond(recipes.HEALTHY)


app = Litestar([cake, frosting, healthz], openapi_config=None, logging_config=None)
