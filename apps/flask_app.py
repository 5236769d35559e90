"""The bakery on Flask (WSGI): a request has its thread until the last step is done."""

from __future__ import annotations

from flask import Flask, Response, request

from apps import recipes

app = Flask(__name__)


def respond(answer: recipes.Answer) -> Response:
    """An answer as Flask sends it, its bytes unchanged."""
    return Response(answer.body, status=answer.status, content_type=recipes.CONTENT_TYPE)


@app.get("/cake")
def cake() -> Response:
    """Bake a cake: eleven steps."""
    return respond(recipes.bake(recipes.CAKE, request.query_string))


@app.get("/frosting")
def frosting() -> Response:
    """Make frosting: five steps."""
    return respond(recipes.bake(recipes.FROSTING, request.query_string))


@app.get("/healthz")
def healthz() -> Response:
    """Say that requests are served."""
    return respond(recipes.HEALTHY)
