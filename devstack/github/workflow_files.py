"""Reads workflow files as GitHub does before it starts one: its name, its triggers, the inputs it takes.

https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

FOLDER = ".github/workflows"
SKIPPED = re.compile(r"\[(skip ci|ci skip|no ci|skip actions|actions skip)\]|^skip-checks: ?true$", re.MULTILINE)
"""https://docs.github.com/en/actions/how-tos/manage-workflow-runs/skip-workflow-runs"""

_INPUT = re.compile(r"\$\{\{\s*(?:github\.event\.)?inputs\.([A-Za-z0-9_-]+)\s*\}\}")


@dataclass(frozen=True, slots=True)
class WorkflowFile:
    """What a file says of when and how it runs."""

    name: str
    run_name: str
    triggers: Mapping[str, Any]
    inputs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    jobs: tuple[str, ...] = ()

    def title(self, inputs: Mapping[str, str]) -> str:
        """Give the name of a run: `run-name` with its inputs, or nothing."""
        return _INPUT.sub(lambda found: str(inputs.get(found[1], "")), self.run_name).strip()

    def starts_for_push(self, branch: str, paths: Iterable[str], message: str) -> bool:
        """Tell whether a push starts it; patterns are those of the file, read simply."""
        if "push" not in self.triggers or SKIPPED.search(message):
            return False
        wanted = self.triggers["push"] or {}
        branches, kept, left = (wanted.get(key) for key in ("branches", "paths", "paths-ignore"))
        if branches and not _any(branches, branch):
            return False
        changed = list(paths)
        if kept and not any(_any(kept, path) for path in changed):
            return False
        return not left or not all(_any(left, path) for path in changed)


def parse(text: bytes, path: str) -> WorkflowFile | None:
    """Read a file; None where it is no workflow."""
    try:
        document = YAML(typ="safe", pure=True).load(text)
    except YAMLError:
        return None
    if not isinstance(document, dict):
        return None
    on = document.get("on", document.get(True, {}))
    triggers = {on: None} if isinstance(on, str) else dict.fromkeys(on) if isinstance(on, list) else dict(on or {})
    dispatch = triggers.get("workflow_dispatch") or {}
    jobs = document.get("jobs") or {}
    names = tuple(str((job or {}).get("name") or key) for key, job in jobs.items())
    return WorkflowFile(
        str(document.get("name") or path), str(document.get("run-name") or ""), triggers,
        {str(name): one or {} for name, one in (dispatch.get("inputs") or {}).items()}, names,
    )  # fmt: skip


def _any(patterns: Iterable[str], text: str) -> bool:
    return any(fnmatch.fnmatchcase(text, str(pattern).replace("**", "*")) for pattern in patterns)
