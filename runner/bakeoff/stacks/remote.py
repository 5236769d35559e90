"""Stacks that are deployed already: nothing is started or stopped, and what they use cannot be seen."""

from __future__ import annotations

import ipaddress
import socket
import time
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlsplit

from bakeoff.model import Block, Stack, UserError
from bakeoff.stacks.protocol import ProcessMemory, Unknown
from bakeoff.stacks.ready import wait_until_ready

CONSENT_OPTION = "--yes-load-this-host"


class RemoteBackend:
    """Takes stacks where they are deployed."""

    def start(self, stack: Stack, block: Block, logs: Path) -> RemoteStack:
        """Nothing is started."""
        assert stack.url is not None
        return RemoteStack(stack, stack.url)


class RemoteStack:
    """A stack at a URL; see `RunningStack`."""

    def __init__(self, stack: Stack, url: str) -> None:
        self.stack = stack
        self.url = url
        self.pid = None

    def wait_ready(self) -> float:
        """Poll until it answers; seconds that took. Raises `StartFailure`."""
        began_s = time.monotonic()
        wait_until_ready(self.url, self.stack, self.exit_message, self.log_tail, began_s)
        return time.monotonic() - began_s

    def confine(self) -> None:
        """Nothing to do: its CPUs are not this machine's."""

    def extensions(self) -> tuple[str, ...]:
        """Cannot be seen from here."""
        return ()

    def usage(self) -> Unknown:
        """Cannot be seen from here."""
        return Unknown("it runs elsewhere, where its CPU time and memory cannot be seen")

    def memory(self) -> dict[int, ProcessMemory]:
        """Cannot be seen from here."""
        return {}

    def exit_message(self) -> str | None:
        """Cannot be seen from here; if it ends, requests fail."""
        return None

    def log_tail(self) -> str:
        """Cannot be read from here."""
        return ""

    def ask_to_stop(self) -> None:
        """Nothing to do: it keeps running."""

    def stop(self) -> None:
        """Nothing to do: it keeps running."""


def check_consent(stacks: Iterable[Stack], given: bool) -> None:
    """Refuse to load another machine by accident.

    Raises:
        UserError: a stack's host is not this machine and consent is not ``given``, or a host cannot be resolved.
    """
    hosts = sorted({urlsplit(stack.url).hostname or "" for stack in stacks if stack.url})
    others = [host for host in hosts if not _is_loopback(host)]
    if others and not given:
        raise UserError(
            f"this would put load on {', '.join(others)}, which is not this machine; if you may do that, add "
            f"{CONSENT_OPTION}"
        )


def _is_loopback(host: str) -> bool:
    """Whether every address of a host is a loopback address."""
    try:
        addresses = {entry[4][0] for entry in socket.getaddrinfo(host, None)}
    except (OSError, UnicodeError) as error:  # The latter for labels that are empty or too long.
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise UserError(f"{host} cannot be resolved: {reason}; check the stack's url") from None
    return all(ipaddress.ip_address(str(address).partition("%")[0]).is_loopback for address in addresses)
