"""Finds the web application in `app.py` by reading it, without running it: framework, name, health route.

Called by `describe`. What could be meant in two ways is an error, never a guess.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from service.core.dockerfiles.project import ProjectFiles, Server, missing, unclear, unreadable

FILE = "app.py"
_FRAMEWORKS = {("flask", "Flask"): Server.GUNICORN, ("fastapi", "FastAPI"): Server.UVICORN}
_MODULES = {module: server for (module, _), server in _FRAMEWORKS.items()}
_USUAL_NAMES = ("app", "application")
_HEALTH_ROUTES = ("/healthz", "/health", "/livez", "/ping")
_ROUTING = {"route", "get", "add_url_rule", "add_api_route"}
_SAY_WHICH = "say which in mergeport.yaml: `build.with.entry: app:NAME`"


@dataclass(frozen=True, slots=True)
class FoundApp:
    """The application in a file; `server` is None where its framework does not show there."""

    server: Server | None
    name: str
    factory: bool = False
    health: str = ""


def find_app(files: ProjectFiles, *, wanted: str | None = None) -> FoundApp:
    """Find the application in app.py: the wanted name, or the only one that can be meant."""
    if FILE not in files:
        raise missing(
            f"There is no {FILE} in the build's context.",
            "add it, name its folder (`build.context`), or name the application: `build.with.entry: MODULE:NAME`",
        )
    module = _Module(parse(files[FILE]))
    found = _named(module, wanted) if wanted else _only_one(module)
    return FoundApp(found.server, found.name, found.factory, module.health())


def parse(text: str) -> ast.Module:
    """Parse the file, or say in which line it is no Python."""
    try:
        return ast.parse(text)
    except SyntaxError as error:
        ours = ".".join(map(str, sys.version_info[:2]))
        raise unreadable(
            f"{FILE}:{error.lineno or 1}: {error.msg}.",
            f"correct the file; if it needs a newer Python than {ours}, say `build.with.entry` and `build.with.server`",
        ) from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise unreadable(f"{FILE} cannot be read as Python: {error}.", "correct the file") from error


class _Module:
    """A parsed module: what it makes at its top, its factories, and what it imports."""

    def __init__(self, tree: ast.Module) -> None:
        self.tree = tree
        self.modules: dict[str, Server] = {}
        self.classes: dict[str, Server] = {}
        for node in ast.walk(tree):
            self._import(node)
        statements = list(_at_the_top(tree.body))
        self.apps = {name: server for node in statements for name, server in self._assigned(node)}
        self.bound = {name for node in statements for name in _bound(node)}
        self.factories = {
            node.name: (node, server)
            for node in statements
            if isinstance(node, ast.FunctionDef) and (server := self._made_inside(node)) is not None
        }

    def _import(self, node: ast.AST) -> None:
        match node:
            case ast.Import(names=names):
                for alias in names:
                    if alias.name in _MODULES:
                        self.modules[alias.asname or alias.name] = _MODULES[alias.name]
            case ast.ImportFrom(module=str(module), names=names, level=0):
                for alias in names:
                    server = _FRAMEWORKS.get((module.partition(".")[0], alias.name))
                    if server is not None:
                        self.classes[alias.asname or alias.name] = server

    def made(self, value: ast.expr | None) -> Server | None:
        """Tell for which server a call makes an application; None where it makes none."""
        match value:
            case ast.Call(func=ast.Name(id=name)):
                return self.classes.get(name)
            case ast.Call(func=ast.Attribute(value=ast.Name(id=module), attr=name)):
                server = self.modules.get(module)
                return server if (module_of(server), name) in _FRAMEWORKS else None
        return None

    def _assigned(self, node: ast.stmt) -> Iterator[tuple[str, Server]]:
        server = self.made(getattr(node, "value", None)) if isinstance(node, ast.Assign | ast.AnnAssign) else None
        if server is not None:
            yield from ((name, server) for name in _bound(node))

    def _made_inside(self, function: ast.FunctionDef) -> Server | None:
        servers = {server for node in ast.walk(function) if isinstance(node, ast.Call) and (server := self.made(node))}
        return servers.pop() if len(servers) == 1 else None

    @property
    def frameworks(self) -> set[Server]:
        """The frameworks that are imported, whatever is made of them."""
        return {*self.modules.values(), *self.classes.values()}

    def health(self) -> str:
        """Give the route that tells whether all is well; empty where none of the usual ones is there."""
        apps = {name for node in ast.walk(self.tree) if isinstance(node, ast.stmt) for name, _ in self._assigned(node)}
        apps |= self.bound & set(_USUAL_NAMES)
        routes = set()
        for node in ast.walk(self.tree):
            match node:
                case ast.Call(
                    func=ast.Attribute(value=ast.Name(id=app), attr=verb), args=[ast.Constant(value=str(path)), *_]
                ) if app in apps and verb in _ROUTING:
                    routes.add(path)
        return next((route for route in _HEALTH_ROUTES if route in routes), "")


def module_of(server: Server | None) -> str:
    """Name the framework's package."""
    return next((module for module, one in _MODULES.items() if one is server), "")


def _named(module: _Module, name: str) -> FoundApp:
    if name in module.apps:
        return FoundApp(module.apps[name], name)
    if name in module.factories:
        function, server = module.factories[name]
        _check_arguments(function)
        return FoundApp(server, name, factory=True)
    if name in module.bound:
        return FoundApp(_one(module.frameworks), name)
    known = ", ".join(sorted({*module.apps, *module.factories})) or "none"
    raise missing(f"{FILE} has no application `{name}`.", f"correct `build.with.entry`; applications there: {known}")


def _only_one(module: _Module) -> FoundApp:
    if len(module.apps) > 1:
        raise unclear(f"{FILE} makes several applications: {', '.join(module.apps)}.", _SAY_WHICH)
    if module.apps:
        ((name, server),) = module.apps.items()
        return FoundApp(server, name)
    usual = [name for name in _USUAL_NAMES if name in module.bound]
    if usual:
        return FoundApp(_one(module.frameworks), usual[0])
    if len(module.factories) > 1:
        raise unclear(
            f"{FILE} has several functions that make an application: {', '.join(module.factories)}.", _SAY_WHICH
        )
    if module.factories:
        ((name, (function, server)),) = module.factories.items()
        _check_arguments(function)
        return FoundApp(server, name, factory=True)
    raise missing(
        f"{FILE} makes no application of Flask or FastAPI that a server could be given.",
        "assign it at the top of the file, as in `app = Flask(__name__)`, or name it: `build.with.entry: MODULE:NAME`",
    )


def _check_arguments(function: ast.FunctionDef) -> None:
    given = function.args
    needed = len(given.posonlyargs) + len(given.args) - len(given.defaults)
    if needed or None in given.kw_defaults:
        raise unclear(
            f"{FILE}:{function.lineno}: {function.name} cannot be called without arguments.",
            "give its arguments defaults, or assign the application at the top of the file: `app = …`",
        )


def _one(servers: set[Server]) -> Server | None:
    return next(iter(servers)) if len(servers) == 1 else None


def _at_the_top(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """Give the statements that importing runs, also below `if` and `try`, but not those of `__main__`."""
    for node in body:
        yield node
        match node:
            case ast.If(test=test) if any(isinstance(one, ast.Name) and one.id == "__name__" for one in ast.walk(test)):
                yield from _at_the_top(node.orelse)
            case ast.If():
                yield from _at_the_top([*node.body, *node.orelse])
            case ast.Try():
                handled = [one for handler in node.handlers for one in handler.body]
                yield from _at_the_top([*node.body, *handled, *node.orelse, *node.finalbody])
            case ast.With():
                yield from _at_the_top(node.body)


def _bound(node: ast.stmt) -> Iterator[str]:
    """Name what a statement assigns or imports."""
    match node:
        case ast.Assign(targets=targets):
            yield from (target.id for target in targets if isinstance(target, ast.Name))
        case ast.AnnAssign(target=ast.Name(id=name), value=value) if value is not None:
            yield name
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            yield from (alias.asname or alias.name for alias in names)
