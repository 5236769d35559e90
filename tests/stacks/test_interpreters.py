"""Whether the interpreter of a stack has its server is known before anything is measured, and so are its versions."""

from __future__ import annotations

import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from msgspec.structs import replace

from bakeoff.model import UserError
from bakeoff.stacks.interpreters import interpreters
from bakeoff.stacks.places import opened
from tests.builders import stack

SERVED = stack("cakes", server="gunicorn")


@pytest.fixture
def bare(tmp_path: Path) -> str:
    """The interpreter of an environment in which nothing is installed."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "bare")], check=True)
    return str(tmp_path / "bare" / "bin" / "python")


def test_the_packages_of_an_interpreter_are_told_with_their_versions() -> None:
    text = interpreters([SERVED])["cakes"]
    assert text.startswith(f"Python {sys.version.split()[0]}, ")
    assert f"gunicorn {metadata.version('gunicorn')}" in text


def test_a_stack_whose_interpreter_lacks_its_server_is_refused_with_a_remedy(bare: str) -> None:
    with pytest.raises(UserError, match=rf"stack 'cakes': {bare} has no gunicorn; install it with: {bare} -m pip"):
        interpreters([replace(SERVED, python=bare)])


def test_a_stack_with_a_command_of_its_own_needs_no_server(bare: str) -> None:
    own = replace(SERVED, name="own", server=None, app=None, command=("serve",), python=bare)
    found = interpreters([own, SERVED])
    assert found["own"] == f"Python {sys.version.split()[0]}"
    assert "gunicorn" in found["cakes"]


@pytest.mark.parametrize("wrong", ["/no/such/python", "/bin/false"])
def test_an_interpreter_that_does_not_run_is_the_users_mistake(wrong: str) -> None:
    with pytest.raises(UserError, match=f"python '{wrong}' does not run: "):
        interpreters([replace(SERVED, python=wrong)])


def test_a_run_keeps_the_packages_of_interpreters_other_than_its_own() -> None:
    """Those of its own are facts of the machine."""
    other = replace(SERVED, name="other", python=sys.executable)
    with opened("local", [SERVED, other], ()) as place:
        assert set(place.facts) == {"interpreter of other"}
