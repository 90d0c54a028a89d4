"""What a deployer shows of one application at one moment. Deployers make it, `judging` reads it; plain data."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple


class Applied(NamedTuple):
    """One object that the newest operation applied, as `Kind/name`, and the images in it."""

    object: str
    images: tuple[str, ...]


class Override(NamedTuple):
    """A setting of the application itself that overrides its files, such as `helm.parameters`, and what it sets."""

    setting: str
    name: str = ""

    def __str__(self) -> str:
        """Write it as people find it in the application."""
        return f"{self.setting} {self.name}".rstrip()


@dataclass(frozen=True, slots=True)
class Observation:
    """What a deployer says about one application now.

    `revisions` are the compared ones (one a source, of `sources`, each of which `follows` a branch or tag),
    `synced_revisions` those of the newest operation once it has finished, `operation_revisions` those that it was asked
    to sync. `messages` are the deployer's own words for whatever is wrong, most telling first; `sync_errors` are those
    of the newest operation alone, including its earlier tries. `doing` has the words of an operation under way,
    `conditions` the deployer's other messages about the application. `retries_left` says that the deployer will retry a
    failed operation, `tries` how often it has done so, and `operation` identifies the operation. `out_of_sync`,
    `unhealthy` and `applied` name objects as `Kind/name`; `children` are applications among them. `overrides` are the
    application's own settings that may override the values files.
    """

    application: str
    sync: str
    revisions: tuple[str, ...]
    phase: str | None
    synced_revisions: tuple[str, ...]
    health: str
    messages: tuple[str, ...] = ()
    sync_errors: tuple[str, ...] = ()
    comparison_error: bool = False
    images: tuple[str, ...] = ()
    url: str = ""
    sources: tuple[str, ...] = ()
    follows: tuple[str, ...] = ()
    operation_revisions: tuple[str, ...] = ()
    retries_left: bool = False
    out_of_sync: tuple[str, ...] = ()
    unhealthy: tuple[str, ...] = ()
    health_since: datetime | None = None
    applied: tuple[Applied, ...] = ()
    automated: bool = True
    children: tuple[str, ...] = ()
    overrides: tuple[Override, ...] = ()
    project: str = ""
    operation: str = ""
    tries: int = 0
    doing: str = ""
    conditions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Pods:
    """What an application's tree of objects tells in addition to the application itself.

    `messages` are those of unhealthy objects, pods first. `jobs` are images that only scheduled jobs run: what these
    ran last does not show what is deployed.
    """

    messages: tuple[str, ...] = ()
    jobs: frozenset[str] = frozenset()
