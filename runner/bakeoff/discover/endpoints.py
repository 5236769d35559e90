"""Endpoints of an app: which requests are safe to send without being asked, and why the others are not. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from bakeoff.discover.imported import Route

Request = tuple[str, str, str | None]
"""Method, path and body."""

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
"""Those of a scenario's requests that have a body to compare."""

_PARAMETER = re.compile(r"<[^>]*>|\{[^}]*\}|(?<=/):\w+|\*")
_CHANGING = re.compile(
    r"(?<![a-z])(?:log[-_]?out|sign[-_]?out|delete|remove|destroy|shut[-_]?down|restart|reset|unsubscribe|cancel|purge"
    r"|flush|drop|clear)(?![a-z])",
    re.IGNORECASE,
)
_FRAMEWORKS_OWN = ("fastapi.", "starlette.", "litestar.", "django.contrib.", "django.conf.urls", "static files")
_LOGIN_PAGE = re.compile(r".*/login/?")


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """A request that may become one of the scenario's."""

    method: str
    path: str
    aside: str | None = None
    """Why it is not requested by default: a clause, with what to do; ``None`` if it is."""
    weight: int = 1
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    json: Any = None
    data: str | None = None
    answer: str | None = None
    """What it answered, in words."""
    template: str | None = None
    """The path as it is documented, before its parameters were filled in."""
    guessed: bool = False
    """Nothing says that it exists."""

    @property
    def request(self) -> Request:
        """What tells it from others."""
        return self.method, self.path, self.data

    def set_aside(self, reason: str) -> Endpoint:
        """The same, not requested by default."""
        return replace(self, aside=reason)


def classified(method: str, path: str, **details: Any) -> Endpoint:
    """An endpoint, set aside where it has parameters, may change something, or cannot be requested by a scenario."""
    made = Endpoint(method=method, path=path, **details)
    if made.aside:
        return made
    if _PARAMETER.search(path.partition("?")[0]):
        return made.set_aside("fill in its parameters")
    if method != "GET":
        return made.set_aside("changes something: give it a body that may be sent often")
    if _CHANGING.search(path):
        return made.set_aside("may change something, by its name")
    return made


def from_routes(routes: Iterable[Route]) -> tuple[Endpoint, ...]:
    """The endpoints of a URL map; those of the framework itself are left out, but not a page to log in."""
    endpoints = []
    for route in routes:
        if route.owner.startswith(_FRAMEWORKS_OWN) and not _LOGIN_PAGE.fullmatch(route.path):
            continue
        methods = ["GET"] if "ANY" in route.methods else [method for method in METHODS if method in route.methods]
        aside = "fill in its parameters" if route.variable else None
        path = route.path if route.path.startswith("/") else f"/{route.path}"
        endpoints += [classified(method, path, aside=aside) for method in methods]
    return unique(endpoints)


def merged(documented: Sequence[Endpoint], mapped: Sequence[Endpoint]) -> tuple[Endpoint, ...]:
    """What a document describes, which knows parameters and examples, and what only the URL map has."""
    described = {(endpoint.method, _template(endpoint)) for endpoint in documented}
    undescribed = [endpoint for endpoint in mapped if (endpoint.method, _template(endpoint)) not in described]
    return unique([*documented, *undescribed])


def with_start_page(endpoints: Sequence[Endpoint]) -> tuple[Endpoint, ...]:
    """The endpoints, with a guess that there is a page at ``/`` where none is known."""
    if any(endpoint.method == "GET" and endpoint.path == "/" for endpoint in endpoints):
        return tuple(endpoints)
    return (Endpoint(method="GET", path="/", guessed=True), *endpoints)


def unique(endpoints: Iterable[Endpoint]) -> tuple[Endpoint, ...]:
    """The first of each request."""
    kept: dict[Request, Endpoint] = {}
    for endpoint in endpoints:
        kept.setdefault(endpoint.request, endpoint)
    return tuple(kept.values())


def _template(endpoint: Endpoint) -> str:
    """A path without the names and types of its parameters: ``/items/{}``."""
    return _PARAMETER.sub("{}", endpoint.template or endpoint.path)
