"""The command line's options say where the load comes from."""

from __future__ import annotations

from pathlib import Path

import pytest

from bakeoff.load.source import LocalProcesses, RemoteWorkers, read_source
from bakeoff.model import UserError

TOKEN = "a token of sixteen characters"


def test_the_default_is_one_process_on_this_machine() -> None:
    """More of them by `--generators`."""
    assert read_source(None, None, None, None) == LocalProcesses(1)
    assert read_source(4, None, None, None) == LocalProcesses(4)


def test_a_master_listens_on_loopback_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the port of Locust's own masters."""
    monkeypatch.setenv("BAKEOFF_TOKEN", TOKEN)
    assert read_source(None, 2, None, None) == RemoteWorkers(2, "127.0.0.1", 5557, TOKEN.encode())


@pytest.mark.parametrize(
    ("generators", "workers", "listen", "message"),
    [
        (0, None, None, "--generators 0: give a number of at least 1"),
        (None, 0, None, "--workers 0: give a number of at least 1"),
        (2, None, "10.0.0.1:5557", "--listen is for workers on other machines; say how many: --workers N"),
        (None, 2, None, "workers need a token; set BAKEOFF_TOKEN"),
        (None, 2, "0.0.0.0:5557", "give the address under which workers reach it"),
    ],
)
def test_contradicting_options_are_refused_in_one_line(
    monkeypatch: pytest.MonkeyPatch, generators: int | None, workers: int | None, listen: str | None, message: str
) -> None:
    """With a remedy."""
    monkeypatch.delenv("BAKEOFF_TOKEN", raising=False)
    with pytest.raises(UserError) as refused:
        read_source(generators, workers, listen, None)
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_token_file_without_workers_is_refused() -> None:
    """Nothing would use it."""
    with pytest.raises(UserError, match="--token-file is for workers on other machines"):
        read_source(None, None, None, Path("token"))
