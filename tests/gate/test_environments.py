"""Each revision is installed whole from its own files, as they resolve now, by what the repository itself uses."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from bakeoff.gate.environments import BuiltEnvironments
from bakeoff.gate.revisions import Revision, Revisions
from bakeoff.model import GateSettings, Stack, UserError
from tests.builders import stack
from tests.repository import commit, git
from tests.stacks.environments.index import Index, installed, script, use_fake_uv

PACKAGE = '[build-system]\nrequires = []\n[project]\nname = "shop"\n'


@pytest.fixture(autouse=True)
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Index:
    """A fake uv on the path, an empty cache, and a caller's folder that belongs to no revision."""
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    return use_fake_uv(tmp_path, monkeypatch)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A repository without commits."""
    root = tmp_path / "project"
    root.mkdir()
    git(root, "init", "--quiet")
    return root


def write(project: Path, **files: str) -> None:
    """Write text files, whose names have ``__`` in place of a slash and lack ``.txt``."""
    for name, text in files.items():
        file = project / f"{name.replace('__', '/')}.txt"
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, "utf-8")


def served_by(project: Path, **changes: Any) -> Stack:
    """A stack whose server is no part of its environment, unless one is named."""
    own = {"app": None, "server": None, "command": ("serve", "{port}")} if "server" not in changes else {}
    return stack("shop", directory=str(project), **{**own, **changes})


@contextmanager
def gated(
    project: Path, *requirements: str, served: Stack | None = None, notes: list[str] | None = None, **settings: Any
) -> Iterator[tuple[Revision, Revision]]:
    """The last commit against the working tree."""
    (project / "changed").write_text(secrets.token_hex(), "utf-8")
    note = (notes if notes is not None else []).append
    environments = BuiltEnvironments(
        GateSettings(requirements=requirements, **settings), served or served_by(project), note
    )
    with Revisions(project, environments).both("HEAD", None) as both:
        yield both


def both_installed(revisions: tuple[Revision, Revision]) -> tuple[dict[str, str], dict[str, str]]:
    """What the fake uv has installed for base and head."""
    base, head = revisions
    return installed(base.python), installed(head.python)


@pytest.mark.parametrize("option", ["-r", "-c"])
def test_a_change_in_a_file_that_the_requirements_name_is_measured(project: Path, option: str) -> None:
    write(project, requirements=f"{option} deps/other.txt\nflour", deps__other="flour==1.0")
    commit(project)
    write(project, deps__other="flour==1.1")
    with gated(project) as revisions:
        assert both_installed(revisions) == ({"flour": "1.0"}, {"flour": "1.1"})


@pytest.mark.parametrize("requirement", [".", "-e .", "./"])
def test_a_project_that_requires_itself_is_installed_from_its_own_revision(project: Path, requirement: str) -> None:
    write(project, requirements=requirement)
    (project / "says").write_text("base", "utf-8")
    commit(project)
    (project / "says").write_text("head", "utf-8")
    with gated(project) as revisions:
        assert both_installed(revisions) == ({"project": "base"}, {"project": "head"})


@pytest.mark.parametrize("requirements", ["flour", None])
def test_a_package_is_installed_from_its_own_revision_with_what_it_needs(
    project: Path, requirements: str | None
) -> None:
    """Its modules may lie in ``src``, where nothing else finds them."""
    (project / "pyproject.toml").write_text(PACKAGE, "utf-8")
    if requirements is not None:
        write(project, requirements=requirements)
    (project / "says").write_text("base", "utf-8")
    commit(project)
    (project / "says").write_text("head", "utf-8")
    packages = {} if requirements is None else {"flour": "1.1"}
    with gated(project) as revisions:
        assert both_installed(revisions) == ({**packages, "project": "base"}, {**packages, "project": "head"})


def test_the_packages_below_a_project_are_kept_and_shared(project: Path, index: Index) -> None:
    """Only the project itself is installed for every gate."""
    (project / "pyproject.toml").write_text(PACKAGE, "utf-8")
    write(project, requirements="flour")
    (project / "says").write_text("base", "utf-8")
    commit(project)
    for gates in (1, 2):
        with gated(project):
            pass
        assert index.installations == 1 + 2 * gates


def test_a_server_that_the_project_does_not_bring_is_of_one_version_on_both_sides(project: Path) -> None:
    """The one that the other side names, or else the newest."""
    write(project, requirements="flour")
    commit(project)
    with gated(project, served=served_by(project, server="gunicorn")) as revisions:
        assert both_installed(revisions) == ({"flour": "1.1", "gunicorn": "25.0"},) * 2
    write(project, requirements="flour\ngunicorn==24.0")
    with gated(project, served=served_by(project, server="gunicorn")) as revisions:
        assert both_installed(revisions) == ({"flour": "1.1", "gunicorn": "24.0"},) * 2


def test_a_lock_file_is_followed_by_each_side(project: Path, tmp_path: Path) -> None:
    script(tmp_path / "bin" / "pdm", "cat pdm.lock")
    (project / "pdm.lock").write_text("flour==1.0\n", "utf-8")
    write(project, requirements="flour")
    commit(project)
    (project / "pdm.lock").write_text("flour==1.1\n", "utf-8")
    with gated(project) as revisions:
        assert both_installed(revisions) == ({"flour": "1.0"}, {"flour": "1.1"})


def test_the_packages_of_the_stack_come_before_the_projects_files(project: Path) -> None:
    """A folder among them is that of each side."""
    (project / "pyproject.toml").write_text(PACKAGE, "utf-8")
    write(project, requirements="salt")
    (project / "says").write_text("base", "utf-8")
    commit(project)
    (project / "says").write_text("head", "utf-8")
    with gated(project, served=served_by(project, packages=("flour==1.0", "."))) as revisions:
        assert both_installed(revisions) == (
            {"flour": "1.0", "project": "base"},
            {"flour": "1.0", "project": "head"},
        )


def test_a_project_that_does_not_say_what_it_needs_runs_in_its_own_environment(project: Path) -> None:
    """Both sides do, and the user is told."""
    python = project / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)
    (project / ".gitignore").write_text(".venv", "utf-8")
    commit(project)
    notes: list[str] = []
    with gated(project, notes=notes) as (base, head):
        assert base.python == head.python == str(python)
    assert len(notes) == 2
    assert notes[1] == f"working tree has no file that says what to install; running it with {python}"


@pytest.fixture
def quick_python(tmp_path: Path) -> str:
    """An interpreter whose environments are made at once, without pip in them."""
    script(tmp_path / "bin" / "python", f'mkdir -p "$3/bin" && ln -s {sys.executable} "$3/bin/python"')
    return str(tmp_path / "bin" / "python")


def test_a_command_of_the_users_installs_each_side_into_an_active_environment(project: Path, quick_python: str) -> None:
    commit_with = "mkdir -p $VIRTUAL_ENV/lib && cp says $VIRTUAL_ENV/said && command -v python > $VIRTUAL_ENV/python"
    (project / "says").write_text("base", "utf-8")
    commit(project)
    (project / "says").write_text("head", "utf-8")
    with gated(project, served=served_by(project, python=quick_python), install=commit_with) as revisions:
        for revision, said in zip(revisions, ("base", "head"), strict=True):
            home = Path(revision.python).parent.parent
            assert (home / "said").read_text("utf-8") == said
            assert (home / "python").read_text("utf-8").strip() == revision.python


def test_a_command_of_the_users_that_fails_is_named(project: Path, quick_python: str) -> None:
    write(project, requirements="flour")
    commit(project)
    served = served_by(project, python=quick_python)
    with (
        pytest.raises(UserError, match=r"\[gate\]: install: .*no oven"),
        gated(project, served=served, install="echo no oven; false"),
    ):
        pass


def test_each_side_runs_on_the_python_that_it_names(project: Path, tmp_path: Path) -> None:
    """Another Python is a change like any other."""
    other = tmp_path / "bin" / "python3.99"
    script(other, f'case "$2" in *version_info*) echo 3 99 {other} ;; *) echo 3.99 ;; esac')
    write(project, requirements="flour")
    (project / ".python-version").write_text("3.98", "utf-8")
    commit(project)
    (project / ".python-version").write_text("3.99", "utf-8")
    notes: list[str] = []
    with gated(project, notes=notes) as (base, head):
        assert Path(base.python).resolve() == Path(sys.executable).resolve()
        assert Path(head.python).resolve() == other
    assert ".python-version cannot be followed: there is no Python 3.98 on PATH" in notes[0]


def test_a_local_package_is_installed_anew_for_every_gate(project: Path) -> None:
    """Its name and its version stay the same when its files change."""
    write(project, requirements="./lib\nflour")
    (project / "lib").mkdir()
    (project / "lib" / "says").write_text("one", "utf-8")
    commit(project)
    for text in ("two", "three"):
        (project / "lib" / "says").write_text(text, "utf-8")
        with gated(project) as (base, head):
            assert (installed(base.python)["lib"], installed(head.python)["lib"]) == ("one", text)
    assert not Path(base.python).exists()


def test_a_release_between_two_gates_reaches_both_sides(project: Path, index: Index) -> None:
    """Otherwise it would pass for the head's change."""
    write(project, requirements="flour")
    commit(project)
    with gated(project) as (base, _):
        assert installed(base.python) == {"flour": "1.1"}
    index.publish(flour=("1.0", "1.1", "2.0"))
    write(project, requirements="flour\nflour")
    with gated(project) as revisions:
        assert both_installed(revisions) == ({"flour": "2.0"}, {"flour": "2.0"})


def test_environments_that_resolve_alike_are_one_and_are_kept(project: Path, index: Index) -> None:
    """However their requirements are written."""
    write(project, required="flour==1.1")
    commit(project)
    write(project, required="flour\n")
    for _ in range(2):
        with gated(project, "required.txt") as (base, head):
            assert base.python == head.python
    assert index.installations == 1


def test_a_failed_installation_is_one_line_with_the_end_of_its_output_and_leaves_nothing(
    project: Path, tmp_path: Path
) -> None:
    write(project, requirements="flour\n!echo compiling; echo gcc: no such file >&2; exit 1")
    commit(project)
    with pytest.raises(UserError) as raised, gated(project):
        pass
    assert str(raised.value) == "uv pip install --quiet ... failed: gcc: no such file; error: a build failed"
    write(project, requirements="flour")
    commit(project)
    with gated(project) as (base, _):
        assert installed(base.python) == {"flour": "1.1"}
    assert len([path for path in (tmp_path / "cache" / "bakeoff" / "environments").iterdir() if path.is_dir()]) == 2


def test_requirements_that_cannot_be_resolved_are_one_line(project: Path) -> None:
    write(project, requirements="yeast")
    commit(project)
    with (
        pytest.raises(UserError, match=r"^uv pip compile --quiet \.\.\. failed: error: no solution; because there is"),
        gated(project),
    ):
        pass


def test_named_requirements_must_exist(project: Path) -> None:
    """In that revision."""
    write(project, other="flour")
    commit(project)
    with (
        pytest.raises(UserError, match=r"requirements: 'required\.txt' does not exist"),
        gated(project, "required.txt"),
    ):
        pass


def test_the_same_files_are_refused_before_an_environment_is_built(project: Path, index: Index) -> None:
    """A build may leave files in the working tree, which would then pass for a change."""
    write(project, requirements="flour")
    commit(project)
    revisions = Revisions(project, BuiltEnvironments(GateSettings(), served_by(project), lambda _: None))
    with pytest.raises(UserError, match="have the same files"), revisions.both("HEAD", None):
        pass
    assert index.installations == 0
