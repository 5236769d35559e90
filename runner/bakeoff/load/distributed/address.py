"""Where a master listens: ``HOST:PORT``."""

from __future__ import annotations

import ipaddress
import re
import socket

from bakeoff.model import UserError

DEFAULT_ADDRESS = "127.0.0.1:5557"
"""Loopback, unless told otherwise, and the port of Locust's own masters."""
_FORM = re.compile(r"(?P<host>[^\s:]+):(?P<port>\d{1,5})")


def read_address(text: str) -> tuple[str, int]:
    """An IPv4 address and a port. Names are looked up. Raises `UserError` when that cannot be."""
    found = _FORM.fullmatch(text)
    if not found or int(found["port"]) > 65535:
        raise UserError(f"{text!r} is no address: give a name or an IPv4 address, and a port, such as 10.0.0.1:5557")
    try:
        return socket.gethostbyname(found["host"]), int(found["port"])
    except OSError as error:
        raise UserError(f"{found['host']!r} is not known here: {error}") from None


def read_own_address(text: str) -> tuple[str, int]:
    """One at which workers can find this machine's master, and its stacks. Raises `UserError` for "anywhere"."""
    host, port = read_address(text)
    if ipaddress.ip_address(host).is_unspecified:
        raise UserError(f"{text}: stacks listen where the master does; give the address under which workers reach it")
    return host, port
