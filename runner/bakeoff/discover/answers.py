"""What an endpoint answered when it was asked once, and whether it can be measured. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import SplitResult, urlsplit

from bakeoff.discover.endpoints import Endpoint, Request, unique
from bakeoff.load.hints import asks_to_log_in, hint

_REDIRECTS = (301, 302, 303, 307, 308)


@dataclass(frozen=True, kw_only=True)
class Answered:
    """An answer, or why there was none."""

    status: int = 0
    content_type: str = ""
    size_bytes: int = 0
    location: str = ""
    beginning: str = ""
    """Of the body."""
    problem: str | None = None
    """A clause about the endpoint, where it gave no answer."""

    @property
    def local_target(self) -> str | None:
        """The path that the answer redirects to on the same server, unless that is a page to log in."""
        target = _target(self.location)
        is_local = self.status in _REDIRECTS and not target.netloc and target.path.startswith("/")
        return target.path if is_local and not asks_to_log_in(target.path) else None

    @property
    def in_words(self) -> str:
        """For a comment: ``200, text/html, 2.1 kB``."""
        size = f"{self.size_bytes / 1000:.1f} kB" if self.size_bytes >= 1000 else f"{self.size_bytes} bytes"
        size = "1 byte" if self.size_bytes == 1 else size
        return f"{self.status}, {self.content_type}, {size}"

    @property
    def obstacle(self) -> str | None:
        """Why the endpoint cannot be measured as it is, with what to do; ``None`` if it can."""
        if self.problem or 200 <= self.status < 300:
            return self.problem
        advice = hint("GET", "", self.status, {"location": self.location}, self.beginning)
        if advice is None and self.status >= 500:
            advice = "its log says why"
        return f"answered {self.status}: {advice}" if advice else f"answered {self.status}"


def judged(endpoints: Sequence[Endpoint], answers: Mapping[Request, Answered]) -> tuple[Endpoint, ...]:
    """The endpoints that were asked, those that cannot be measured set aside. Guesses that failed are left out."""
    kept = []
    for endpoint in unique(endpoints):
        answer = answers.get(endpoint.request)
        if answer is None:
            kept.append(endpoint if endpoint.aside else endpoint.set_aside("was not asked: no time was left"))
        elif answer.obstacle is None:
            kept.append(replace(endpoint, status=answer.status, answer=answer.in_words))
        elif not (endpoint.guessed and answer.status in (404, 405)):
            kept.append(endpoint.set_aside(answer.obstacle))
    return tuple(kept)


def _target(location: str) -> SplitResult:
    """Where a server redirects to; nowhere if what it says is no URL."""
    try:
        return urlsplit(location)
    except ValueError:
        return urlsplit("")
