"""Apps in the packages of an environment that were installed for their own sake: those that no other one requires."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from importlib import metadata
from pathlib import Path, PurePosixPath

from bakeoff.discover.apps import ASIDE, AppCandidate, find_apps
from bakeoff.discover.files import read_project
from bakeoff.stacks import servers

_MAKES_APP = re.compile(
    r"\b(?:Flask|Quart|FastAPI|Starlette|Litestar|Bottle|falcon|get_[aw]sgi_application|make_wsgi_app|create_app)\b"
)
_TOOLS = frozenset({
    "bakeoff", "bottle", "celery", "channels", "django", "djangorestframework", "falcon", "fastapi", "flask",
    "litestar", "locust", "pip", "pyramid", "pytest", "quart", "setuptools", "starlette", "wheel",
})  # fmt: skip
"""Packages, besides servers, whose apps are not for users."""


def installed_apps(python: str) -> tuple[AppCandidate, ...]:
    """The likeliest app of each package that has one; none for an interpreter that is not in a virtual environment."""
    folders = sorted((Path(python).parent.parent / "lib").glob("python3*/site-packages"))
    packages = _of_their_own(metadata.distributions(path=[str(folder) for folder in folders]))
    return tuple(app for package in packages if (app := _app_of(package)))


def _app_of(package: metadata.Distribution) -> AppCandidate | None:
    for candidate in find_apps(dict(_sources(package))).candidates:
        # Too many functions of packages have the parameters of WSGI or ASGI.
        if candidate.framework and not candidate.framework.endswith("callable") and not candidate.path:
            return replace(candidate, place=f"installed with {package.name}")
    return None


def _of_their_own(packages: Iterable[metadata.Distribution]) -> list[metadata.Distribution]:
    """The packages that no other one requires, without tools."""
    by_name = {_normal(package.name): package for package in packages if package.name}
    required = {name for package in by_name.values() for name in _requirements(package)}
    tools = _TOOLS | {servers.adapter(name).PACKAGE for name in servers.names()}
    return [package for name, package in sorted(by_name.items()) if name not in required | tools]


def _requirements(package: metadata.Distribution) -> Iterator[str]:
    """The names of what a package always requires."""
    for line in package.requires or ():
        name = re.match(r"[A-Za-z0-9._-]+", line)
        if name and "extra ==" not in line:
            yield _normal(name[0])


def _sources(package: metadata.Distribution) -> Iterator[tuple[str, str]]:
    """The texts of a package's modules by their path from where they are imported."""
    for top in sorted({PurePosixPath(file).parts[0] for file in package.files or () if file.suffix == ".py"}):
        folder = Path(str(package.locate_file(top)))
        if top != ".." and folder.is_dir():
            for path, text in read_project(folder).sources.items():
                counts = _MAKES_APP.search(text) and not ASIDE & set(PurePosixPath(path).parts)
                yield f"{top}/{path}", text if counts else ""
        elif top.endswith(".py"):
            yield top, folder.read_text("utf-8", "replace")


def _normal(name: str) -> str:
    """A package's name as requirements are compared: https://packaging.python.org/specifications/name-normalization."""
    return re.sub(r"[-_.]+", "-", name).lower()
