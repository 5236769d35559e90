"""Commands that run beside the stacks: git and the installers. Each has a time limit."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from bakeoff.model import UserError

ERROR_LINES = 3
_BOILERPLATE = ("note:", "hint:", "tip:", "usage:", "for more information", "[notice]", "[end of output]")
"""How lines begin that installers print after the error itself."""


class CommandError(UserError):
    """A command failed; the message has the end of its output."""


def run_command(
    command: Sequence[str], within_s: float, directory: Path | None = None, variables: Mapping[str, str] | None = None
) -> str:
    """What a command printed to its standard output.

    It does not see the caller's ``PYTHONPATH``: what is found there would pass for installed. ``variables`` are set in
    its environment besides.

    Raises:
        CommandError: it failed.
        UserError: it did not end in time, and was killed with all that it had started.
        FileNotFoundError: there is no such command.
    """
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment |= variables or {}
    with start_command(command, directory, environment) as process:
        try:
            stdout, stderr = process.communicate(timeout=within_s)
        except BaseException as error:
            kill_command(process)
            if isinstance(error, subprocess.TimeoutExpired):
                raise UserError(f"{_shown(command)} did not end within {within_s:g} s") from None
            raise
    if process.returncode:
        problem = _last_lines(stderr) or _last_lines(stdout) or f"status {process.returncode}"
        raise CommandError(f"{_shown(command)} failed: {problem}")
    return stdout


def start_command(
    command: Sequence[str], directory: Path | None, environment: Mapping[str, str]
) -> subprocess.Popen[str]:
    """Start a command in a session of its own, with its output in pipes. Raises `OSError` when it does not start."""
    return subprocess.Popen(
        command,
        cwd=directory,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,
    )


def kill_command(process: subprocess.Popen[str]) -> None:
    """Kill a started command, if it still runs, with all that it has started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _shown(command: Sequence[str]) -> str:
    return " ".join([Path(command[0]).name, *command[1:4]]) + (" ..." if len(command) > 4 else "")


def _last_lines(output: str) -> str:
    """The end of an output on one line."""
    lines = [line.strip() for line in output.splitlines()]
    return "; ".join([line for line in lines if line and not line.lower().startswith(_BOILERPLATE)][-ERROR_LINES:])
