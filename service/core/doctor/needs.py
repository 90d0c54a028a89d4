"""Which permissions and events a configuration needs of GitHub, in each repository. Pure.

The table of docs/install.md, "A GitHub App", as code; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from service.core.config import Configuration, Target
from service.core.words import Protected, Publish, Repository

READ, WRITE = "read", "write"
_LEVELS = ("", READ, WRITE, "admin")


@dataclass
class Needs:
    """What is needed in one repository: permissions, the events that start work, and those that only speed it up."""

    permissions: dict[str, str] = field(default_factory=dict)
    events: set[str] = field(default_factory=set)
    helpful: set[str] = field(default_factory=set)

    def permit(self, name: str, level: str) -> None:
        """Need at least this level."""
        if not allows(self.permissions.get(name, ""), level):
            self.permissions[name] = level


def allows(has: str, needed: str) -> bool:
    """Tell whether a level includes another one; a level that is not known includes nothing."""
    return has in _LEVELS and _LEVELS.index(has) >= _LEVELS.index(needed)


def needs_of(configuration: Configuration, configuration_repository: Repository) -> dict[Repository, Needs]:
    """Give what is needed in each repository that the configuration names, itself included."""
    found: dict[Repository, Needs] = {}

    def of(repository: Repository) -> Needs:
        return found.setdefault(repository, Needs())

    _configuration(of(configuration_repository))
    for target in configuration.targets():
        if target.model is None:
            _source(of(target.source), target)
        _manifests(of(target.manifest_repository or configuration_repository), target)
    if configuration.roles != type(configuration.roles)():
        for needs in found.values():
            needs.permit("members", READ)
    return found


def _configuration(needs: Needs) -> None:
    needs.permit("metadata", READ)
    needs.permit("contents", READ)
    needs.permit("statuses", WRITE)
    needs.helpful.add("push")


def _source(needs: Needs, target: Target) -> None:
    needs.permit("metadata", READ)
    needs.permit("contents", READ)
    needs.permit("statuses", WRITE)
    needs.permit("pull_requests", READ)
    if target.branch:
        needs.events.add("push")
    kinds = {image.builder_kind for image in target.images}
    if "github-actions" in kinds:
        needs.permit("actions", WRITE)
        needs.helpful |= {"workflow_run", "workflow_job"}
    if any(
        getattr(image.builder_options, "workflow", None) for image in target.images if image.builder_kind == "external"
    ):
        needs.permit("actions", READ)
    if "external" in kinds:
        needs.helpful.add("workflow_run")
    if "checks" in _gates(target):
        needs.permit("checks", READ)
        needs.helpful |= {"status", "check_run"}


def _manifests(needs: Needs, target: Target) -> None:
    needs.permit("metadata", READ)
    needs.permit("contents", WRITE)
    if target.publish is Publish.PULL_REQUEST or target.writing.protected is Protected.PULL_REQUEST:
        needs.permit("pull_requests", WRITE)
        needs.permit("statuses", WRITE)
        needs.helpful.add("pull_request")
    gates = _gates(target)
    if "approval" in gates:
        needs.helpful.add("pull_request_review")
        if any(one.startswith("team:") for one in getattr(gates["approval"], "by", ())):
            needs.permit("members", READ)
    if any(one.startswith("team:") for one in target.pull_request.reviewers):
        needs.permit("members", READ)


def _gates(target: Target) -> dict[str, object]:
    return dict(target.gates)


def lacking(needed: Mapping[str, str], given: Mapping[str, str]) -> Iterator[str]:
    """Name the permissions that are missing or too low, as `contents: write`."""
    for name, level in sorted(needed.items()):
        if not allows(given.get(name, ""), level):
            yield f"{name}: {level}"
