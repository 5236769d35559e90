"""The bakery without a framework, as a WSGI and as an ASGI callable: the floor, below which no framework can come."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from http import HTTPStatus
from typing import Any

from apps import recipes

NOT_FOUND = recipes.encode(404, {"error": "not found"})

PATHS = {f"/{recipe.name}": recipe for recipe in recipes.RECIPES}

Send = Callable[[dict[str, Any]], Awaitable[None]]
StartResponse = Callable[[str, list[tuple[str, str]]], Any]


def wsgi(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
    """Answer a request; its thread waits."""
    recipe = PATHS.get(environ["PATH_INFO"])
    if recipe:
        answer = recipes.bake(recipe, environ["QUERY_STRING"].encode("latin-1"))
    else:
        answer = recipes.HEALTHY if environ["PATH_INFO"] == "/healthz" else NOT_FOUND
    headers = [("content-type", recipes.CONTENT_TYPE), ("content-length", str(len(answer.body)))]
    start_response(f"{answer.status} {HTTPStatus(answer.status).phrase}", headers)
    return [answer.body]


async def asgi(scope: dict[str, Any], receive: Callable[[], Awaitable[Any]], send: Send) -> None:  # noqa: ARG001
    """Answer a request; the event loop serves others while it waits. Daphne passes its arguments by name."""
    if scope["type"] != "http":
        raise NotImplementedError(scope["type"])  # Of start-up and shut-down it need not be told.
    recipe = PATHS.get(scope["path"])
    if recipe:
        answer = await recipes.bake_async(recipe, scope["query_string"])
    else:
        answer = recipes.HEALTHY if scope["path"] == "/healthz" else NOT_FOUND
    headers = [
        (b"content-type", recipes.CONTENT_TYPE.encode()),
        (b"content-length", str(len(answer.body)).encode()),
    ]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
