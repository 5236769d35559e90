"""Endpoints from a HAR file: what a browser recorded (http://www.softwareishard.com/blog/har-12-spec/). Pure.

Only requests to one origin count: the one that most of the recorded pages came from. Cookies and other credentials of
the recording are left out.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from bakeoff.discover.endpoints import METHODS, Endpoint, classified
from bakeoff.model import UserError

_KEPT_HEADERS = ("accept", "content-type", "x-requested-with", "hx-request")
_ANY = ("*/*", "")
_HTTP_URL = re.compile(r"https?://[A-Za-z0-9.-]+(?::\d+)?(?:[/?#]|$)")


def from_har(text: str, place: str) -> tuple[tuple[Endpoint, ...], tuple[str, ...]]:
    """The recorded requests, each once with the number of times that it was sent, and notes on what was left out.

    Raises `UserError`, with ``place``, when the text is no HAR file or holds no request.
    """
    try:
        entries = list(_entries(json.loads(text)))
    except (ValueError, RecursionError):
        raise UserError(f"{place}: not valid JSON; export the recording as HAR again") from None
    if not entries:
        raise UserError(f"{place}: holds no recorded request; export it from the network tab of a browser, as HAR")
    origin = _origin(entries)
    own = [entry for entry in entries if _origin_of(entry) == origin]
    counts: Counter[str] = Counter()
    kept: dict[str, Endpoint] = {}
    secrets = set()
    for entry in own:
        recorded, key = _recorded(entry)
        counts[key] += 1
        kept.setdefault(key, recorded)
        secrets |= _header_names(entry) & {"authorization", "cookie"}
    notes = []
    if len(own) < len(entries):
        notes.append(f"{place}: {len(entries) - len(own)} requests to hosts other than {origin} were left out")
    if secrets:
        names = " and ".join(sorted(secrets))
        notes.append(
            f"{place}: the {names} of the recording was left out; "
            'where a login is needed add headers = { Cookie = "..." }'
        )
    endpoints = [replace(recorded, weight=counts[key]) for key, recorded in kept.items()]
    return tuple(endpoints), tuple(notes)


def _recorded(entry: Mapping[str, Any]) -> tuple[Endpoint, str]:
    """A recorded request, and what tells it from others."""
    request = entry["request"]
    parts = urlsplit(request["url"])
    method = str(request["method"]).upper()
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    status = _table(entry.get("response")).get("status")
    body = _table(request.get("postData")).get("text")
    data = body if isinstance(body, str) and method != "GET" else None
    headers = {
        str(header.get("name")): str(header.get("value"))
        for header in _headers(entry)
        if str(header.get("name")).lower() in _KEPT_HEADERS and str(header.get("value")) not in _ANY
    }
    success = status if isinstance(status, int) and 200 <= status < 300 else 200
    aside = f"answered {status} when it was recorded" if isinstance(status, int) and status >= 400 else None
    recorded = classified(method, path, aside=aside, data=data, headers=headers, status=success)
    return recorded, json.dumps([method, path, data])


def _entries(document: Any) -> Iterator[Mapping[str, Any]]:
    """The entries that hold a request of a scenario's methods over HTTP."""
    for entry in _list(_table(_table(document).get("log")).get("entries")):
        request = _table(_table(entry).get("request"))
        url, method = request.get("url"), str(request.get("method")).upper()
        if isinstance(url, str) and _HTTP_URL.match(url) and method in METHODS:
            yield entry


def _origin(entries: list[Mapping[str, Any]]) -> str:
    """The origin of most pages; where no page was recorded, of most requests."""
    pages = [entry for entry in entries if "text/html" in str(_content(entry).get("mimeType"))]
    return Counter(map(_origin_of, pages or entries)).most_common(1)[0][0]


def _origin_of(entry: Mapping[str, Any]) -> str:
    parts = urlsplit(entry["request"]["url"])
    return f"{parts.scheme}://{parts.netloc}"


def _content(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    return _table(_table(entry.get("response")).get("content"))


def _headers(entry: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [_table(header) for header in _list(entry["request"].get("headers"))]


def _header_names(entry: Mapping[str, Any]) -> set[str]:
    return {str(header.get("name")).lower() for header in _headers(entry)}


def _table(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
