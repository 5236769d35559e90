"""A directory is used as it is; a git ref gets its own worktree and environment, and leaves nothing behind."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from bakeoff.gate.environments import BuiltEnvironments
from bakeoff.gate.revisions import Revisions
from bakeoff.model import UserError
from tests.gate.repository import git

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


def finder(project: Path) -> Revisions:
    """Revisions of the project."""
    return Revisions(project / "service", BuiltEnvironments((), lambda _: None))


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
