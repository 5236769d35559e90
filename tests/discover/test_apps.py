"""Apps are found in source code, without importing it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakeoff.discover.apps import find_apps


@pytest.mark.parametrize(
    ("text", "framework", "interface"),
    [
        ("from flask import Flask\napp = Flask(__name__)", "Flask", "wsgi"),
        ("import flask\napp: flask.Flask = flask.Flask(__name__)", "Flask", "wsgi"),
        ("from quart import Quart as Q\napp = Q(__name__)", "Quart", "asgi"),
        ("from fastapi import FastAPI\napp = FastAPI()", "FastAPI", "asgi"),
        ("from starlette.applications import Starlette\napp = Starlette()", "Starlette", "asgi"),
        ("from litestar import Litestar\napp = Litestar([])", "Litestar", "asgi"),
        ("import falcon\napp = falcon.App()", "Falcon", "wsgi"),
        ("import falcon.asgi\napp = falcon.asgi.App()", "Falcon", "asgi"),
        ("import bottle\napp = bottle.default_app()", "Bottle", "wsgi"),
        ("from bottle import Bottle\napp = Bottle()", "Bottle", "wsgi"),
        ("from pyramid.config import Configurator\nc = Configurator()\napp = c.make_wsgi_app()", "Pyramid", "wsgi"),
        ("from django.core.wsgi import get_wsgi_application\napp = get_wsgi_application()", "Django", "wsgi"),
        ("from django.core.asgi import get_asgi_application\napp = get_asgi_application()", "Django", "asgi"),
        ("def app(environ, start_response):\n    return []", "WSGI callable", "wsgi"),
        ("async def app(scope, receive, send):\n    pass", "ASGI callable", "asgi"),
        ("class A:\n    async def __call__(self, scope, receive, send): ...\napp = A()", "ASGI callable", "asgi"),
        ("import flask\nclass Shop(flask.Flask): ...\napp = Shop(__name__)", "Flask", "wsgi"),
        ("try:\n    import flask\nfinally:\n    pass\nif True:\n    app = flask.Flask('x')", "Flask", "wsgi"),
    ],
)
def test_an_app_is_known_by_what_it_is_made_of(text: str, framework: str, interface: str) -> None:
    found = find_apps({"shop.py": text}).candidates[0]
    assert (found.name, found.framework, found.interface) == ("shop:app", framework, interface)


def test_a_factory_without_required_parameters_is_called() -> None:
    text = "from flask import Flask\ndef create_app(config=None):\n    app = Flask('x')\n    return app\n"
    found = find_apps({"shop/__init__.py": text}).candidates[0]
    assert (found.name, found.factory, found.place) == ("shop:create_app()", True, "shop/__init__.py:2")


def test_a_factory_with_required_parameters_is_no_app_but_a_hint() -> None:
    text = "from flask import Flask\ndef create_app(config):\n    return Flask('x')\n"
    found = find_apps({"shop.py": text})
    assert found.candidates == ()
    assert "app = create_app(config=...)" in found.notes[0]


def test_what_a_factory_of_another_module_returns_is_an_app_and_comes_first() -> None:
    sources = {
        "shop/__init__.py": "from .factory import create_app\n",
        "shop/factory.py": "from fastapi import FastAPI\ndef create_app() -> FastAPI:\n    return FastAPI()\n",
        "main.py": "from shop.factory import create_app\napp = create_app()\n",
    }
    names = [candidate.name for candidate in find_apps(sources).candidates]
    assert names == ["main:app", "shop.factory:create_app()"]


def test_middleware_around_an_app_has_the_interface_of_the_app() -> None:
    text = "import flask\nfrom x import ProxyFix\ninner = flask.Flask('x')\napp = ProxyFix(inner)\n"
    assert [candidate.name for candidate in find_apps({"a.py": text}).candidates] == ["a:app", "a:inner"]


def test_extensions_of_an_app_are_no_apps() -> None:
    text = "import flask\nfrom x import SQLAlchemy, Api\napp = flask.Flask('x')\ndb = SQLAlchemy(app)\napi = Api(app)\n"
    assert [candidate.name for candidate in find_apps({"a.py": text}).candidates] == ["a:app"]


def test_what_only_a_script_makes_is_a_hint() -> None:
    text = "import flask\nif __name__ == '__main__':\n    app = flask.Flask('x')\n    app.run()\n"
    found = find_apps({"a.py": text})
    assert found.candidates == ()
    assert found.notes == ("a.py:3: app is made only in a script; move it out of if __name__ == ..., to the top",)


def test_bottles_default_app_needs_a_line_which_is_named() -> None:
    found = find_apps({"a.py": "import bottle\n@bottle.route('/')\ndef front():\n    return ''\n"})
    assert found.notes == ("a.py uses Bottle's default app; add a line at its end: app = bottle.default_app()",)


@pytest.mark.parametrize(
    ("files", "name", "path"),
    [
        (["src/shop/__init__.py", "src/shop/web.py"], "shop.web:app", "src"),
        (["shop/__init__.py", "shop/web.py"], "shop.web:app", ""),
        (["backend/manage.py", "backend/shop/__init__.py", "backend/shop/web.py"], "shop.web:app", "backend"),
        (["app/web.py"], "app.web:app", ""),
        (["src/web.py"], "web:app", "src"),
    ],
)
def test_a_module_is_named_from_the_folder_that_it_is_imported_from(files: list[str], name: str, path: str) -> None:
    sources = {file: "import flask\napp = flask.Flask('x')" if "web" in file else "" for file in files}
    found = find_apps(sources).candidates[0]
    assert (found.name, found.path) == (name, path)


def test_what_a_module_imports_tells_where_it_is_imported_from() -> None:
    app = "import flask, models\napp = flask.Flask('x')"
    found = find_apps({"backend/main.py": app, "backend/models.py": ""}).candidates[0]
    assert (found.name, found.path) == ("main:app", "backend")


@pytest.mark.parametrize(
    "text",
    [
        "web: gunicorn -w 4 shop.admin:site",
        'CMD ["uvicorn", "shop.admin:site", "--port", "80"]',
        "exec gunicorn --bind 0.0.0.0:8000 shop.admin:site",
    ],
)
def test_what_is_deployed_comes_first(text: str) -> None:
    sources = {
        "shop/__init__.py": "",
        "shop/admin.py": "import flask\nsite = flask.Flask('x')",
        "app.py": "import flask\napp = flask.Flask('x')",
    }
    assert [candidate.name for candidate in find_apps(sources).candidates] == ["app:app", "shop.admin:site"]
    assert find_apps(sources, [text]).candidates[0].name == "shop.admin:site"


def test_apps_of_tests_and_examples_come_last() -> None:
    text = "import flask\napp = flask.Flask('x')"
    names = [found.name for found in find_apps({"tests/app.py": text, "shop/deep/server.py": text}).candidates]
    assert names == ["shop.deep.server:app", "tests.app:app"]


@pytest.mark.parametrize(
    "text",
    [
        "from x import make\napplication = make('production')",
        "from x import app as application",
        "from x import shop\napplication = shop.wsgi",
    ],
)
def test_a_usual_name_is_a_candidate_where_nothing_is_known(text: str) -> None:
    found = find_apps({"wsgi.py": text}).candidates[0]
    assert (found.name, found.interface) == ("wsgi:application", None)


@given(st.dictionaries(st.from_regex(r"([a-z]{1,4}/){0,2}[a-z]{1,4}\.py", fullmatch=True), st.text(), max_size=5))
def test_no_source_is_too_strange(sources: dict[str, str]) -> None:
    for candidate in find_apps(sources, sources.values()).candidates:
        assert all(part.isidentifier() for part in candidate.module.split("."))
