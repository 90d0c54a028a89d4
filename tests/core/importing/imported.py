"""An import of a few files, and what the real `config check` and the real editor say of its proposal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import yaml

from service.adapters.kinds import kinds
from service.core.config import Configuration, load
from service.core.importing import Library, Material, Proposal, read_all
from service.core.values_check import check_values
from service.errors import ConfigError, Fault


@dataclass(frozen=True)
class Tree:
    """The manifest repository's files."""

    files: dict[str, str]

    def read(self, file: str) -> bytes | None:
        return self.files[file].encode() if file in self.files else None

    def names(self, folder: str) -> list[str]:
        below = [path[len(folder) :].lstrip("/") for path in self.files if path.startswith(folder)]
        return sorted({path.split("/")[0] for path in below})


@dataclass(frozen=True)
class Imported:
    """A proposal and the manifest repository's files."""

    proposal: Proposal
    files: dict[str, str]

    @property
    def tree(self) -> Any:
        """The proposed configuration as data."""
        return yaml.safe_load(self.proposal.text)

    @property
    def kinds(self) -> set[str]:
        return {one.kind for one in self.proposal.differences}

    @property
    def faults(self) -> list[Fault]:
        """What `mergeport config check` finds: in the file, and in the values files where the file is sound."""
        try:
            configuration: Configuration = load(self.proposal.text, kinds=kinds())
        except ConfigError as error:
            return list(error.faults)
        there = [target for target in configuration.targets() if any(one.file in self.files for one in target.values)]
        return check_values(configuration, there, Tree(self.files), file="mergeport.yaml")

    def check(self) -> None:
        """The faults are exactly at the lines of the questions."""
        if not self.proposal.text:
            return
        lines = {fault.line for fault in self.faults}
        assert lines == {question.line for question in self.proposal.questions}, (self.faults, self.proposal.text)

    def one(self, kind: str) -> str:
        """Give the place of the only difference of a kind."""
        (found,) = [one for one in self.proposal.differences if one.kind == kind]
        return f"{found.at.file}:{found.at.line}"


def imported(manifests: dict[str, str], source: dict[str, str] | None = None, *, repositories: bool = True) -> Imported:
    """Import a manifest repository, acme/manifests, and a source repository, acme/checkout."""
    ours, theirs = ("acme/manifests", "acme/checkout") if repositories else ("", "")
    materials = [Material(path, text, path, ours) for path, text in manifests.items()]
    materials += [Material(path, text, f"source/{path}", theirs) for path, text in (source or {}).items()]
    found = Imported(read_all(Library(materials)), manifests)
    found.check()
    return found


def workflow(*steps: str, on: str = "{push: {branches: [main]}}", env: str = "{}", job: str = "{}") -> dict[str, str]:
    """Give a workflow of one job; a step is its YAML, or a script."""
    text = f"name: Deploy\non: {on}\nenv: {env}\njobs:\n  deploy:\n    runs-on: ubuntu-latest\n"
    text += "".join(f"    {key}: {value}\n" for key, value in yaml.safe_load(job).items()) + "    steps:\n"
    for step in steps:
        if step.startswith(("uses:", "run:", "name:", "id:", "env:")):
            text += "      - " + step.replace("\n", "\n        ") + "\n"
        else:
            text += "      - run: |\n" + "".join(f"          {line}\n" for line in step.splitlines())
    return {".github/workflows/deploy.yml": text}


VALUES = "image:\n  repository: ghcr.io/acme/checkout\n  tag: '1'\nreplicas: 2\n"
