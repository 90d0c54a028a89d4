"""All that gates are told of a promotion at one moment. The pipeline reads it, and the kinds judge it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from service.core.gates.http_answer import HttpAnswer
from service.core.gates.image_facts import ImageFacts
from service.core.gates.restrictions import ClosedByPeople
from service.core.gates.reviews import Reviews
from service.core.gates.seen_checks import Check
from service.core.gates.stays import ReleaseIdentity, Stay
from service.core.gates.unknown import NOT_READ, Unknown
from service.core.promotion_model import ModelStory
from service.core.words import Repository, Sha


@dataclass(frozen=True, slots=True)
class FileText:
    """A file of the manifest repository that a gate names."""

    path: str
    text: str | Unknown


@dataclass(frozen=True, slots=True)
class Override:
    """A person opened one gate for this release: which gate, who and why."""

    gate: str
    who: str
    why: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a promotion at one moment: its time, its place, what it brings, and the evidence for it.

    What nobody has read is Unknown, so that a forgotten fact closes a gate and never opens it. `tree` is the id of the
    application's paths in the source commit, `labels` are those of the source's pull request, `models` are the model
    versions that the release brings, as people name them: `fraud-scorer@7`. `model` is
    what is known of that version, None where none is promoted.
    """

    now: datetime
    application: str
    environment: str
    source: Repository
    commit: Sha
    images: tuple[ImageFacts, ...]
    tree: str | None = None
    models: frozenset[str] = frozenset()
    labels: frozenset[str] | Unknown = NOT_READ
    upstream: tuple[Stay, ...] | Unknown = NOT_READ
    checks: tuple[Check, ...] | Unknown = NOT_READ
    reviews: Reviews | Unknown = NOT_READ
    state: ClosedByPeople | Unknown = NOT_READ
    files: tuple[FileText, ...] = ()
    answer: HttpAnswer | Unknown = NOT_READ
    overrides: tuple[Override, ...] = ()
    model: ModelStory | Unknown | None = NOT_READ

    @property
    def release(self) -> ReleaseIdentity:
        """What the release is recognised by elsewhere."""
        digests = [image.reference.digest for image in self.images]
        known = frozenset(digest for digest in digests if digest)
        return ReleaseIdentity(known if all(digests) else frozenset(), self.tree, self.commit)

    def file(self, path: str) -> str | Unknown:
        """Give the text of a file; Unknown if nobody has read it."""
        return next((file.text for file in self.files if file.path == path), NOT_READ)
