"""Finds out what an experiment needs of somebody's app: where it is, what runs it, and what it answers."""

from __future__ import annotations

from bakeoff.discover.search import Discovery, Wishes, discover, names_app

__all__ = ["Discovery", "Wishes", "discover", "names_app"]
