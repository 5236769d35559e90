"""Apps in the source of a project, found without importing it. Pure.

A name at the top of a module is an app when it is assigned from a framework's class, from a function that returns an
app, or from a call with an app among its arguments (middleware). A function without required parameters that returns an
app is a factory. What a deployment file names (``gunicorn shop.wsgi:application`` in a Procfile) comes first.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from importlib.util import resolve_name
from pathlib import PurePosixPath
from typing import NamedTuple

from bakeoff.model import Interface


@dataclass(frozen=True, kw_only=True)
class AppCandidate:
    """What is probably an app."""

    module: str
    attribute: str
    framework: str
    """Empty where only the object itself tells."""
    interface: Interface | None
    """``None`` where only the object itself tells."""
    factory: bool = False
    path: str = ""
    """The folder that the module is imported from, relative to the project's."""
    place: str = ""
    """``file:line``, relative to the project's folder."""

    @property
    def name(self) -> str:
        """``module:attribute``, with parentheses after a factory."""
        return f"{self.module}:{self.attribute}{'()' if self.factory else ''}"


@dataclass(frozen=True)
class FoundApps:
    """The candidates, the most likely first, and what a user has to know of code that is none."""

    candidates: tuple[AppCandidate, ...] = ()
    notes: tuple[str, ...] = ()


class _Kind(NamedTuple):
    framework: str
    interface: Interface | None


_UNKNOWN = _Kind("", None)
_WSGI, _ASGI = _Kind("WSGI callable", "wsgi"), _Kind("ASGI callable", "asgi")
_FLASK, _BOTTLE = _Kind("Flask", "wsgi"), _Kind("Bottle", "wsgi")
_FALCON, _ASYNC_FALCON = _Kind("Falcon", "wsgi"), _Kind("Falcon", "asgi")
_DJANGO, _ASYNC_DJANGO = _Kind("Django", "wsgi"), _Kind("Django", "asgi")
_FASTAPI, _STARLETTE = _Kind("FastAPI", "asgi"), _Kind("Starlette", "asgi")

_MAKERS = {
    "apiflask.APIFlask": _FLASK,
    "flask.Flask": _FLASK,
    "flask_openapi3.OpenAPI": _FLASK,
    "quart.Quart": _Kind("Quart", "asgi"),
    "fastapi.FastAPI": _FASTAPI,
    "fastapi.applications.FastAPI": _FASTAPI,
    "starlette.applications.Starlette": _STARLETTE,
    "litestar.Litestar": _Kind("Litestar", "asgi"),
    "litestar.app.Litestar": _Kind("Litestar", "asgi"),
    "falcon.API": _FALCON,
    "falcon.App": _FALCON,
    "falcon.asgi.App": _ASYNC_FALCON,
    "bottle.Bottle": _BOTTLE,
    "bottle.app": _BOTTLE,
    "bottle.default_app": _BOTTLE,
    "django.core.wsgi.get_wsgi_application": _DJANGO,
    "django.core.asgi.get_asgi_application": _ASYNC_DJANGO,
    "channels.routing.ProtocolTypeRouter": _ASYNC_DJANGO,
    "blacksheep.Application": _Kind("BlackSheep", "asgi"),
    "connexion.AsyncApp": _Kind("Connexion", "asgi"),
    "connexion.FlaskApp": _Kind("Connexion", "asgi"),
    "sanic.Sanic": _Kind("Sanic", "asgi"),
    "cherrypy.Application": _Kind("CherryPy", "wsgi"),
    "cherrypy.tree.mount": _Kind("CherryPy", "wsgi"),
    "a2wsgi.ASGIMiddleware": _WSGI,
    "a2wsgi.WSGIMiddleware": _ASGI,
    "asgiref.wsgi.WsgiToAsgi": _ASGI,
}
"""What returns an app, by its full name."""
_MAKING_METHODS = {"make_wsgi_app": _Kind("Pyramid", "wsgi"), "wsgifunc": _Kind("web.py", "wsgi")}
"""Methods that return an app, of objects whose type the source does not tell."""
_APPS_OF_APPS = ("server", "wsgi_app", "asgi_app")
"""Attributes of apps that are apps."""
_WRAPPER = re.compile(r"(?:Middleware|Fix|App|Application|WhiteNoise|ASGI|WSGI)$")
_USUAL_NAMES = ("app", "application", "asgi", "wsgi", "api", "server")
_UNKNOWN_NAMES = ("app", "application", "server")
_USUAL_MODULES = ("wsgi", "asgi", "app", "main", "application", "server", "api", "__init__")
ASIDE = frozenset({"test", "tests", "testing", "docs", "doc", "docs_src", "example", "examples", "benchmarks"})
"""Folders whose apps are not those that a project is about."""
_SOURCE_FOLDERS = ("src", "lib", "python")
_WITH_OWN_SERVER = {"aiohttp.web.Application": "aiohttp", "tornado.web.Application": "Tornado", "robyn.Robyn": "Robyn"}

_DEPLOYED = re.compile(
    r"\b(?:gunicorn|uvicorn|hypercorn|granian|daphne|waitress-serve|waitress)\b[^\n]*?"
    r"(?<![\w./:-])(?P<module>[A-Za-z_][\w.]*):(?P<attribute>[A-Za-z_]\w*)(?P<call>\(\))?(?![\w./:-])"
)
"""A server's command line, in a Procfile, a Dockerfile, a script or a Compose file."""


def find_apps(sources: Mapping[str, str], deployment: Iterable[str] = ()) -> FoundApps:
    """The apps in a project.

    Args:
        sources: The text of each Python file by its path relative to the project's folder, with ``/``.
        deployment: Texts of files that may say how the app is started.
    """
    importable = _importable(sources)
    modules = [module for path, text in sorted(sources.items()) if (module := _read(path, text, importable))]
    known = _Known()
    while _learn(modules, known):
        pass  # A module may use what another one defines: until nothing new is learnt.
    named = {(match["module"], match["attribute"]): match for text in deployment for match in _DEPLOYED.finditer(text)}
    candidates = [candidate for module in modules for candidate in _candidates(module, known)]
    listed = {(candidate.module, candidate.attribute) for candidate in candidates}
    if not any(candidate.framework for candidate in candidates):
        unknown = [candidate for module in modules for candidate in _unknown(module)]
        candidates += [candidate for candidate in unknown if (candidate.module, candidate.attribute) not in listed]
    by_name = {module.name: module for module in modules}
    listed = {(candidate.module, candidate.attribute) for candidate in candidates}
    candidates += [
        AppCandidate(
            module=module,
            attribute=attribute,
            framework="",
            interface=None,
            factory=bool(match["call"]),
            path=by_name[module].path,
            place=f"{by_name[module].file}:1",
        )
        for (module, attribute), match in named.items()
        if module in by_name and (module, attribute) not in listed
    ]
    in_order = sorted(candidates, key=lambda candidate: _rank(candidate, named))
    return FoundApps(tuple(in_order), tuple(note for module in modules for note in _notes(module, known)))


@dataclass(frozen=True)
class _Module:
    name: str
    path: str
    """The folder that it is imported from."""
    file: str
    tree: ast.Module
    names: Mapping[str, str]
    """The full name behind each imported name."""

    def full(self, node: ast.expr) -> str | None:
        """The full name of a dotted expression; ``None`` for any other."""
        if isinstance(node, ast.Name):
            return self.names.get(node.id, f"{self.name}.{node.id}")
        if isinstance(node, ast.Attribute) and (value := self.full(node.value)):
            return f"{value}.{node.attr}"
        return None


@dataclass
class _Known:
    apps: dict[str, _Kind] = field(default_factory=dict)
    """Apps by full name."""
    makers: dict[str, _Kind] = field(default_factory=lambda: dict(_MAKERS))
    """Classes and functions whose calls return an app."""

    def size(self) -> int:
        return len(self.apps) + len(self.makers)


def _read(path: str, text: str, importable: Set[str]) -> _Module | None:
    """A file as a module; ``None`` when it is not valid Python, or no name can import it."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return None
    root = _import_root(path, tree, importable)
    parts = PurePosixPath(path).relative_to(root).with_suffix("").parts
    is_package = parts[-1] == "__init__"
    parts = parts[:-1] if is_package and len(parts) > 1 else parts
    if parts == ("__init__",) or not all(part.isidentifier() for part in parts):
        return None
    name = ".".join(parts)
    package = name if is_package else name.rpartition(".")[0]
    return _Module(name, "" if root == "." else root, path, tree, dict(_imported_names(tree, package)))


def _imported_names(tree: ast.Module, package: str) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                yield (alias.asname, alias.name) if alias.asname else (top, top)
        elif isinstance(node, ast.ImportFrom):
            source = node.module or ""
            if node.level:
                try:
                    source = resolve_name("." * node.level + source, package)
                except ImportError:
                    continue
            for alias in node.names:
                yield alias.asname or alias.name, f"{source}.{alias.name}"


def _import_root(path: str, tree: ast.Module, importable: Set[str]) -> str:
    """The folder from which a file is imported.

    That is at least the folder of its outermost package. A folder above it counts when more of what the file imports
    is found from there, and for a file in no package also when nothing speaks against the project's own folder.
    """
    folder = PurePosixPath(path).parent
    in_package = False
    while str(folder) != "." and f"{folder}/__init__" in importable:
        folder, in_package = folder.parent, True
    holds_project = str(folder / "manage") in importable or folder.name in _SOURCE_FOLDERS
    names = _absolute_imports(tree)
    options = [folder, *folder.parents]
    if not (in_package or holds_project):
        options.reverse()  # Of equally good folders the first is taken.
    return str(max(options, key=lambda option: sum(str(option / name) in importable for name in names)))


def _absolute_imports(tree: ast.Module) -> set[str]:
    """The outermost packages that a module imports by their whole names."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.partition(".")[0])
    return names


def _importable(sources: Iterable[str]) -> Set[str]:
    """The paths of all modules and of all folders that hold one, without suffix."""
    modules = [PurePosixPath(source).with_suffix("") for source in sources]
    return {str(path) for module in modules for path in (module, *module.parents)}


def _statements(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a module, with those in its ``if``, ``try`` and ``with``, but not what only a script runs."""
    for statement in body:
        yield statement
        if isinstance(statement, ast.If) and "__name__" not in ast.unparse(statement.test):
            yield from _statements([*statement.body, *statement.orelse])
        elif isinstance(statement, ast.Try):
            handlers = [inner for handler in statement.handlers for inner in handler.body]
            yield from _statements([*statement.body, *handlers, *statement.orelse])
        elif isinstance(statement, ast.With):
            yield from _statements(statement.body)


def _learn(modules: Iterable[_Module], known: _Known) -> bool:
    """Add what the modules define; whether anything was new."""
    before = known.size()
    for module in modules:
        for statement in _statements(module.tree.body):
            if isinstance(statement, ast.ClassDef):
                _learn_class(module, statement, known)
            elif isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
                _learn_function(module, statement, known)
            else:
                for name, value in _assigned(statement):
                    if kind := _kind(value, module, known, {}):
                        known.apps.setdefault(f"{module.name}.{name}", kind)
    return known.size() > before


def _learn_class(module: _Module, definition: ast.ClassDef, known: _Known) -> None:
    full_name = f"{module.name}.{definition.name}"
    for base in definition.bases:
        if kind := known.makers.get(module.full(base) or ""):
            known.makers.setdefault(full_name, kind)
    calls = [method for method in definition.body if isinstance(method, ast.FunctionDef | ast.AsyncFunctionDef)]
    kinds = [_callable_kind(method, skipped=1) for method in calls if method.name == "__call__"]
    for kind in kinds:
        if kind:
            known.makers.setdefault(full_name, kind)


def _learn_function(module: _Module, function: ast.FunctionDef | ast.AsyncFunctionDef, known: _Known) -> None:
    full_name = f"{module.name}.{function.name}"
    if kind := _callable_kind(function, skipped=0):
        known.apps.setdefault(full_name, kind)
    elif isinstance(function, ast.FunctionDef) and (kind := _returned_kind(module, function, known)):
        known.makers.setdefault(full_name, kind)


def _callable_kind(function: ast.FunctionDef | ast.AsyncFunctionDef, *, skipped: int) -> _Kind | None:
    """The interface that a function's parameters are those of; ``skipped`` is 1 for a method's own object."""
    parameters = [argument.arg.lstrip("_") for argument in (*function.args.posonlyargs, *function.args.args)][skipped:]
    if isinstance(function, ast.FunctionDef) and parameters[1:] == ["start_response"] and parameters[0][:3] == "env":
        return _WSGI
    if isinstance(function, ast.AsyncFunctionDef) and parameters == ["scope", "receive", "send"]:
        return _ASGI
    return None


def _returned_kind(module: _Module, function: ast.FunctionDef, known: _Known) -> _Kind | None:
    """The kind of app that a function returns."""
    local: dict[str, _Kind] = {}
    returned: list[ast.expr] = []
    for node in _own_nodes(function):
        for name, value in _assigned(node):
            if kind := _kind(value, module, known, local):
                local[name] = kind
        if isinstance(node, ast.Return) and node.value is not None:
            returned.append(node.value)
    for value in returned:
        if kind := _kind(value, module, known, local):
            return kind
    return known.makers.get(module.full(function.returns) or "") if function.returns and returned else None


def _own_nodes(function: ast.FunctionDef) -> Iterator[ast.AST]:
    """The statements of a function in their order, without those of functions and classes within it."""
    waiting: list[ast.AST] = list(reversed(function.body))
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.expr):
            waiting += reversed(list(ast.iter_child_nodes(node)))


def _assigned(statement: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """Each name that a statement assigns, with its value."""
    if isinstance(statement, ast.Assign):
        for target in statement.targets:
            if isinstance(target, ast.Name):
                yield target.id, statement.value
    elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name) and statement.value:
        yield statement.target.id, statement.value


def _kind(value: ast.expr, module: _Module, known: _Known, local: Mapping[str, _Kind]) -> _Kind | None:
    """The kind of app that an expression gives; ``None`` if it is none, as far as the source tells."""
    if isinstance(value, ast.Name) and value.id in local:
        return local[value.id]
    if isinstance(value, ast.Name | ast.Attribute):
        if kind := known.apps.get(module.full(value) or ""):
            return kind
        if isinstance(value, ast.Attribute) and value.attr in _APPS_OF_APPS:
            return _kind(value.value, module, known, local)
        return None
    if not isinstance(value, ast.Call):
        return None
    if kind := known.makers.get(module.full(value.func) or ""):
        return kind
    if isinstance(value.func, ast.Attribute) and value.func.attr in _MAKING_METHODS:
        return _MAKING_METHODS[value.func.attr]
    kinds = (_kind(argument, module, known, local) for argument in value.args if isinstance(argument, ast.Name))
    return next((kind for kind in kinds if kind), None) if _is_wrapper(value, module) else None


def _is_wrapper(call: ast.Call, module: _Module) -> bool:
    """Whether a call with an app among its arguments gives an app: middleware has names by which it is known."""
    return bool(_WRAPPER.search((module.full(call.func) or "").rpartition(".")[2]))


def _candidates(module: _Module, known: _Known) -> Iterator[AppCandidate]:
    names: set[str] = set()
    for statement in _statements(module.tree.body):
        for name in _defined(statement):
            full_name = f"{module.name}.{name}"
            kind, factory = known.apps.get(full_name), False
            if kind is None and isinstance(statement, ast.FunctionDef) and not _required(statement):
                kind, factory = known.makers.get(full_name), True
            if kind and name not in names:
                names.add(name)
                yield _candidate(module, name, kind, statement, factory=factory)


def _defined(statement: ast.stmt) -> list[str]:
    """The names that a statement gives to functions and values."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
        return [statement.name]
    return [name for name, _ in _assigned(statement)]


def _unknown(module: _Module) -> Iterator[AppCandidate]:
    """Names that are usual for an app, but whose value the source does not tell."""
    for statement in _statements(module.tree.body):
        names = [name for name, value in _assigned(statement) if isinstance(value, ast.Call | ast.Attribute)]
        if isinstance(statement, ast.ImportFrom):
            names = [alias.asname or alias.name for alias in statement.names]
        for name in names:
            if name in _UNKNOWN_NAMES:
                yield _candidate(module, name, _UNKNOWN, statement)


def _candidate(module: _Module, name: str, kind: _Kind, node: ast.stmt, *, factory: bool = False) -> AppCandidate:
    return AppCandidate(
        module=module.name,
        attribute=name,
        framework=kind.framework,
        interface=kind.interface,
        factory=factory,
        path=module.path,
        place=f"{module.file}:{node.lineno}",
    )


def _required(function: ast.FunctionDef) -> list[str]:
    """The parameters without a default."""
    positional = [argument.arg for argument in (*function.args.posonlyargs, *function.args.args)]
    keywords = zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True)
    required = positional[: len(positional) - len(function.args.defaults)]
    return required + [argument.arg for argument, default in keywords if default is None]


def _notes(module: _Module, known: _Known) -> Iterator[str]:
    """Code that makes an app in a way that no server can use, with the remedy."""
    if ASIDE & set(PurePosixPath(module.file).parts):
        return
    for statement in _statements(module.tree.body):
        required = _required(statement) if isinstance(statement, ast.FunctionDef) else []
        if isinstance(statement, ast.FunctionDef) and required and f"{module.name}.{statement.name}" in known.makers:
            call = f"{statement.name}({', '.join(f'{name}=...' for name in required)})"
            yield f"{module.file}:{statement.lineno} needs arguments; assign its app at the top: app = {call}"
        for name, value in _assigned(statement):
            own_server = isinstance(value, ast.Call) and _WITH_OWN_SERVER.get(module.full(value.func) or "")
            if own_server:
                yield (
                    f"{module.file}:{statement.lineno}: {name} is of {own_server}, which has a server of its own; "
                    'start it by a command: command = ["{python}", "...", "{port}"]'
                )
    for statement in module.tree.body:
        if isinstance(statement, ast.If) and "__name__" in ast.unparse(statement.test):
            for node in ast.walk(statement):
                for name, value in _assigned(node):
                    made = isinstance(value, ast.Call) and _kind(value, module, known, {})
                    if made and f"{module.name}.{name}" not in known.apps:
                        place = f"{module.file}:{value.lineno}"
                        yield f"{place}: {name} is made only in a script; move it out of if __name__ == ..., to the top"
    decorators = (
        decorator.func
        for statement in _statements(module.tree.body)
        if isinstance(statement, ast.FunctionDef)
        for decorator in statement.decorator_list
        if isinstance(decorator, ast.Call)
    )
    on_default_app = any((module.full(function) or "").startswith("bottle.") for function in decorators)
    if on_default_app and not any(name.startswith(f"{module.name}.") for name in known.apps):
        yield f"{module.file} uses Bottle's default app; add a line at its end: app = bottle.default_app()"


def _rank(candidate: AppCandidate, named: Mapping[tuple[str, str], object]) -> tuple[object, ...]:
    """The smaller, the likelier."""
    parts = PurePosixPath(candidate.place.partition(":")[0]).parts
    stem = PurePosixPath(parts[-1]).stem if parts else ""
    return (
        (candidate.module, candidate.attribute) not in named,
        bool(ASIDE & set(parts)) or stem.startswith("test_") or stem == "conftest",
        not candidate.framework,
        candidate.framework.endswith("callable"),
        candidate.factory,
        _position(candidate.attribute, _USUAL_NAMES[:2]),
        len(parts),
        _position(stem, _USUAL_MODULES),
        _position(candidate.attribute, _USUAL_NAMES),
        candidate.module,
        candidate.attribute,
    )


def _position(name: str, usual: tuple[str, ...]) -> int:
    return usual.index(name) if name in usual else len(usual)
