"""The interpreter of a stack is checked for its server before anything is measured, and its packages are recorded."""

from __future__ import annotations

import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from msgspec.structs import replace

from bakeoff.model import UserError
from bakeoff.stacks.interpreters import interpreters
from tests.builders import stack

SERVED = stack("cakes", server="gunicorn")


@pytest.fixture
def bare(tmp_path: Path) -> str:
    """The interpreter of an environment without packages."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "bare")], check=True)
    return str(tmp_path / "bare" / "bin" / "python")


def test_the_packages_of_an_interpreter_are_listed_with_their_versions() -> None:
    text = interpreters([SERVED])["cakes"]
    assert text.startswith(f"Python {sys.version.split()[0]}, ")
    assert f"gunicorn {metadata.version('gunicorn')}" in text


def test_a_stack_whose_interpreter_lacks_its_server_is_refused_with_a_remedy(bare: str) -> None:
    with pytest.raises(UserError, match=rf"stack 'cakes': {bare} has no gunicorn; install it with: {bare} -m pip"):
        interpreters([replace(SERVED, python=bare)])


def test_the_remedy_for_a_missing_server_may_be_another(bare: str) -> None:
    with pytest.raises(UserError, match=rf"{bare} has no gunicorn; add gunicorn to that revision's requirements"):
        interpreters([replace(SERVED, python=bare)], "add {package} to that revision's requirements")


def test_a_stack_with_a_command_of_its_own_needs_no_server(bare: str) -> None:
    own = replace(SERVED, name="own", server=None, app=None, command=("serve", "{port}"), python=bare)
    described = interpreters([own, SERVED])
    assert described["own"] == f"Python {sys.version.split()[0]}"
    assert "gunicorn" in described["cakes"]


@pytest.mark.parametrize("python", ["/no/such/python", "/bin/false"])
def test_an_interpreter_that_does_not_run_is_the_users_mistake(python: str) -> None:
    with pytest.raises(UserError, match=f"python '{python}' does not run: "):
        interpreters([replace(SERVED, python=python)])
