"""The bakery on Quart (ASGI), Flask's interface for the event loop."""

from __future__ import annotations

from quart import Quart, Response, request

from apps import recipes

app = Quart(__name__)


def respond(answer: recipes.Answer) -> Response:
    """An answer as Quart sends it, its bytes unchanged."""
    return Response(answer.body, status=answer.status, content_type=recipes.CONTENT_TYPE)


@app.get("/cake")
async def cake() -> Response:
    """Bake a cake: eleven steps."""
    return respond(await recipes.bake_async(recipes.CAKE, request.query_string))


@app.get("/frosting")
async def frosting() -> Response:
    """Make frosting: five steps."""
    return respond(await recipes.bake_async(recipes.FROSTING, request.query_string))


@app.get("/healthz")
async def healthz() -> Response:
    """Say that requests are served."""
    return respond(recipes.HEALTHY)
