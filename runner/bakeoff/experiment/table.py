"""Tables of a TOML file: their conversion to the model's types, with messages in terms of the file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType, NoneType
from typing import Any, TypeVar, get_args, get_type_hints

import msgspec

from bakeoff.model import Struct, unknown

Table = Mapping[str, Any]
_NOTHING: Table = MappingProxyType({})
Kind = TypeVar("Kind", bound=Struct)

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
    "bool": "a boolean",
    "array": "an array",
    "object": "a table",
}


class Mistake(Exception):
    """A mistake in a file: the place, and the problem with its remedy."""

    def __init__(self, place: str, problem: str) -> None:
        super().__init__(f"{place}: {problem}")


def table_of(place: str, raw: Any) -> Table:
    """A value that has to be a table. Raises `Mistake`."""
    if not isinstance(raw, Mapping):
        raise Mistake(place, f"expected a table, got {_type_name(raw)}")
    return raw


def array_of(place: str, raw: Any) -> list[Any]:
    """A value that has to be an array. Raises `Mistake`."""
    if not isinstance(raw, list):
        raise Mistake(place, f"expected an array, got {_type_name(raw)}")
    return raw


def convert(
    place: str, table: Table, kind: type[Kind], *, added: Table = _NOTHING, renamed: Mapping[str, str] = _NOTHING
) -> Kind:
    """A table of the file as a value of one of the model's types. Raises `Mistake`.

    ``added`` holds the fields that the file does not write, by their names in the type; ``renamed`` maps keys of the
    file to fields of another name.
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
    """The values of a field that is a `Literal`, or one that may be left out, or an enumeration of strings."""
    hint = get_type_hints(kind)[field]
    alternatives = [choice for choice in get_args(hint) or hint if choice is not NoneType]
    return [str(choice) for alternative in alternatives for choice in get_args(alternative) or (alternative,)]


def _type_name(value: Any) -> str:
    for name, types in (("bool", bool), ("int", int), ("float", float), ("str", str), ("array", list)):
        if isinstance(value, types):
            return _TYPE_NAMES[name]
    return "a table" if isinstance(value, Mapping) else "a date or time"
