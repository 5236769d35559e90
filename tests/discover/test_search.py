"""From a folder to an experiment: whole searches, with what a user is told."""

from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path
from textwrap import dedent

import pytest

from bakeoff.discover import Discovery, Wishes, discover
from bakeoff.discover.importing import import_app
from bakeoff.experiment import parse_experiment
from bakeoff.model import Experiment, UserError

FLASK = """
    from flask import Flask, abort, redirect

    app = Flask(__name__)

    @app.get("/")
    def front():
        return "cakes"

    @app.get("/private")
    def private():
        abort(401)

    @app.get("/old")
    def old():
        return redirect("/")

    @app.get("/cake/<int:number>")
    def cake(number):
        return str(number)
"""


def found_in(folder: Path, wishes: Wishes | None = None, **files: str) -> Discovery:
    """What is found in a folder with some Python files."""
    (folder / ".git").mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.py").write_text(dedent(text), "utf-8")
    return discover(folder, wishes or Wishes(python=sys.executable), lambda step: None)


def experiment(discovery: Discovery, folder: Path) -> Experiment:
    """The experiment that was written."""
    return parse_experiment(discovery.text, folder / "bakeoff.toml")


@pytest.mark.e2e
def test_a_flask_app_is_found_asked_and_proposed(tmp_path: Path) -> None:
    discovery = found_in(tmp_path, shop=FLASK)
    assert discovery.obstacle is None
    assert discovery.missing == ()
    made = experiment(discovery, tmp_path)
    assert [request.path for request in made.scenarios[0].requests] == ["/"]
    assert {stack.app for stack in made.stacks} == {"shop:app"}
    assert made.stacks[0].name == "gunicorn-sync"
    assert "ms of CPU time" in discovery.text
    assert '# { get = "/private" },' in discovery.text
    assert "the app wants a login" in discovery.text
    assert "redirects to /" in discovery.text


@pytest.mark.e2e
def test_an_app_that_fails_on_every_path_is_an_obstacle_with_the_end_of_its_log(tmp_path: Path) -> None:
    text = "def app(environ, start_response):\n    raise ValueError('no database')\n"
    discovery = found_in(tmp_path, shop=text)
    assert discovery.obstacle is not None
    assert "no endpoint can be requested as it is (/ answered 500: its log says why; ValueError: no database (" in (
        discovery.obstacle
    )
    assert experiment(discovery, tmp_path).scenarios[0].requests[0].path == "/"


@pytest.mark.e2e
def test_redirects_of_the_start_page_are_followed_to_a_page_that_answers(tmp_path: Path) -> None:
    text = """
        def app(environ, start_response):
            target = {"/": "/web", "/web": "/web/"}.get(environ["PATH_INFO"])
            start_response("302 Found" if target else "200 OK", [("Location", target)] if target else [])
            return [b"page"]
    """
    discovery = found_in(tmp_path, shop=text)
    assert [request.path for request in experiment(discovery, tmp_path).scenarios[0].requests] == ["/web/"]


def test_a_folder_without_an_app_gets_a_file_to_fill_in(tmp_path: Path) -> None:
    discovery = found_in(tmp_path, tool="print('hello')")
    assert "no app was found" in str(discovery.obstacle)
    assert experiment(discovery, tmp_path).stacks[0].app == "module:attribute"


def test_an_import_that_fails_is_told_and_the_file_is_written_all_the_same(tmp_path: Path) -> None:
    discovery = found_in(tmp_path, shop="import flask, no_such_package\napp = flask.Flask('shop')")
    assert "No module named 'no_such_package' (shop.py:1); install it there" in str(discovery.obstacle)
    assert experiment(discovery, tmp_path).stacks[0].app == "shop:app"


def test_a_wrong_name_and_a_server_that_is_started_by_the_import_have_their_own_remedies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = found_in(tmp_path, Wishes(app="no_such.shop:app", python=sys.executable))
    assert "No module named 'no_such'; name a module that is in this folder" in str(wrong.obstacle)
    monkeypatch.setattr("bakeoff.discover.search.import_app", partial(import_app, within_s=1.0))
    text = "import threading\nthreading.Event().wait()\ndef app(environ, start_response): ..."
    assert "; does it start a server there" in str(found_in(tmp_path, shop=text).obstacle)


def test_without_an_environment_the_remedy_for_a_missing_package_is_to_make_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)
    discovery = found_in(tmp_path, Wishes(), shop="import no_such_package, flask\napp = flask.Flask('shop')")
    assert "make one in .venv" in str(discovery.obstacle)


def test_names_that_the_user_gives_are_checked(tmp_path: Path) -> None:
    for wishes, problem in (
        (Wishes(app="shop.wsgi"), "does not name an app; write module:attribute"),
        (Wishes(python="no/python"), "--python no/python does not exist"),
        (Wishes(openapi="no.json"), "no.json cannot be read"),
        (Wishes(har=Path("no.har")), "no.har cannot be read"),
        (Wishes(openapi="http://127.0.0.1:1/openapi.json"), "cannot be read"),
    ):
        with pytest.raises(UserError, match=problem):
            found_in(tmp_path, wishes)


def test_a_named_recording_replaces_the_url_map(tmp_path: Path) -> None:
    har = tmp_path / "shop.har"
    url = "http://localhost/recorded"
    har.write_text(json.dumps({"log": {"entries": [{"request": {"url": url, "method": "GET"}}]}}), "utf-8")
    discovery = found_in(tmp_path, Wishes(har=har, app="no_such_module:app"))
    assert [request.path for request in experiment(discovery, tmp_path).scenarios[0].requests] == ["/recorded"]


def test_servers_that_are_missing_are_named_unless_the_app_cannot_be_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bakeoff.discover.search.needed_packages", lambda: ())
    discovery = found_in(tmp_path, shop="def app(environ, start_response): ...")
    assert "no server is installed" in str(discovery.obstacle)
    assert discovery.lacking == ("gunicorn",)
    assert found_in(tmp_path, shop="import flask, no_such\napp = flask.Flask('shop')").lacking == ()
