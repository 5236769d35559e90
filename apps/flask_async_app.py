"""The bakery on Flask with async views (WSGI): a view may await, but its request still has a thread until it is done.

Flask runs each view in an event loop of its own. That needs ``flask[async]``.
"""

from __future__ import annotations

from flask import Flask, Response, request

from apps import recipes

app = Flask(__name__)


def respond(answer: recipes.Answer) -> Response:
    """An answer as Flask sends it, its bytes unchanged."""
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
