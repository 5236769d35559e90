"""pip and uv resolve and install what is needed: from wheels of a folder and from local projects."""

from __future__ import annotations

import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest

from bakeoff.stacks.environments import Builder, Needs
from bakeoff.stacks.environments.cache import EnvironmentCache
from bakeoff.stacks.environments.installers import Installer, Pip, Uv, python_in
from tests.stacks.environments.packages import write_project, write_wheel

UV = shutil.which("uv")
INSTALLERS = [
    Pip(),
    pytest.param(Uv(UV or ""), marks=pytest.mark.skipif(UV is None, reason="uv is not installed"), id="uv"),
]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Files that require themselves, a project beside them, and a wheel whose version another file limits."""
    root, wheels = tmp_path / "tree", tmp_path / "tree" / "wheels"
    write_project(root, "shop", "0.1.0", "SAYS = 'this tree'")
    write_project(root / "lib", "tin", "0.1.0", "SAYS = 'lib'")
    wheels.mkdir()
    for version in ("1.0", "1.1"):
        write_wheel(wheels, "flour", version, {"flour.py": f"SAYS = {version!r}"})
    (root / "limits.txt").write_text("flour<1.1\n", "utf-8")
    (root / "other.txt").write_text("./lib\nflour\n", "utf-8")
    requirements = "--no-index\n--find-links ./wheels\n-c limits.txt\n-r other.txt\n-e .\n"
    (root / "requirements.txt").write_text(requirements, "utf-8")
    return root


def said_by(python: str | Path, code: str) -> str:
    """What an interpreter prints."""
    return subprocess.run([str(python), "-I", "-c", code], capture_output=True, text=True).stdout.strip()


@pytest.mark.parametrize("installer", INSTALLERS)
def test_what_is_resolved_in_a_tree_is_installed_from_that_tree(installer: Installer, tree: Path) -> None:
    scratch = tree.parent
    resolved = installer.resolve(Needs(sys.executable, tree, files=(tree / "requirements.txt",)), scratch)
    sources = {package.name: package.source for package in resolved.distributions}
    assert sources == {"flour": sources["flour"], "shop": None, "tin": None}
    places = {package.name: package.directory for package in resolved.distributions}
    assert places == {"flour": None, "shop": tree, "tin": tree / "lib"}
    assert resolved.version_of("Flour") == "1.0"
    installer.create(scratch / "home", sys.executable)
    installer.install(scratch / "home", resolved, scratch)
    code = "import flour, shop, tin; print(flour.SAYS, shop.SAYS, tin.SAYS, shop.__file__)"
    assert said_by(python_in(scratch / "home"), code) == f"1.0 this tree lib {tree / 'shop.py'}"


@pytest.mark.parametrize("installer", INSTALLERS)
def test_another_wheel_of_the_same_version_resolves_to_another_source(installer: Installer, tmp_path: Path) -> None:
    """Or to none, which some versions of uv tell of a wheel that lies in a folder."""
    (tmp_path / "requirements.txt").write_text("--no-index\n--find-links .\nflour\n", "utf-8")
    sources = set()
    for text in ("SAYS = 1", "SAYS = 2"):
        write_wheel(tmp_path, "flour", "1.0", {"flour.py": text})
        needs = Needs(sys.executable, tmp_path, files=(tmp_path / "requirements.txt",))
        (flour,) = installer.resolve(needs, tmp_path).distributions
        sources.add((flour.name, flour.version, flour.source))
    assert len(sources) == 2 or sources == {("flour", "1.0", None)}


def test_a_project_lies_on_top_of_packages_that_are_kept(tmp_path: Path) -> None:
    """It is imported from its own folder, beside packages of another environment; and nothing is left in the folder."""
    project, wheels = tmp_path / "project", tmp_path / "wheels"
    write_project(project, "shop", "0.1.0", "import flour; SAYS = flour.SAYS")
    wheels.mkdir()
    write_wheel(wheels, "flour", "1.0", {"flour.py": "SAYS = 'kept'"})
    (project / "requirements.txt").write_text(f"--no-index\n--find-links {wheels}\nflour\n", "utf-8")
    before = set(project.iterdir())
    notes: list[str] = []
    builder = Builder(Pip(), EnvironmentCache(tmp_path / "kept", notes.append), notes.append)
    needs = Needs(sys.executable, project, files=(project / "requirements.txt",), projects=(str(project),))
    (tmp_path / "scratch").mkdir()
    python = builder.once(builder.resolve(needs), tmp_path / "scratch")
    assert python == str(tmp_path / "scratch" / "environment" / "bin" / "python")
    code = "from importlib import metadata; import shop; print(shop.SAYS, shop.__file__, metadata.version('flour'))"
    assert said_by(python, code) == f"kept {project / 'shop.py'} 1.0"
    assert set(project.iterdir()) - before <= {project / "__pycache__"}


def test_a_server_is_added_to_requirements_with_hashes(tmp_path: Path) -> None:
    """Pip takes either only requirements with hashes or none; the versions stay those that have hashes."""
    for name, version in (("flour", "1.0"), ("flour", "1.1"), ("oven", "2.0")):
        write_wheel(tmp_path, name, version, {f"{name}.py": ""})
    digest = sha256((tmp_path / "flour-1.0-py3-none-any.whl").read_bytes()).hexdigest()
    requirements = f"--no-index\n--find-links {tmp_path}\nflour==1.0 \\\n    --hash=sha256:{digest}\n"
    (tmp_path / "pins.txt").write_text(requirements, "utf-8")
    (tmp_path / "requirements.txt").write_text("-r pins.txt\n", "utf-8")
    notes: list[str] = []
    builder = Builder(Pip(), EnvironmentCache(tmp_path / "kept", notes.append), notes.append)
    resolved = builder.resolve(Needs(sys.executable, tmp_path, files=(tmp_path / "requirements.txt",)))
    served = builder.with_server(resolved, "oven")
    assert (served.version_of("flour"), served.version_of("oven")) == ("1.0", "2.0")
    python = builder.keep(served)
    assert said_by(python, "import flour, oven; print('both')") == "both"
