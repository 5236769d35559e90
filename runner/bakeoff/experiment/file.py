"""Reads an experiment from TOML.

The file's short forms (``get = "/"``, ``rate``, ``stages``) are spelled out as fields of the model's types, relative
paths are resolved, and msgspec checks the rest against the constraints of those types.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from bakeoff.experiment.design import fewest_blocks
from bakeoff.experiment.table import Mistake, Table, array_of, convert, table_of
from bakeoff.model import (
    ClosedLoad,
    Experiment,
    GateSettings,
    Load,
    OpenLoad,
    Request,
    Scenario,
    Stack,
    Stage,
    Tolerance,
    UserError,
    default_tolerances,
    unknown,
)
from bakeoff.stacks import servers
from bakeoff.stacks.environments import is_version

_TABLES = ("experiment", "gate", "scenarios", "stacks")
_METHODS = ("get", "post", "put", "patch", "delete", "head")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def read_experiment(path: Path) -> Experiment:
    """The experiment that a file declares. Raises `UserError` with place and remedy for any mistake in it."""
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        raise UserError(f"{path} does not exist; name a file, or write one with: bakeoff init") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read: {error}") from None
    return parse_experiment(text, path)


def parse_experiment(text: str, path: Path) -> Experiment:
    """The experiment that a text declares, as if it were in the file at ``path``. Raises `UserError` for mistakes."""
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: not valid TOML: {error}") from None
    try:
        return _experiment(document, path.resolve())
    except Mistake as mistake:
        raise UserError(f"{path}: {mistake}") from None


def locustfile_digests(experiment: Experiment) -> dict[str, str]:
    """The SHA-256 of each scenario's Locust file, by scenario. Raises `UserError` when a file cannot be read."""
    return {
        scenario.name: _sha256(Path(scenario.locustfile))
        for scenario in experiment.scenarios
        if scenario.locustfile is not None
    }


def _sha256(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}; restore the scenario's Locust file") from None


def _experiment(document: Table, path: Path) -> Experiment:
    for name in document:
        if name not in _TABLES:
            raise Mistake(f"[{name}]", unknown("table", name, _TABLES))
    first_path = _first_path(document)
    stacks = [_stack(name, raw, path.parent, first_path) for name, raw in _tables(document, "stacks").items()]
    if not stacks:
        raise Mistake("[stacks]", "nothing to compare; add a [stacks.NAME] table with an app and a server")
    _check_ports(stacks)
    place = "[experiment]"
    table = table_of(place, document.get("experiment", {}))
    fields = {"name": path.stem, "baseline": stacks[0].name, "blocks": 1, **table}
    fields["scenarios"] = _scenarios(document, table, path.parent)
    if raw_loads := array_of(f"{place}: loads", fields.pop("loads", [])):
        fields["loads"] = [_load(f"{place}: loads[{index}]", raw) for index, raw in enumerate(raw_loads)]
    added = {"stacks": stacks, "gate": _gate(document), "path": str(path)}
    experiment = convert(place, fields, Experiment, added=added)
    _check_name(f"{place}: name", experiment.name)
    names = [stack.name for stack in stacks]
    if experiment.baseline not in names:
        raise Mistake(f"{place}: baseline", unknown("stack", experiment.baseline, names))
    fewest = fewest_blocks(experiment.alpha, len(stacks) - 1)
    return msgspec.structs.replace(
        experiment,
        blocks=experiment.blocks if "blocks" in table else fewest,
        max_slice_s=max(experiment.max_slice_s, experiment.slice_s),
    )


def _first_path(document: Table) -> str:
    """The path of the first request that any scenario lists, by which stacks without `ready` are asked; else ``/``."""
    for raw in _tables(document, "scenarios").values():
        requests = raw.get("requests", []) if isinstance(raw, Mapping) else []
        first = requests[0] if isinstance(requests, list) and requests else {}
        paths = [first[key] for key in _METHODS if key in first] if isinstance(first, Mapping) else []
        if paths and isinstance(paths[0], str) and paths[0].startswith("/"):
            return paths[0]
    return "/"


def _check_ports(stacks: Sequence[Stack]) -> None:
    """Refuse a port of two stacks. Raises `Mistake`."""
    users: dict[int, str] = {}
    for stack in stacks:
        if stack.port is not None and users.setdefault(stack.port, stack.name) != stack.name:
            raise Mistake(
                f"[stacks.{stack.name}]",
                f"port {stack.port} is that of {users[stack.port]!r} too, and all stacks run at the same time; "
                "remove port to use a free one",
            )


def _stack(name: str, raw: Any, folder: Path, first_path: str) -> Stack:
    place = f"[stacks.{name}]"
    _check_name(place, name)
    table = {"interface": "wsgi", **table_of(place, raw)}
    if isinstance(table.get("url"), str):
        table["url"] = table["url"].rstrip("/")
    if isinstance(table.get("python"), str) and not is_version(table["python"]):
        table["python"] = str(folder / table["python"])
    stack = convert(place, table, Stack, added={"name": name, "directory": str(folder), "first_path": first_path})
    if stack.command or stack.url:
        return stack
    if not (stack.app and stack.server):
        raise Mistake(place, "needs app and server, or a command, or the url of a stack that runs already")
    if "interface" not in raw:
        raise Mistake(place, 'needs interface = "wsgi" or "asgi"')
    try:
        servers.adapter(stack.server).command(stack, "127.0.0.1", 1, "python")
    except UserError as error:
        raise Mistake(place, str(error)) from None
    return stack


def _scenarios(document: Table, experiment: Table, folder: Path) -> list[Scenario]:
    """The scenarios that ``[experiment]`` names, by default all."""
    tables = _tables(document, "scenarios")
    names = [str(name) for name in array_of("[experiment]: scenarios", experiment.get("scenarios", list(tables)))]
    for name in names:
        if name not in tables:
            raise Mistake("[experiment]: scenarios", unknown("scenario", name, tables))
    if not names:
        raise Mistake("[scenarios]", 'nothing to request; add [scenarios.NAME] with requests = [{ get = "/" }]')
    return [_scenario(name, tables[name], folder) for name in names]


def _scenario(name: str, raw: Any, folder: Path) -> Scenario:
    place = f"[scenarios.{name}]"
    _check_name(place, name)
    table = dict(table_of(place, raw))
    if "requests" in table:
        raw_requests = array_of(f"{place}: requests", table["requests"])
        table["requests"] = [_request(f"{place}: requests[{index}]", raw) for index, raw in enumerate(raw_requests)]
    scenario = convert(place, table, Scenario, added={"name": name})
    if scenario.locustfile is None:
        if not scenario.requests:
            raise Mistake(place, 'needs a locustfile or requests = [{ get = "/" }]')
        return scenario
    locustfile = folder / scenario.locustfile
    if not locustfile.is_file():
        raise Mistake(place, f"locustfile {scenario.locustfile!r} does not exist (looked in {folder})")
    return msgspec.structs.replace(scenario, locustfile=str(locustfile))


def _request(place: str, raw: Any) -> Request:
    """A request whose method is the key of its path: ``get = "/"``."""
    table = dict(table_of(place, raw))
    methods = [key for key in table if key in _METHODS]
    if len(methods) != 1:
        raise Mistake(place, 'needs exactly one method with a path, such as get = "/"')
    return convert(place, table, Request, added={"method": methods[0].upper()}, renamed={methods[0]: "path"})


def _load(place: str, raw: Any) -> Load:
    """A load, whose kind follows from its key: ``users``, ``rate`` or ``stages``."""
    table = table_of(place, raw)
    if [key in table for key in ("users", "rate", "stages")].count(True) != 1:
        raise Mistake(place, "needs either users (closed loop), or rate or stages (open loop, arrivals/s)")
    if "users" in table:
        return convert(place, table, ClosedLoad)
    if "rate" in table:
        return convert(place, table, OpenLoad, added={"stages": ()}, renamed={"rate": "rate_rps"})
    stages = [_stage(f"{place}: stages[{index}]", raw) for index, raw in enumerate(array_of(place, table["stages"]))]
    if not stages:
        raise Mistake(place, "stages needs at least one stage, such as { rate = 10, for_s = 60 }")
    last_rps = max(stages[-1].to_rps, 1.0)  # Never used: the slice ends with its stages.
    return convert(place, {**table, "stages": stages}, OpenLoad, added={"rate_rps": last_rps})


def _stage(place: str, raw: Any) -> Stage:
    """A stage; without ``to`` its rate is constant."""
    table = dict(table_of(place, raw))
    if "rate" in table:
        table.setdefault("to", table["rate"])
    return convert(place, table, Stage, renamed={"rate": "rate_rps", "to": "to_rps"})


def _gate(document: Table) -> GateSettings:
    """The gate's settings; what a tolerance leaves out keeps its default."""
    table = dict(table_of("[gate]", document.get("gate", {})))
    tolerances = {str(metric): tolerance for metric, tolerance in default_tolerances().items()}
    for metric, raw in table_of("[gate.tolerances]", table.get("tolerances", {})).items():
        if metric not in tolerances:
            raise Mistake("[gate.tolerances]", unknown("metric", metric, tolerances))
        place = f"[gate.tolerances.{metric}]"
        fields = {**msgspec.structs.asdict(tolerances[metric]), **table_of(place, raw)}
        tolerances[metric] = convert(place, fields, Tolerance)
    return convert("[gate]", {**table, "tolerances": tolerances}, GateSettings)


def _tables(document: Table, kind: str) -> Table:
    tables = document.get(kind, {})
    if not isinstance(tables, Mapping):
        raise Mistake(f"[{kind}]", f"must hold tables, such as [{kind}.mine]")
    return tables


def _check_name(place: str, name: str) -> None:
    if not _NAME.fullmatch(name):
        raise Mistake(place, f"{name!r} is not a valid name: use letters, digits, '.', '_' and '-'")
