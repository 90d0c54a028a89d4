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

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from service.adapters.distribution_errors import bad_answer, missing_repository
from service.adapters.distribution_http import Answer, CredentialSource, RegistryHttp, Timeouts
from service.core.images import REVISION_LABEL, SOURCE_LABEL, TREE_LABEL, Image, ImageReference
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

Model = TypeVar("Model", bound=BaseModel)


class _Part(BaseModel):
    """Only the fields of a document that we read."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class _Platform(_Part):
    os: str = ""
    architecture: str = ""
    variant: str = ""

    def __str__(self) -> str:
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)


class _Descriptor(_Part):
    digest: str
    platform: _Platform | None = None

    @property
    def runs(self) -> bool:
        """Whether it is an image that can run; an attestation's platform is `unknown/unknown`."""
        return self.platform is None or self.platform.os != "unknown"


class _Tags(_Part):
    tags: tuple[str, ...] | None = None


class _Document(_Part):
    """A manifest or an index: one has a config, the other has manifests."""

    config: _Descriptor | None = None
    manifests: tuple[_Descriptor, ...] | None = None
    annotations: Mapping[str, str] | None = None
    media_type: str = Field(default="", alias="mediaType")


class _ConfigSection(_Part):
    labels: Mapping[str, str] | None = Field(default=None, alias="Labels")


class _ImageConfig(_Platform):
    config: _ConfigSection | None = None


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest or index as the registry holds it; `digest` is the sha256 of its bytes."""

    digest: Digest
    content: bytes = field(repr=False)
    platforms: tuple[str, ...]
    children: tuple[Digest, ...]
    config: Digest | None
    annotations: Mapping[str, str]
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
        """Give the image that the tag names, with labels and platforms; None when tag or repository is missing.

        An index's own annotations count first, then the labels of its first image.
        """
        top = self.manifest(reference.repository, reference.tag)
        if top is None:
            return None
        first = top
        if top.config is None and top.children:
            first = self.manifest(reference.repository, top.children[0]) or top
        told = self._labels(reference.repository, first)
        labels = {**told.labels, **first.annotations, **top.annotations}
        return Image(
            reference=ImageReference(reference.registry, reference.repository, reference.tag, top.digest),
            digest=top.digest,
            platforms=top.platforms or ((told.platform,) if told.platform else ()),
            revision=labels.get(REVISION_LABEL) or None,
            source=labels.get(SOURCE_LABEL) or None,
            tree=labels.get(TREE_LABEL) or None,
        )

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
        document = self._parse(_Document, answer.content, "a manifest")
        images = [child for child in document.manifests or () if child.runs]
        return Manifest(
            digest=digest,
            content=answer.content,
            platforms=tuple(str(child.platform) for child in images if child.platform),
            children=tuple(Digest(child.digest) for child in images),
            config=Digest(document.config.digest) if document.config else None,
            annotations=document.annotations or {},
            media_type=document.media_type or answer.headers.get("Content-Type", "").partition(";")[0] or OCI_MANIFEST,
        )

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
        config = self._parse(_ImageConfig, answer.content, "an image configuration")
        labels = config.config.labels if config.config else None
        return _Labels(str(config), labels or {})

    def add_tag(self, repository: str, digest: Digest, tag: str) -> None:
        """Put the very bytes of a manifest or index under another tag; its layers are there already."""
        there = self.manifest(repository, digest)
        if there is None:
            raise PermanentError(
                f"{repository} in registry {self._http.host} has no image {digest}",
                code="image-missing",
                hint="check whether a lifecycle rule or another process deleted it; `mergeport runs retry` builds it",
            )
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
        return list(self._parse(_Tags, answer.content, "a list of tags").tags or ())[:most]

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
            raise RetryableError(
                f"Registry {self._http.host}, gave bytes that do not match {told}.",
                code="registry-damaged",
                hint="a proxy between here and the registry damages its answers",
                registry=self._http.host,
            )
        return digest

    def _parse(self, model: type[Model], content: bytes, what: str) -> Model:
        try:
            return model.model_validate_json(content)
        except ValidationError as error:
            raise bad_answer(self._http.host, f"something else where {what} was expected") from error


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
