"""What a deployer shows of one application at one moment. Deployers make it, `judging` reads it; plain data."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple


class Applied(NamedTuple):
    """One object that the newest operation brought, as `Kind/name`, and the images in it."""

    object: str
    images: tuple[str, ...]


class Override(NamedTuple):
    """A setting of the application itself that stands over its files: `helm.parameters`, and what it sets."""

    setting: str
    name: str = ""

    def __str__(self) -> str:
        """Name it as people find it."""
        return f"{self.setting} {self.name}".rstrip()


@dataclass(frozen=True, slots=True)
class Observation:
    """What a deployer says of one application now.

    `revisions` are the compared ones (one a source, of `sources`, each of which `follows` a branch or tag),
    `synced_revisions` those of the newest operation once it has finished, `operation_revisions` those that it is about.
    `messages` are the deployer's own words for whatever is wrong, most telling first; `sync_errors` those of the newest
    operation alone, also of its tries before.
    `doing` has the words of an operation under way, `conditions` what it has to say of the application otherwise.
    `retries_left` tells that a failed operation is tried again by itself, `tries` how often it has failed and was tried
    again, and `operation` tells it from the ones before and after it.
    `out_of_sync`, `unhealthy` and `applied` name objects as `Kind/name`; `children` are applications among them.
    `overrides` are the application's own settings that may stand over what the values files say.
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
    """What an application's tree of objects tells beyond the application itself.

    `messages` are the words of what is not healthy, pods first. `jobs` are images that only jobs of a schedule run:
    what it ran last is no sign of what is deployed.
    """

    messages: tuple[str, ...] = ()
    jobs: frozenset[str] = frozenset()
