"""What others have published: the figures, their sources, and the experiments that measure the same here. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

GRANIAN = "https://github.com/emmett-framework/granian/blob/02f683950c22f962a7cd9c04851c8dd6a3cd1c30/benchmarks/vs.md"
KLEN = "https://github.com/klen/py-frameworks-bench/blob/d4cf8c2b1134c653114384b440b3deb1965fe220/README.md"
RATIO_TOLERANCE = 0.25
"""How far a ratio may be from the published one, as a factor: other versions, another machine, another generator."""
LAW_TOLERANCE = 0.05
"""The same where the waiting alone sets the throughput."""


@dataclass(frozen=True)
class Claim:
    """A published figure: the ratio of two stacks' throughputs, or, without a baseline, one stack's (requests/s)."""

    what: str
    experiment: str
    scenario: str
    stack: str
    published: float
    source: str
    """Name and address, as a Markdown link."""
    settings: str
    then: str
    """What differed when it was published, as far as the source says."""
    baseline: str | None = None
    law_rps: float | None = None
    """What the waiting allows: users, or slots, over its length."""

    @property
    def tolerance(self) -> float:
        """How far the measured figure may be from the published one, as a factor."""
        return RATIO_TOLERANCE if self.baseline else LAW_TOLERANCE


_FRAMEWORKS = Claim(
    what="FastAPI / Starlette, HTML",
    experiment="frameworks",
    scenario="html",
    stack="fastapi",
    baseline="starlette",
    published=9060 / 13797,
    source=f"[py-frameworks-bench, March 2022]({KLEN})",
    settings="one worker, 64 connections",
    then="FastAPI 0.75, Starlette 0.17, uvicorn as a worker of gunicorn; client wrk",
)
_SERVERS = Claim(
    what="uvicorn with httptools / with h11",
    experiment="servers",
    scenario="get",
    stack="uvicorn-httptools",
    baseline="uvicorn-h11",
    published=39694 / 9532,
    source=f"[granian, May 2025]({GRANIAN})",
    settings="one worker, GET of 10 KB, 64 connections",
    then="Python 3.12; for each server the best of 64 to 512 connections; client rewrk",
)
_WAITING = Claim(
    what="uvicorn with httptools",
    experiment="waiting",
    scenario="wait",
    stack="uvicorn-httptools",
    published=5046,
    law_rps=512 / 0.1,
    source=f"[granian, May 2025]({GRANIAN})",
    settings="one worker, 100 ms of waiting, 512 connections",
    then="Python 3.12, AMD Ryzen 7 5700X; client rewrk",
)

CLAIMS: tuple[Claim, ...] = (
    _FRAMEWORKS,
    replace(_FRAMEWORKS, what="FastAPI / Starlette, JSON", scenario="json", published=5882 / 8135),
    _SERVERS,
    replace(
        _SERVERS,
        what="uvicorn with httptools / gunicorn with gthread",
        baseline="gunicorn-gthread",
        published=39694 / 6345,
    ),
    replace(
        _SERVERS,
        what="granian / uvicorn with httptools",
        stack="granian-asgi",
        baseline="uvicorn-httptools",
        published=121065 / 39694,
    ),
    replace(_SERVERS, what="uvicorn with httptools / hypercorn", baseline="hypercorn", published=39694 / 6575),
    replace(
        _SERVERS,
        what="uWSGI / gunicorn with gthread",
        stack="uwsgi",
        baseline="gunicorn-gthread",
        published=16558 / 6345,
    ),
    Claim(
        what="FastAPI, `async def` / `def`",
        experiment="handlers",
        scenario="hello",
        stack="async-def",
        baseline="def",
        published=1.86,
        source="amirkarimi.dev, as reported",
        settings="one worker, 100 connections",
        then="versions and machine not known",
    ),
    _WAITING,
    replace(_WAITING, what="gunicorn with gevent", stack="gunicorn-gevent", published=5052),
    replace(_WAITING, what="granian, ASGI", stack="granian-asgi", published=5050),
    replace(_WAITING, what="granian, WSGI", stack="granian-wsgi", published=5051),
    replace(
        _WAITING,
        what="hypercorn",
        experiment="impossible",
        stack="hypercorn",
        published=6441,
        law_rps=128 / 0.1,
        settings="one worker, 100 ms of waiting, 128 connections",
    ),
    replace(
        _WAITING,
        what="uWSGI",
        experiment="one_slot",
        stack="uwsgi",
        published=16474,
        law_rps=1 / 0.1,
        settings="one worker without threads, 100 ms of waiting, 8 connections",
        then="128 connections; Python 3.12, AMD Ryzen 7 5700X; client rewrk",
    ),
    Claim(
        what="Flask, sync workers",
        experiment="blocking",
        scenario="wait",
        stack="flask-sync",
        published=4.0,
        law_rps=4 / 1.0,
        source="as reported; the law says the same",
        settings="four workers, one second of waiting, 8 connections",
        then="",
    ),
)
EXPERIMENTS: tuple[str, ...] = tuple(dict.fromkeys(claim.experiment for claim in CLAIMS))
