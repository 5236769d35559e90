"""The made-up runs, built once per session, and a state of this user's that is no user's."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bakeoff.model import Run
from bakeoff.report.figures import Picture, pictures
from tests.report import made_up


@pytest.fixture(scope="session", autouse=True)
def _state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keys that tests make are not the user's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture(scope="session")
def run() -> Run:
    """A complete run: nothing went wrong, and only p99.9 was withheld."""
    return made_up.complete_run()


@pytest.fixture(scope="session")
def swept(run: Run) -> Run:
    """The complete run with two closed loads, so that there is something to draw against load."""
    return made_up.swept(run)


@pytest.fixture(scope="session")
def drawn(run: Run) -> tuple[Picture, ...]:
    """The figures of the complete run, which take longer to draw than all else."""
    return pictures(run)


@pytest.fixture(scope="session")
def failed_stack(run: Run) -> Run:
    """The same run, but one stack never started."""
    return made_up.with_failed(run, "fastapi-uvicorn")


@pytest.fixture(scope="session")
def empty() -> Run:
    """A run that failed before its first block ended."""
    return made_up.empty_run()


@pytest.fixture(scope="session")
def hostile(failed_stack: Run) -> Run:
    """A run with a stack whose name attacks whatever shows it, and another whose log does."""
    return made_up.renamed(failed_stack, "fastapi-gunicorn-asgi", made_up.HOSTILE)
