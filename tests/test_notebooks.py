"""The notebooks run from top to bottom on the committed sample, and compute nothing that the package could not test."""

from __future__ import annotations

import ast
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode

from notebooks.execute import FOLDER, executed

ROOT = FOLDER.parent
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
LOGIC = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda, ast.For, ast.While, ast.If, ast.Try)
MOST_BYTES = 200_000


def code_of(notebook: NotebookNode) -> str:
    """All its code, cell after cell."""
    return "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")


def shown(notebook: NotebookNode) -> list[str]:
    """What its cells show as text, without the addresses of objects."""
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    return [output.data["text/plain"] for output in outputs if "image/png" not in output.get("data", {})]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_runs_and_shows_what_is_committed(path: Path) -> None:
    """Whoever only reads it sees what its code says today."""
    assert shown(executed(path)) == shown(nbformat.read(path, as_version=4))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_defines_no_logic(path: Path) -> None:
    """It loads, selects and plots; what decides or computes lives in the package, with tests."""
    tree = ast.parse(code_of(nbformat.read(path, as_version=4)))
    assert [ast.unparse(node) for node in ast.walk(tree) if isinstance(node, LOGIC)] == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_is_small_and_names_no_folder_of_its_author(path: Path) -> None:
    """It is kept with the code, and is read by others."""
    text = path.read_text("utf-8")
    assert len(text) < MOST_BYTES
    assert str(ROOT) not in text
    assert str(Path.home()) not in text


def test_there_is_one_to_explore_and_one_on_the_gate() -> None:
    """A renamed notebook is not lost from the tests."""
    assert {path.stem for path in NOTEBOOKS} >= {"explore", "gate-statistics"}


def test_the_sample_is_small() -> None:
    """Everyone who clones the project has it."""
    sizes = [path.stat().st_size for path in (ROOT / "results" / "sample").rglob("*") if path.is_file()]
    assert 0 < sum(sizes) < 300_000
