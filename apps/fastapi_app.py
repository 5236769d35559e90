"""The bakery on FastAPI (ASGI), with its handlers written in one of three ways.

The environment variable ``BAKERY_HANDLERS`` chooses, when this is imported:

* ``async`` (the default): ``async def`` and an awaited wait; the event loop interleaves requests;
* ``threads``: plain ``def``, which FastAPI runs in its thread pool, 40 at once in each process;
* ``blocking``: ``async def`` around a wait that blocks, the classic mistake; the event loop stands still.

The pages that document the API are left out: nothing asks for them. The query string is read raw and not declared as
typed parameters, so that errors are the same bytes as those of the other apps.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable

from fastapi import FastAPI, Request, Response

from apps import recipes

HANDLERS = ("async", "threads", "blocking")

Handler = Callable[[Request], Response | Awaitable[Response]]


def respond(answer: recipes.Answer) -> Response:
    """An answer as FastAPI sends it, its bytes unchanged."""
    return Response(answer.body, status_code=answer.status, media_type=recipes.CONTENT_TYPE)


def query(request: Request) -> bytes:
    """The raw query string."""
    raw: bytes = request.scope["query_string"]
    return raw


def handler(recipe: recipes.Recipe, kind: str) -> Handler:
    """A handler for a recipe, of one of the kinds in ``HANDLERS``; raises ``ValueError`` for another."""

    async def awaiting(request: Request) -> Response:
        return respond(await recipes.bake_async(recipe, query(request)))

    def threaded(request: Request) -> Response:
        return respond(recipes.bake(recipe, query(request)))

    async def blocking(request: Request) -> Response:
        return respond(recipes.bake(recipe, query(request)))

    if kind not in HANDLERS:
        raise ValueError(f"BAKERY_HANDLERS is {kind!r}, but must be one of: {', '.join(HANDLERS)}")
    handlers: dict[str, Handler] = {"async": awaiting, "threads": threaded, "blocking": blocking}
    return handlers[kind]


app = FastAPI(title="Bakery", docs_url=None, redoc_url=None, openapi_url=None)

for _recipe in recipes.RECIPES:
    app.add_api_route(f"/{_recipe.name}", handler(_recipe, os.environ.get("BAKERY_HANDLERS", HANDLERS[0])))


@app.get("/healthz")
async def healthz() -> Response:
    """Say that requests are served."""
    return respond(recipes.HEALTHY)
