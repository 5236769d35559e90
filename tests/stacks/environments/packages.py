"""Python packages made on the fly: projects in directories and finished wheels, which need no package index."""

from __future__ import annotations

import zipfile
from pathlib import Path

BACKEND = """
import os, pathlib, sys
sys.path.insert(0, os.path.dirname(__file__))
NAME, VERSION = pathlib.Path("name-and-version").read_text().split()


def build_wheel(folder, settings=None, metadata=None):
    return _write(folder, f"{NAME}.py", pathlib.Path(f"{NAME}.py").read_text())


def build_editable(folder, settings=None, metadata=None):
    return _write(folder, f"{NAME}.pth", os.getcwd())


def _write(folder, file, content):
    from wheel_of import write_wheel
    return write_wheel(pathlib.Path(folder), NAME, VERSION, {file: content}).name
"""
"""A build backend inside of the project that it builds (PEP 517), so that nothing has to be downloaded."""


def write_wheel(folder: Path, name: str, version: str, files: dict[str, str]) -> Path:
    """A wheel with some files, in a folder."""
    information = f"{name}-{version}.dist-info"
    content = {
        **files,
        f"{information}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{information}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    content[f"{information}/RECORD"] = "".join(f"{path},,\n" for path in [*content, f"{information}/RECORD"])
    wheel = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in content.items():
            archive.writestr(zipfile.ZipInfo(path), text)
    return wheel


def write_project(folder: Path, name: str, version: str, module: str) -> None:
    """A project of one module, in a directory that may exist."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["backend"]\n'
        f'[project]\nname = "{name}"\nversion = "{version}"\n',
        "utf-8",
    )
    (folder / "backend").mkdir(exist_ok=True)
    (folder / "backend" / "backend.py").write_text(BACKEND, "utf-8")
    (folder / "backend" / "wheel_of.py").write_text(Path(__file__).read_text("utf-8"), "utf-8")
    (folder / "name-and-version").write_text(f"{name} {version}", "utf-8")
    (folder / f"{name}.py").write_text(module, "utf-8")
