"""What applications have in common, moved to where it stands once: environments and defaults. Called by `proposal`."""

from __future__ import annotations

import re

from service.core.importing.findings import Built
from service.core.importing.gathered import Target, branch_of
from service.core.importing.proposal_text import Asked, Branch
from service.core.importing.sound_texts import fits, kept

Keys = dict[str, Branch]

_METHODS = frozenset({"merge", "squash", "rebase"})
SHARED = ("registry", "tag", "build")
"""The keys of an image that several of them may share."""


def templated(text: str, name: str, placeholder: str) -> str:
    """Put a placeholder in the place of a name that is in a text once, as a word."""
    made, count = re.subn(rf"(?<![A-Za-z0-9]){re.escape(name)}(?![A-Za-z0-9])", placeholder, text)
    return made if count == 1 else text


def feeding(target: Target, built: Built | None, home: str) -> Keys:
    """Give what is an environment's: its branch, how changes are published, and where."""
    flow = target.placed[0].flow
    asked = "the branch of the source that feeds it, or `from: ENVIRONMENT`"
    keys: Keys = {"branch": kept("branch", branch_of(target, built), asked)}
    if flow.pull_request:
        keys["publish"] = "pull-request"
        method = flow.merge_method if flow.merge_method in _METHODS else ""
        labels = [label for label in flow.labels if fits("label", label)]
        how = {"auto_merge": flow.auto_merge, "merge_method": method, "labels": labels}
        if any(how.values()):
            keys["pull_request"] = {name: value for name, value in how.items() if value}
    where: Keys = {}
    if fits("repository", flow.manifest_repository) and flow.manifest_repository != home:
        where["repository"] = flow.manifest_repository
    if fits("manifest", flow.manifest_branch) and flow.manifest_branch not in {"main", "master"}:
        where["branch"] = flow.manifest_branch
    if where:
        keys["manifest"] = where
    return keys


_OF_ENVIRONMENT = ("branch", "publish", "pull_request", "manifest")


def join_environments(grouped: dict[str, dict[str, Target]], written: dict[str, Keys]) -> Keys:
    """Move to each environment what its applications have in common; the first one that knows its branch decides."""
    names = dict.fromkeys(name for targets in grouped.values() for name in targets)
    environments: dict[str, Keys] = {}
    for name in names:
        homes = [_overrides(keys)[name] for keys in written.values() if name in _overrides(keys)]
        base = next((home for home in homes if not isinstance(home["branch"], Asked)), homes[0])
        environments[name] = {key: base[key] for key in _OF_ENVIRONMENT if key in base}
        for home in homes:
            _keep_what_differs(home, environments[name])
    for keys in written.values():
        overrides = _overrides(keys)
        left: Keys = {}
        for name in names:
            if name not in overrides:
                left[name] = False
            elif overrides[name]:
                left[name] = overrides[name]
        del keys["environments"]
        if left:
            keys["environments"] = left
    return dict(environments)


def _keep_what_differs(home: Keys, base: Keys) -> None:
    """Leave in an application's environment only what is not the environment's."""
    if "publish" in base and "publish" not in home:
        home["publish"] = "commit"
    for key in _OF_ENVIRONMENT:
        if home.get(key) == base.get(key) or (key == "branch" and isinstance(home.get(key), Asked)):
            home.pop(key, None)


def _overrides(keys: Keys) -> dict[str, Keys]:
    found = keys["environments"]
    assert isinstance(found, dict)  # noqa: S101 - made above
    return found


def hoist(written: dict[str, Keys]) -> Keys:
    """Move to the defaults what all of several applications have in common, with {application} for their names."""
    found: Keys = {}
    if len(written) < 2:  # noqa: PLR2004 - one application needs no defaults
        return found
    for key in (*SHARED, "image", "values"):
        named = key not in SHARED
        values = [_of_any(keys.get(key), name) if named else keys.get(key) for name, keys in written.items()]
        first = values[0]
        if first is not None and all(value == first for value in values):
            found[key] = first
            for keys in written.values():
                del keys[key]
    return found


def _of_any(value: Branch | None, name: str) -> Branch | None:
    """Write an image or the entries of `values` as they would be for any application."""
    if isinstance(value, str):
        return templated(value, name, "{application}") if "{" not in value else value
    if not isinstance(value, list):
        return value
    return [
        {**entry, "file": templated(file, name, "{application}")}
        if isinstance(file := entry.get("file"), str)
        else entry
        for entry in value
    ]
