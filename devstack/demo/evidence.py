"""Reads the image and the manifest commit independently of the product, so that the demo proves its result.

The image comes from the registry over HTTP and its digest from the bytes; the difference comes from the repository by
git. Raises DemoError where something is not as it should be.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

import requests

from devstack.bare import BareRepository
from devstack.demo.errors import DemoError

ACCEPT = (
    "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json, "
    "application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.list.v2+json"
)
REVISION_LABEL = "org.opencontainers.image.revision"
SECONDS = 30
_IMAGE_LINE = re.compile(r"""(\s*(?:repository|tag|digest):\s*)("[^"]*"|'[^']*'|[^\s#]*)(\s*(?:#.*)?)""")


@dataclass(frozen=True, slots=True)
class Image:
    """An image as the registry has it; `revision` is the commit on its label."""

    repository: str
    tag: str
    digest: str
    revision: str


@dataclass(frozen=True, slots=True)
class Difference:
    """What a manifest commit changed against its first parent."""

    commit: str
    text: str
    lines: int


class Registry:
    """The demo's own client of the ECR: a login by boto3, then `/v2` over HTTP."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """Log in."""
        import boto3  # noqa: PLC0415 - half a second

        client = boto3.client(
            "ecr",
            endpoint_url=environment["MERGEPORT_ECR_ENDPOINT"],
            region_name=environment["AWS_REGION"],
            aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
        )
        token = client.get_authorization_token()["authorizationData"][0]["authorizationToken"]
        user, _, password = base64.b64decode(token).decode().partition(":")
        self._host = environment["MERGEPORT_ECR_HOST"]
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.auth = (user, password)

    def read(self, repository: str, tag: str) -> Image:
        """Read an image by its tag; the digest is the SHA-256 of the bytes that came."""
        answer = self._get(f"{repository}/manifests/{tag}", accept=ACCEPT)
        digest = _sha256(answer.content)
        manifest: dict[str, Any] = answer.json()
        if "manifests" in manifest:
            manifest = self._get(f"{repository}/manifests/{manifest['manifests'][0]['digest']}", accept=ACCEPT).json()
        wanted = manifest["config"]["digest"]
        config = self._get(f"{repository}/blobs/{wanted}")
        if _sha256(config.content) != wanted:
            raise DemoError(f"the image's configuration is not {wanted}")
        labels = config.json().get("config", {}).get("Labels") or {}
        return Image(repository, tag, digest, labels.get(REVISION_LABEL, ""))

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def _get(self, path: str, *, accept: str = "*/*") -> requests.Response:
        answer = self._session.get(f"http://{self._host}/v2/{path}", headers={"Accept": accept}, timeout=SECONDS)
        if not answer.ok:
            raise DemoError(f"the registry answers {answer.status_code} for {path}")
        return answer


def read_difference(manifests: BareRepository, commit: str, file: str, image: Image) -> Difference:
    """Read what a manifest commit changed, and check that it is the image in one file and nothing else."""
    changed = manifests.git("diff", "--name-only", f"{commit}^1", commit).splitlines()
    if changed != [file]:
        raise DemoError(f"{commit[:12]} changed {', '.join(changed)}, not {file} alone")
    before, after = (manifests.git_bytes("show", f"{one}:{file}").decode() for one in (f"{commit}^1", commit))
    lines = check_only_image(before, after)
    for key, value in (("tag", image.tag), ("digest", image.digest)):
        if not re.search(rf"""(?m)^  {key}: ["']?{re.escape(value)}["']?\s*(#.*)?$""", after):
            raise DemoError(f"{file} at {commit[:12]} does not say {key} {value}")
    text = manifests.git("diff", "--no-color", "--unified=2", f"{commit}^1", commit, "--", file)
    return Difference(commit, text, lines)


def check_only_image(before: str, after: str) -> int:
    """Count the lines that differ; raise DemoError unless only values of repository, tag or digest do.

    Everything around the value, above all a comment, must be the same to the byte.
    """
    differing = 0
    for number, (old, new) in enumerate(zip_longest(before.split("\n"), after.split("\n")), start=1):
        if old == new:
            continue
        differing += 1
        was, became = (_IMAGE_LINE.fullmatch(line or "") for line in (old, new))
        if was is None or became is None or (was[1], was[3]) != (became[1], became[3]):
            raise DemoError(f"line {number} changed beyond its image: {old!r} became {new!r}")
    if not differing:
        raise DemoError("the commit changed nothing")
    return differing


def _sha256(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
