"""The structure of the package, read from its imports: layers, a pure core, Locust in one place, no cycles."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from importlib.util import resolve_name
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
RUNNER = ROOT / "runner"
DIAGRAM = ROOT / "docs" / "architecture.md"

PURE = {
    "analysis",
    "calibration.certify",
    "discover.answers",
    "discover.apps",
    "discover.endpoints",
    "discover.har",
    "discover.imported",
    "discover.openapi",
    "discover.propose",
    "experiment.design",
    "experiment.plan",
    "experiment.table",
    "findings",
    "gate.against",
    "gate.bounds",
    "gate.decision",
    "gate.effects",
    "gate.errors",
    "gate.hotspots",
    "gate.result",
    "gate.sequential",
    "gate.state",
    "load.coordinator",
    "load.distributed.protocol",
    "load.hints",
    "load.messages",
    "model",
    "report",
    "results.hlog",
    "stacks.aligned_text",
    "stacks.cause",
    "stacks.compose.isolation",
    "stacks.compose.services",
    "stacks.equivalence",
    "stacks.servers",
    "tables",
}
"""Packages and modules that only compute. Every other one reads or changes the world."""
IMPURE = {"gevent", "locust", "os", "random", "shutil", "socket", "subprocess", "tempfile", "time"}
IMPURE_NAMES = {"pathlib.Path", "pathlib.PosixPath", "pathlib"}
PATCHING = {"gevent", "locust"}


def module_name(path: Path) -> str:
    """``runner/bakeoff/report/__init__.py`` is ``bakeoff.report``."""
    return ".".join(path.relative_to(RUNNER).with_suffix("").parts).removesuffix(".__init__")


MODULES = {module_name(path): path for path in sorted((RUNNER / "bakeoff").rglob("*.py"))}


def package(module: str) -> str | None:
    """The package below ``bakeoff`` that a module belongs to; ``None`` for the few modules beside the packages."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 and (RUNNER / "bakeoff" / parts[1]).is_dir() else None


def is_pure(module: str) -> bool:
    """Whether a module is declared to be pure, by itself or with its package."""
    name = module.removeprefix("bakeoff.")
    return any(name == pure or name.startswith(f"{pure}.") for pure in PURE)


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
    return imported_by(MODULES[module], module, types=types)


def imported_by(path: Path, module: str, *, types: bool) -> set[str]:
    """The full names of the modules that a file imports, which is the named module."""
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


def imported_names(module: str) -> set[str]:
    """What a module imports, by full name: ``pathlib.Path`` for ``from pathlib import Path``."""
    names: set[str] = set()
    for statement in import_statements(ast.parse(MODULES[module].read_bytes()), types=True):
        if isinstance(statement, ast.Import):
            names |= {alias.name for alias in statement.names}
        elif not statement.level:
            names |= {f"{statement.module}.{alias.name}" for alias in statement.names}
    return names


def package_imports() -> dict[tuple[str, str], list[str]]:
    """Which package imports which other, and the modules that do."""
    users: dict[tuple[str, str], list[str]] = {}
    for module in MODULES:
        for imported in imports(module, types=True) & MODULES.keys():
            pair = package(module), package(imported)
            if pair[0] and pair[1] and pair[0] != pair[1]:
                users.setdefault((pair[0], pair[1]), []).append(f"{module} -> {imported}")
    return users


def arrows() -> set[tuple[str, str]]:
    """The arrows of the diagram in ``docs/architecture.md``."""
    diagram = DIAGRAM.read_text("utf-8").partition("```mermaid")[2].partition("```")[0]
    return {(one, other) for one, other in re.findall(r"^\s*(\w+) --> (\w+)$", diagram, re.MULTILINE)}


def below(package: str, drawn: set[tuple[str, str]]) -> set[str]:
    """Every package that can be reached from one along the arrows."""
    direct = {target for source, target in drawn if source == package}
    return direct.union(*(below(target, drawn) for target in direct))


def test_packages_import_only_what_the_diagram_shows_below_them() -> None:
    """The layers of ``docs/architecture.md`` hold."""
    drawn = arrows()
    upward = [users for (source, target), users in package_imports().items() if target not in below(source, drawn)]
    assert upward == []


def test_every_arrow_of_the_diagram_is_an_import() -> None:
    """The diagram shows no dependency that is not there."""
    assert arrows() - package_imports().keys() == set()


def test_every_package_says_what_it_is_for() -> None:
    """The first thing in each ``__init__`` is a docstring."""
    packages = [path for path in MODULES.values() if path.name == "__init__.py"]
    assert [path for path in packages if not ast.get_docstring(ast.parse(path.read_bytes()))] == []


@pytest.mark.parametrize("module", [name for name in MODULES if is_pure(name)])
def test_a_pure_module_imports_no_other_kind(module: str) -> None:
    """What is computed does not depend on where the numbers came from."""
    own = imports(module, types=True) & MODULES.keys()
    assert {name for name in own if package(name) and not is_pure(name)} - PACKAGES_OF_PURE == set()


PACKAGES_OF_PURE = {f"bakeoff.{name.rpartition('.')[0]}" for name in PURE if "." in name}
"""Packages that hold a pure module beside others: importing one of their names may name the package."""


@pytest.mark.parametrize("module", [name for name in MODULES if is_pure(name)])
def test_a_pure_module_reads_no_clock_no_chance_no_file_and_no_machine(module: str) -> None:
    """The same input gives the same output, on any machine and at any time."""
    names = imported_names(module)
    assert {name for name in names if name.split(".")[0] in IMPURE or name in IMPURE_NAMES} == set()
    calls = (node for node in ast.walk(ast.parse(MODULES[module].read_bytes())) if isinstance(node, ast.Call))
    assert [call.lineno for call in calls if isinstance(call.func, ast.Name) and call.func.id == "open"] == []


@pytest.mark.parametrize("module", [name for name in MODULES if package(name) != "load"])
def test_only_the_load_generator_imports_locust_and_gevent(module: str) -> None:
    """Locust patches the process that imports it, so only the child process under ``load`` may."""
    assert {name for name in imports(module, types=True) if name.split(".")[0] in PATCHING} == set()


def test_only_tests_import_tests_and_the_package_imports_no_benchmarks() -> None:
    """What tests and benchmarks share is in ``benchmarks``."""
    benchmarks = {path: {"tests"} for path in (ROOT / "benchmarks").rglob("*.py")}
    forbidden = benchmarks | {path: {"tests", "benchmarks"} for path in MODULES.values()}
    for path, folders in forbidden.items():
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        assert {name for name in imported_by(path, module, types=True) if name.split(".")[0] in folders} == set(), path


def test_no_module_imports_itself_through_others() -> None:
    """Modules have an order in which each can be read after all that it needs."""
    graph = {module: (imports(module, types=False) & MODULES.keys()) - {module} for module in MODULES}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(reversed(error.args[1])))
