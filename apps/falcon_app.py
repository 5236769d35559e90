"""The bakery on Falcon: ``wsgi`` with plain responders, ``asgi`` with async ones."""

from __future__ import annotations

import falcon
import falcon.asgi

from apps import recipes


class Kitchen:
    """A recipe, made while its thread waits."""

    def __init__(self, recipe: recipes.Recipe) -> None:
        self._recipe = recipe

    def on_get(self, request: falcon.Request, response: falcon.Response) -> None:
        """Follow the recipe."""
        respond(response, recipes.bake(self._recipe, request.env["QUERY_STRING"].encode("latin-1")))


class AsyncKitchen:
    """A recipe, made while the event loop serves others."""

    def __init__(self, recipe: recipes.Recipe) -> None:
        self._recipe = recipe

    async def on_get(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        """Follow the recipe."""
        respond(response, await recipes.bake_async(self._recipe, request.scope["query_string"]))


class Health:
    """Says that requests are served."""

    def on_get(self, _: falcon.Request, response: falcon.Response) -> None:
        """Say so."""
        respond(response, recipes.HEALTHY)


class AsyncHealth:
    """Says that requests are served."""

    async def on_get(self, _: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        """Say so."""
        respond(response, recipes.HEALTHY)


def respond(response: falcon.Response, answer: recipes.Answer) -> None:
    """An answer as Falcon sends it, its bytes unchanged."""
    response.status = answer.status
    response.content_type = recipes.CONTENT_TYPE
    response.data = answer.body


wsgi = falcon.App()
asgi = falcon.asgi.App()
for _recipe in recipes.RECIPES:
    wsgi.add_route(f"/{_recipe.name}", Kitchen(_recipe))
    asgi.add_route(f"/{_recipe.name}", AsyncKitchen(_recipe))
wsgi.add_route("/healthz", Health())
asgi.add_route("/healthz", AsyncHealth())
