"""Any registry that speaks the OCI distribution API, with the credentials of a Docker configuration file.

Bootstrap makes one for each registry of the configuration. Such registries make repositories by
themselves at the first push, so nothing is created here.
"""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from service.core.fitting import fitting
from service.core.images import Image, ImageReference
from service.errors import PermanentError

if TYPE_CHECKING:
    from service.adapters.distribution import Distribution
    from service.adapters.distribution_http import Timeouts
    from service.adapters.parts import Parts
    from service.core.scans import Scan
    from service.core.words import Digest
    from service.ports import Copied, Credentials, ListedTag, PullSource, PushTarget


class Options(BaseModel):
    """A registry that speaks the OCI distribution API."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    kind: Literal["oci"] = "oci"
    host: Annotated[
        str,
        *fitting(
            r"^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?$", "a host", "write it like registry.example.com"
        ),
    ] = Field(
        description="The registry's host, with its port where it is not 443, as image references begin.",
    )


def make(options: Options, parts: Parts) -> OciRegistry:
    """Give the registry, with the credentials and exceptions of the settings."""
    settings = parts.settings
    return OciRegistry(
        options,
        docker_config=settings.registry_auth_file,
        insecure=settings.insecure_registries,
        ca_file=parts.ca_file,
    )


class OciRegistry:
    """One registry, from any thread."""

    def __init__(
        self,
        options: Options,
        *,
        docker_config: Path | None = None,
        insecure: Collection[str] = (),
        timeouts: Timeouts | None = None,
        ca_file: Path | None = None,
    ) -> None:
        """Take the options, the file with credentials, the hosts that are reached by plain HTTP, and whom to trust."""
        self.host = options.host
        self._docker_config = docker_config
        self._insecure = options.host in insecure
        self._timeouts = timeouts
        self._ca_file = ca_file
        self._client: Distribution | None = None

    @property
    def keeps_in_use(self) -> bool:
        """Tell that nothing has to be kept: the specification knows no rules that delete images."""
        return False

    def keep_in_use(
        self,
        repository: str,  # noqa: ARG002 - as the next two: there is nothing to do
        wanted: Mapping[str, Digest],  # noqa: ARG002
        *,
        environments: Collection[str],  # noqa: ARG002
    ) -> tuple[str, ...]:
        """Do nothing."""
        return ()

    def ensure_repository(self, repository: str) -> tuple[str, ...]:  # noqa: ARG002 - there is nothing to do
        """Do nothing: the first push makes the repository."""
        return ()

    def find(self, repository: str, tag: str) -> Image | None:
        """Give what the tag names, read from the registry; None when tag or repository is not there."""
        return self._v2.find(ImageReference(self.host, repository, tag))

    def has(self, repository: str, digest: Digest) -> bool:
        """Tell whether the registry has a manifest or index of this digest."""
        return self._v2.has(repository, digest)

    def digest_of(self, repository: str, tag: str) -> Digest | None:
        """Give the digest that the registry says a tag has; None when there is no such tag."""
        return self._v2.digest_of(repository, tag)

    def add_tag(self, repository: str, digest: Digest, tag: str) -> None:
        """Have the tag name an image that is there already. Raises as the port says."""
        self._v2.add_tag(repository, digest, tag)

    def check_push(self, repository: str) -> None:
        """Begin an upload and drop it. Raises as the port says."""
        self._v2.check_push(repository)

    def newest_tags(self, repository: str, most: int) -> Sequence[ListedTag]:
        """List tags as the registry has them: the distribution API tells no times."""
        from service.ports import ListedTag  # noqa: PLC0415 - as below

        return [ListedTag(tag) for tag in self._v2.tags(repository, most)]

    scans = False

    def scan(self, repository: str, digest: Digest) -> Scan:  # noqa: ARG002 - the specification knows no scans
        """Tell that the registry has no scans."""
        from service.core.scans import NO_SCANS  # noqa: PLC0415 - as below

        return NO_SCANS

    def push_target(self, reference: ImageReference) -> PushTarget:
        """Give where the builder pushes, with the credentials as the file has them now."""
        from service.ports import PushTarget  # noqa: PLC0415 - reading a configuration needs none of the ports

        return PushTarget(
            reference=f"{reference.name}:{reference.tag}",
            host=self.host,
            credentials=self._credentials(),
            insecure=self._insecure,
            ca_file=self._ca_file,
        )

    def pull_source(self) -> PullSource:
        """Give where to copy from, with the credentials as the file has them now."""
        from service.ports import PullSource  # noqa: PLC0415 - as above

        return PullSource(self.host, self._credentials(), insecure=self._insecure, ca_file=self._ca_file)

    def copy_from(self, source: PullSource, repository: str, reference: ImageReference, *, seconds: float) -> Copied:
        """Copy an image into this registry. Raises as the port says."""
        from service.adapters.distribution_copy import Copy, CopyTarget, source_of  # noqa: PLC0415 - loads requests

        target = CopyTarget(
            self.host,
            credentials=self._credentials,
            insecure=self._insecure,
            timeouts=self._timeouts,
            ca_file=self._ca_file,
        )
        return Copy(source_of(source, self._timeouts), target, reference, repository).go_on(seconds)

    def _credentials(self, *, renew: bool = False) -> Credentials | None:  # noqa: ARG002 - the file is read each time
        """Read the host's credentials again each time, so that a rotated secret takes effect."""
        return None if self._docker_config is None else docker_credentials(self._docker_config, self.host)

    @property
    def _v2(self) -> Distribution:
        if self._client is None:
            from service.adapters.distribution import Distribution  # noqa: PLC0415 - loads requests

            self._client = Distribution(
                self.host,
                credentials=self._credentials,
                insecure=self._insecure,
                timeouts=self._timeouts,
                ca_file=self._ca_file,
            )
        return self._client


def docker_credentials(file: Path, host: str) -> Credentials | None:
    """Read a host's user and password from a Docker `config.json` (in Kubernetes: `.dockerconfigjson`).

    Credential helpers are programs and are not called; PermanentError if only a helper would know.
    """
    from service.ports import Credentials  # noqa: PLC0415 - as above

    try:
        document = json.loads(file.read_bytes())
        entries = {_bare(key): entry for key, entry in document.get("auths", {}).items()}
        entry = entries.get(host, {})
        if entry.get("auth"):
            username, _, secret = b64decode(entry["auth"]).decode().partition(":")
            return Credentials(username, secret)
        if entry.get("username"):
            return Credentials(entry["username"], entry.get("password", ""))
        helped = host in document.get("credHelpers", {}) or (host in entries and "credsStore" in document)
    except OSError as error:
        raise _unreadable(file, type(error).__name__) from error
    except (ValueError, AttributeError, TypeError) as error:
        raise _unreadable(file, "not a Docker configuration") from error
    if helped:
        raise _unreadable(file, f"{host} uses a credential helper, and Mergeport does not call helpers")
    return None


def _bare(key: str) -> str:
    """Reduce a name like `https://host/v2/`, as older files have it, to the host."""
    return key.removeprefix("https://").removeprefix("http://").partition("/")[0]


def _unreadable(file: Path, why: str) -> PermanentError:
    return PermanentError(
        f"Registry credentials cannot be read from {file.name}: {why}.",
        code="registry-credentials",
        hint='the file needs {"auths": {HOST: {"auth": …}}}, as a Kubernetes pull secret has it',
    )
