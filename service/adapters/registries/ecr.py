"""Amazon ECR: repositories are made over its API, images are read over `/v2`, as any registry's are.

Bootstrap makes one for each registry of the configuration. References keep the AWS host name wherever
the registry is reached in truth. Never deletes an image. A repository that exists is only brought to what `create`
names.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import RLock
from typing import TYPE_CHECKING

from service.adapters.ecr_options import Create, Options
from service.core.images import Image, ImageReference

if TYPE_CHECKING:
    from pathlib import Path

    from mypy_boto3_ecr import ECRClient

    from service.adapters.distribution import Distribution
    from service.adapters.distribution_http import Timeouts
    from service.adapters.ecr_api import EcrApi
    from service.adapters.ecr_repositories import EcrRepositories
    from service.adapters.parts import Parts
    from service.core.scans import Scan
    from service.core.words import Digest
    from service.ports import Clock, Copied, Credentials, ListedTag, PullSource, PushTarget

__all__ = ["EcrRegistry", "Options", "make"]

_RENEW_BEFORE = timedelta(hours=1)
"""Longer than a build may take, so that a token handed to a builder lasts until its push."""
_YOUNG = timedelta(minutes=1)
_ALIGN_EVERY = timedelta(minutes=15)


def make(options: Options, parts: Parts) -> EcrRegistry:
    """Give the registry; the settings may name another address for it or its API."""
    settings = parts.settings
    return EcrRegistry(
        options,
        clock=parts.clock,
        endpoint=settings.ecr_endpoint,
        reached_at=settings.ecr_host,
        ca_file=parts.ca_file,
    )


@dataclass(frozen=True, slots=True)
class _Token:
    credentials: Credentials
    fetched: datetime
    expires: datetime


class EcrRegistry:
    """One ECR registry, from any thread; AWS is asked for nothing before the first call."""

    def __init__(
        self,
        options: Options,
        *,
        clock: Clock,
        endpoint: str | None = None,
        reached_at: str | None = None,
        client: Callable[[], ECRClient] | None = None,
        timeouts: Timeouts | None = None,
        ca_file: Path | None = None,
    ) -> None:
        """Take the options, whom to trust and, for an ECR outside AWS, its API's address and `/v2` host.

        `reached_at` is `host:port`, plain HTTP unless it begins with `https://`.
        """
        self.host = options.host
        self._options = options
        self._clock = clock
        self._endpoint = endpoint
        self._make_client = client
        self._reached = (reached_at or self.host).removeprefix("https://").removeprefix("http://").rstrip("/")
        self._insecure = reached_at is not None and not reached_at.startswith("https://")
        self._timeouts = timeouts
        self._ca_file = ca_file
        self._token: _Token | None = None
        self._parts: tuple[EcrApi, Distribution] | None = None
        self._aligned: dict[str, datetime] = {}
        self._lock = RLock()

    @property
    def keeps_in_use(self) -> bool:
        """Tell whether images in use get tags: where our policy expires tagged images, or if it is asked for."""
        return self._options.keeps_in_use

    def keep_in_use(
        self, repository: str, wanted: Mapping[str, Digest], *, environments: Collection[str]
    ) -> tuple[str, ...]:
        """Tag images in use, and then see to the policy that expires others. Raises what ECR refuses."""
        from service.adapters.ecr_keeping import EcrKeeping  # noqa: PLC0415 - as in _joined

        create = self._options.create if isinstance(self._options.create, Create) else None
        keeping = EcrKeeping(self._api, self._options.account, self.add_tag)
        return keeping.keep(repository, wanted, environments, create)

    def ensure_repository(self, repository: str) -> tuple[str, ...]:
        """Make the repository as configured where it is missing; one that another made meanwhile is as good.

        One that exists is brought to what `create` says by name, but not more often than each quarter of an hour: AWS
        allows few such calls, and another tool may want something else. Give words about what was done or could not be.
        """
        create, there = self._options.create, self._repositories.get(repository)
        if there is not None:
            mapping = create if isinstance(create, Create) else None
            return self._repositories.align(there, mapping) if mapping and self._is_due(repository) else ()
        match create:
            case Create() as wanted:
                self._repositories.create(repository, wanted)
            case True:
                self._repositories.create(repository, Create())
            case False:
                from service.adapters.distribution_errors import missing_repository  # noqa: PLC0415 - loads requests

                raise missing_repository(self.host, repository)
        return ()

    def _is_due(self, repository: str) -> bool:
        """Tell whether the repository's settings are to be compared now, and remember that they were."""
        with self._lock:
            now, last = self._clock.now(), self._aligned.get(repository)
            if last is not None and abs(now - last) < _ALIGN_EVERY:
                return False
            self._aligned[repository] = now
            return True

    def find(self, repository: str, tag: str) -> Image | None:
        """Give what the tag names, read over `/v2`; None when tag or repository is not there."""
        return self._v2.find(ImageReference(self.host, repository, tag))

    def has(self, repository: str, digest: Digest) -> bool:
        """Tell whether the registry has a manifest or index of this digest."""
        return self._v2.has(repository, digest)

    def digest_of(self, repository: str, tag: str) -> Digest | None:
        """Give the digest that the registry says a tag has; None when there is no such tag."""
        return self._v2.digest_of(repository, tag)

    def add_tag(self, repository: str, digest: Digest, tag: str) -> None:
        """Have the tag name an image that is there already, by PutImage, which `/v2` does. Raises as the port says."""
        self._v2.add_tag(repository, digest, tag)

    def check_push(self, repository: str) -> None:
        """Begin an upload and drop it. Raises as the port says."""
        self._v2.check_push(repository)

    def newest_tags(self, repository: str, most: int) -> Sequence[ListedTag]:
        """List tags, newest first, one of each image."""
        return self._api.newest_tags(repository, most)

    @property
    def scans(self) -> bool:
        """Whether the configuration has images scanned when they are pushed."""
        create = self._options.create
        return isinstance(create, Create) and create.scan_on_push

    def scan(self, repository: str, digest: Digest) -> Scan:
        """Read the scan of the image, or of each image that can run of an index: ECR scans no index."""
        from service.adapters.ecr_scans import EcrScans  # noqa: PLC0415 - as in _joined

        scans, there = EcrScans(self._api, self._options.account), self._v2.manifest(repository, digest)
        return scans.of_all(repository, digest, there.children if there else ())

    def push_target(self, reference: ImageReference) -> PushTarget:
        """Give where the builder pushes, with a token that lasts at least an hour."""
        from service.ports import PushTarget  # noqa: PLC0415 - reading a configuration needs none of the ports

        there = self._repositories.get(reference.repository)
        return PushTarget(
            reference=f"{self._reached}/{reference.repository}:{reference.tag}",
            host=self._reached,
            credentials=self._credentials(),
            insecure=self._insecure,
            immutable_tags=there is not None and there.has_immutable_tags,
            ca_file=self._ca_file,
        )

    def pull_source(self) -> PullSource:
        """Give where to copy from, with a token that lasts at least an hour."""
        from service.ports import PullSource  # noqa: PLC0415 - as above

        return PullSource(self._reached, self._credentials(), insecure=self._insecure, ca_file=self._ca_file)

    def copy_from(self, source: PullSource, repository: str, reference: ImageReference, *, seconds: float) -> Copied:
        """Copy an image into this registry. Raises as the port says."""
        from service.adapters.distribution_copy import Copy, CopyTarget, source_of  # noqa: PLC0415 - as in _joined

        target = CopyTarget(
            self._reached,
            credentials=self._credentials,
            insecure=self._insecure,
            timeouts=self._timeouts,
            ca_file=self._ca_file,
        )
        return Copy(source_of(source, self._timeouts), target, reference, repository).go_on(seconds)

    def _credentials(self, *, renew: bool = False) -> Credentials:
        """Give the user and token of the registry, fetched again before they expire or when they are refused.

        A token that was fetched moments ago is not renewed, because a new one would be refused too.
        """
        with self._lock:
            now = self._clock.now()
            token = self._token
            if token is None or token.expires - now < _RENEW_BEFORE or (renew and now - token.fetched > _YOUNG):
                credentials, expires = self._api.login()
                token = self._token = _Token(credentials, fetched=now, expires=expires)
            return token.credentials

    @property
    def _repositories(self) -> EcrRepositories:
        from service.adapters.ecr_repositories import EcrRepositories  # noqa: PLC0415 - as in _joined

        return EcrRepositories(self._api, self._options.account)

    @property
    def _api(self) -> EcrApi:
        return self._joined()[0]

    @property
    def _v2(self) -> Distribution:
        return self._joined()[1]

    def _joined(self) -> tuple[EcrApi, Distribution]:
        """Make the clients of the API and of `/v2` at the first call, so that reading a configuration loads neither."""
        with self._lock:
            if self._parts is None:
                from service.adapters.distribution import Distribution  # noqa: PLC0415 - as the docstring says
                from service.adapters.ecr_api import EcrApi  # noqa: PLC0415 - as the docstring says

                api = EcrApi(self._options, endpoint=self._endpoint, client=self._make_client, ca_file=self._ca_file)
                v2 = Distribution(
                    self._reached,
                    credentials=self._credentials,
                    insecure=self._insecure,
                    timeouts=self._timeouts,
                    ca_file=self._ca_file,
                )
                self._parts = (api, v2)
            return self._parts
