"""A made-up package index with a fake uv that installs from it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.stacks.environments import fake_uv


class Index:
    """The packages that the fake uv finds, and what it has installed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.publish(flour=("1.0", "1.1"), gunicorn=("24.0", "25.0"))

    def publish(self, **versions: tuple[str, ...]) -> None:
        """Set the versions of packages, oldest first."""
        (self._folder / "INDEX").write_text(json.dumps(versions), "utf-8")

    @property
    def installations(self) -> int:
        """How many there were."""
        log = self._folder / "installations"
        return len(log.read_text("utf-8").splitlines()) if log.exists() else 0


def use_fake_uv(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Index:
    """Put a fake uv on the path, with an empty cache of environments; no environment is activated."""
    programs = folder / "bin"
    programs.mkdir()
    script(programs / "uv", f'exec {sys.executable} -I -S "$0.py" "$@"')
    (programs / "uv.py").write_bytes(Path(fake_uv.__file__).read_bytes())
    monkeypatch.setenv("PATH", str(programs), prepend=":")
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)
    return Index(programs)


def script(file: Path, commands: str) -> None:
    """A program for the shell."""
    file.write_text(f"#!/bin/sh\n{commands}\n", "utf-8")
    file.chmod(0o755)


def installed(python: str) -> dict[str, str]:
    """What the fake uv has installed for an interpreter, and in the environment that this one sees."""
    home = Path(python).parent.parent
    record = home / "installed.json"
    packages = json.loads(record.read_text("utf-8")) if record.exists() else {}
    for link in home.glob("lib/*/site-packages/*.pth"):
        below = Path(link.read_text("utf-8").split("'")[1]).parents[2]
        packages |= installed(str(below / "bin" / "python"))
    return dict(sorted(packages.items()))
