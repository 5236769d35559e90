"""What GitHub Actions turns into annotations: lines on standard output that begin with two colons."""

from __future__ import annotations

from bakeoff.model import Summary
from bakeoff.report.gate import words

_COMMANDS = {"pass": "notice", "regression": "error", "inconclusive": "warning", "invalid": "warning"}


def render(summary: Summary) -> str:
    """One workflow command (docs.github.com, "Workflow commands for GitHub Actions")."""
    result = words.gate_of(summary.gate)
    return f"::{_COMMANDS[result.verdict]} title=Bakeoff gate::{_escaped(words.headline(result))}"


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
