"""The fields of manifests, indexes and image configurations that we read. Used by the `distribution` client alone.

https://github.com/opencontainers/image-spec/blob/main/image-index.md
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

_ATTESTATION = ("vnd.docker.reference.type", "attestation-manifest")
"""https://docs.docker.com/build/metadata/attestations/attestation-storage/"""


_DigestText = Annotated[str, Field(pattern=r"^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$")]
"""Anything else would be asked for as a tag, or as another address of the registry."""
_LARGEST = 1 << 53


class Part(BaseModel):
    """Only the fields of a document that we read."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Tags(Part):
    """A list of tags; a repository without any may have `null`."""

    tags: tuple[str, ...] | None = None


class Platform(Part):
    """A platform as an index or a configuration writes it."""

    os: str = ""
    architecture: str = ""
    variant: str = ""

    def __str__(self) -> str:
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)


class Descriptor(Part):
    """What names a manifest or a blob."""

    digest: _DigestText
    size: int = Field(default=0, ge=0, le=_LARGEST)
    platform: Platform | None = None
    annotations: Mapping[str, str] | None = None
    media_type: str = Field(default="", alias="mediaType")

    @property
    def runs(self) -> bool:
        """Whether it is an image that can run; an attestation's platform is `unknown/unknown`."""
        name, value = _ATTESTATION
        unknown = self.platform is not None and "unknown" in (self.platform.os, self.platform.architecture)
        return not unknown and (self.annotations or {}).get(name) != value


class Document(Part):
    """A manifest or an index: one has a config, the other has manifests."""

    config: Descriptor | None = None
    layers: tuple[Descriptor, ...] | None = None
    manifests: tuple[Descriptor, ...] | None = None
    annotations: Mapping[str, str] | None = None
    media_type: str = Field(default="", alias="mediaType")

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        """Refuse any other JSON: a gateway's answer would be an image that nobody has pushed."""
        if self.config is None and self.manifests is None:
            raise ValueError("neither a manifest nor an index")
        return self


class ConfigSection(Part):
    """How a container is run; the labels are here."""

    labels: Mapping[str, str] | None = Field(default=None, alias="Labels")


class ImageConfig(Platform):
    """An image's configuration."""

    config: ConfigSection | None = None
