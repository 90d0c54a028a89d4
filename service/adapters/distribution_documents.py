"""The fields of manifests, indexes and image configurations that we read. Used by the `distribution` client alone.

https://github.com/opencontainers/image-spec/blob/main/image-index.md
"""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, Field

_ATTESTATION = ("vnd.docker.reference.type", "attestation-manifest")
"""https://docs.docker.com/build/metadata/attestations/attestation-storage/"""


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

    digest: str
    size: int = Field(default=0, ge=0)
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


class ConfigSection(Part):
    """How a container is run; the labels are here."""

    labels: Mapping[str, str] | None = Field(default=None, alias="Labels")


class ImageConfig(Platform):
    """An image's configuration."""

    config: ConfigSection | None = None
