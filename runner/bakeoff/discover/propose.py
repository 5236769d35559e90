"""Writes an experiment's file from what was found out about an app. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import zip_longest

from bakeoff.discover.apps import AppCandidate
from bakeoff.discover.endpoints import Endpoint
from bakeoff.model import Interface, Stack
from bakeoff.stacks import servers

THREADS = 8
"""Of each worker, where a server has threads."""
MOST_WORKERS = 8
MOST_STACKS = 4
"""Stacks that are measured by default: all run at once, and each makes every block longer."""
FEWEST_STACKS = 2
"""Fewer leave nothing to compare."""
MOST_REQUESTS = 10
"""Endpoints that are requested; more make a run longer without telling more of the stacks."""
MOST_COMMENTS = 30
USERS = (64, 32, 16, 8)
QUEUE_S = 0.2
"""Users wait about this long for each other; a longer wait makes slices longer."""
RATES_RPS = (200, 100, 50, 20, 10, 5)
UTILISATION = 0.2
"""Of the servers' CPUs in the open loop, so that stacks that cost several times as much keep up too."""

_Option = str | int | float | bool


@dataclass(frozen=True, kw_only=True)
class _Setting:
    """How a server is set up for one of its stacks."""

    name: str
    server: str
    interface: Interface
    has_workers: bool = True
    threads: int = 1
    options: Mapping[str, _Option] = field(default_factory=dict)
    needs: str = ""
    """A package besides the server's own."""
    since: int = 0
    """The major version of the server's package that can do it."""


_SETTINGS = (
    _Setting(name="gunicorn-sync", server="gunicorn", interface="wsgi"),
    _Setting(name="gunicorn-threads", server="gunicorn", interface="wsgi", threads=THREADS),
    _Setting(name="granian-wsgi", server="granian", interface="wsgi", threads=THREADS),
    _Setting(name="waitress", server="waitress", interface="wsgi", has_workers=False, threads=THREADS),
    _Setting(
        name="gunicorn-gevent",
        server="gunicorn",
        interface="wsgi",
        options={"worker-class": "gevent"},
        needs="gevent",
    ),
    _Setting(name="uwsgi", server="uwsgi", interface="wsgi", threads=THREADS),
    _Setting(name="fastpysgi", server="fastpysgi", interface="wsgi"),
    _Setting(name="cheroot", server="cheroot", interface="wsgi", has_workers=False, threads=THREADS),
    _Setting(name="uvicorn", server="uvicorn", interface="asgi"),
    _Setting(name="granian-asgi", server="granian", interface="asgi"),
    _Setting(name="hypercorn", server="hypercorn", interface="asgi"),
    _Setting(name="gunicorn-asgi", server="gunicorn", interface="asgi", since=25),
    _Setting(name="uvicorn-asyncio", server="uvicorn", interface="asgi", options={"loop": "asyncio"}, needs="uvloop"),
    _Setting(name="daphne", server="daphne", interface="asgi", has_workers=False),
)
"""The stacks that make sense, the usual ones of each interface first."""

_FACTORY_OPTIONS = {"uvicorn": "factory", "granian": "factory", "waitress": "call"}
"""The option by which a server calls what it imports."""
_CALLS_IN_NAMES = ("gunicorn", "hypercorn", "uwsgi")
"""Servers that take ``module:factory()``."""


@dataclass(frozen=True, kw_only=True)
class ProposedStack:
    """A stack of the file."""

    name: str
    app: AppCandidate
    interface: Interface
    server: str
    package: str
    workers: int = 1
    threads: int = 1
    options: Mapping[str, _Option] = field(default_factory=dict)
    installed: bool = True
    """Whether the server is."""
    measured: bool = False
    """By default; otherwise it is a comment."""

    @property
    def target(self) -> str:
        """The app as the server takes it."""
        name = f"{self.app.module}:{self.app.attribute}"
        return f"{name}()" if self.app.factory and self.server in _CALLS_IN_NAMES else name


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What was found out."""

    name: str
    """Of the experiment: the folder's."""
    stacks: tuple[ProposedStack, ...]
    endpoints: tuple[Endpoint, ...]
    cpu_s: float | None = None
    """CPU time of an answer, on average; ``None`` where it is not known."""
    server_cpus: int = 1
    python: str | None = None
    """The interpreter, as the file says it; ``None`` where runs find it by themselves."""
    interpreter: str = "python"
    """The same, as it is typed in a shell."""
    summary: tuple[str, ...] = ()
    """What was found, for the first comment."""
    missing: tuple[str, ...] = ()
    """What was not, with what to do."""


def needed_packages() -> tuple[str, ...]:
    """The packages whose versions decide which stacks are proposed."""
    packages = {servers.adapter(setting.server).PACKAGE for setting in _SETTINGS if setting.server in servers.names()}
    return tuple(sorted(packages | {setting.needs for setting in _SETTINGS if setting.needs}))


def propose_stacks(
    apps: Sequence[AppCandidate], versions: Mapping[str, str], server_cpus: int
) -> tuple[ProposedStack, ...]:
    """The stacks that make sense for some apps of one project, each of another interface.

    Args:
        apps: Apps whose interface is known.
        versions: What is installed where they run, by package.
        server_cpus: The CPUs that servers will have.
    """
    workers = min(max(2, server_cpus), MOST_WORKERS)
    by_app = [list(_stacks_of(app, versions, workers)) for app in apps]
    proposed = [stack for stacks in by_app for stack in stacks]
    alternating = [stack for turn in zip_longest(*by_app) for stack in turn if stack]
    measured = [stack for stack in alternating if stack.installed][:MOST_STACKS] or alternating[:FEWEST_STACKS]
    return tuple(replace(stack, measured=stack in measured) for stack in proposed)


def missing_servers(stacks: Sequence[ProposedStack]) -> tuple[str, ...]:
    """The packages without whose servers there is nothing to compare; none where enough are installed."""
    lacking = max(0, FEWEST_STACKS - sum(stack.installed for stack in stacks))
    absent = sorted((stack for stack in stacks if not stack.installed), key=lambda stack: not stack.measured)
    return tuple(dict.fromkeys(stack.package for stack in absent[:lacking]))


def _stacks_of(app: AppCandidate, versions: Mapping[str, str], workers: int) -> Iterable[ProposedStack]:
    for setting in _SETTINGS:
        if setting.server not in servers.names() or setting.interface != app.interface:
            continue
        options = dict(setting.options)
        if app.factory and setting.server in _FACTORY_OPTIONS:
            options[_FACTORY_OPTIONS[setting.server]] = True
        elif app.factory and setting.server not in _CALLS_IN_NAMES:
            continue
        package = servers.adapter(setting.server).PACKAGE
        if setting.needs and (package not in versions or setting.needs not in versions):
            continue
        version = versions.get(package)
        if version is not None and _major(version) < setting.since:
            continue
        yield ProposedStack(
            name=setting.name,
            app=app,
            interface=setting.interface,
            server=setting.server,
            package=package,
            workers=workers if setting.has_workers else 1,
            threads=setting.threads,
            options=options,
            installed=version is not None,
        )


def _major(version: str) -> int:
    digits = re.match(r"\d+", version)
    return int(digits[0]) if digits else 0


def as_stack(proposed: ProposedStack, directory: str, python: str, first_path: str) -> Stack:
    """A proposed stack with one worker, to ask its app; it is ready once ``first_path`` answers."""
    return Stack(
        name=proposed.name,
        interface=proposed.interface,
        app=proposed.target,
        server=proposed.server,
        threads=proposed.threads,
        options=dict(proposed.options),
        env={"PYTHONPATH": proposed.app.path} if proposed.app.path else {},
        directory=directory,
        python=python,
        first_path=first_path,
    )


def experiment_text(facts: Facts) -> str:
    """The text of an experiment's file."""
    parts = [_comment(facts), _experiment(facts), _scenario(facts.endpoints)]
    measured = [_stack(stack, facts.python) for stack in facts.stacks if stack.measured]
    others = [_commented(stack, facts) for stack in facts.stacks if not stack.measured]
    return "\n".join([*parts, *(measured or [_unknown_stack(facts.python)]), *others])


def _comment(facts: Facts) -> str:
    lines = ["Written by bakeoff init. A first answer: bakeoff run --profile quick", "", *facts.summary]
    if facts.missing:
        lines += ["", "Notes:", *(f"* {line}" for line in facts.missing)]
    return "".join(f"# {_one_line(line)}".rstrip() + "\n" for line in lines)


def _experiment(facts: Facts) -> str:
    lines = ["[experiment]", f"name = {_string(_name(facts.name))}"]
    if facts.cpu_s:
        users, rate_rps = loads_for(facts.cpu_s, facts.server_cpus)
        reason = f"an answer takes about {1000 * facts.cpu_s:.2g} ms of CPU time"
        lines.append(f"loads = [{{ users = {users} }}, {{ rate = {rate_rps} }}]  # {reason}")
    return "".join(f"{line}\n" for line in lines)


def loads_for(cpu_s: float, server_cpus: int) -> tuple[int, int]:
    """Users of a closed loop and arrivals a second of an open one that suit an app, by the CPU time of its answers."""
    most_rps = max(1, server_cpus) / cpu_s
    users = next((users for users in USERS if users <= QUEUE_S * most_rps), USERS[-1])
    rate_rps = next((rate_rps for rate_rps in RATES_RPS if rate_rps <= UTILISATION * most_rps), RATES_RPS[-1])
    return users, rate_rps


def _scenario(endpoints: Sequence[Endpoint]) -> str:
    requested = _requested(endpoints)
    aside = [endpoint for endpoint in endpoints if endpoint not in requested]
    lines = [(f"  {_request(endpoint)},", endpoint.answer or "") for endpoint in requested]
    if not requested:
        lines = [('  { get = "/" },', "nothing else is known to answer; name what clients request")]
    for endpoint in aside[:MOST_COMMENTS]:
        lines.append((f"  # {_request(endpoint)},", endpoint.aside or f"more than {MOST_REQUESTS} are not needed"))
    if len(aside) > MOST_COMMENTS:
        lines.append((f"  # and {len(aside) - MOST_COMMENTS} more", ""))
    width = min(max(len(line) for line, _ in lines), 60)
    text = "".join(f"{line:{width}}  # {_one_line(note)}\n" if note else f"{line}\n" for line, note in lines)
    return f"[scenarios.app]\nrequests = [\n{text}]\n"


def _requested(endpoints: Sequence[Endpoint]) -> list[Endpoint]:
    return [endpoint for endpoint in endpoints if endpoint.aside is None][:MOST_REQUESTS]


def _request(endpoint: Endpoint) -> str:
    fields: list[tuple[str, str]] = [(endpoint.method.lower(), _string(endpoint.path))]
    if endpoint.weight > 1:
        fields.append(("weight", str(endpoint.weight)))
    if endpoint.headers:
        fields.append(("headers", _table(endpoint.headers)))
    if endpoint.json is not None:
        fields.append(("json", _value(endpoint.json)))
    elif endpoint.data is not None:
        fields.append(("data", _string(endpoint.data)))
    if endpoint.status != 200:
        fields.append(("status", str(endpoint.status)))
    return "{ " + ", ".join(f"{key} = {value}" for key, value in fields) + " }"


def _stack(stack: ProposedStack, python: str | None) -> str:
    fields = {
        "interface": _string(stack.interface),
        "app": _string(stack.target),
        "server": _string(stack.server),
        "workers": str(stack.workers) if stack.workers > 1 else None,
        "threads": str(stack.threads) if stack.threads > 1 else None,
        "options": _table(stack.options) if stack.options else None,
        "env": _table({"PYTHONPATH": stack.app.path}) if stack.app.path else None,
        "python": _string(python) if python else None,
    }
    lines = [f"{key} = {value}\n" for key, value in fields.items() if value is not None]
    return f"[stacks.{stack.name}]\n{''.join(lines)}"


def _commented(stack: ProposedStack, facts: Facts) -> str:
    """A stack that counts once its comment signs are removed."""
    install = f"{facts.interpreter} -m pip install {stack.package}"
    reason = "it makes a run longer" if stack.installed else f"its server is not installed: {install}"
    lines = _stack(stack, facts.python).splitlines()
    return "".join(f"# {line}\n" for line in [f"{lines[0]}  # {_one_line(reason)}", *lines[1:]])


def _unknown_stack(python: str | None) -> str:
    """What to fill in where no app was found."""
    lines = [
        'interface = "wsgi"                 # or "asgi"',
        'app = "module:attribute"           # fill in; a factory is "module:create_app()"',
        'server = "gunicorn"                # for ASGI: "uvicorn"',
        "workers = 2",
        *([f"python = {_string(python)}"] if python else []),
    ]
    return "\n".join(["[stacks.mine]", *lines, ""])


def _name(text: str) -> str:
    """A valid name of an experiment."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-._") or "app"


def _value(value: object) -> str:
    """A value of JSON as TOML; ``null``, which TOML does not have, as an empty string."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return _table(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, int | float):
        return repr(value)
    return _string("" if value is None else str(value))


def _table(values: Mapping[str, object]) -> str:
    if not values:
        return "{}"
    return "{ " + ", ".join(f"{_key(str(key))} = {_value(value)}" for key, value in values.items()) + " }"


def _key(text: str) -> str:
    return text if re.fullmatch(r"[A-Za-z0-9_-]+", text) else _string(text)


def _string(text: str) -> str:
    """A basic string of TOML: its escapes are those of JSON, and DEL has to be escaped too."""
    whole = text.encode("utf-8", "replace").decode("utf-8")  # No halves of characters.
    return json.dumps(whole, ensure_ascii=False).replace("\x7f", "\\u007f")


def _one_line(text: str) -> str:
    """Text for a comment, which may hold no control codes."""
    return re.sub(r"[\x00-\x1f\x7f\u0085\u2028\u2029]+", " ", text.encode("utf-8", "replace").decode("utf-8"))
