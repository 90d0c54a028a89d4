"""One call of a tool in a script: its words, and what its reader may ask for."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from service.core.importing.findings import At, Difference, Flow, Image, Part, Tool, Update
from service.core.importing.material import Library, Material
from service.core.importing.pieces import Text, shown
from service.core.importing.variables import Scope

_WORKSPACE = re.compile(
    r"^(?:\$\{?(?:GITHUB_WORKSPACE|WORKSPACE|CI_PROJECT_DIR|PWD)\}?|\$\{\{\s*github\.workspace\s*\}\}|\$\(pwd\))/"
)


@dataclass(frozen=True, slots=True)
class Call:
    """A command with its words, and the folder, variables and checkouts around it."""

    words: tuple[str, ...]
    at: At
    scope: Scope
    flow: Flow
    library: Library
    folder: str = ""
    clones: Mapping[str, str] | None = None
    writes: str = ""

    def file(self, raw: str) -> tuple[Text, str]:
        """Give a file as its repository names it, and that repository if it is a checkout that the script made."""
        plain = _WORKSPACE.sub("/", raw)
        path = plain.lstrip("/") if plain.startswith("/") else posixpath.normpath(posixpath.join(self.folder, plain))
        for folder, repository in sorted((self.clones or {}).items(), key=lambda pair: -len(pair[0])):
            if not folder or path.startswith(f"{folder}/"):
                below = path[len(folder) :].lstrip("/") if folder else path
                return self.scope.read(below), repository
        return self.scope.read(path), ""

    def materials(self, raw: str) -> list[Material]:
        """Give the files at hand that a path means."""
        return self.library.named(*self.file(raw))

    def update(
        self, tool: Tool, file: str, path: str, value: Text, *, part: Part | None = None, image: Image | None = None
    ) -> Update:
        """Say that a value is written."""
        where, repository = self.file(file)
        flow = replace(self.flow, manifest_repository=repository or self.flow.manifest_repository)
        return Update(tool, self.at, where, path, value, flow, part, image or Image())

    def difference(self, tool: Tool, kind: str, was: str, now: str, decide: str = "") -> Difference:
        """Say what will not be as before."""
        return Difference(self.at, tool, kind, was, now, decide)

    def shown(self, raw: str) -> str:
        """Write a text of the script for people."""
        return shown(self.scope.read(raw))
