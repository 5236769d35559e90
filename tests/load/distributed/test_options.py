"""The address of a master, and the token that workers share with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from bakeoff.load.distributed.options import read_address, read_own_address, take_token
from bakeoff.model import UserError

TOKEN = "a token of sixteen characters"


def test_the_token_comes_from_the_environment_and_is_not_left_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stacks that are started later must not see it."""
    monkeypatch.setenv("BAKEOFF_TOKEN", TOKEN)
    assert take_token(None) == TOKEN.encode()
    with pytest.raises(UserError, match="workers need a token; set BAKEOFF_TOKEN, or name a file"):
        take_token(None)


def test_a_token_file_overrides_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The line's end is not part of the token."""
    monkeypatch.setenv("BAKEOFF_TOKEN", "another token of many characters")
    (tmp_path / "token").write_text(TOKEN + "\n", "utf-8")
    assert take_token(tmp_path / "token") == TOKEN.encode()


def test_a_short_token_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who records a handshake can try all short tokens."""
    monkeypatch.setenv("BAKEOFF_TOKEN", "cake")
    with pytest.raises(UserError, match="shorter than 16 characters; make one"):
        take_token(None)


@pytest.mark.parametrize("text", ["", "host", "host:", ":5557", "1.2.3.4:99999", "a b:1", "::1:5557"])
def test_text_that_is_not_an_address_is_refused(text: str) -> None:
    """With an example."""
    with pytest.raises(UserError, match=r"give a name or an IPv4 address, and a port: 10\.0\.0\.1:5557"):
        read_address(text)


def test_names_are_looked_up() -> None:
    """ZeroMQ binds to numeric addresses only."""
    assert read_address("localhost:5557") == ("127.0.0.1", 5557)


def test_a_master_cannot_listen_on_all_addresses() -> None:
    """Workers need one address for the master and the stacks."""
    with pytest.raises(UserError, match="give the address under which workers reach it"):
        read_own_address("0.0.0.0:5557")
