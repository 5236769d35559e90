"""Finds out about the app of a project, step by step: files, interpreter, import, endpoints, answers."""

from __future__ import annotations

import http.client
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from bakeoff.discover.answers import judged
from bakeoff.discover.apps import AppCandidate, FoundApps, find_apps
from bakeoff.discover.ask import ask
from bakeoff.discover.endpoints import Endpoint, from_routes, merged, with_start_page
from bakeoff.discover.files import read_project
from bakeoff.discover.har import from_har
from bakeoff.discover.imported import ImportedApp
from bakeoff.discover.importing import import_app
from bakeoff.discover.installed import installed_apps
from bakeoff.discover.openapi import from_openapi, parse_document
from bakeoff.discover.propose import (
    Facts,
    ProposedStack,
    as_stack,
    experiment_text,
    missing_servers,
    needed_packages,
    propose_stacks,
)
from bakeoff.model import UserError
from bakeoff.stacks import split_cpus
from bakeoff.stacks.bounded_http import connected, read_body
from bakeoff.stacks.cause import last_exception
from bakeoff.stacks.environments import project_python

MOST_IMPORTS = 4
"""Candidates that are imported until one is an app."""
FETCH_WITHIN_S = 15.0

_APP = re.compile(r"(?P<module>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*):(?P<attribute>[A-Za-z_]\w*)(?P<call>\(\))?")


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """What the user says, and what is then not searched for."""

    app: str | None = None
    """``module:attribute``, or ``module:factory()``."""
    python: str | None = None
    """A path, relative to where Bakeoff runs."""
    openapi: str | None = None
    """A file or a URL."""
    har: Path | None = None


class Interpreter(NamedTuple):
    """The interpreter that runs an app."""

    path: str
    """To be started; a symbolic link of an environment is kept, because it is what makes the environment."""
    setting: str | None
    """As the experiment's file says it; ``None`` where runs find it by themselves."""
    reason: str
    """Why this one, for a comment."""


@dataclass(frozen=True, kw_only=True)
class Discovery:
    """The experiment that was found, as a file's text."""

    text: str
    summary: tuple[str, ...]
    """The app and its interpreter, in words."""
    missing: tuple[str, ...]
    """What could not be found out, each with what to do."""
    python: str
    """The interpreter that runs the app."""
    lacking: tuple[str, ...]
    """Packages of servers without which there is nothing to compare."""
    obstacle: str | None = None
    """Why the experiment cannot be run as it is, if it cannot: one of ``missing``."""


def names_app(text: str) -> bool:
    """Whether a text has the form ``module:attribute`` or ``module:factory()``."""
    return _APP.fullmatch(text) is not None


def discover(folder: Path, wishes: Wishes, say: Callable[[str], None]) -> Discovery:
    """Find out what an experiment on the app in a folder needs; ``say`` is told each step that takes time.

    Raises `UserError` when something that the user named does not exist or cannot be used.
    """
    folder = folder.resolve()
    documented, notes = _documented(wishes)
    interpreter = _interpreter(folder, wishes)
    candidates = _candidates(folder, wishes, interpreter)
    imports = _Imports(interpreter, folder, say)
    app, imported = imports.first_app(candidates.candidates)
    apps = (app, *imports.same_app(app, candidates.candidates)) if app else ()
    server_cpus = len(split_cpus()[0])
    stacks = propose_stacks(apps, imported.versions, server_cpus)
    endpoints, cpu_s = documented if documented is not None else _of_app(imported), None
    obstacles = [*imports.problems, *([] if app else candidates.notes)]
    if not candidates.candidates:
        obstacles.append(_NO_APP)
    if app and not obstacles:
        endpoints, cpu_s, problem = _asked(stacks, endpoints, folder, interpreter, say)
        obstacles += [problem] if problem else []
    missing = (*obstacles, *notes, *(() if obstacles else _hints(stacks, imported, interpreter)))
    summary = (
        *(f"{app.framework or 'app'} {app.name}{f', {app.place}' if app.place else ''}" for app in apps),
        f"python: {_shown(interpreter.path, folder)} ({interpreter.reason})",
    )
    facts = Facts(
        name=folder.name,
        stacks=stacks,
        endpoints=endpoints,
        cpu_s=cpu_s,
        server_cpus=server_cpus,
        python=interpreter.setting,
        interpreter=_shown(interpreter.path, folder),
        summary=summary,
        missing=missing,
    )
    return Discovery(
        text=experiment_text(facts),
        summary=summary,
        missing=missing,
        python=interpreter.path,
        lacking=() if imports.problems else missing_servers(stacks),
        obstacle=obstacles[0] if obstacles else None,
    )


_NO_APP = 'no app was found; name it: bakeoff init --app module:attribute, or app = "module:attribute" in the file'


def _hints(stacks: Sequence[ProposedStack], imported: ImportedApp, interpreter: Interpreter) -> Iterator[str]:
    """What an experiment that can be run leaves out."""
    if servers := missing_servers(stacks):
        install = f"{interpreter.path} -m pip install {' '.join(servers)}"
        yield f"one stack has nothing to be compared with; uncomment another after: {install} (or use --install)"
    if imported.problem:
        yield f"the URL map could not be read ({imported.problem}); name more requests in [scenarios.app]"


def _asked(
    stacks: Sequence[ProposedStack],
    endpoints: Sequence[Endpoint],
    folder: Path,
    interpreter: Interpreter,
    say: Callable[[str], None],
) -> tuple[tuple[Endpoint, ...], float | None, str | None]:
    """The endpoints judged by their answers on the first stack, CPU time of an answer, and why there is none, if so."""
    first = next((stack for stack in stacks if stack.installed), None)
    if first is None:
        install = f"{interpreter.path} -m pip install {' '.join(missing_servers(stacks))}"
        return tuple(endpoints), None, f"no server is installed, so the app was not asked: {install} (or use --install)"
    say(f"starting {first.target} on {first.server}, and asking its endpoints")
    first_path = next((endpoint.path for endpoint in endpoints if endpoint.aside is None), "/")
    asked = ask(as_stack(first, str(folder), interpreter.path, first_path), endpoints)
    if asked.problem:
        return tuple(endpoints), None, f"{first.target} on {first.server} does not start: {asked.problem}"
    endpoints = judged([*endpoints, *asked.pages], asked.answers)
    if any(endpoint.answer for endpoint in endpoints):
        return endpoints, asked.cpu_s, None
    reasons = [f"{path} {answer.obstacle}" for (_, path, _), answer in asked.answers.items() if answer.obstacle]
    raised = last_exception(asked.log, str(folder)) if any(a.status >= 500 for a in asked.answers.values()) else None
    why = "; ".join([*(reasons[:3] or ["none is safe to be asked"]), *([raised] if raised else [])])
    return endpoints, None, f"no endpoint can be requested as it is ({why}); name others in [scenarios.app]"


class _Imports:
    """Imports candidates and keeps what went wrong."""

    def __init__(self, interpreter: Interpreter, folder: Path, say: Callable[[str], None]) -> None:
        self._interpreter = interpreter
        self._folder = folder
        self._say = say
        self.problems: list[str] = []

    def first_app(self, candidates: Sequence[AppCandidate]) -> tuple[AppCandidate | None, ImportedApp]:
        """The first candidate that is an app.

        A candidate that the source calls an app is one even if it cannot be imported: a less likely one that can, such
        as an example's, would be the wrong one.
        """
        imported = ImportedApp()
        for candidate in candidates[:MOST_IMPORTS]:
            imported = self._import(candidate)
            if imported.error is None:
                self.problems.clear()  # Those of candidates of which only the name spoke for an app.
                return _completed(candidate, imported), imported
            self.problems.append(_import_problem(candidate, imported, self._interpreter))
            if candidate.interface:
                return candidate, imported
        return None, imported

    def same_app(self, chosen: AppCandidate, candidates: Sequence[AppCandidate]) -> list[AppCandidate]:
        """The same app under the other interface: Django's ``asgi.py`` beside its ``wsgi.py``."""
        for candidate in candidates:
            beside = candidate.module.rpartition(".")[0] == chosen.module.rpartition(".")[0]
            other = candidate.interface not in (None, chosen.interface)
            if beside and other and candidate.framework == chosen.framework == "Django" and not self.problems:
                imported = self._import(candidate)
                return [_completed(candidate, imported)] if imported.error is None else []
        return []

    def _import(self, candidate: AppCandidate) -> ImportedApp:
        self._say(f"importing {candidate.name}")
        return import_app(candidate, self._interpreter.path, self._folder, needed_packages())


def _completed(candidate: AppCandidate, imported: ImportedApp) -> AppCandidate:
    """A candidate with what only its import told."""
    framework = imported.framework or candidate.framework
    return replace(candidate, interface=imported.interface, framework=framework)


def _import_problem(candidate: AppCandidate, imported: ImportedApp, interpreter: Interpreter) -> str:
    """What went wrong, and what to do about it."""
    error = imported.error
    problem = f"{candidate.name} cannot be imported by {interpreter.path}: {error}"
    if error is None or (error.missing is None and error.type != "timeout"):
        return problem
    if error.missing is None:
        return f'{problem}; does it start a server there (put that under if __name__ == "__main__"), or wait for one?'
    if f"{candidate.module}.".startswith(f"{error.missing}."):
        return f"{problem}; name a module that is in this folder or installed: bakeoff init --app module:attribute"
    if interpreter.path == sys.executable and interpreter.setting is None:
        return (
            f"{problem}; the project has no virtual environment of its own: make one in .venv and install the project "
            "there, or name its interpreter: bakeoff init --python PATH"
        )
    return f"{problem}; install it there, or name another interpreter: bakeoff init --python PATH"


def _candidates(folder: Path, wishes: Wishes, interpreter: Interpreter) -> FoundApps:
    """The app that the user named, or all that the files hold, or else the one that is installed."""
    project = read_project(folder)
    apps = find_apps(project.sources, project.deployment)
    if wishes.app is None:
        is_bakeoffs_own = interpreter.path == sys.executable
        return apps if apps.candidates or apps.notes or is_bakeoffs_own else _of_packages(interpreter.path)
    match = _APP.fullmatch(wishes.app)
    if match is None:
        raise UserError(f"{wishes.app!r} does not name an app; write module:attribute, such as shop.wsgi:application")
    for candidate in apps.candidates:
        if (candidate.module, candidate.attribute) == (match["module"], match["attribute"]):
            return FoundApps((replace(candidate, factory=candidate.factory or bool(match["call"])),))
    named = AppCandidate(
        module=match["module"],
        attribute=match["attribute"],
        framework="",
        interface=None,
        factory=bool(match["call"]),
    )
    return FoundApps((named,))


def _shown(path: str, folder: Path) -> str:
    """A path as it is typed in a folder."""
    return str(Path(path).relative_to(folder)) if Path(path).is_relative_to(folder) else path


def _of_packages(python: str) -> FoundApps:
    """The app that is installed in an environment; of several, one has to be named."""
    installed = installed_apps(python)
    if len(installed) == 1:
        return FoundApps(installed)
    names = ", ".join(f"{app.name} ({app.place})" for app in installed)
    return FoundApps(notes=(f"no app was found in this folder; name one with --app, such as {names}",) if names else ())


def _interpreter(folder: Path, wishes: Wishes) -> Interpreter:
    if wishes.python is None:
        python = project_python(folder)
        return Interpreter(python, None, "found") if python else Interpreter(sys.executable, None, "Bakeoff's own")
    path = Path(os.path.abspath(wishes.python))  # noqa: PTH100 - links make an environment, so they are kept
    if not path.exists():
        raise UserError(f"--python {wishes.python} does not exist; name an interpreter such as .venv/bin/python")
    setting = str(path.relative_to(folder) if path.is_relative_to(folder) else path)
    return Interpreter(str(path), setting, "named")


def _of_app(imported: ImportedApp) -> tuple[Endpoint, ...]:
    """The endpoints that an app itself tells of."""
    documented = from_openapi(imported.openapi) if imported.openapi else ()
    return with_start_page(merged(documented, from_routes(imported.routes)))


def _documented(wishes: Wishes) -> tuple[tuple[Endpoint, ...] | None, tuple[str, ...]]:
    """The endpoints of what the user named in place of the app's own URL map, and notes on them."""
    if wishes.har is not None:
        return from_har(_read(wishes.har), str(wishes.har))
    if wishes.openapi is None:
        return None, ()
    is_url = wishes.openapi.startswith(("http://", "https://"))
    text = _fetch(wishes.openapi) if is_url else _read(Path(wishes.openapi))
    return from_openapi(parse_document(text, wishes.openapi)), ()


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from None


def _fetch(url: str) -> str:
    """A document by its URL. Raises `UserError`."""
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        with closing(connected(url, FETCH_WITHIN_S)) as connection:
            connection.request("GET", target, headers={"Connection": "close"})
            with connection.getresponse() as response:
                body = read_body(response)
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise UserError(f"{url} cannot be read: {str(error) or type(error).__name__}") from None
    if response.status != 200:
        raise UserError(f"{url} answered {response.status}, not 200; name the document itself")
    return body.decode("utf-8", "replace")
