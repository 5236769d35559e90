"""A candidate is imported in a process of its own, which tells what it is and what went wrong."""

from __future__ import annotations

import sys
from pathlib import Path
from textwrap import dedent

import pytest

from bakeoff.discover.apps import AppCandidate
from bakeoff.discover.endpoints import from_routes
from bakeoff.discover.imported import ImportedApp
from bakeoff.discover.importing import import_app
from bakeoff.model import UserError


def imported(folder: Path, text: str, attribute: str = "app", within_s: float = 20.0) -> ImportedApp:
    """What importing a module with some text told."""
    (folder / "shop.py").write_text(dedent(text), "utf-8")
    name = attribute.removesuffix("()")
    candidate = AppCandidate(
        module="shop", attribute=name, framework="", interface=None, factory=attribute.endswith("()")
    )
    return import_app(candidate, sys.executable, folder, ("flask", "no-such-package"), within_s)


def test_a_bare_callable_is_known_by_its_parameters(tmp_path: Path) -> None:
    wsgi = imported(tmp_path, "print('loading')\ndef app(environ, start_response): ...")
    assert (wsgi.interface, wsgi.framework, wsgi.error) == ("wsgi", "", None)
    text = "class A:\n  async def __call__(self, scope, receive, send): ...\napp = A()"
    assert imported(tmp_path, text).interface == "asgi"


def test_versions_are_those_of_installed_packages(tmp_path: Path) -> None:
    assert list(imported(tmp_path, "def app(environ, start_response): ...").versions) == ["flask"]


def test_flask_tells_its_url_map_through_middleware_and_from_a_factory(tmp_path: Path) -> None:
    text = """
        from flask import Flask

        class Middleware:
            def __init__(self, app):
                self.app = app
            def __call__(self, environ, start_response):
                return self.app(environ, start_response)

        def create_app():
            app = Flask(__name__)
            app.add_url_rule("/", view_func=lambda: "", endpoint="front")
            app.add_url_rule("/items/<int:number>", view_func=lambda number: "", endpoint="item")
            return Middleware(app)
    """
    app = imported(tmp_path, text, "create_app()")
    assert (app.framework, app.interface, app.problem) == ("Flask", "wsgi", None)
    assert {known.path: known.aside is None for known in from_routes(app.routes)} == {
        "/": True,
        "/items/<int:number>": False,
    }


def test_fastapi_tells_its_document_and_starlette_its_routes(tmp_path: Path) -> None:
    text = """
        from fastapi import FastAPI
        from starlette.applications import Starlette
        from starlette.responses import PlainTextResponse
        from starlette.routing import Mount, Route

        def front(request):
            return PlainTextResponse("")

        inner = Starlette(routes=[Route("/page", front)])
        app = FastAPI()
        app.mount("/inner", inner)

        @app.get("/items")
        def items(page: int = 1) -> dict[str, int]:
            return {}
    """
    app = imported(tmp_path, text)
    assert (app.framework, app.interface, app.problem) == ("FastAPI", "asgi", None)
    assert app.openapi is not None
    assert list(app.openapi["paths"]) == ["/items"]
    assert {known.path for known in from_routes(app.routes)} == {"/items", "/inner/page"}
    assert {known.path for known in from_routes(imported(tmp_path, text, "inner").routes)} == {"/page"}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("import no_such_package", "ModuleNotFoundError: No module named 'no_such_package' (shop.py:1)"),
        ("\nraise RuntimeError('set DATABASE_URL\\nand more')", "RuntimeError: set DATABASE_URL (shop.py:2)"),
        ("import sys\nsys.exit('no settings')", "SystemExit: no settings (shop.py:2)"),
        ("x = 1\ndef app(:", "SyntaxError: invalid syntax (shop.py:2)"),
        ("application = 1", "AttributeError: module 'shop' has no attribute 'app'"),
        ("app = 1", "TypeError: shop:app is of type int, not a WSGI or ASGI app"),
        (
            "def app(): ...",
            "TypeError: shop:app is of type function, not a WSGI or ASGI app; a factory is written shop",
        ),
        ("import os\nos._exit(7)", "the interpreter ended: status 7"),
    ],
)
def test_what_goes_wrong_is_told_with_its_place(text: str, problem: str, tmp_path: Path) -> None:
    error = imported(tmp_path, text).error
    assert str(error).startswith(problem)


def test_an_import_that_hangs_is_told_with_the_line_at_which_it_does(tmp_path: Path) -> None:
    error = imported(tmp_path, "import threading\n\nthreading.Event().wait()", within_s=1.0).error
    assert str(error) == "timeout: its import takes longer than 1 s (shop.py:3)"


def test_an_interpreter_that_does_not_exist_is_the_users_mistake(tmp_path: Path) -> None:
    candidate = AppCandidate(module="shop", attribute="app", framework="", interface=None)
    with pytest.raises(UserError, match=r"'/no/python' does not run: .*--python PATH"):
        import_app(candidate, "/no/python", tmp_path, ())
