"""The key of masks stays on the machine, and with its owner."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from bakeoff.results import masking_key


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home of states."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state"


def test_it_is_made_once(state: Path) -> None:
    assert masking_key() == masking_key()
    assert len(masking_key()) >= 32
    assert [path.name for path in (state / "bakeoff").iterdir()] == ["masking.key"]


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_nobody_else_can_read_it(state: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        masking_key()
    finally:
        os.umask(before)
    assert stat.S_IMODE((state / "bakeoff" / "masking.key").stat().st_mode) == 0o600


def test_where_none_can_be_stored_it_is_used_once(state: Path) -> None:
    """Masks of two runs cannot be compared then, but nothing is given away."""
    state.write_text("no folder", "utf-8")
    assert masking_key() != masking_key()
