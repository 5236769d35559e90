"""The interpreter of a stack is checked for its server before anything is measured, and its packages are recorded."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from bakeoff.model import Environment, UserError
from bakeoff.stacks.interpreters import describe_environment, interpreters, server_versions
from tests.builders import stack

SERVED = stack("cakes", server="gunicorn")


@pytest.fixture
def bare(tmp_path: Path) -> str:
    """The interpreter of an environment without packages."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "bare")], check=True)
    return str(tmp_path / "bare" / "bin" / "python")


def write_installed(
    folder: Path, name: str, version: str, origin: dict[str, Any] | None = None, files: str = ""
) -> None:
    """The record of an installed package, as an installer leaves it in a folder."""
    information = folder / f"{name}-{version}.dist-info"
    information.mkdir(parents=True)
    (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", "utf-8")
    (information / "RECORD").write_text(files, "utf-8")
    if origin is not None:
        (information / "direct_url.json").write_text(json.dumps(origin), "utf-8")


def installed_with(python: str, folder: Path) -> Environment:
    """What an interpreter lists that finds packages in a folder too."""
    own = replace(SERVED, server=None, app=None, command=("serve", "{port}"), python=python)
    return interpreters([replace(own, env={"PYTHONPATH": str(folder)})])["cakes"]


def test_the_packages_of_an_interpreter_are_listed_with_their_versions() -> None:
    environment = interpreters([SERVED])["cakes"]
    assert environment.python == f"Python {sys.version.split()[0]}"
    assert environment.packages["gunicorn"] == metadata.version("gunicorn")
    assert describe_environment(environment).startswith(f"{environment.python}, ")
    assert f"gunicorn {metadata.version('gunicorn')}" in describe_environment(environment)


def test_the_version_of_each_stacks_server_is_known() -> None:
    started = [SERVED, replace(SERVED, name="own", server=None, app=None, command=("serve", "{port}"))]
    assert server_versions(started, interpreters(started)) == {"cakes": metadata.version("gunicorn")}


def test_a_stack_whose_interpreter_lacks_its_server_is_refused_with_a_remedy(bare: str) -> None:
    with pytest.raises(UserError, match=rf"stack 'cakes': {bare} has no gunicorn; install it with: {bare} -m pip"):
        interpreters([replace(SERVED, python=bare)])


def test_the_remedy_for_a_missing_server_may_be_another(bare: str) -> None:
    with pytest.raises(UserError, match=rf"{bare} has no gunicorn; add gunicorn to that revision's requirements"):
        interpreters([replace(SERVED, python=bare)], "add {package} to that revision's requirements")


def test_a_stack_with_a_command_of_its_own_needs_no_server(bare: str) -> None:
    own = replace(SERVED, name="own", server=None, app=None, command=("serve", "{port}"), python=bare)
    installed = interpreters([own, SERVED])
    assert installed["own"] == Environment(python=f"Python {sys.version.split()[0]}", packages={}, path=bare)
    assert "gunicorn" in installed["cakes"].packages


def test_packages_that_a_stack_reaches_through_its_variables_are_its_own(bare: str, tmp_path: Path) -> None:
    """Two stacks with one interpreter need not have the same packages."""
    write_installed(tmp_path / "vendored", "Sour_Dough", "2.0")
    plain = replace(SERVED, name="plain", server=None, app=None, command=("serve", "{port}"), python=bare)
    vendored = replace(plain, name="vendored", env={"PYTHONPATH": str(tmp_path / "vendored")})
    installed = interpreters([plain, vendored])
    assert installed["plain"].packages == {}
    assert installed["vendored"].packages == {"sour-dough": "2.0"}


def test_packages_in_the_callers_folder_are_not_installed(
    bare: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as those that an old build has left there."""
    write_installed(tmp_path, "gunicorn", "25.0")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="has no gunicorn"):
        interpreters([replace(SERVED, python=bare)])


def test_a_version_from_a_repository_has_its_commit(bare: str, tmp_path: Path) -> None:
    origin = {"url": "https://example.org/flour", "vcs_info": {"vcs": "git", "commit_id": 40 * "a"}}
    write_installed(tmp_path, "flour", "1.0", origin)
    assert installed_with(bare, tmp_path).packages == {"flour": "1.0 (commit aaaaaaaaaa)"}


def test_another_build_of_a_version_has_other_contents(bare: str, tmp_path: Path) -> None:
    """And only then: scripts and what an installer adds do not count."""
    script = "../../../bin/flour,sha256={},9\nflour-1.0.dist-info/INSTALLER,sha256={},4\n"
    contents = []
    for name, code, rest in (("a", "x", "x"), ("b", "x", "y"), ("c", "y", "y")):
        files = f"flour.py,sha256={code},3\nflour/__pycache__/x.pyc,,\n{script.format(rest, rest)}"
        write_installed(tmp_path / name, "flour", "1.0", files=files)
        contents.append(installed_with(bare, tmp_path / name).contents["flour"])
    assert contents[0] == contents[1] != contents[2]


def test_an_editable_project_has_other_contents_when_its_code_has_changed(bare: str, tmp_path: Path) -> None:
    """And only then: what is not code, and what other tools leave in its folder, does not count."""
    project = tmp_path / "a project"
    project.mkdir()
    origin = {"url": project.as_uri(), "dir_info": {"editable": True}}
    write_installed(tmp_path / "packages", "flour", "1.0", origin)
    contents = []
    for code, notes in (("one", ""), ("one", "note"), ("two", "note")):
        (project / "flour.py").write_text(code, "utf-8")
        (project / "notes.txt").write_text(notes, "utf-8")
        if notes:
            (project / ".tox").mkdir(exist_ok=True)
            (project / ".tox" / "other.py").touch()
        environment = installed_with(bare, tmp_path / "packages")
        contents.append(environment.contents["flour"])
    assert contents[0] == contents[1] != contents[2]
    assert environment.editable == {"flour": str(project)}


@pytest.mark.parametrize("python", ["/no/such/python", "/bin/false"])
def test_an_interpreter_that_does_not_run_is_the_users_mistake(python: str) -> None:
    with pytest.raises(UserError, match=f"python '{python}' does not run: "):
        interpreters([replace(SERVED, python=python)])
