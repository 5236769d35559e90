"""The notebooks run from top to bottom on the committed sample, and define nothing that belongs into the package."""

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


def text_outputs(notebook: NotebookNode) -> list[str]:
    """The outputs of its cells as text. Those of pictures are left out, because they contain addresses of objects."""
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    return [output.data["text/plain"] for output in outputs if "image/png" not in output.get("data", {})]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_runs_and_its_outputs_are_those_committed(path: Path) -> None:
    """The outputs that readers see are those of the present code."""
    assert text_outputs(executed(path)) == text_outputs(nbformat.read(path, as_version=4))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_defines_no_logic(path: Path) -> None:
    """It loads, selects and plots; functions, loops and conditions belong into the package, with tests."""
    tree = ast.parse(code_of(nbformat.read(path, as_version=4)))
    assert [ast.unparse(node) for node in ast.walk(tree) if isinstance(node, LOGIC)] == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_is_small_and_contains_no_path_of_this_machine(path: Path) -> None:
    """It is committed."""
    text = path.read_text("utf-8")
    assert len(text) < MOST_BYTES
    assert str(ROOT) not in text
    assert str(Path.home()) not in text


def test_the_notebooks_are_found() -> None:
    """The other tests do not pass because there was nothing to test."""
    assert {path.stem for path in NOTEBOOKS} >= {"explore", "gate-statistics"}


def test_the_sample_is_small() -> None:
    """Everyone who clones the repository downloads it."""
    sizes = [path.stat().st_size for path in (ROOT / "results" / "sample").rglob("*") if path.is_file()]
    assert 0 < sum(sizes) < 300_000
