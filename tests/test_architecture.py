"""The shape of the package, read from its imports: a pure core, thin edges, Locust in one place, no cycles."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from importlib.util import resolve_name
from pathlib import Path

import pytest

RUNNER = Path(__file__).parents[1] / "runner"

PURE = {
    "analysis",
    "arrivals",
    "audit",
    "certify",
    "changes",
    "columns",
    "comparable",
    "hlog",
    "tallies",
    "errors",
    "fingerprint",
    "frames",
    "gate",
    "histogram",
    "laws",
    "load.account",
    "load.distributed.gathering",
    "load.distributed.reception",
    "load.distributed.session",
    "load.distributed.speech",
    "load.distributed.terms",
    "load.messages",
    "model",
    "plan",
    "report",
    "run",
    "servers",
    "services",
    "stats",
}
"""The parts that only compute. Every other part, a new one too, is an edge."""
IMPURE = {"gevent", "locust", "os", "random", "socket", "subprocess", "time"}
PATCHING = {"gevent", "locust"}


def module_name(path: Path) -> str:
    """``runner/bakeoff/report/__init__.py`` is ``bakeoff.report``."""
    return ".".join(path.relative_to(RUNNER).with_suffix("").parts).removesuffix(".__init__")


MODULES = {module_name(path): path for path in sorted((RUNNER / "bakeoff").rglob("*.py"))}


def part(module: str) -> str | None:
    """The part of the package that a module belongs to: ``report`` for ``bakeoff.report.html``.

    A pure module among edges is a part of its own.
    """
    own = module.removeprefix("bakeoff.")
    return own if own in PURE else module.split(".")[1] if module.startswith("bakeoff.") else None


def only_for_types(node: ast.AST) -> bool:
    """Whether a statement is ``if TYPE_CHECKING:``."""
    return isinstance(node, ast.If) and ast.unparse(node.test) in {"TYPE_CHECKING", "typing.TYPE_CHECKING"}


def import_statements(node: ast.AST, *, types: bool) -> Iterator[ast.Import | ast.ImportFrom]:
    """Every import below a node, inside functions too; those under ``if TYPE_CHECKING`` only with ``types``."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        yield node
    skipped = node.body if isinstance(node, ast.If) and only_for_types(node) and not types else []
    for child in ast.iter_child_nodes(node):
        if child not in skipped:
            yield from import_statements(child, types=types)


def imports(module: str, *, types: bool) -> set[str]:
    """The full names of the modules that a module imports."""
    path = MODULES[module]
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    names: set[str] = set()
    for statement in import_statements(ast.parse(path.read_bytes()), types=types):
        if isinstance(statement, ast.Import):
            names |= {alias.name for alias in statement.names}
        else:
            source = resolve_name("." * statement.level + (statement.module or ""), package)
            submodules = {f"{source}.{alias.name}" for alias in statement.names}
            names |= {name if name in MODULES else source for name in submodules}
    return names


@pytest.mark.parametrize("module", [name for name in MODULES if part(name) in PURE])
def test_a_pure_module_imports_no_edge(module: str) -> None:
    """What is computed does not depend on where the numbers came from."""
    assert {name for name in imports(module, types=True) if part(name) not in {*PURE, None}} == set()


@pytest.mark.parametrize("module", [name for name in MODULES if part(name) in PURE])
def test_a_pure_module_reads_no_clock_no_chance_and_no_machine(module: str) -> None:
    """The same input gives the same output, on any machine and at any time."""
    assert {name for name in imports(module, types=True) if name.split(".")[0] in IMPURE} == set()


@pytest.mark.parametrize("module", [name for name in MODULES if part(name) != "load"])
def test_only_the_load_generator_imports_locust_and_gevent(module: str) -> None:
    """Locust patches the process that imports it, so only the child process under ``load`` may."""
    assert {name for name in imports(module, types=True) if name.split(".")[0] in PATCHING} == set()


def test_no_module_imports_itself_through_others() -> None:
    """Modules have an order in which each can be read after all that it needs."""
    graph = {module: (imports(module, types=False) & MODULES.keys()) - {module} for module in MODULES}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(reversed(error.args[1])))
