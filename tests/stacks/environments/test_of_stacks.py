"""Each stack gets its interpreter: the one that it names, an environment of its packages, or the project's own."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from msgspec.structs import replace

from bakeoff.model import UserError
from bakeoff.stacks.environments import install_missing_servers, project_python, python_of_version, with_interpreters
from bakeoff.stacks.environments.needs import split_requirement
from tests.builders import stack
from tests.repository import git
from tests.stacks.environments.index import Index, installed, script, use_fake_uv


@pytest.fixture(autouse=True)
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Index:
    """A fake uv, and no environment that is activated."""
    return use_fake_uv(tmp_path, monkeypatch)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A project's folder in a repository."""
    folder = tmp_path / "repository" / "shop"
    folder.mkdir(parents=True)
    git(folder.parent, "init", "--quiet")
    (folder / "says").write_text("open", "utf-8")
    (folder / "setup.py").touch()
    return folder


def environment(home: Path) -> str:
    """The interpreter of what looks like an environment."""
    (home / "bin").mkdir(parents=True)
    (home / "bin" / "python").symlink_to(sys.executable)
    return str(home / "bin" / "python")


def pythons(*stacks_: object, notes: list[str] | None = None) -> list[str]:
    """The interpreters of some stacks."""
    found = with_interpreters(stacks_, (notes if notes is not None else []).append)  # type: ignore[arg-type]
    return [str(stack.python) for stack in found]


def test_two_versions_of_a_package_are_two_environments(shop: Path, index: Index) -> None:
    """And they are kept: a second run installs nothing."""
    stacks = [
        stack(f"flour-{version}", directory=str(shop), packages=(f"flour=={version}", "gunicorn==24.0", "."))
        for version in ("1.0", "1.1")
    ]
    old, new = pythons(*stacks)
    assert installed(old) == {"flour": "1.0", "gunicorn": "24.0", "shop": "open"}
    assert installed(new) == {"flour": "1.1", "gunicorn": "24.0", "shop": "open"}
    installations = index.installations
    assert pythons(*stacks) == [old, new]
    assert index.installations == installations


def test_a_server_that_packages_do_not_name_comes_along(shop: Path) -> None:
    notes: list[str] = []
    (python,) = pythons(stack("shop", directory=str(shop), packages=("flour",)), notes=notes)
    assert installed(python) == {"flour": "1.1", "gunicorn": "25.0"}
    assert notes[0] == "adding gunicorn, which is not part of flour"


def test_another_interpreter_makes_another_environment(shop: Path, tmp_path: Path) -> None:
    """Environments are those of one Python."""
    other = tmp_path / "other-python"
    script(other, f'[ "$1" = -c ] && echo another && exit; exec {sys.executable} "$@"')
    packaged = stack("shop", directory=str(shop), packages=("flour",))
    own, others = pythons(packaged, replace(packaged, python=str(other)))
    assert own != others


def test_packages_that_do_not_resolve_name_their_stack(shop: Path) -> None:
    with pytest.raises(UserError, match=r"stack 'shop': uv pip compile .* because there is no yeast"):
        pythons(stack("shop", directory=str(shop), packages=("yeast",)))


@pytest.mark.parametrize("place", ["shop/.venv", "shop/venv", "shop/env", ".venv"])
def test_a_projects_own_environment_is_found(shop: Path, place: str) -> None:
    """Beside the experiment, or above it within the repository."""
    python = environment(shop.parent / place)
    assert pythons(stack("shop", directory=str(shop))) == [python]


def test_an_environment_outside_of_the_repository_is_not_the_projects(shop: Path, tmp_path: Path) -> None:
    environment(tmp_path / ".venv")
    assert project_python(shop) is None


def test_an_activated_environment_is_taken_where_the_project_has_none(
    shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when Bakeoff runs in an environment of its own."""
    activated = environment(tmp_path / "activated")
    monkeypatch.setenv("VIRTUAL_ENV", str(tmp_path / "activated"))
    assert project_python(shop) == activated
    own = environment(shop / ".venv")
    assert project_python(shop) == own


def test_the_environment_that_runs_bakeoff_needs_no_name(shop: Path) -> None:
    (shop / ".venv").symlink_to(sys.prefix)
    assert project_python(shop) is None


def test_an_interpreter_that_the_file_names_is_kept(shop: Path) -> None:
    environment(shop / ".venv")
    assert pythons(stack("shop", directory=str(shop), python="/opt/python")) == ["/opt/python"]


def test_a_version_is_looked_for_on_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Past a shim that does not run."""
    major, minor = sys.version_info[:2]
    assert python_of_version(f"{major}.{minor}") == sys.executable
    for folder, commands in (("shims", "exit 127"), ("real", f"echo {major} 99 /opt/python{major}.99")):
        (tmp_path / folder).mkdir()
        script(tmp_path / folder / f"python{major}.99", commands)
    monkeypatch.setenv("PATH", os.pathsep.join([str(tmp_path / "shims"), str(tmp_path / "real"), "/usr/bin", "/bin"]))
    assert python_of_version(f"{major}.99") == f"/opt/python{major}.99"
    with pytest.raises(UserError, match=rf"there is no Python {major}\.98 on PATH"):
        python_of_version(f"{major}.98")


def test_a_missing_server_is_installed_only_where_the_user_agrees(shop: Path, index: Index) -> None:
    bare = shop / "bare"
    script(bare, """echo '{"python": "Python 3.13.1", "packages": {}}'""")
    lacking = stack("shop", directory=str(shop), python=str(bare))
    asked: list[tuple[str, str]] = []

    def refuse(package: str, python: str) -> bool:
        asked.append((package, python))
        return False

    notes: list[str] = []
    install_missing_servers([lacking, replace(lacking, name="other")], notes.append, refuse)
    assert asked == [("gunicorn", str(bare))]
    assert (notes, index.installations) == ([], 0)


@pytest.mark.parametrize("requirement", ["flask[async]>=3", "flask @ https://example.org/flask.whl"])
def test_a_requirement_by_name_stays_as_it_is(tmp_path: Path, requirement: str) -> None:
    assert split_requirement(requirement, tmp_path) == (requirement, None)


def test_a_wheel_is_a_requirement_by_its_path(tmp_path: Path) -> None:
    (tmp_path / "flour-1.0-py3-none-any.whl").touch()
    assert split_requirement("./flour-1.0-py3-none-any.whl", tmp_path) == (
        f"{tmp_path}/flour-1.0-py3-none-any.whl",
        None,
    )
