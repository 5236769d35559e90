"""A directory is used as it is; a git ref gets its own worktree and environment, and leaves nothing behind."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from bakeoff.gate.environments import BuiltEnvironments
from bakeoff.gate.revisions import Revision, Revisions, check_own_packages, moved_search_path
from bakeoff.gate.run import gate_experiment
from bakeoff.model import Environment, GateSettings, UserError
from tests.builders import experiment, stack
from tests.repository import git

APP = "service/app.py"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A repository whose app said "one" at tag v1 and says "two" now; the experiment lies in ``service``."""
    root = tmp_path / "project"
    (root / "service").mkdir(parents=True)
    git(root, "init", "--quiet")
    (root / APP).write_text("one", "utf-8")
    git(root, "add", ".")
    git(root, "commit", "--quiet", "-m", "one")
    git(root, "tag", "v1")
    (root / APP).write_text("two", "utf-8")
    return root


def built(project: Path) -> BuiltEnvironments:
    """Environments for the project's only stack."""
    return BuiltEnvironments(GateSettings(), stack("shop", directory=str(project / "service")), lambda _: None)


def finder(project: Path) -> Revisions:
    """Revisions of the project."""
    return Revisions(project / "service", built(project))


def test_a_directory_is_used_as_it_is(project: Path) -> None:
    """With the interpreter that runs Bakeoff, and without git."""
    with finder(project).both(str(project), None) as (base, head):
        assert (base.directory, head.directory) == (project, project / "service")
        assert base.python == head.python == sys.executable


@pytest.mark.parametrize(
    ("base", "head"), [("v1", "v1"), ("HEAD", None), ("service", None), (".", "."), ("HEAD", "v1")]
)
def test_the_same_files_are_not_compared_with_themselves(
    project: Path, monkeypatch: pytest.MonkeyPatch, base: str, head: str | None
) -> None:
    """A ref, a clean working tree and a folder are compared by what they hold."""
    (project / APP).write_text("one", "utf-8")
    monkeypatch.chdir(project)
    with pytest.raises(UserError, match="have the same files"), finder(project).both(base, head):
        pass


@pytest.mark.parametrize(("base", "head"), [("", None), ("v1", "")])
def test_an_empty_name_of_a_revision_is_refused(project: Path, base: str, head: str | None) -> None:
    """It was the current folder once."""
    with pytest.raises(UserError, match="--base or --head is empty"), finder(project).both(base, head):
        pass


def test_a_directory_with_an_environment_is_run_with_it(project: Path) -> None:
    """That is ``.venv`` in this directory."""
    python = project / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.touch()
    with finder(project).both(str(project), None) as (base, _):
        assert base.python == str(python)


def test_a_directory_is_run_with_the_interpreter_that_the_stack_names(project: Path, tmp_path: Path) -> None:
    """A path in the project is that of each directory, and any other is that of both."""
    old = tmp_path / "old"
    for folder in (project / "service", old):
        (folder / "env").mkdir(parents=True)
        (folder / "env" / "python").touch()
    for python, of_old in (("/opt/python", "/opt/python"), (f"{project}/service/env/python", f"{old}/env/python")):
        named = stack("shop", directory=str(project / "service"), python=python)
        environments = BuiltEnvironments(GateSettings(), named, lambda _: None)
        with Revisions(project / "service", environments).both(str(old), None) as (base, head):
            assert (base.python, head.python) == (of_old, python)


def test_a_ref_is_checked_out_beside_the_working_tree(project: Path) -> None:
    """Base has the committed files in the same folder of the repository; head has the files as they are now."""
    with finder(project).both("v1", None) as (base, head):
        assert (base.directory / "app.py").read_text("utf-8") == "one"
        assert (head.directory / "app.py").read_text("utf-8") == "two"
        assert base.directory.name == "service"
        assert base.label == f"v1 ({git(project, 'rev-parse', 'v1')[:9]})"


def test_no_worktree_is_left(project: Path) -> None:
    """On disk or in git's list, even when the gate fails."""
    worktrees: list[Path] = []

    def fail() -> None:
        with finder(project).both("v1", None) as (base, _):
            worktrees.append(base.directory)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert not worktrees[0].exists()
    assert git(project, "worktree", "list").count("\n") == 0


@pytest.mark.parametrize("wrong", ["v2", "--help", "no/such/directory"])
def test_a_name_that_is_neither_a_ref_nor_a_directory_is_an_error_of_the_user(project: Path, wrong: str) -> None:
    """The message says what to do in CI, where the base is often not fetched."""
    with (
        pytest.raises(UserError, match=r"neither a directory nor a git ref.*fetch-depth"),
        finder(project).both(wrong, None),
    ):
        pass


def test_what_the_callers_python_path_names_of_the_project_is_each_revisions_own(project: Path, tmp_path: Path) -> None:
    """Both would import the working tree's modules otherwise, and the gate would pass."""
    search_path = os.pathsep.join([str(project / "service"), "src", str(tmp_path / "elsewhere"), str(project)])
    with Revisions(project / "service", built(project), search_path).both("v1", None) as both:
        base, head = both
        moved = [str(base.root / "service"), "src", str(tmp_path / "elsewhere"), str(base.root)]
        assert base.search_path.split(os.pathsep) == moved
        assert (base.root / "service" / "app.py").read_text("utf-8") == "one"
        assert head.search_path == ""
        sides = gate_experiment(experiment(stack("shop")), base, head).stacks
        assert [side.env for side in sides] == [{"PYTHONPATH": base.search_path}, {}]


@pytest.mark.parametrize("search_path", ["", "src", "/usr/lib/python"])
def test_a_python_path_without_folders_of_the_project_stays_as_it_is(search_path: str, tmp_path: Path) -> None:
    assert moved_search_path(search_path, tmp_path / "project", tmp_path / "base") == ""


def test_an_environment_that_imports_the_other_sides_files_is_refused(tmp_path: Path) -> None:
    """A project that is installed as editable in the interpreter of both."""
    base, head = (Revision(side, tmp_path / side, "python", root=tmp_path / side) for side in ("base", "head"))
    editable = Environment(python="Python 3.13.1", packages={}, editable={"shop": str(tmp_path / "head" / "src")})
    own = Environment(python="Python 3.13.1", packages={}, editable={"shop": str(tmp_path / "base")})
    check_own_packages({"base": own, "head": editable}, base, head)
    check_own_packages({}, base, head)
    with pytest.raises(UserError, match=r"runs the base, imports shop from .*src, the files of the other side"):
        check_own_packages({"base": editable, "head": editable}, base, head)


def test_a_base_inside_of_the_heads_folder_may_import_its_own_files(tmp_path: Path) -> None:
    base = Revision("base", tmp_path / "old", "python", root=tmp_path / "old")
    head = Revision("head", tmp_path, "python", root=tmp_path)
    editable = Environment(python="Python 3.13.1", packages={}, editable={"shop": str(tmp_path / "old")})
    check_own_packages({"base": editable}, base, head)
