"""Why a stack ended or stays silent, as its log tells: the app's exception before the server's own words. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from bakeoff.model import Stack

SHOWN_CHARACTERS = 300
"""Of a line of a log."""

_FRAME = re.compile(r'\s*File "(?P<path>[^"]+)", line (?P<line>\d+)')
_EXCEPTION = re.compile(r"(?P<type>[A-Za-z_][\w.]*)(?:: .*)?")
_WAITRESS_IMPORT = re.compile(
    r"^There was an exception \((\w+)\) importing your module\.\s+It had these arguments:\s+1\. (.*)", re.MULTILINE
)
"""Waitress writes this in place of a traceback."""
_GROUP_MARGIN = re.compile(r"^\s*[|+](?:-+ \d+ -+)? ?")
"""Of the exceptions in a group."""
_NOT_OF_THE_APP = re.compile(r"^<|/(?:site|dist)-packages/|/lib/python\d[^/]*/")
"""Files of packages and of the standard library, and code that has no file."""
_STOPPED = frozenset({"KeyboardInterrupt", "SystemExit", "CancelledError"})
"""Exceptions by which a server stops, whatever the cause."""
_SERVERS_LINE = re.compile(
    r"^\[\d{4}-\d\d-\d\d [^\]]*\] \[\d+\] \[\w+\] |^\[(?:INFO|WARNING|ERROR)\] |^(?:INFO|ERROR): +"
    r"|^Process \w+-\d+:$"
)
"""The beginning of a line that a server writes about itself, or multiprocessing for it: gunicorn, Granian, uvicorn."""
_WORKER_ENDED = re.compile(
    r"Worker \(pid:\s*\d+\) (?:exited|was sent)|Child process \[\d+\] died|Unexpected exit from worker"
    r"|^Process \w+-\d+:$",
    re.MULTILINE,
)
"""Written by gunicorn, uvicorn, Granian, and by multiprocessing for those that use it."""

_NO_MODULE = re.compile(r"No module named '([\w.]+)'|Could not import module \"([\w.]+)\"")
_NO_ATTRIBUTE = re.compile(
    r"Failed to find attribute|Attribute \".*\" not found in module|module '.*' has no attribute"
    r"|Application object must"
)
_COLOUR = re.compile(r"\x1b\[[\d;]*m")
_APP = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")
"""An argument that names an app."""
_LISTENING = re.compile(
    r"\b(?:running|listening|serving|server)\b.*?"
    r"(https?://(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1?\]):(\d+))",
    re.IGNORECASE,
)
"""The address at which a server of this machine says that it listens."""
_PORT_IN_USE = re.compile(r"address already in use|is in use by another program", re.IGNORECASE)


@dataclass(frozen=True)
class _Raised:
    text: str
    place: str | None
    """File and line of the app's own code that was running; ``None`` where none of it was."""

    @property
    def kind(self) -> str:
        """The name of the exception's type."""
        return self.text.partition(":")[0].rpartition(".")[2]

    def __str__(self) -> str:
        return self.text if self.place is None else f"{self.text} ({self.place})"


def ending(how: str, log: str, stack: Stack) -> str:
    """The message of a stack that ended: the cause, how it ended, and what to do, as far as they are known.

    ``how`` is a clause such as ``ended with status 3``.
    """
    log = _COLOUR.sub("", log)
    raised = last_exception(log, stack.directory)
    words = _last_words(log)
    if raised is None:
        parts = [f"{how}: {words}" if words else how]
    else:
        parts = [raised, how if words.removeprefix("1. ") in raised else f"{how}: {words}"]
    return "; ".join([*parts, *_remedy(raised or words, stack)])


def silence(error: Exception, url: str, stack: Stack, log: str) -> str:
    """Why a stack that runs gives no answer, where ``error`` came instead of one, and what to do."""
    log = _COLOUR.sub("", log)
    address, port = urlsplit(url).netloc, urlsplit(url).port
    elsewhere = next((match[1] for match in _LISTENING.finditer(log) if int(match[2]) != port), None)
    hint = ""
    if elsewhere:
        problem = f"nothing answers at {address}, and its log names {elsewhere}"
        hint = (
            'does the app start a server of its own at import? Its run() belongs under if __name__ == "__main__"'
            if _app_of(stack)
            else "let its command pass on {host} and {port}"
        )
    elif isinstance(error, ConnectionRefusedError):
        problem = f"nothing listens at {address}, though it runs"
        hint = "does the app hang at import, wait for a service, or listen elsewhere?"
    elif isinstance(error, TimeoutError):
        problem = f"it takes connections at {address} and does not answer"
        hint = "does the app hang at import, or wait for a service?"
    else:
        problem = f"{type(error).__name__}: {error}".removesuffix(": ")[:SHOWN_CHARACTERS]
    if raised := last_exception(log, stack.directory):
        return "; ".join([raised, problem, *_remedy(raised, stack)])
    return f"{problem}: {hint}" if hint else problem


def restarts(log: str, stack: Stack) -> str | None:
    """The message of a stack whose workers end as soon as they are started; ``None`` while few have."""
    ended = len(_WORKER_ENDED.findall(log))
    if ended <= stack.workers + 1:
        return None
    return ending("its workers end again and again", log, stack)


def last_exception(log: str, directory: str) -> str | None:
    """The last exception in a log that passed through the app's own code, else the last one; and where it was raised.

    Places are relative to ``directory``.
    """
    exceptions = [_Raised(f"{match[1]}: {match[2]}", None) for match in _WAITRESS_IMPORT.finditer(log)]
    exceptions += [raised for raised in _exceptions(log, directory) if raised.kind not in _STOPPED]
    own = [raised for raised in exceptions if raised.place]
    return str((own or exceptions)[-1]) if exceptions else None


def _exceptions(log: str, directory: str) -> Iterator[_Raised]:
    """Every exception whose traceback, or the end of one, is in a log."""
    in_frames = False
    place: str | None = None
    for raw in log.splitlines():
        line = _GROUP_MARGIN.sub("", raw) if raw.lstrip()[:1] in ("|", "+") else raw
        if line.startswith("Traceback ("):
            in_frames, place = True, None
        elif frame := _FRAME.match(line):
            in_frames = True
            if not _NOT_OF_THE_APP.search(frame["path"]):
                name = frame["path"].removeprefix(f"{directory}/")
                place = f"{name.rpartition('/')[2] if name.startswith('/') else name}, line {frame['line']}"
        elif in_frames and line and not line[0].isspace():
            if _EXCEPTION.fullmatch(line):
                yield _Raised(line[:SHOWN_CHARACTERS], place)
            in_frames, place = False, None


def _last_words(log: str) -> str:
    """The last line that names a taken port, else the last that is not a server's about itself, else the last one."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    others = [line for line in lines if not _SERVERS_LINE.match(line)]
    words = ([line for line in lines if _PORT_IN_USE.search(line)] or others or lines)[-1:]
    return _SERVERS_LINE.sub("", words[0])[:SHOWN_CHARACTERS].rstrip(".") if words else ""


def _app_of(stack: Stack) -> str:
    """The app by its name, also where only a command names it; empty where nothing does."""
    return stack.app or next(filter(_APP.fullmatch, stack.command), "")


def _remedy(cause: str, stack: Stack) -> Iterator[str]:
    """What to do about a cause, where that is known."""
    app = _app_of(stack)
    module = app.partition(":")[0]
    correct = f'correct app = "{app}"' if stack.app else f"correct {app} in its command"
    if missing := _NO_MODULE.search(cause):
        name = missing[1] or missing[2]
        if module == name or module.startswith(f"{name}."):
            yield f"there is no module {name} in {stack.directory}: {correct}"
        else:
            yield (
                f"install the package that has {name} where the stack runs, or set python to the interpreter that has "
                'it, such as python = ".venv/bin/python"'
            )
    elif app and _NO_ATTRIBUTE.search(cause):
        yield f"{correct}: name the application object that {module} has"
    elif _PORT_IN_USE.search(cause):
        yield (
            "does the app start a server of its own at import, or its command bind the port twice? "
            'A run() belongs under if __name__ == "__main__"'
        )
    elif "ALLOWED_HOSTS" in cause:
        yield (
            'a debug server refuses to serve without DEBUG: set ALLOWED_HOSTS = ["127.0.0.1"], or use a server for '
            "production"
        )
    elif "not designed to run in production" in cause:
        yield "a debug server refuses to serve: use a server for production"
