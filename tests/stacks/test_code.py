"""The code of an app has a digest that changes with the code, and with nothing else."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from msgspec.structs import replace

from bakeoff.model import Code
from bakeoff.stacks import code, codes_of
from bakeoff.stacks.code import code_of
from tests.builders import experiment, stack


def write(folder: Path, *names: str) -> None:
    """Files that contain their names."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name, "utf-8")


def git(folder: Path, *arguments: str) -> None:
    own = ("-c", "user.name=me", "-c", "user.email=me@localhost", "-c", "protocol.file.allow=always")
    subprocess.run(["git", "-C", str(folder), *own, *arguments], check=True, capture_output=True)


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """A folder with two files, in no repository."""
    write(tmp_path / "shop", "app.py", "shop/views.py")
    return tmp_path / "shop"


@pytest.fixture
def repository(app: Path) -> Path:
    """The same in a repository, whose results are not ignored."""
    write(app, ".gitignore")
    (app / ".gitignore").write_text("*.sqlite\n.venv/\n", "utf-8")
    git(app, "init", "--quiet")
    git(app, "add", "app.py", ".gitignore")
    return app


def digest(app: Path) -> Code:
    """Of an app whose runs are in ``results`` beside it."""
    return code_of(app, app / "results", app / "bakeoff.toml")


@pytest.mark.parametrize("kind", ["app", "repository"])
def test_any_change_of_a_file_changes_it(kind: str, request: pytest.FixtureRequest) -> None:
    """Tracked by git or not: in its content, its name, or whether it is there."""
    app: Path = request.getfixturevalue(kind)
    digests = [digest(app)]
    (app / "shop" / "views.py").write_text("edited", "utf-8")
    digests.append(digest(app))
    (app / "shop" / "views.py").rename(app / "shop" / "other.py")
    digests.append(digest(app))
    (app / "app.py").unlink()
    digests.append(digest(app))
    assert len({code.sha256 for code in digests}) == 4
    assert [code.files - digests[-1].files for code in digests] == [1, 1, 1, 0]
    assert all(code.reason is None for code in digests)


@pytest.mark.parametrize("kind", ["app", "repository"])
def test_environments_caches_results_and_the_experiment_are_no_code(kind: str, request: pytest.FixtureRequest) -> None:
    """A run writes some of them itself, and the experiment is in the manifest."""
    app: Path = request.getfixturevalue(kind)
    if kind == "repository":
        (app / ".gitignore").write_text("*.sqlite\n.venv/\n__pycache__/\n.mypy_cache/\nenv/\nmade/\n", "utf-8")
    before = digest(app)
    write(app, ".venv/lib/x.py", "shop/__pycache__/views.pyc", ".mypy_cache/x", "env/pyvenv.cfg", "env/x.py")
    write(app, "made/CACHEDIR.TAG", "made/x", "bakeoff.toml", "run.log")
    write(
        app, "results/run/manifest.json", "results/run/blocks/0000/record.json", "results/index.html", "results/notes"
    )
    write(app, "elsewhere/run/manifest.json", "elsewhere/run/blocks/0000/record.json")
    assert digest(app) == before


def test_results_in_the_folder_of_the_app_itself_do_not_hide_its_code(app: Path) -> None:
    before = code_of(app, app)
    write(app, "run/manifest.json", "run/blocks/0000/record.json", "index.html")
    assert code_of(app, app) == before
    write(app, "more.py")
    assert code_of(app, app) != before


def test_files_that_git_ignores_are_no_code(repository: Path) -> None:
    """What an app writes while it is measured."""
    before = digest(repository)
    write(repository, "orders.sqlite")
    assert digest(repository) == before


def test_another_clone_has_the_same_code(repository: Path, tmp_path: Path) -> None:
    """Where it lies, and what is committed of it, is no part."""
    before = digest(repository)
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "--message", "all")
    git(tmp_path, "clone", "--quiet", str(repository), "clone")
    assert digest(tmp_path / "clone") == digest(repository) == before


def test_a_repository_in_the_repository_counts(repository: Path) -> None:
    """Untracked, or as a submodule."""
    write(repository / "lib", "lib.py")
    git(repository / "lib", "init", "--quiet")
    before = digest(repository)
    (repository / "lib" / "lib.py").write_text("edited", "utf-8")
    assert digest(repository).sha256 != before.sha256
    assert digest(repository).files == before.files == 4


@pytest.mark.parametrize("kind", ["app", "repository"])
def test_a_link_counts_by_its_target_and_is_not_followed(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """Nor does one that leads round in a circle take for ever."""
    app: Path = request.getfixturevalue(kind)
    write(tmp_path / "outside", "a.py")
    (app / "link").symlink_to(tmp_path / "outside")
    (app / "loop").symlink_to(app)
    before = digest(app)
    write(tmp_path / "outside", "b.py")
    assert digest(app) == before
    (app / "link").unlink()
    (app / "link").symlink_to(tmp_path)
    assert digest(app) != before


def test_what_is_no_file_is_left_out(app: Path) -> None:
    """Reading a pipe would wait for ever."""
    before = digest(app)
    os.mkfifo(app / "pipe")
    assert digest(app) == before


@pytest.mark.parametrize(
    ("limit", "value", "reason"),
    [
        ("MAX_FILES", 1, "its folder has more than 1 files"),
        ("MAX_BYTES", 7, "its files have more than 0 MiB"),
        ("WITHIN_S", -1.0, "reading its folder takes more than -1 s"),
    ],
)
def test_code_that_takes_too_much_has_a_reason_in_place_of_a_digest(
    app: Path, monkeypatch: pytest.MonkeyPatch, limit: str, value: float, reason: str
) -> None:
    monkeypatch.setattr(code, limit, value)
    assert digest(app) == Code(reason=reason)


def test_code_that_cannot_be_read_has_a_reason_in_place_of_a_digest(app: Path) -> None:
    gone = app / "gone"
    assert code_of(gone, app) == Code(reason=f"{gone} cannot be read: No such file or directory")


def test_every_stack_that_is_started_has_its_code(app: Path) -> None:
    """One that runs elsewhere has none that could be read from here."""
    write(app / "other", "app.py")
    deployed = replace(stack("c"), app=None, server=None, url="http://127.0.0.1:1")
    stacks = (stack("a", directory=str(app)), stack("b", directory=str(app / "other")), deployed)
    codes = codes_of(experiment(*stacks), app / "results")
    assert {name: code.files for name, code in codes.items()} == {"a": 3, "b": 1}
