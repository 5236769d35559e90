"""Makes an environment of what is needed, and keeps what can be kept.

Third-party packages are kept under the digest of what they resolved to: the same names, versions and hashes. Local
projects lie on top, in a small environment of their own that sees those packages. So a change of a project's files
never makes a new environment of its dependencies, and never is missed.

What is resolved with a local project that `Needs` does not know (``./lib`` in a file of requirements) is not kept,
because name and version do not tell such a project's content.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from bakeoff.model import UserError
from bakeoff.stacks.environments.cache import EnvironmentCache, cache_folder, environment_key
from bakeoff.stacks.environments.commands import CommandError, run_command
from bakeoff.stacks.environments.installers import INSTALL_WITHIN_S, Installer, find_installer, python_in
from bakeoff.stacks.environments.needs import Needs, Resolved, project_folder
from bakeoff.stacks.environments.pythons import interpreter_identity
from bakeoff.stacks.environments.sources import lines_of, read_pyproject

METADATA = ("pyproject.toml", "setup.py", "setup.cfg")
"""Files of a project that tell how it is installed; its code is used as it lies."""
INDEX_OPTIONS = (
    *("-i ", "--index-url", "--extra-index-url", "--no-index", "-f ", "--find-links", "--trusted-host"),
    *("--pre", "--prefer-binary", "--only-binary", "--no-binary"),
)
"""How lines of requirements begin that say where packages come from, and which files of them."""
LINK = "_bakeoff.pth"
"""Makes an environment see the packages of another (the documentation of Python's ``site`` module)."""


class Builder:
    """Resolves and builds environments."""

    def __init__(self, installer: Installer, cache: EnvironmentCache, note: Callable[[str], None]) -> None:
        """``note`` receives messages for the user."""
        self._installer = installer
        self._cache = cache
        self._note = note

    def resolve(self, needs: Needs) -> Resolved:
        """What is needed, as it resolves now. Raises `UserError`."""
        with _scratch() as scratch:
            if needs.projects and not needs.locked and _has_hashes(needs):
                of_files = self._installer.resolve(replace(needs, projects=()), scratch)
                needs = _unhashed(replace(of_files, needs=needs))
            return self._installer.resolve(needs, scratch)

    def with_server(self, resolved: Resolved, package: str, version: str | None = None) -> Resolved:
        """What was resolved and a server, by default its newest version that goes with the rest. Raises `UserError`."""
        needs = _unhashed(resolved) if _has_hashes(resolved.needs) else resolved.needs
        server = package if version is None else f"{package}=={version}"
        self._note(f"adding {server}, which is not part of {resolved.needs.title or 'the project'}")
        with _scratch() as scratch:
            return self._installer.resolve(replace(needs, lines=(*needs.lines, server)), scratch)

    def keep(self, resolved: Resolved) -> str:
        """The interpreter of an environment that is kept, with local projects as they lie. Raises `UserError`."""
        below = self._packages(resolved)
        if below is None:
            names = ", ".join(sorted(resolved.not_kept))
            raise UserError(
                f"an environment of {resolved.needs.title} cannot be kept, because name and version do not tell the "
                f"content of {names}; list it in packages by itself"
            )
        projects = resolved.needs.projects
        if not projects:
            return str(python_in(below))
        facts = [f"{project} {_metadata_digest(project_folder(project))}" for project in projects]
        key = environment_key(resolved.third_party, interpreter_identity(resolved.needs.python), facts)
        return str(python_in(self._cache.environment(key, lambda home: self._add_projects(home, below, resolved))))

    def once(self, resolved: Resolved, scratch: Path) -> str:
        """The interpreter of an environment whose local projects are temporary: they are installed in ``scratch``.

        Raises `UserError`.
        """
        home = scratch / "environment"
        below = self._packages(resolved)
        if below is None:
            self._build(home, resolved, resolved.needs.title)
            if resolved.needs.locked and resolved.needs.projects:
                self._install_projects(home, resolved.needs)  # What was resolved does not hold them.
        elif resolved.needs.projects:
            self._add_projects(home, below, resolved)
        else:
            home = below
        return str(python_in(home))

    def _packages(self, resolved: Resolved) -> Path | None:
        """A kept environment of all third-party packages; ``None`` where it cannot be kept."""
        if resolved.not_kept:
            return None
        below = resolved.without_projects()
        key = environment_key(below.distributions, interpreter_identity(resolved.needs.python))
        return self._cache.environment(key, lambda home: self._build(home, below, resolved.needs.title))

    def _build(self, home: Path, resolved: Resolved, title: str) -> None:
        self._note(f"building an environment of {title}")
        self._installer.create(home, resolved.needs.python)
        with _scratch() as scratch:
            self._installer.install(home, resolved, scratch)

    def _add_projects(self, home: Path, below: Path, resolved: Resolved) -> None:
        """An environment that holds local projects and sees the packages of another."""
        self._installer.create(home, resolved.needs.python)
        link = _site_packages(home) / LINK
        link.write_text(f"import site; site.addsitedir({str(_site_packages(below))!r})\n", "utf-8")
        self._install_projects(home, resolved.needs)

    def _install_projects(self, home: Path, needs: Needs) -> None:
        folders = [project_folder(project) for project in needs.projects]
        before = {path for folder in folders for path in _leftovers(folder)}
        try:
            self._installer.install_projects(home, needs.projects)
        finally:
            for path in {path for folder in folders for path in _leftovers(folder)} - before:
                shutil.rmtree(path, ignore_errors=True)

    def add(self, python: str, package: str) -> None:
        """Install a package into an environment that exists. Raises `UserError`."""
        self._note(f"installing {package} for {python}")
        self._installer.add(python, package)


def open_builder(note: Callable[[str], None]) -> Builder:
    """A builder with the installer of this machine and the user's cache. Raises `UserError` when there is neither."""
    return Builder(find_installer(), EnvironmentCache(cache_folder(), note), note)


def _site_packages(home: Path) -> Path:
    """Where the packages of an environment are that was built here."""
    return next((home / "lib").glob("python3*/site-packages"))


def _has_hashes(needs: Needs) -> bool:
    return any("--hash" in line for file in needs.files for line in lines_of(file))


def _unhashed(resolved: Resolved) -> Needs:
    """Needs with pins in place of their files, to which something without hashes can be added.

    pip takes either only requirements with hashes or none. Where files say which index to use, that stays.
    """
    needs = resolved.needs
    lines = [line for file in needs.files for line in lines_of(file)]
    options = [line for line in lines if line.startswith(INDEX_OPTIONS)]
    return replace(needs, files=(), lines=(*options, *resolved.pins), locked=True)


def _leftovers(project: Path) -> set[Path]:
    """What setuptools writes into a project's own folder, and needs no more once the project is installed.

    The ``build`` of another backend may hold the compiled modules that are imported.
    """
    backend = read_pyproject(project).get("build-system", {}).get("build-backend", "setuptools")
    if not backend.startswith("setuptools"):
        return set()
    return {*project.glob("*.egg-info"), *(project / "src").glob("*.egg-info"), *project.glob("build")}


def _metadata_digest(project: Path) -> str:
    digest = hashlib.sha256()
    for name in METADATA:
        file = project / name
        digest.update(file.read_bytes() if file.is_file() else b"-")
    return digest.hexdigest()


@contextmanager
def _scratch() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="bakeoff-") as folder:
        yield Path(folder).resolve()


def build_by_command(home: Path, python: str, command: str, directory: Path) -> str:
    """The interpreter of a new environment in which the user's command has run, as if it had been activated.

    Raises `UserError` when the command fails.
    """
    run_command([python, "-m", "venv", str(home)], INSTALL_WITHIN_S, home.parent)
    path = f"{home / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"
    variables = {"VIRTUAL_ENV": str(home), "UV_PROJECT_ENVIRONMENT": str(home), "PATH": path}
    try:
        run_command(["/bin/sh", "-c", command], INSTALL_WITHIN_S, directory, variables)
    except UserError as error:
        raise UserError(f"[gate]: install: {error}") from None
    return str(python_in(home))


def installed_version(python: str, package: str) -> str | None:
    """The version of a package in an environment; ``None`` if it is not installed."""
    code = f"from importlib import metadata; print(metadata.version({package!r}))"
    try:
        return run_command([python, "-c", code], INSTALL_WITHIN_S).strip()
    except CommandError:
        return None
