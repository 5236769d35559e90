"""pip and uv resolve and install what a revision's files require: from wheels of a folder and from local projects."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from bakeoff.gate.installers import Installer, Pip, Uv, python_in
from bakeoff.model import UserError
from tests.gate.packages import write_project, write_wheel

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


@pytest.mark.parametrize("installer", INSTALLERS)
def test_what_is_resolved_in_a_tree_is_installed_from_that_tree(installer: Installer, tree: Path) -> None:
    files, scratch = [tree / "requirements.txt"], tree.parent
    resolved = installer.resolve(files, tree, scratch)
    sources = {package.name: package.source for package in resolved}
    assert sources == {"flour": sources["flour"], "shop": None, "tin": None}
    assert ("flour", "1.0") in {(package.name, package.version) for package in resolved}
    installer.install(scratch / "home", files, resolved, tree, scratch)
    code = "import flour, shop, tin; print(flour.SAYS, shop.SAYS, tin.SAYS, shop.__file__)"
    said = subprocess.run([str(python_in(scratch / "home")), "-I", "-c", code], capture_output=True, text=True)
    assert said.stdout.strip() == f"1.0 this tree lib {tree / 'shop.py'}"


@pytest.mark.parametrize("installer", INSTALLERS)
def test_another_wheel_of_the_same_version_resolves_to_another_source(installer: Installer, tmp_path: Path) -> None:
    """Or to none, which some versions of uv tell of a wheel that lies in a folder."""
    (tmp_path / "requirements.txt").write_text("--no-index\n--find-links .\nflour\n", "utf-8")
    sources = set()
    for text in ("SAYS = 1", "SAYS = 2"):
        write_wheel(tmp_path, "flour", "1.0", {"flour.py": text})
        (flour,) = installer.resolve([tmp_path / "requirements.txt"], tmp_path, tmp_path)
        sources.add((flour.name, flour.version, flour.source))
    assert len(sources) == 2 or sources == {("flour", "1.0", None)}


@pytest.mark.parametrize("installer", INSTALLERS)
def test_the_dependencies_of_a_pyproject_are_requirements(installer: Installer, tmp_path: Path) -> None:
    """The project itself is not installed."""
    wheel = write_wheel(tmp_path, "flour", "1.0", {"flour.py": ""})
    dependencies = f'["flour @ {wheel.as_uri()}"]'
    (tmp_path / "pyproject.toml").write_text(
        f'[project]\nname = "shop"\nversion = "1"\ndependencies = {dependencies}\n', "utf-8"
    )
    resolved = installer.resolve([tmp_path / "pyproject.toml"], tmp_path, tmp_path)
    assert [package.name for package in resolved] == ["flour"]


def test_pip_cannot_tell_dynamic_dependencies(tmp_path: Path) -> None:
    """An environment without any would be built otherwise."""
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "shop"\ndynamic = ["dependencies"]\n', "utf-8")
    with pytest.raises(UserError, match=r"dependencies are dynamic.*install uv, or name files"):
        Pip().resolve([tmp_path / "pyproject.toml"], tmp_path, tmp_path)
