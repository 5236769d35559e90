"""A directory is used as it is; a git ref gets its own worktree and environment, and leaves nothing behind."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bakeoff.gate import revisions
from bakeoff.gate.revisions import BuiltEnvironments, Revisions
from bakeoff.model import UserError

APP = "service/app.py"


def git(folder: Path, *arguments: str) -> str:
    """Run git in a folder, with an author's name."""
    config = ["-c", "user.name=Baker", "-c", "user.email=baker@example.org", "-c", "init.defaultBranch=main"]
    done = subprocess.run(["git", *config, "-C", str(folder), *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


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


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder for each test."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def builds(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The contents of the requirement files for each environment; none is really built."""
    contents: list[list[str]] = []

    def build(home: Path, files: list[Path]) -> None:
        home.mkdir(parents=True)
        contents.append([file.read_text("utf-8") for file in files])

    monkeypatch.setattr(revisions, "_build", build)
    return contents


def finder(project: Path, *requirements: str) -> Revisions:
    """Revisions of the project."""
    return Revisions(project / "service", BuiltEnvironments(requirements, lambda _: None))


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


def test_each_revision_gets_its_own_requirements(project: Path, builds: list[list[str]]) -> None:
    """Base and head require different versions."""
    (project / "requirements.txt").write_text("flask==3.0", "utf-8")
    git(project, "add", ".")
    git(project, "commit", "--quiet", "-m", "requirements")
    (project / "requirements.txt").write_text("flask==3.1", "utf-8")
    with finder(project).both("HEAD", None) as (base, head):
        assert base.python != head.python
    assert builds == [["flask==3.0"], ["flask==3.1"]]


def test_equal_requirements_share_an_environment_that_is_built_once(project: Path, builds: list[list[str]]) -> None:
    """It is kept under the hash of their content, for later gates too."""
    (project / "required.txt").write_text("flask==3.1", "utf-8")
    git(project, "add", ".")
    git(project, "commit", "--quiet", "-m", "requirements")
    (project / APP).write_text("three", "utf-8")
    for _ in range(2):
        with finder(project, "required.txt").both("HEAD", None) as (base, head):
            assert base.python == head.python
    assert builds == [["flask==3.1"]]


def test_an_environment_that_failed_to_build_is_built_again(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A half-built one is not used."""
    (project / "requirements.txt").write_text("flask", "utf-8")
    git(project, "add", ".")
    git(project, "commit", "--quiet", "-m", "requirements")
    (project / APP).write_text("three", "utf-8")
    attempts: list[Path] = []

    def build(home: Path, files: list[Path]) -> None:
        home.mkdir(parents=True)
        attempts.append(home)
        if len(attempts) == 1:
            raise UserError("the index is down")

    monkeypatch.setattr(revisions, "_build", build)
    with pytest.raises(UserError), finder(project).both("HEAD", None):
        pass
    with finder(project).both("HEAD", None):
        pass
    assert len(attempts) == 2


@pytest.mark.parametrize("wrong", ["v2", "--help", "no/such/directory"])
def test_a_name_that_is_neither_a_ref_nor_a_directory_is_an_error_of_the_user(project: Path, wrong: str) -> None:
    """The message says what to do in CI, where the base is often not fetched."""
    with (
        pytest.raises(UserError, match=r"neither a directory nor a git ref.*fetch-depth"),
        finder(project).both(wrong, None),
    ):
        pass


def test_named_requirements_must_exist(project: Path) -> None:
    """In that revision."""
    with (
        pytest.raises(UserError, match=r"requirements: 'required\.txt' does not exist"),
        finder(project, "required.txt").both("v1", None),
    ):
        pass
