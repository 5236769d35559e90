"""Secrets in what a run stores and says: values of variables and headers, and passwords in URLs and commands. Pure.

A stored experiment has a mask in place of each value that may be secret: all values of variables and headers, except
those with a name that is known to be harmless, and whatever else has the name or the form of a password. A mask tells
whether two values are the same, but not what they are: it is a digest (HMAC-SHA-256) with a key that stays on this
machine. Without the key, a digest of a short password could be found by trying them all.

In text whose author is unknown, such as a server's log, values that are known are replaced by `REDACTED`.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import msgspec

from bakeoff.model.experiment import Experiment, Request, Scenario, Stack
from bakeoff.model.manifest import Manifest

REDACTED = "[redacted]"

HARMLESS_VARIABLES = frozenset({
    "app_env", "debug", "django_debug", "django_settings_module", "environment", "flask_app", "flask_debug",
    "flask_env", "host", "lang", "lc_all", "ld_preload", "log_level", "malloc_arena_max", "mkl_num_threads",
    "omp_num_threads", "openblas_num_threads", "port", "python_gil", "pythonasynciodebug", "pythondevmode",
    "pythonhashseed", "pythonmalloc", "pythonoptimize", "pythonpath", "pythonunbuffered", "tz",
    "uv_threadpool_size", "web_concurrency",
})  # fmt: skip
"""Variables whose values are stored and shown, in lower case."""
HARMLESS_HEADERS = frozenset({
    "accept", "accept-charset", "accept-encoding", "accept-language", "cache-control", "connection",
    "content-encoding", "content-length", "content-type", "expect", "host", "if-modified-since",
    "if-none-match", "origin", "range", "referer", "te", "user-agent",
})  # fmt: skip
"""Headers whose values are stored and shown, in lower case."""

_SECRET = (
    r"password|passwd|passphrase|pwd|secret|token|api[-_]?key|access[-_]?key|private[-_]?key|credential|authorization"
    r"|signature"
)
_SECRET_NAME = re.compile(_SECRET, re.IGNORECASE)
_SECRET_OPTION = re.compile(rf"--?([\w-]*(?:{_SECRET})[\w-]*)", re.IGNORECASE)
_VARIABLE = re.compile(r"([A-Z_][A-Z0-9_]*)=(.*)", re.DOTALL)
_IN_URL = re.compile(r"(?<![\w.+-])(?P<name>[a-z][a-z0-9+.-]{0,20})://(?P<value>[^/\s'\"{}]+)(?=@)", re.IGNORECASE)
_NAMED = rf"(?<![\w.-])(?P<name>[\w.-]{{0,40}}(?:{_SECRET})[\w.-]{{0,40}})"
_HEADER = rf"(?<![\w.-])(?P<name>authorization|cookie|(?:x-|api)[\w-]{{0,40}}(?:{_SECRET}))"
_IN_TEXT = (
    _IN_URL,
    re.compile(rf"{_NAMED}=(?P<value>[^\s&;,'\"{{}}]+)", re.IGNORECASE),
    re.compile(rf"{_NAMED}['\"]: ?['\"](?P<value>[^'\"{{}}]+)", re.IGNORECASE),
    re.compile(rf"{_HEADER}: (?P<value>[^\s'\"{{}}][^\n'\"{{}}]*)", re.IGNORECASE),
)
"""Secrets by their form: ``scheme://user:password@``, ``token=value``, ``"token": "value"``, ``Authorization: value``.

Braces are left alone, because the command of a stack says ``{port}``; lengths are limited for the sake of
speed.
"""

_MASK = re.compile(r"masked:(?P<key>[0-9a-f]{4}):[0-9a-f]{8}")


class MaskedError(Exception):
    """The value behind a mask is not known: the message is a clause."""


class Masker:
    """Puts masks in the place of values. What is masked already stays as it is."""

    def __init__(self, key: Callable[[], bytes]) -> None:
        """``key`` is asked for at the first value to mask."""
        self._read_key = key

    @cached_property
    def _key(self) -> bytes:
        return self._read_key()

    @cached_property
    def key_id(self) -> str:
        """The part of a mask by which its key is told from others: four hexadecimal digits."""
        return hashlib.sha256(self._key).hexdigest()[:4]

    def manifest(self, manifest: Manifest) -> Manifest:
        """A manifest without secrets."""
        return msgspec.structs.replace(
            manifest,
            experiment=self.experiment(manifest.experiment),
            error=None if manifest.error is None else self._text(manifest.error),
        )

    def experiment(self, experiment: Experiment) -> Experiment:
        """An experiment without secrets."""
        shown = frozenset(name.lower() for name in experiment.unmasked)
        return msgspec.structs.replace(
            experiment,
            stacks=tuple(self._stack(stack, shown) for stack in experiment.stacks),
            scenarios=tuple(self._scenario(scenario, shown) for scenario in experiment.scenarios),
            timeline=tuple(map(self._text, experiment.timeline)),
        )

    def _stack(self, stack: Stack, shown: frozenset[str]) -> Stack:
        shown = shown | HARMLESS_VARIABLES
        return msgspec.structs.replace(
            stack,
            app=None if stack.app is None else self._text(stack.app),
            options={
                name: self._option(name, value, shown) if isinstance(value, str) else value
                for name, value in stack.options.items()
            },
            env=self._mapping(stack.env, shown),
            command=tuple(self._arguments(stack.command, shown)),
            ready=None if stack.ready is None else self._text(stack.ready),
            first_path=self._text(stack.first_path),
        )

    def _scenario(self, scenario: Scenario, shown: frozenset[str]) -> Scenario:
        requests = tuple(self._request(request, shown | HARMLESS_HEADERS) for request in scenario.requests)
        return msgspec.structs.replace(scenario, requests=requests)

    def _request(self, request: Request, shown: frozenset[str]) -> Request:
        return msgspec.structs.replace(
            request,
            path=self._text(request.path),
            headers=self._mapping(request.headers, shown),
            data=None if request.data is None else self._text(request.data),
            json=self._json(request.json),
        )

    def _mapping(self, values: Mapping[str, str], shown: frozenset[str]) -> dict[str, str]:
        return {name: self._named(name, value, shown) for name, value in values.items()}

    def _named(self, name: str, value: str, shown: frozenset[str]) -> str:
        return self._text(value) if name.lower() in shown else self._mask(name, value)

    def _option(self, name: str, value: str, shown: frozenset[str]) -> str:
        if _SECRET_NAME.search(name):
            return self._mask(name, value)
        return next(self._arguments([value], shown))

    def _arguments(self, arguments: Sequence[str], shown: frozenset[str]) -> Iterator[str]:
        """A command line; the argument after ``--password`` is one."""
        for before, argument in zip(["", *arguments], arguments, strict=False):
            variable, option = _VARIABLE.fullmatch(argument), _SECRET_OPTION.fullmatch(before)
            if "{" in argument:
                yield self._text(argument)
            elif option and not argument.startswith("-"):
                yield self._mask(option[1], argument)
            elif variable:
                yield f"{variable[1]}={self._named(variable[1], variable[2], shown)}"
            else:
                yield self._text(argument)

    def _json(self, value: Any, name: str = "") -> Any:
        if isinstance(value, dict):
            return {key: self._json(item, key) for key, item in value.items()}
        if isinstance(value, list):
            return [self._json(item, name) for item in value]
        if _SECRET_NAME.search(name) and value is not None:
            return self._mask(name, str(value))
        return self._text(value) if isinstance(value, str) else value

    def _text(self, text: str) -> str:
        return _replaced(text, self._mask)

    def _mask(self, name: str, value: str) -> str:
        if not value or _MASK.fullmatch(value):
            return value
        content = f"{name.lower()}\0{value}".encode("utf-8", "surrogatepass")
        return f"masked:{self.key_id}:{hmac.new(self._key, content, hashlib.sha256).hexdigest()[:8]}"


def unmasked(stored: Experiment, current: Experiment, masker: Masker) -> Experiment:
    """A stored experiment, with each mask replaced by the value that another experiment has in its place.

    Raises `MaskedError` where it has none, or another one.
    """
    filled = _filled("", *(_by_name(experiment) for experiment in (stored, masker.experiment(current), current)))
    for kind in ("stacks", "scenarios"):
        filled[kind] = list(filled[kind].values())
    return msgspec.convert(filled, Experiment)


def has_masks(experiment: Experiment) -> bool:
    """Whether any value of a stored experiment is masked."""
    return _MASK.search(msgspec.json.encode(experiment).decode()) is not None


def _by_name(experiment: Experiment) -> dict[str, Any]:
    """An experiment as plain data, its stacks and scenarios by name."""
    document: dict[str, Any] = msgspec.to_builtins(experiment)
    for kind in ("stacks", "scenarios"):
        document[kind] = {item["name"]: item for item in document[kind]}
    return document


def _filled(place: str, stored: Any, masked: Any, value: Any) -> Any:
    """``stored``, with ``value`` where it has a mask that is the same in ``masked``."""
    if isinstance(stored, dict):
        masked, value = (part if isinstance(part, dict) else {} for part in (masked, value))
        return {
            key: _filled(f"{place}.{key}".lstrip("."), item, masked.get(key), value.get(key))
            for key, item in stored.items()
        }
    if isinstance(stored, list | tuple):
        masked, value = (part if isinstance(part, list | tuple) else () for part in (masked, value))
        padding = [None] * len(stored)
        parts = zip(stored, [*masked, *padding], [*value, *padding], strict=False)
        return [_filled(f"{place}[{index}]", *part) for index, part in enumerate(parts)]
    if not isinstance(stored, str) or (mask := _MASK.search(stored)) is None:
        return stored
    if stored == masked:
        return value
    other = _MASK.search(masked) if isinstance(masked, str) else None
    if other and other["key"] != mask["key"]:
        raise MaskedError(f"the value of {place} was masked with a key that is not on this machine any more")
    raise MaskedError(f"the value of {place}, which is masked, is not what it was")


def redacted(text: str) -> str:
    """Text with `REDACTED` in place of each secret that its form gives away, such as a password in a URL."""
    return _replaced(text, lambda _, value: value if value == REDACTED else REDACTED)


class Redaction:
    """Replaces the values of some stacks' variables, and whatever has the form of a password, in text of others."""

    def __init__(self, stacks: Iterable[Stack]) -> None:
        self._values = sorted({part for stack in stacks for part in _secrets(stack)}, key=len, reverse=True)

    def text(self, text: str) -> str:
        """A short text without them."""
        for value in self._values:
            text = text.replace(value, REDACTED)
        return redacted(text)

    def log(self, log: bytes) -> bytes:
        """A log, however long, without the values of variables."""
        for value in self._values:
            log = log.replace(value.encode("utf-8", "surrogatepass"), REDACTED.encode())
        return log


_LEAST_CHARACTERS = 6
"""Of a value that is looked for in text: a shorter one is found everywhere."""


def _secrets(stack: Stack) -> Iterator[str]:
    """Values that may be secret, and the parts of them that may be printed alone: words, lines, a URL's password."""
    for name, value in stack.env.items():
        if name.lower() not in HARMLESS_VARIABLES:
            passwords = (match["value"].partition(":")[2] for match in _IN_URL.finditer(value))
            parts = (value, *value.split(), *passwords)
            yield from (part.strip() for part in parts if len(part.strip()) >= _LEAST_CHARACTERS)


def _replaced(text: str, replace: Callable[[str, str], str]) -> str:
    """Text with another value for each secret that its form gives away; ``replace`` takes name and value."""

    def with_other_value(match: re.Match[str]) -> str:
        start, end = (position - match.start() for position in match.span("value"))
        return f"{match[0][:start]}{replace(match['name'], match['value'])}{match[0][end:]}"

    for pattern in _IN_TEXT:
        text = pattern.sub(with_other_value, text)
    return text
