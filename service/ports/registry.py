"""Images in a registry, and where a builder pushes them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from service.core.images import Image, ImageReference
from service.core.scans import Scan
from service.core.words import Digest
from service.ports.credentials import Credentials


@dataclass(frozen=True, slots=True)
class PushTarget:
    """Where to push: `reference` by the host as it is reached, `insecure` for plain HTTP on loopback.

    `immutable_tags` says that the registry never moves a tag, which explains a refused push. `ca_file` has the
    authorities to trust when we ask the registry about a push; the tool that pushes has its own.
    """

    reference: str
    host: str
    credentials: Credentials | None
    insecure: bool = False
    immutable_tags: bool = False
    ca_file: Path | None = None


@dataclass(frozen=True, slots=True)
class PullSource:
    """Where another registry may copy images from, as it is reached, and with which fresh credentials."""

    host: str
    credentials: Credentials | None
    insecure: bool = False
    ca_file: Path | None = None


@dataclass(frozen=True, slots=True)
class Copied:
    """How far a copy came: whether everything is there with its tag, and how many bytes this call has moved."""

    whole: bool
    size: int


@dataclass(frozen=True, slots=True)
class ListedTag:
    """A tag, and when its image was pushed; None where the registry does not tell that."""

    tag: str
    pushed_at: datetime | None = None


class Registry(Protocol):
    """Images in one registry. `host` is the name in image references; where it is reached may differ."""

    host: str

    @property
    def keeps_in_use(self) -> bool:
        """Whether images in use need tags that keep them, because rules delete images there."""
        ...

    def keep_in_use(
        self, repository: str, wanted: Mapping[str, Digest], *, environments: Collection[str]
    ) -> tuple[str, ...]:
        """Give images the tags of `lifecycle.keep_tag`, and remove those that these environments no longer need.

        Gives words about what was done. A repository or an image that is missing is left out.
        """
        ...

    def ensure_repository(self, repository: str) -> tuple[str, ...]:
        """Create the repository as configured where it is missing, and bring it back where it has drifted.

        Give words for people about what was changed, or is not as configured and was left.
        """
        ...

    def find(self, repository: str, tag: str) -> Image | None:
        """Give what the tag names, read from the registry itself; None when the tag or repository is not there.

        A digest may stand in the tag's place.
        """
        ...

    def has(self, repository: str, digest: Digest) -> bool:
        """Tell whether the registry has a manifest or index of this digest, without reading it."""
        ...

    def digest_of(self, repository: str, tag: str) -> Digest | None:
        """Give the digest that the registry says a tag has, without reading the image; None when there is no such tag.

        It was not computed from the bytes: believe it only after `find`.
        """
        ...

    def add_tag(self, repository: str, digest: Digest, tag: str) -> None:
        """Have the tag name an image that is there already; nothing is copied. The caller reads it back.

        PermanentError `tag-immutable` if the tag names another image and may not be moved; `image-missing` if the image
        is not there.
        """
        ...

    def check_push(self, repository: str) -> None:
        """Begin an upload and drop it. Raises what a push would: a refusal, a missing repository, no answer."""
        ...

    def newest_tags(self, repository: str, most: int) -> Sequence[ListedTag]:
        """List so many tags, newest first, one of each image; where no times are told, whichever are listed first.

        Empty where the repository is not there.
        """
        ...

    @property
    def scans(self) -> bool:
        """Whether the configuration says that this registry scans images: only then is a scan looked for unasked."""
        ...

    def scan(self, repository: str, digest: Digest) -> Scan:
        """Read what the registry's own scan has found in an image, or in each platform's image of an index.

        Read anew at each call: it is evidence, never a verdict. An image that is not there has the status `ABSENT`.
        """
        ...

    def push_target(self, reference: ImageReference) -> PushTarget:
        """Give where and with which fresh credentials a builder pushes the reference."""
        ...

    def pull_source(self) -> PullSource:
        """Give where and with which fresh credentials another registry copies from this one."""
        ...

    def copy_from(self, source: PullSource, repository: str, reference: ImageReference, *, seconds: float) -> Copied:
        """Copy an image, by its digest, from another registry's repository into this one, and give it its tag.

        Every manifest and blob keeps its digest, and the tag comes last. What is there is not sent again, so the call
        may be repeated, and must be until it is whole: it begins nothing new after so many seconds. Reads nothing back.
        """
        ...
