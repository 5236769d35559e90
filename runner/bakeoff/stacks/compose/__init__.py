"""Stacks as containers: services of one Compose project, brought up for each block and taken down whatever happens."""

from __future__ import annotations

from bakeoff.stacks.compose.backend import ComposeBackend, ComposeStack, compose_backend

__all__ = ["ComposeBackend", "ComposeStack", "compose_backend"]
