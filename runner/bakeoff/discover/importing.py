"""Imports a candidate in a process of its own, run by the project's interpreter, within a time limit."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from bakeoff.discover import probe
from bakeoff.discover.apps import AppCandidate
from bakeoff.discover.imported import ImportedApp, ImportProblem
from bakeoff.model import UserError
from bakeoff.stacks.environments import kill_command, start_command

IMPORT_WITHIN_S = 20.0
_ENDS_WITHIN_S = 5.0
"""After the time limit the process prints where it is, and ends."""

PROBE = Path(probe.__file__).read_text("utf-8")

_FRAME = re.compile(r'File "([^"]+)", line (\d+) in ')
_THREAD = re.compile(r"^(?:Current thread|Thread) 0x", re.MULTILINE)
"""What `faulthandler` prints: a thread, then its frames, the innermost first."""


def import_app(
    candidate: AppCandidate, python: str, folder: Path, packages: Iterable[str], within_s: float = IMPORT_WITHIN_S
) -> ImportedApp:
    """Import a candidate, in ``folder``. What goes wrong in it is in the result's ``error``.

    Raises `UserError` when the interpreter does not run.
    """
    request = {
        "module": candidate.module,
        "attribute": candidate.attribute,
        "factory": candidate.factory,
        "path": [candidate.path] if candidate.path else [],
        "packages": list(packages),
        "within_s": within_s,
    }
    arguments = [python, "-c", PROBE, msgspec.json.encode(request).decode()]
    output, errors, status = _output(arguments, folder, within_s + _ENDS_WITHIN_S)
    lines = output.strip().splitlines()
    if lines:
        return msgspec.json.decode(lines[-1], type=ImportedApp)
    if "Timeout (" in errors or status == -signal.SIGKILL:
        return ImportedApp(error=_hanging(errors, folder, within_s))
    last_line = errors.strip().splitlines()[-1:] or [f"status {status}"]
    return ImportedApp(error=ImportProblem(type="the interpreter ended", message=last_line[0]))


def _output(arguments: Sequence[str], folder: Path, within_s: float) -> tuple[str, str, int]:
    """What a program prints to stdout and stderr, and its status; killed after a time, with all that it started."""
    try:
        process = start_command(arguments, folder, {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
    except OSError as error:
        problem = f"python {arguments[0]!r} does not run: {error.strerror}"
        raise UserError(f"{problem}; name another: --python PATH") from None
    with process:
        try:
            output, errors = process.communicate(timeout=within_s)
        except subprocess.TimeoutExpired:
            kill_command(process)
            output, errors = process.communicate()
        finally:
            kill_command(process)
    return output, errors, process.returncode


def _hanging(dump: str, folder: Path, within_s: float) -> ImportProblem:
    """The problem of an import that took too long, with the line of the project that it was at."""
    root = folder.resolve()
    own = [
        (Path(file).relative_to(root).as_posix(), int(line))
        for thread in reversed(_THREAD.split(dump))  # The first thread, which imports, is printed last.
        for file, line in _FRAME.findall(thread)
        if Path(file).is_relative_to(root) and "site-packages" not in file and "/lib/python" not in file
    ]
    file, line = own[0] if own else (None, None)
    return ImportProblem(type="timeout", message=f"its import takes longer than {within_s:g} s", file=file, line=line)
