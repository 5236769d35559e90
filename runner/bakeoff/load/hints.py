"""What a wrong answer to a trial request means, and what to do. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

_LOGIN = re.compile(r"(?<![a-z])(?:log[-_]?in|sign[-_]?in|oauth2?|auth(?:enticate|orize)?|sso)(?![a-z])", re.IGNORECASE)
_LOG_IN = 'send its headers = { Authorization = "..." }, or log in in on_start of a Locust file'


def hint(method: str, path: str, status: int, headers: Mapping[str, str], body: str) -> str | None:
    """A clause about an answer that is not right by its status; ``None`` where there is nothing to add.

    ``path`` is what was requested, empty where that is unknown.
    """
    location = headers.get("location", "")
    if 300 <= status < 400 and location:
        return _redirect(path, status, location)
    if status == 400 and ("ALLOWED_HOSTS" in body or "DisallowedHost" in body):
        return 'Django refuses the host; add "127.0.0.1" to ALLOWED_HOSTS'
    if status == 400 and "invalid host" in body.lower():
        return "the app refuses the host 127.0.0.1; add it to the hosts that it trusts"
    if status == 403 and "csrf" in body.lower():
        return "the app demands a CSRF token; use a Locust file that reads one from a page first"
    if status in (401, 403):
        return f"the app wants a login; {_LOG_IN}"
    if status == 404:
        return "the app has no such path; look at its routes"
    if status == 405:
        allowed = f"; it allows {headers['allow']}" if headers.get("allow") else ""
        return f"the app does not take {method} there{allowed}"
    if status in (415, 422):
        return "the app does not accept what is sent; give the request json = { ... }, data or headers"
    if status == 429:
        return "the app limits the rate of requests; turn that off to measure it"
    return None


def asks_to_log_in(path: str) -> bool:
    """Whether a path that an app redirects to is, by its name, that of a page to log in."""
    return _LOGIN.search(path) is not None


def _redirect(path: str, status: int, location: str) -> str:
    try:
        target = urlsplit(location)
    except ValueError:
        return f"it redirects to {location}, which is no URL"
    is_other_page = target.path.strip("/") != path.partition("?")[0].strip("/")
    if is_other_page and asks_to_log_in(target.path):
        return f"it redirects to {location}: the app wants a login; {_LOG_IN}"
    if target.scheme == "https":
        return (
            f"it redirects to {location}: the app insists on HTTPS; turn that off in the stack's env, or send "
            'headers = { X-Forwarded-Proto = "https" } if it trusts its proxy'
        )
    return f"it redirects to {location}; request that path, or expect status = {status}"
