"""Stacks that run already, somewhere else: nothing is started or stopped, and nobody can look at their CPU."""

from __future__ import annotations

import ipaddress
import socket
import time
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlsplit

from bakeoff.model import Block, Stack, UserError
from bakeoff.stacks import Unknown
from bakeoff.stacks.ready import wait_until_ready

CONSENT = "--yes-load-this-host"
USE = Unknown("it runs elsewhere, where its CPU time and memory cannot be seen")


class RemoteBackend:
    """Takes stacks as they are deployed."""

    def start(self, stack: Stack, block: Block, logs: Path) -> RemoteStack:
        """Nothing to start."""
        assert stack.url is not None
        return RemoteStack(stack, stack.url)


class RemoteStack:
    """A stack at an address."""

    def __init__(self, stack: Stack, url: str) -> None:
        self.stack = stack
        self.url = url
        self.pid = None

    def wait_ready(self) -> float:
        """Ask until it answers 200 on its ready path; seconds that took. Raises `StartFailure`."""
        asked_s = time.monotonic()
        wait_until_ready(self.url, self.stack.ready, self.exit_message)
        return time.monotonic() - asked_s

    def confine(self) -> None:
        """It stays where it is."""

    def extensions(self) -> tuple[str, ...]:
        """Not to be seen from here."""
        return ()

    def usage(self) -> Unknown:
        """Not to be had."""
        return USE

    def exit_message(self) -> str | None:
        """Its end would not be told; requests that fail tell of it."""
        return None

    def log_tail(self) -> str:
        """Its log is elsewhere too."""
        return ""

    def ask_to_stop(self) -> None:
        """It is not ours to stop."""

    def stop(self) -> None:
        """It is not ours to stop."""


def check_consent(stacks: Iterable[Stack], given: bool) -> None:
    """Refuse to load somebody's host by accident. Raises `UserError` unless every address is this machine's own."""
    hosts = sorted({urlsplit(stack.url).hostname or "" for stack in stacks if stack.url})
    foreign = [host for host in hosts if not _is_loopback(host)]
    if foreign and not given:
        raise UserError(
            f"this would put load on {', '.join(foreign)}, which is not this machine; if you may do that, add {CONSENT}"
        )


def _is_loopback(host: str) -> bool:
    """Whether every address that a name stands for is a loopback one."""
    try:
        found = {entry[4][0] for entry in socket.getaddrinfo(host, None)}
    except OSError as error:
        raise UserError(f"{host} cannot be found: {error.strerror or error}; check the stack's url") from None
    return all(ipaddress.ip_address(str(address).partition("%")[0]).is_loopback for address in found)
