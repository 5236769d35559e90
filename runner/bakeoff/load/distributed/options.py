"""Options of the master's and the worker's command: the address of the master, and the token that they share."""

from __future__ import annotations

import ipaddress
import os
import re
import socket
from pathlib import Path

from bakeoff.model import UserError

DEFAULT_ADDRESS = "127.0.0.1:5557"
"""The port of Locust's own masters, on loopback."""
JOIN_WITHIN_S = 300.0
"""How long a master waits for its workers, and a worker for its master."""
TOKEN_VARIABLE = "BAKEOFF_TOKEN"
MIN_TOKEN_CHARACTERS = 16
_ADDRESS = re.compile(r"(?P<host>[^\s:]+):(?P<port>\d{1,5})")
_TOKEN_REMEDY = 'make one: python -c "import secrets; print(secrets.token_urlsafe())"'


def read_address(text: str) -> tuple[str, int]:
    """The IPv4 address and the port in ``HOST:PORT``; names are looked up. Raises `UserError`."""
    match = _ADDRESS.fullmatch(text)
    if not match or int(match["port"]) > 65535:
        raise UserError(f"{text!r} is not an address; give a name or an IPv4 address, and a port: 10.0.0.1:5557")
    try:
        return socket.gethostbyname(match["host"]), int(match["port"])
    except OSError as error:
        raise UserError(f"cannot look up {match['host']!r}: {error}") from None


def read_own_address(text: str) -> tuple[str, int]:
    """The address where workers reach this machine's master and its stacks. Raises `UserError` for 0.0.0.0."""
    host, port = read_address(text)
    if ipaddress.ip_address(host).is_unspecified:
        raise UserError(f"{text}: stacks listen where the master does; give the address under which workers reach it")
    return host, port


def take_token(file: Path | None) -> bytes:
    """The token in ``file``, else in the environment, from which it is removed: servers started later must not see it.

    Raises `UserError` when there is none, or it is too short.
    """
    inherited = os.environ.pop(TOKEN_VARIABLE, "")
    token = (_read(file) if file else inherited).strip()
    if not token:
        raise UserError(
            f"workers need a token; set {TOKEN_VARIABLE}, or name a file with it: --token-file; {_TOKEN_REMEDY}"
        )
    if len(token) < MIN_TOKEN_CHARACTERS:
        raise UserError(f"the token is shorter than {MIN_TOKEN_CHARACTERS} characters; {_TOKEN_REMEDY}")
    return token.encode()


def _read(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"cannot read the token from {file}: {error}") from None
