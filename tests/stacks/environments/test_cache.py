"""Environments are kept whole, are built once by however many processes want them, and are told apart by content."""

from __future__ import annotations

import os
import select
import sys
import threading
from pathlib import Path

import pytest

from bakeoff.model import UserError
from bakeoff.stacks.environments import cache as caches
from bakeoff.stacks.environments import commands, installers
from bakeoff.stacks.environments.cache import Build, EnvironmentCache, environment_key
from bakeoff.stacks.environments.installers import python_in
from bakeoff.stacks.environments.needs import Distribution

KEY = "0123"


def build_with(mark: str) -> Build:
    """A build that leaves a file."""

    def build(home: Path) -> None:
        python_in(home).parent.mkdir()
        python_in(home).symlink_to(sys.executable)
        (home / mark).touch()

    return build


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


def test_a_command_does_not_see_the_callers_python_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """A package that is found there would pass for installed in an environment that lacks it."""
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    assert commands.run_command(["sh", "-c", "echo [$PYTHONPATH]"], within_s=30) == "[]\n"


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


def test_two_processes_at_once_build_an_environment_once(tmp_path: Path) -> None:
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


def test_whoever_waits_too_long_for_another_says_for_which_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(caches, "INSTALL_WITHIN_S", 0.0)
    cache = EnvironmentCache(tmp_path / "kept", lambda _: None)

    def build(home: Path) -> None:
        with pytest.raises(UserError, match=rf"another bakeoff has held .*{KEY}\.lock for 0 s"):
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


def test_the_key_of_an_environment_covers_interpreter_versions_hashes_and_projects() -> None:
    flour, other = (Distribution("flour", "1.0", source) for source in ("sha256 1", "sha256 2"))
    salt = Distribution("salt", "1.0", "sha256 3")
    assert environment_key([flour, salt], "3.13") == environment_key([salt, flour], "3.13")
    keys = {environment_key(resolved, "3.13") for resolved in ([flour], [other], [flour, salt])}
    keys |= {environment_key([flour], "3.12"), environment_key([flour], "3.13", ["/srv/shop"])}
    assert len(keys) == 5


def test_without_uv_and_pip_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/no/such/folder")
    monkeypatch.setattr(installers, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"neither uv on PATH nor pip in .*; install uv"):
        installers.find_installer()
