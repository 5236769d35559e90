"""A stack that runs elsewhere is loaded by consent only, and never by what it might have used."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from bakeoff.model import Block, Stack, UserError
from bakeoff.stacks import Unknown
from bakeoff.stacks.remote import RemoteBackend, check_consent
from tests.builders import stack


def deployed(url: str) -> Stack:
    """A stack at an address."""
    return Stack(name="staging", interface="asgi", url=url)


@pytest.mark.parametrize("url", ["http://127.0.0.1:8000", "http://127.9.9.9", "http://[::1]:8000", "http://localhost"])
def test_this_machine_may_be_loaded_without_asking(url: str) -> None:
    check_consent([deployed(url), stack("own")], given=False)


@pytest.mark.parametrize("url", ["https://192.0.2.7:8443", "http://[2001:db8::1]", "http://0.0.0.0:8000"])
def test_any_other_host_is_loaded_only_when_its_user_says_so(url: str) -> None:
    with pytest.raises(UserError, match="which is not this machine; if you may do that, add --yes-load-this-host"):
        check_consent([deployed(url)], given=False)
    check_consent([deployed(url)], given=True)


def test_a_name_that_stands_for_no_host_is_the_users_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(UserError, match=r"nowhere\.example cannot be resolved: Name or service not known"):
        check_consent([deployed("http://nowhere.example")], given=False)


def test_a_name_of_which_one_address_is_another_machines_is_not_this_one(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, 0)) for host in ("127.0.0.1", "192.0.2.7")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: found)
    with pytest.raises(UserError, match="not this machine"):
        check_consent([deployed("http://both.example")], given=False)


def test_what_a_remote_stack_uses_is_unknown() -> None:
    block = Block(number=0, start_order=(), hash_seed=0, port_seed=0, slices=())
    used = RemoteBackend().start(deployed("http://127.0.0.1:1"), block, Path()).usage()
    assert isinstance(used, Unknown)
    assert "elsewhere" in used.reason
