"""Stacks as containers: services of a Compose project that is taken down at the end, even if Bakeoff is killed."""

from __future__ import annotations

from bakeoff.stacks.compose.project import open_projects

__all__ = ["open_projects"]
