"""From the TOML that users write to an `Experiment`: every check on what they wrote, and every default."""

from __future__ import annotations

import difflib
import hashlib
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from bakeoff.experiment.plan import DesignError, check_design, fewest_blocks
from bakeoff.model import (
    Arrivals,
    ClosedLoad,
    Experiment,
    GateMetric,
    GateSettings,
    Interface,
    Load,
    OpenLoad,
    Profile,
    Request,
    Role,
    Scenario,
    Stack,
    Stage,
    Struct,
    Tolerance,
    UserError,
    default_tolerances,
)
from bakeoff.stacks import servers

DEFAULT_FILE = Path("bakeoff.toml")
METHODS = ("get", "post", "put", "patch", "delete", "head")
URL = re.compile(r"https?://([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?/?")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class ExperimentTable(Struct, frozen=True, kw_only=True):
    """``[experiment]``: what to measure, and how long."""

    name: str | None = None
    baseline: str | None = None
    scenarios: tuple[str, ...] | None = None
    loads: tuple[LoadTable, ...] | None = None
    blocks: int | None = None
    passes: int = 2
    slice_s: float = 3.0
    warmup_s: float = 0.5
    max_slice_s: float = 60.0
    volatile: tuple[str, ...] = ()
    alpha: float = 0.05
    margin: float = 0.05
    timeline: tuple[str, ...] = ()


class LoadTable(Struct, frozen=True, kw_only=True):
    """One entry of ``loads``: ``users`` or ``rate``."""

    users: int | None = None
    think_s: float = 0.0
    rate: float | None = None
    arrivals: Arrivals = "poisson"
    stages: tuple[StageTable, ...] = ()


class StageTable(Struct, frozen=True, kw_only=True):
    """One entry of ``stages``: a step at ``rate``, or a ramp from it to another."""

    rate: float
    for_s: float
    to: float | None = None


class ScenarioTable(Struct, frozen=True, kw_only=True):
    """``[scenarios.NAME]``: a Locust file or a list of requests."""

    locustfile: str | None = None
    requests: tuple[RequestTable, ...] = ()


class RequestTable(Struct, frozen=True, kw_only=True):
    """One entry of ``requests``: a method with its path, and what goes with it."""

    get: str | None = None
    post: str | None = None
    put: str | None = None
    patch: str | None = None
    delete: str | None = None
    head: str | None = None
    weight: int = 1
    name: str | None = None
    json: Any = None
    data: str | None = None
    headers: dict[str, str] = {}
    status: int = 200


class StackTable(Struct, frozen=True, kw_only=True):
    """``[stacks.NAME]``: an app and its server, or any command that listens on a port."""

    interface: Interface | None = None
    app: str | None = None
    server: str | None = None
    workers: int = 1
    threads: int = 1
    options: dict[str, str | int | float | bool] = {}
    env: dict[str, str] = {}
    command: tuple[str, ...] = ()
    ready: str | None = None
    port: int | None = None
    python: str | None = None
    url: str | None = None


class GateTable(Struct, frozen=True, kw_only=True):
    """``[gate]``: how a change is judged."""

    stack: str | None = None
    scenario: str | None = None
    requirements: tuple[str, ...] = ()
    budget_s: float = GateSettings().budget_s
    users: int = GateSettings().users
    rate_rps: float | None = None
    closed_s: float = GateSettings().closed_s
    open_s: float = GateSettings().open_s
    tolerances: dict[GateMetric, ToleranceTable] = {}


class ToleranceTable(Struct, frozen=True, kw_only=True):
    """``[gate.tolerances.METRIC]``; what is left out keeps its default."""

    limit: float | None = None
    floor: float | None = None
    role: Role | None = None


Table = TypeVar("Table", bound=Struct)


def read_experiment(path: Path) -> Experiment:
    """The experiment that a file declares. Raises `UserError` with the place and the remedy for any mistake in it."""
    return Reader(path).experiment()


class Reader:
    """Turns one file into an experiment; knows the file's name, so that every message can say it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._folder = path.resolve().parent
        self._document = self._parse()

    def experiment(self) -> Experiment:
        """The whole experiment, checked."""
        table = self._table("[experiment]", self._document.get("experiment", {}), ExperimentTable)
        stacks = tuple(self._stack(name, raw) for name, raw in self._tables("stacks").items())
        if not stacks:
            raise self._error("[stacks]", "nothing to compare; add a [stacks.NAME] table with an app and a server")
        scenarios = tuple(
            self._scenario(name)
            for name in (table.scenarios if table.scenarios is not None else tuple(self._tables("scenarios")))
        )
        if not scenarios:
            raise self._error("[scenarios]", 'nothing to ask; add [scenarios.NAME] with requests = [{ get = "/" }]')
        loads = tuple(self._load(index, load) for index, load in enumerate(table.loads or _DEFAULT_LOADS))
        experiment = Experiment(
            name=table.name or self._path.stem,
            baseline=self._baseline(table.baseline, [stack.name for stack in stacks]),
            stacks=stacks,
            scenarios=scenarios,
            loads=loads,
            blocks=fewest_blocks(table.alpha, len(stacks) - 1) if table.blocks is None else table.blocks,
            passes=table.passes,
            slice_s=table.slice_s,
            warmup_s=table.warmup_s,
            max_slice_s=max(table.max_slice_s, table.slice_s),
            volatile=table.volatile,
            alpha=table.alpha,
            margin=table.margin,
            timeline=table.timeline,
            gate=self._gate(),
            path=str(self._path.resolve()),
        )
        self._check_numbers(experiment)
        self._check_name("[experiment]: name", experiment.name)
        return experiment

    def _parse(self) -> dict[str, Any]:
        try:
            document = tomllib.loads(self._path.read_text("utf-8"))
        except FileNotFoundError:
            raise UserError(f"{self._path} does not exist; name a file, or make one with: bakeoff init") from None
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"{self._path} cannot be read: {error}") from None
        except tomllib.TOMLDecodeError as error:
            raise UserError(f"{self._path}: not valid TOML: {error}") from None
        for key in document:
            if key not in _TOP_LEVEL:
                raise self._error(f"[{key}]", f"unknown table{_suggestion(key, _TOP_LEVEL)}")
        return document

    def _tables(self, kind: str) -> dict[str, Any]:
        tables = self._document.get(kind, {})
        if not isinstance(tables, dict):
            raise self._error(f"[{kind}]", f"must hold tables, such as [{kind}.mine]")
        return tables

    def _table(self, place: str, raw: Any, kind: type[Table]) -> Table:
        if isinstance(raw, Mapping):
            for key in raw:
                if key not in kind.__struct_fields__:
                    raise self._error(place, f"unknown key {key!r}{_suggestion(key, kind.__struct_fields__)}")
        try:
            return msgspec.convert(raw, kind)
        except msgspec.ValidationError as error:
            raise self._error(place, _plain(error)) from None

    def _stack(self, name: str, raw: Any) -> Stack:
        place = f"[stacks.{name}]"
        self._check_name(place, name)
        table = self._table(place, raw, StackTable)
        if table.url is not None:
            return self._deployed(name, table, table.url)
        if not table.command and not (table.app and table.server):
            raise self._error(place, "needs app and server, or a command, or the url of a stack that runs already")
        if table.command and (table.app or table.server):
            raise self._error(place, "has both a command and an app with a server; keep one of the two")
        if table.interface is None and not table.command:
            raise self._error(place, 'needs interface = "wsgi" or "asgi"')
        if table.workers < 1 or table.threads < 1:
            raise self._error(place, "workers and threads must be at least 1")
        stack = Stack(
            name=name,
            interface=table.interface or "wsgi",
            app=table.app,
            server=table.server,
            workers=table.workers,
            threads=table.threads,
            options=table.options,
            env=table.env,
            command=table.command,
            ready=table.ready or ("/" if table.command else "/healthz"),
            port=table.port,
            directory=str(self._folder),
            python=None if table.python is None else str(self._folder / table.python),
        )
        self._check_server(place, stack)
        return stack

    def _deployed(self, name: str, table: StackTable, url: str) -> Stack:
        place = f"[stacks.{name}]"
        allowed = StackTable(url=url, interface=table.interface, ready=table.ready)
        if table != allowed:
            raise self._error(place, "a stack with a url runs already; besides url it has interface and ready only")
        if not URL.fullmatch(url):
            raise self._error(place, f"url {url!r} must be scheme and host, such as https://staging.example:8443")
        return Stack(
            name=name,
            interface=table.interface or "wsgi",
            url=url.rstrip("/"),
            ready=table.ready or "/",
            directory=str(self._folder),
        )

    def _check_server(self, place: str, stack: Stack) -> None:
        if stack.command:
            if not any("{port}" in part for part in stack.command):
                raise self._error(place, "command must say {port} where the port goes")
            return
        assert stack.server is not None
        try:
            servers.adapter(stack.server).command(stack, "127.0.0.1", 1, "python")
        except UserError as error:
            raise self._error(place, str(error)) from None

    def _scenario(self, name: str) -> Scenario:
        raw = self._tables("scenarios").get(name)
        if raw is None:
            known = tuple(self._tables("scenarios"))
            raise self._error("[experiment]: scenarios", f"unknown scenario {name!r}{_suggestion(name, known)}")
        place = f"[scenarios.{name}]"
        self._check_name(place, name)
        table = self._table(place, raw, ScenarioTable)
        if (table.locustfile is None) == (not table.requests):
            raise self._error(place, 'needs either a locustfile or requests = [{ get = "/" }]')
        if table.locustfile is None:
            return Scenario(name=name, requests=tuple(self._request(place, request) for request in table.requests))
        locustfile = self._folder / table.locustfile
        if not locustfile.is_file():
            raise self._error(place, f"locustfile {table.locustfile!r} does not exist (looked in {self._folder})")
        return Scenario(name=name, locustfile=str(locustfile))

    def _request(self, place: str, table: RequestTable) -> Request:
        methods = [method for method in METHODS if getattr(table, method) is not None]
        if len(methods) != 1:
            raise self._error(place, 'each request needs exactly one method, such as get = "/"')
        path = getattr(table, methods[0])
        if not path.startswith("/"):
            raise self._error(place, f"path {path!r} must begin with /")
        if table.weight < 1:
            raise self._error(place, f"weight of {path!r} must be at least 1")
        return Request(
            method=methods[0].upper(),
            path=path,
            weight=table.weight,
            name=table.name,
            json=table.json,
            data=table.data,
            headers=table.headers,
            status=table.status,
        )

    def _load(self, index: int, table: LoadTable) -> Load:
        place = f"[experiment]: loads[{index}]"
        if [table.users is not None, table.rate is not None, bool(table.stages)].count(True) != 1:
            raise self._error(place, "needs either users (closed loop), or rate or stages (open loop, arrivals/s)")
        if table.users is not None:
            if table.users < 1 or table.think_s < 0:
                raise self._error(place, "users must be at least 1, think_s at least 0")
            return ClosedLoad(users=table.users, think_s=table.think_s)
        if table.stages:
            return self._staged(place, table)
        assert table.rate is not None
        if table.rate <= 0:
            raise self._error(place, "rate must be above 0")
        return OpenLoad(rate_rps=table.rate, arrivals=table.arrivals)

    def _staged(self, place: str, table: LoadTable) -> Load:
        stages = tuple(
            Stage(for_s=stage.for_s, rate_rps=stage.rate, to_rps=stage.rate if stage.to is None else stage.to)
            for stage in table.stages
        )
        if any(stage.for_s <= 0 or stage.rate_rps < 0 or stage.to_rps < 0 for stage in stages):
            raise self._error(place, "a stage's for_s must be above 0, its rates not below")
        if not any(stage.rate_rps + stage.to_rps for stage in stages):
            raise self._error(place, "one stage at least must have a rate above 0")
        last = max(stages[-1].to_rps, 1.0)  # Never used: the slice ends with its stages.
        return OpenLoad(rate_rps=last, arrivals=table.arrivals, stages=stages)

    def _gate(self) -> GateSettings:
        table = self._table("[gate]", self._document.get("gate", {}), GateTable)
        for key in ("budget_s", "users", "closed_s", "open_s"):
            if getattr(table, key) <= 0:
                raise self._error(f"[gate]: {key}", "must be above 0")
        if table.rate_rps is not None and table.rate_rps <= 0:
            raise self._error("[gate]: rate_rps", "must be above 0")
        tolerances = default_tolerances()
        for metric, changed in table.tolerances.items():
            tolerances[metric] = self._tolerance(metric, tolerances[metric], changed)
        return GateSettings(
            stack=table.stack,
            scenario=table.scenario,
            requirements=table.requirements,
            budget_s=table.budget_s,
            users=table.users,
            rate_rps=table.rate_rps,
            closed_s=table.closed_s,
            open_s=table.open_s,
            tolerances=tolerances,
        )

    def _tolerance(self, metric: str, default: Tolerance, table: ToleranceTable) -> Tolerance:
        given = {key: value for key in table.__struct_fields__ if (value := getattr(table, key)) is not None}
        tolerance = msgspec.structs.replace(default, **given)
        if not 0 <= tolerance.floor < tolerance.limit:
            raise self._error(
                f"[gate.tolerances.{metric}]",
                f"floor ({tolerance.floor:g}) must be at least 0 and below limit ({tolerance.limit:g})",
            )
        return tolerance

    def _baseline(self, asked: str | None, names: Sequence[str]) -> str:
        if asked is None:
            return names[0]
        if asked not in names:
            raise self._error("[experiment]: baseline", f"unknown stack {asked!r}{_suggestion(asked, names)}")
        return asked

    def _check_numbers(self, experiment: Experiment) -> None:
        for key in ("blocks", "passes"):
            if getattr(experiment, key) < 1:
                raise self._error(f"[experiment]: {key}", "must be at least 1")
        for key in ("slice_s", "margin"):
            if getattr(experiment, key) <= 0:
                raise self._error(f"[experiment]: {key}", "must be above 0")
        if experiment.warmup_s < 0:
            raise self._error("[experiment]: warmup_s", "must not be negative")
        if not 0 < experiment.alpha < 1:
            raise self._error("[experiment]: alpha", "must lie between 0 and 1")

    def _check_name(self, place: str, name: str) -> None:
        if not NAME.fullmatch(name):
            raise self._error(place, f"{name!r} is no name: use letters, digits, '.', '_' and '-'")

    def _error(self, place: str, problem: str) -> UserError:
        return UserError(f"{self._path}: {place}: {problem}")


_TOP_LEVEL = ("experiment", "gate", "scenarios", "stacks")
_DEFAULT_LOADS = (LoadTable(users=64), LoadTable(rate=50.0))


def select(experiment: Experiment, stacks: Sequence[str], scenarios: Sequence[str]) -> Experiment:
    """The experiment with only the named stacks and scenarios; all where none is named. Raises `UserError`."""
    kept = _pick("stack", stacks, {stack.name: stack for stack in experiment.stacks})
    names = [stack.name for stack in kept]
    return msgspec.structs.replace(
        experiment,
        stacks=kept,
        scenarios=_pick("scenario", scenarios, {scenario.name: scenario for scenario in experiment.scenarios}),
        baseline=experiment.baseline if experiment.baseline in names else names[0],
    )


Named = TypeVar("Named")


def _pick(kind: str, asked: Sequence[str], known: Mapping[str, Named]) -> tuple[Named, ...]:
    for name in asked:
        if name not in known:
            raise UserError(f"unknown {kind} {name!r}{_suggestion(name, known)}")
    return tuple(value for name, value in known.items() if not asked or name in asked)


def apply_profile(experiment: Experiment, profile: Profile, blocks: int | None = None) -> Experiment:
    """The experiment as a profile wants it: ``full`` as written, ``quick`` shorter, ``smoke`` a mere try.

    Raises `UserError` for a design that cannot reach its own alpha.
    """
    if profile == "smoke":
        return msgspec.structs.replace(experiment, blocks=1, passes=1, slice_s=min(experiment.slice_s, 1.0))
    if profile == "quick":
        fewest = fewest_blocks(experiment.alpha, len(experiment.stacks) - 1)
        experiment = msgspec.structs.replace(
            experiment, blocks=min(fewest, experiment.blocks), passes=1, slice_s=min(experiment.slice_s, 1.0)
        )
    if blocks is not None:
        experiment = msgspec.structs.replace(experiment, blocks=blocks)
    try:
        check_design(experiment)
    except DesignError as error:
        raise UserError(str(error)) from None
    return experiment


def locustfile_digests(experiment: Experiment) -> dict[str, str]:
    """The SHA-256 of each scenario's Locust file, by the scenario's name. Raises `UserError` when one is not there."""
    return {one.name: _sha256(Path(one.locustfile)) for one in experiment.scenarios if one.locustfile}


def _sha256(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}; put the scenario's Locust file back") from None


def _suggestion(word: str, known: Iterable[str]) -> str:
    choices = list(known)
    close = difflib.get_close_matches(word, choices, n=1)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; known are: {', '.join(choices)}" if choices else ""


def _plain(error: msgspec.ValidationError) -> str:
    """Msgspec's message with its path in a reader's words: ``workers: Expected `int`, got `str` ``."""
    message, _, path = str(error).partition(" - at `$")
    key = path.rstrip("`").lstrip(".")
    return f"{key}: {message[0].lower()}{message[1:]}" if key else message
