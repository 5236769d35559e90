"""Each revision gets an environment of its own requirements as they resolve now, built in its own folder."""

from __future__ import annotations

import json
import os
import secrets
import select
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bakeoff.gate import commands, environments, installers
from bakeoff.gate.environments import BuiltEnvironments, EnvironmentCache, environment_key
from bakeoff.gate.installers import Distribution, python_in
from bakeoff.gate.revisions import Revision, Revisions
from bakeoff.model import UserError
from tests.gate import fake_uv
from tests.gate.repository import commit, git

KEY = "0123"


class Index:
    """The made-up packages that the fake uv finds, and what it has installed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.publish(flour=("1.0", "1.1"))

    def publish(self, **versions: tuple[str, ...]) -> None:
        """Set the versions of packages, oldest first."""
        (self._folder / "INDEX").write_text(json.dumps(versions), "utf-8")

    @property
    def installations(self) -> int:
        """How many there were."""
        log = self._folder / "installations"
        return len(log.read_text("utf-8").splitlines()) if log.exists() else 0


@pytest.fixture(autouse=True)
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Index:
    """A fake uv on the path, an empty cache, and a caller's folder that belongs to no revision."""
    for folder in ("bin", "elsewhere"):
        (tmp_path / folder).mkdir()
    program = tmp_path / "bin" / "uv"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -I -S "$0.py" "$@"\n', "utf-8")
    program.chmod(0o755)
    program.with_suffix(".py").write_bytes(Path(fake_uv.__file__).read_bytes())
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path / "elsewhere")
    return Index(tmp_path / "bin")


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


@contextmanager
def gated(project: Path, *requirements: str) -> Iterator[tuple[Revision, Revision]]:
    """The last commit against the working tree."""
    (project / "changed").write_text(secrets.token_hex(), "utf-8")
    with Revisions(project, BuiltEnvironments(requirements, lambda _: None)).both("HEAD", None) as both:
        yield both


def installed(revision: Revision) -> dict[str, str]:
    """What the fake uv has installed for a revision."""
    return dict(json.loads((Path(revision.python).parent.parent / "installed.json").read_text("utf-8")))


@pytest.mark.parametrize("option", ["-r", "-c"])
def test_a_change_in_a_file_that_the_requirements_name_is_measured(project: Path, option: str) -> None:
    write(project, requirements=f"{option} deps/other.txt\nflour", deps__other="flour==1.0")
    commit(project)
    write(project, deps__other="flour==1.1")
    with gated(project) as (base, head):
        assert (installed(base), installed(head)) == ({"flour": "1.0"}, {"flour": "1.1"})


@pytest.mark.parametrize("requirement", [".", "-e .", "./"])
def test_a_project_that_requires_itself_is_installed_from_its_own_revision(project: Path, requirement: str) -> None:
    write(project, requirements=requirement)
    (project / "says").write_text("base", "utf-8")
    commit(project)
    (project / "says").write_text("head", "utf-8")
    with gated(project) as (base, head):
        assert (installed(base), installed(head)) == ({"tree": "base"}, {"project": "head"})


def test_a_local_package_is_installed_anew_for_every_gate(project: Path) -> None:
    """Its name and its version stay the same when its files change."""
    write(project, requirements="./lib\nflour")
    (project / "lib").mkdir()
    (project / "lib" / "says").write_text("one", "utf-8")
    commit(project)
    for text in ("two", "three"):
        (project / "lib" / "says").write_text(text, "utf-8")
        with gated(project) as (base, head):
            assert (installed(base)["lib"], installed(head)["lib"]) == ("one", text)
    assert not Path(base.python).exists()


def test_a_release_between_two_gates_reaches_both_sides(project: Path, index: Index) -> None:
    """Otherwise it would pass for the head's change."""
    write(project, requirements="flour")
    commit(project)
    with gated(project) as (base, _):
        assert installed(base) == {"flour": "1.1"}
    index.publish(flour=("1.0", "1.1", "2.0"))
    write(project, requirements="flour\nflour")
    with gated(project) as (base, head):
        assert (installed(base), installed(head)) == ({"flour": "2.0"}, {"flour": "2.0"})


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
        assert installed(base) == {"flour": "1.1"}
    assert len([path for path in (tmp_path / "cache" / "bakeoff" / "environments").iterdir() if path.is_dir()]) == 2


def test_requirements_that_cannot_be_resolved_are_one_line(project: Path) -> None:
    write(project, requirements="yeast")
    commit(project)
    with (
        pytest.raises(UserError, match=r"^uv pip compile --quiet \.\.\. failed: error: no solution; because there is"),
        gated(project),
    ):
        pass


def test_a_command_that_hangs_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    """What a build has started would otherwise keep its output open, and the gate would wait for the end of that."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    with pytest.raises(UserError, match=r"^sh -c sleep 600 .* did not end within 0\.5 s$"):
        commands.run_command(["sh", "-c", f"sleep 600 > {fifo} & wait"], within_s=0.5)
    select.select([reader], [], [], 30)
    assert os.read(reader, 1) == b""  # Nobody has it open.
    os.close(reader)


def build_with(mark: str) -> environments.Build:
    """A build that leaves a file."""

    def build(home: Path) -> None:
        python_in(home).parent.mkdir()
        python_in(home).symlink_to(sys.executable)
        (home / mark).touch()

    return build


def test_a_build_that_was_cut_short_is_never_taken_for_finished(tmp_path: Path) -> None:
    """Not even when its interpreter was there already; and its files do not stay."""
    cache = EnvironmentCache(tmp_path / "kept", print)

    def interrupted(home: Path) -> None:
        build_with("partial")(home)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cache.environment(KEY, interrupted)
    home = cache.environment(KEY, build_with("complete"))
    assert (home / "complete").exists()
    assert [path for path in (tmp_path / "kept").iterdir() if path.is_dir() and not path.is_symlink()] == [home]


def test_two_gates_at_once_build_an_environment_once(tmp_path: Path) -> None:
    """The second says that it waits, and takes what the first has built."""
    building, waiting = threading.Event(), threading.Event()
    homes: list[Path] = []

    def first_build(home: Path) -> None:
        building.set()
        assert waiting.wait(timeout=30)
        build_with("first")(home)

    def first() -> None:
        homes.append(EnvironmentCache(tmp_path / "kept", print).environment(KEY, first_build))

    thread = threading.Thread(target=first)
    thread.start()
    assert building.wait(timeout=30)
    second = EnvironmentCache(tmp_path / "kept", lambda _: waiting.set()).environment(KEY, build_with("second"))
    thread.join()
    assert homes == [second]
    assert not (second / "second").exists()


def test_a_gate_that_waits_too_long_for_another_says_for_which_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environments, "INSTALL_WITHIN_S", 0.0)
    cache = EnvironmentCache(tmp_path / "kept", lambda _: None)

    def build(home: Path) -> None:
        with pytest.raises(UserError, match=rf"another gate has held .*{KEY}\.lock for 0 s"):
            cache.environment(KEY, build_with("inner"))
        build_with("outer")(home)

    assert (cache.environment(KEY, build) / "outer").exists()


def test_an_environment_whose_interpreter_is_gone_is_built_again(tmp_path: Path) -> None:
    """A link to it may dangle after an upgrade of the system."""
    cache = EnvironmentCache(tmp_path / "kept", print)
    old = cache.environment(KEY, build_with("old"))
    python_in(old).unlink()
    python_in(old).symlink_to("/no/such/python")
    assert (cache.environment(KEY, build_with("new")) / "new").exists()


def test_the_key_of_an_environment_covers_interpreter_versions_and_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    flour, other = (Distribution("flour", "1.0", source) for source in ("sha256 1", "sha256 2"))
    salt = Distribution("salt", "1.0", "sha256 3")
    assert environment_key([flour, salt]) == environment_key([salt, flour])
    keys = {environment_key(resolved) for resolved in ([flour], [other], [flour, salt])}
    monkeypatch.setattr(sys, "version", "another")
    keys.add(environment_key([flour]))
    assert len(keys) == 4


def test_without_uv_and_pip_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/no/such/folder")
    monkeypatch.setattr(installers, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"neither uv on PATH nor pip in .*; install uv"):
        installers.find_installer()


def test_a_command_does_not_see_the_callers_python_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """A package that is found there would pass for installed in an environment that lacks it."""
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    assert commands.run_command(["sh", "-c", "echo [$PYTHONPATH]"], within_s=30) == "[]\n"


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
    revisions = Revisions(project, BuiltEnvironments((), lambda _: None))
    with pytest.raises(UserError, match="have the same files"), revisions.both("HEAD", None):
        pass
    assert index.installations == 0
