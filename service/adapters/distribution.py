"""A client of the OCI distribution API: manifests, labels, digests and platforms, read from the registry itself.

The registries `ecr` and `oci` read through it, and builders ask it what became of a push. It pushes no image, but gives
one that is there another tag. It believes no digest that it has not computed from the bytes.

The API: https://github.com/opencontainers/distribution-spec/blob/main/spec.md
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

from pydantic import BaseModel, ValidationError

from service.adapters.distribution_documents import Document, ImageConfig, Tags
from service.adapters.distribution_errors import bad_answer, damaged, missing_image, missing_repository
from service.adapters.distribution_http import Answer, CredentialSource, RegistryHttp, Timeouts
from service.core.images import REVISION_LABEL, SOURCE_LABEL, TREE_LABEL, Image, ImageReference, PlatformImage
from service.core.platforms import normal
from service.core.words import Digest
from service.errors import PermanentError, RetryableError
from service.ports import Credentials

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
_ACCEPTED = (
    OCI_INDEX,
    OCI_MANIFEST,
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
_MANIFEST_LIMIT = 4 * 1024 * 1024
_CONFIG_LIMIT = 1024 * 1024
_MOST_IMAGES = 64
"""More images than any index has that somebody builds; each costs two requests."""


Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Child:
    """An image that an index names; the platform is empty where the index tells none."""

    digest: Digest
    platform: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest or index as the registry holds it; `digest` is the sha256 of its bytes.

    `children` are the images of an index that can run. `size` is that of an image's configuration and layers.
    """

    digest: Digest
    content: bytes = field(repr=False)
    children: tuple[Child, ...]
    config: Digest | None
    annotations: Mapping[str, str]
    size: int
    media_type: str = OCI_MANIFEST


@dataclass(frozen=True, slots=True)
class _Labels:
    platform: str
    labels: Mapping[str, str]


class Distribution:
    """One registry's `/v2`, from any thread."""

    def __init__(
        self,
        host: str,
        *,
        credentials: CredentialSource | None = None,
        insecure: bool = False,
        timeouts: Timeouts | None = None,
        ca_file: Path | None = None,
    ) -> None:
        """Take the host as it is reached, the source of its credentials, and whose certificates to trust."""
        self._http = RegistryHttp(
            host, credentials or fixed(None), insecure=insecure, timeouts=timeouts, ca_file=ca_file
        )

    def find(self, reference: ImageReference) -> Image | None:
        """Give the image that the tag names, and that of each platform; None when tag or repository is missing.

        An index's own annotations count first, then those of a platform's manifest, then its labels. The image's own
        revision and source are those of the first platform that tells a revision.
        """
        repository = reference.repository
        top = self.manifest(repository, reference.tag)
        if top is None:
            return None
        children = top.children if top.config is None else ()
        if top.config is None and not children:
            raise bad_answer(self._http.host, "an index without any image that can run")
        parts, absent = [], []
        for child in children:
            manifest = self.manifest(repository, child.digest)
            if manifest is None:
                absent.append(child.platform or child.digest)
            else:
                parts.append(self._part(repository, manifest, top.annotations, child.platform))
        if not children:
            parts.append(self._part(repository, top, {}, ""))
        of_index = PlatformImage("", top.digest, 0, *_origin(top.annotations))
        first = next((part for part in parts if part.revision), (parts or [of_index])[0])
        return Image(
            reference=ImageReference(reference.registry, repository, reference.tag, top.digest),
            digest=top.digest,
            platforms=tuple(dict.fromkeys(part.platform for part in parts if part.platform)),
            revision=first.revision,
            source=first.source,
            tree=first.tree,
            parts=tuple(parts),
            absent=tuple(absent),
        )

    def _part(self, repository: str, manifest: Manifest, of_index: Mapping[str, str], platform: str) -> PlatformImage:
        """Read one platform's image. The index tells the platform, else the image's own configuration does."""
        told = self._labels(repository, manifest)
        labels = {**told.labels, **manifest.annotations, **of_index}
        return PlatformImage(platform or told.platform, manifest.digest, manifest.size, *_origin(labels))

    def manifest(self, repository: str, name: str) -> Manifest | None:
        """Give a manifest or index by tag or digest; None when it or its repository is not there."""
        answer = self._http.request(
            "GET",
            f"/v2/{quote(repository)}/manifests/{quote(name, safe=':')}",
            scope=_pull(repository),
            headers={"Accept": ", ".join(_ACCEPTED)},
            limit=_MANIFEST_LIMIT,
        )
        if not answer.found:
            return None
        told = name if ":" in name else answer.headers.get("Docker-Content-Digest", "")
        digest = self._verified(answer, told)
        document = self._parse(Document, answer.content, "a manifest")
        images = [child for child in document.manifests or () if child.runs]
        if len(images) > _MOST_IMAGES:
            raise bad_answer(self._http.host, f"an index of more than {_MOST_IMAGES} images")
        blobs = [document.config, *(document.layers or ())] if document.config else []
        return Manifest(
            digest=digest,
            content=answer.content,
            children=tuple(Child(Digest(child.digest), normal(str(child.platform or ""))) for child in images),
            config=Digest(document.config.digest) if document.config else None,
            annotations=document.annotations or {},
            size=sum(blob.size for blob in blobs),
            media_type=document.media_type or answer.headers.get("Content-Type", "").partition(";")[0] or OCI_MANIFEST,
        )

    def has(self, repository: str, digest: Digest) -> bool:
        """Tell whether a manifest or index of this digest is there."""
        return self._head(repository, digest).found

    def digest_of(self, repository: str, tag: str) -> Digest | None:
        """Give the digest that the registry says a tag has; None when there is no such tag, or it does not say."""
        answer = self._head(repository, tag)
        return Digest(answer.headers.get("Docker-Content-Digest", "")) or None if answer.found else None

    def _head(self, repository: str, name: str) -> Answer:
        answer = self._http.request(
            "HEAD",
            f"/v2/{quote(repository)}/manifests/{quote(name, safe=':')}",
            scope=_pull(repository),
            headers={"Accept": ", ".join(_ACCEPTED)},
        )
        told = answer.headers.get("Docker-Content-Digest", "")
        if answer.found and ":" in name and told not in {"", name}:
            raise damaged(self._http.host, name)
        return self._no_page(answer)

    def _no_page(self, answer: Answer) -> Answer:
        """Refuse a page in place of an answer without a body: it would say that everything is there."""
        if answer.found and answer.headers.get("Content-Type", "").partition(";")[0].strip().lower() == "text/html":
            raise bad_answer(self._http.host, "a page where a manifest or blob was expected")
        return answer

    def _labels(self, repository: str, manifest: Manifest) -> _Labels:
        """Read the image's configuration: its platform and labels."""
        if manifest.config is None:
            return _Labels("", {})
        answer = self._http.request(
            "GET", f"/v2/{quote(repository)}/blobs/{manifest.config}", scope=_pull(repository), limit=_CONFIG_LIMIT
        )
        if not answer.found:
            raise bad_answer(self._http.host, "a manifest whose configuration is missing")
        self._verified(answer, manifest.config)
        config = self._parse(ImageConfig, answer.content, "an image configuration")
        labels = config.config.labels if config.config else None
        return _Labels(normal(str(config)), labels or {})

    def add_tag(self, repository: str, digest: Digest, tag: str) -> None:
        """Put the very bytes of a manifest or index under another tag; its layers are there already."""
        there = self.manifest(repository, digest)
        if there is None:
            raise missing_image(self._http.host, repository, digest)
        answer = self._http.request(
            "PUT",
            f"/v2/{quote(repository)}/manifests/{quote(tag, safe='')}",
            scope=push_scope(repository),
            headers={"Content-Type": there.media_type},
            body=there.content,
        )
        self._present(answer, repository)

    def tags(self, repository: str, most: int) -> list[str]:
        """List the first tags in the registry's own order; none where the repository is not there."""
        answer = self._http.request(
            "GET", f"/v2/{quote(repository)}/tags/list?n={most}", scope=_pull(repository), limit=_MANIFEST_LIMIT
        )
        if not answer.found:
            return []
        return list(self._parse(Tags, answer.content, "a list of tags").tags or ())[:most]

    def check_push(self, repository: str) -> None:
        """Begin an upload and drop it, which raises what a push would raise: refusal, missing repository, no answer."""
        self._drop(self._begin(repository), repository)

    def _begin(self, repository: str) -> str:
        """Begin an upload and give its address."""
        answer = self._http.request("POST", f"/v2/{quote(repository)}/blobs/uploads/", scope=push_scope(repository))
        self._present(answer, repository)
        place = answer.headers.get("Location")
        if not place:
            raise bad_answer(self._http.host, "an upload without a place")
        return place

    def _drop(self, place: str, repository: str) -> None:
        """Cancel an upload; a registry that cannot do so lets it expire."""
        with suppress(PermanentError, RetryableError):
            self._http.request("DELETE", place, scope=push_scope(repository))

    def _present(self, answer: Answer, repository: str) -> None:
        if not answer.found:
            raise missing_repository(self._http.host, repository)

    def _verified(self, answer: Answer, told: str) -> Digest:
        """Compute the digest from the bytes; if the registry told another one, the answer was damaged on its way."""
        digest = digest_of(answer.content)
        if told and told != digest:
            raise damaged(self._http.host, told)
        return digest

    def _parse(self, model: type[Model], content: bytes, what: str) -> Model:
        try:
            return model.model_validate_json(content)
        except ValidationError as error:
            raise bad_answer(self._http.host, f"something else where {what} was expected") from error


def _origin(labels: Mapping[str, str]) -> tuple[str | None, str | None, str | None]:
    """Give the revision, the source and the tree that labels tell."""
    return labels.get(REVISION_LABEL) or None, labels.get(SOURCE_LABEL) or None, labels.get(TREE_LABEL) or None


def digest_of(content: bytes) -> Digest:
    """Give the digest of some bytes."""
    return Digest(f"sha256:{hashlib.sha256(content).hexdigest()}")


def fixed(credentials: Credentials | None) -> CredentialSource:
    """Make a source of credentials that never change."""

    def give(*, renew: bool = False) -> Credentials | None:  # noqa: ARG001 - there are no newer ones
        return credentials

    return give


def _pull(repository: str) -> str:
    return f"repository:{repository}:pull"


def push_scope(repository: str) -> str:
    """Name the right to push to a repository, as token services know it."""
    return f"repository:{repository}:pull,push"
