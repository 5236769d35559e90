"""The page that says what the samples of the matrix show. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from bakeoff.findings import Findings, narrowed, state
from bakeoff.model import Run
from bakeoff.report.markdown import WIDEST_RANK, bullets, folded, plain, table

TITLES = {
    "servers": "What a server costs",
    "apps": "What a framework costs",
}
QUESTIONS = {
    "servers": "Every server with the bakery as a bare callable, so that next to nothing but the server is measured.",
    "apps": "Every app of the bakery: WSGI on gunicorn's threads, ASGI on uvicorn. The bare callable is the floor.",
}
INTRODUCTION = """# Servers and frameworks

Made by `make matrix` from two runs that are kept in `results/servers` and `results/apps`;
`bakeoff report results/servers` shows all of one, with charts. A request makes frosting: five steps that wait 2 ms.
Requests a second depend on the machine; the order, the CPU time of a request and what limits a stack should carry over.
[stacks.md](stacks.md) says how each server is set up."""


def page(runs: Mapping[str, Run]) -> str:
    """The page about the runs, by experiment."""
    parts = [INTRODUCTION]
    for name, title in TITLES.items():
        if name in runs:
            parts += [f"## {title}", QUESTIONS[name], *_about(state(runs[name]))]
    return "\n\n".join(parts) + "\n"


def _about(findings: Findings) -> Iterator[str]:
    yield f"**{plain(findings.headline.text)}**"
    for grid in findings.results:
        yield from table(narrowed(grid, WIDEST_RANK))
    if findings.diagnoses:
        yield "What is unusual:"
        yield bullets(f"{diagnosis.stack}: {diagnosis.text}" for diagnosis in findings.diagnoses)
    if findings.workers.rows:
        yield folded("Work and memory of each process", "\n\n".join(table(findings.workers)))
    versions = ", ".join(f"{package} {version}" for package, version in findings.versions)
    machine = ", ".join(f"{name}: {value}" for name, value in findings.machine)
    yield folded("Machine and versions", bullets([machine, versions]))
