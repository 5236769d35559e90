"""Bakeoff compares Python web stacks, WSGI and ASGI, with numbers that a sceptic would accept.

``bakeoff.load_run(path)`` reads a stored run as tidy tables; docs/api.md describes them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bakeoff.api import load_run

__all__ = ["load_run"]


def __getattr__(name: str) -> Any:
    # Imported on first use: pandas would slow down every command.
    if name == "load_run":
        from bakeoff.api import load_run

        return load_run
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
