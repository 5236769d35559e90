"""A worker must have the same versions and the same scenario files as the master."""

from __future__ import annotations

import pytest

from bakeoff.load.distributed.protocol import Terms

VERSIONS = {"python": "3.11.7", "bakeoff": "0.1 (abc)", "locust": "2.40", "gevent": "25.5"}
SOURCES = {"scenarios/shop.py": "d1", "scenarios/basket/colours.py": "d2"}
TERMS = Terms(versions=VERSIONS, scenarios=(), sources=SOURCES)


def test_equal_versions_and_sources_are_compatible() -> None:
    """Whatever else is installed."""
    assert TERMS.version_difference({**VERSIONS, "flask": "3"}) is None
    assert TERMS.source_difference(SOURCES) is None


@pytest.mark.parametrize("package", VERSIONS)
def test_another_version_is_a_difference(package: str) -> None:
    """Of Python, of Bakeoff's own code, of the packages that drive the load."""
    difference = TERMS.version_difference({**VERSIONS, package: "0.0.1"})
    assert difference == f"{package} is 0.0.1 here, {VERSIONS[package]} on the master; install the same"


@pytest.mark.parametrize(
    ("own", "path"),
    [
        ({**SOURCES, "scenarios/basket/colours.py": "d3"}, "scenarios/basket/colours.py"),
        ({**SOURCES, "prices.py": "d4"}, "prices.py"),
        ({"scenarios/shop.py": "d1"}, "scenarios/basket/colours.py"),
    ],
    ids=["changed", "only here", "only there"],
)
def test_another_file_is_a_difference(own: dict[str, str], path: str) -> None:
    """Named, with a remedy."""
    difference = TERMS.source_difference(own)
    assert difference == f"{path} differs from the master's; bring both folders to the same state"
