"""Reads an experiment from TOML.

The file's short forms (``get = "/"``, ``rate``, ``stages``) are spelled out as fields of the model's types, relative
paths are resolved, and msgspec checks the rest against the constraints of those types.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar, get_args, get_type_hints

import msgspec

from bakeoff.experiment.design import fewest_blocks
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
    Struct,
    Tolerance,
    UserError,
    default_tolerances,
    unknown,
)
from bakeoff.stacks import servers

_TABLES = ("experiment", "gate", "scenarios", "stacks")
_METHODS = ("get", "post", "put", "patch", "delete", "head")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")

Table = Mapping[str, Any]
_NOTHING: Table = MappingProxyType({})
Kind = TypeVar("Kind", bound=Struct)


class Mistake(Exception):
    """A mistake in a file: the place, and the problem with its remedy."""

    def __init__(self, place: str, problem: str) -> None:
        super().__init__(f"{place}: {problem}")


def read_experiment(path: Path) -> Experiment:
    """The experiment that a file declares. Raises `UserError` with place and remedy for any mistake in it."""
    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path} does not exist; name a file, or write one with: bakeoff init") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read: {error}") from None
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
    stacks = [_stack(name, raw, path.parent) for name, raw in _tables(document, "stacks").items()]
    if not stacks:
        raise Mistake("[stacks]", "nothing to compare; add a [stacks.NAME] table with an app and a server")
    place = "[experiment]"
    table = _table(place, document.get("experiment", {}))
    fields = {"name": path.stem, "baseline": stacks[0].name, "blocks": 1, **table}
    fields["scenarios"] = _scenarios(document, table, path.parent)
    if "loads" in table:
        raw_loads = _array(f"{place}: loads", table["loads"])
        fields["loads"] = [_load(f"{place}: loads[{index}]", raw) for index, raw in enumerate(raw_loads)]
    added = {"stacks": stacks, "gate": _gate(document), "path": str(path)}
    experiment = _convert(place, fields, Experiment, added=added)
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


def _stack(name: str, raw: Any, folder: Path) -> Stack:
    place = f"[stacks.{name}]"
    _check_name(place, name)
    table = {"interface": "wsgi", **_table(place, raw)}
    if table.get("command") or table.get("url"):
        table.setdefault("ready", "/")
    if isinstance(table.get("url"), str):
        table["url"] = table["url"].rstrip("/")
    if isinstance(table.get("python"), str):
        table["python"] = str(folder / table["python"])
    stack = _convert(place, table, Stack, added={"name": name, "directory": str(folder)})
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
    names = [str(name) for name in _array("[experiment]: scenarios", experiment.get("scenarios", list(tables)))]
    for name in names:
        if name not in tables:
            raise Mistake("[experiment]: scenarios", unknown("scenario", name, tables))
    if not names:
        raise Mistake("[scenarios]", 'nothing to request; add [scenarios.NAME] with requests = [{ get = "/" }]')
    return [_scenario(name, tables[name], folder) for name in names]


def _scenario(name: str, raw: Any, folder: Path) -> Scenario:
    place = f"[scenarios.{name}]"
    _check_name(place, name)
    table = dict(_table(place, raw))
    if "requests" in table:
        raw_requests = _array(f"{place}: requests", table["requests"])
        table["requests"] = [_request(f"{place}: requests[{index}]", raw) for index, raw in enumerate(raw_requests)]
    scenario = _convert(place, table, Scenario, added={"name": name})
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
    table = dict(_table(place, raw))
    methods = [key for key in table if key in _METHODS]
    if len(methods) != 1:
        raise Mistake(place, 'needs exactly one method with a path, such as get = "/"')
    return _convert(place, table, Request, added={"method": methods[0].upper()}, renamed={methods[0]: "path"})


def _load(place: str, raw: Any) -> Load:
    """A load, whose kind is told by its first key: ``users``, ``rate`` or ``stages``."""
    table = _table(place, raw)
    if [key in table for key in ("users", "rate", "stages")].count(True) != 1:
        raise Mistake(place, "needs either users (closed loop), or rate or stages (open loop, arrivals/s)")
    if "users" in table:
        return _convert(place, table, ClosedLoad)
    if "rate" in table:
        return _convert(place, table, OpenLoad, added={"stages": ()}, renamed={"rate": "rate_rps"})
    stages = [_stage(f"{place}: stages[{index}]", raw) for index, raw in enumerate(_array(place, table["stages"]))]
    if not stages:
        raise Mistake(place, "stages needs at least one stage, such as { rate = 10, for_s = 60 }")
    last_rps = max(stages[-1].to_rps, 1.0)  # Never used: the slice ends with its stages.
    return _convert(place, {**table, "stages": stages}, OpenLoad, added={"rate_rps": last_rps})


def _stage(place: str, raw: Any) -> Stage:
    """A stage; without ``to`` its rate is constant."""
    table = dict(_table(place, raw))
    if "rate" in table:
        table.setdefault("to", table["rate"])
    return _convert(place, table, Stage, renamed={"rate": "rate_rps", "to": "to_rps"})


def _gate(document: Table) -> GateSettings:
    """The gate's settings; what a tolerance leaves out keeps its default."""
    table = dict(_table("[gate]", document.get("gate", {})))
    tolerances = {str(metric): tolerance for metric, tolerance in default_tolerances().items()}
    for metric, raw in _table("[gate.tolerances]", table.get("tolerances", {})).items():
        if metric not in tolerances:
            raise Mistake("[gate.tolerances]", unknown("metric", metric, tolerances))
        place = f"[gate.tolerances.{metric}]"
        fields = {**msgspec.structs.asdict(tolerances[metric]), **_table(place, raw)}
        tolerances[metric] = _convert(place, fields, Tolerance)
    return _convert("[gate]", {**table, "tolerances": tolerances}, GateSettings)


def _tables(document: Table, kind: str) -> Table:
    tables = document.get(kind, {})
    if not isinstance(tables, Mapping):
        raise Mistake(f"[{kind}]", f"must hold tables, such as [{kind}.mine]")
    return tables


def _table(place: str, raw: Any) -> Table:
    if not isinstance(raw, Mapping):
        raise Mistake(place, f"expected a table, got {_type_name(raw)}")
    return raw


def _array(place: str, raw: Any) -> list[Any]:
    if not isinstance(raw, list):
        raise Mistake(place, f"expected an array, got {_type_name(raw)}")
    return raw


def _check_name(place: str, name: str) -> None:
    if not _NAME.fullmatch(name):
        raise Mistake(place, f"{name!r} is not a valid name: use letters, digits, '.', '_' and '-'")


def _convert(
    place: str, table: Table, kind: type[Kind], *, added: Table = _NOTHING, renamed: Mapping[str, str] = _NOTHING
) -> Kind:
    """A table of the file as a value of one of the model's types.

    ``added`` are fields that the file does not write; ``renamed`` are fields by the name that the file has for them.
    """
    names = {field: name for name, field in renamed.items()}
    known = [names.get(field, field) for field in kind.__struct_fields__ if field not in added]
    for key in table:
        if key not in known:
            raise Mistake(place, unknown("key", key, known))
    fields = {renamed.get(key, key): value for key, value in table.items()}
    try:
        return msgspec.convert({**fields, **added}, kind)
    except msgspec.ValidationError as error:
        raise Mistake(place, _in_terms_of_toml(str(error), kind, names)) from None


_ERROR = re.compile(r"(?P<problem>.*?)(?: - at `\$\.?(?P<path>.*)`)?", re.DOTALL)
_BOUND = re.compile(r"Expected `\w+` (>=|>|<=|<) (.+)")
_TYPES = re.compile(r"Expected `(.+)`, got `(.+)`")
_ENUM = re.compile(r"Invalid enum value '(.*)'", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `(\w+)`")
_BOUNDS = {">=": "at least", ">": "above", "<=": "at most", "<": "below"}
_TYPE_NAMES = {
    "int": "an integer",
    "float": "a number",
    "str": "a string",
    "bool": "true or false",
    "array": "an array",
    "object": "a table",
}


def _in_terms_of_toml(message: str, kind: type[Struct], names: Mapping[str, str]) -> str:
    """Msgspec's message in the words of the file: ``workers: expected an integer, got a string``."""
    parts = _ERROR.fullmatch(message)
    assert parts is not None
    problem, path = parts["problem"], parts["path"] or ""
    field = re.split(r"[.\[]", path, maxsplit=1)[0]
    if missing := _MISSING.fullmatch(problem):
        return f"needs {names.get(missing[1], missing[1])}"
    if bound := _BOUND.fullmatch(problem):
        problem = f"must be {_BOUNDS[bound[1]]} {float(bound[2]):g}"
    elif types := _TYPES.fullmatch(problem):
        expected = [_TYPE_NAMES.get(name, name) for name in types[1].split(" | ") if name != "null"]
        problem = f"expected {' or '.join(expected)}, got {_TYPE_NAMES.get(types[2], types[2])}"
    elif value := _ENUM.fullmatch(problem):
        problem = unknown("value", value[1], _choices(kind, field))
    return f"{path.replace(field, names.get(field, field), 1)}: {problem}" if path else problem


def _choices(kind: type[Struct], field: str) -> Iterable[str]:
    """The values of a field that is a `Literal` or an enumeration of strings."""
    hint = get_type_hints(kind)[field]
    return [str(choice) for choice in get_args(hint) or hint]


def _type_name(value: Any) -> str:
    for name, types in (("bool", bool), ("int", int), ("float", float), ("str", str), ("array", list)):
        if isinstance(value, types):
            return _TYPE_NAMES[name]
    return "a table" if isinstance(value, Mapping) else "a date or time"
