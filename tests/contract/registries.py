"""Registries for tests: a real ECR double, a small one in memory for faults, and images to put there.

Imported by the tests of registries and of builders. The images are made by hand, byte for byte, so that a
test knows every digest without asking the code that it judges.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import socket
import threading
import urllib.request
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from devstack.ecr import Ecr
from devstack.faults import FaultLayer
from devstack.layer import OCI_CONFIG, OCI_LAYER
from devstack.pushing import Pusher
from devstack.serving import LoopbackServer
from service.adapters.distribution import OCI_INDEX, OCI_MANIFEST, fixed
from service.core.images import REVISION_LABEL, SOURCE_LABEL
from service.ports import Credentials
from tests.fixtures.aws import aws_session

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment
    from mypy_boto3_ecr import ECRClient

ECR_HOST = "123456789012.dkr.ecr.ap-northeast-2.amazonaws.com"
REVISION = "4f2c1e9ab0124f2c1e9ab0124f2c1e9ab0124f2c"
SOURCE = "https://github.test/acme/checkout"
LABELS = {REVISION_LABEL: REVISION, SOURCE_LABEL: SOURCE}


class TestClock:
    """A clock that stands still until it is moved."""

    __test__ = False

    def __init__(self) -> None:
        self.time = datetime.now(UTC)

    def now(self) -> datetime:
        return self.time

    def advance(self, **by: float) -> None:
        self.time += timedelta(**by)


# --- a real ECR double ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ministack:
    """A running ECR double that is asked without our code: API and `/v2` on one port."""

    ecr: Ecr

    @property
    def host(self) -> str:
        return self.ecr.host

    @property
    def url(self) -> str:
        return f"http://{self.host}"

    def client(self) -> ECRClient:
        """Make a client of its API."""
        return aws_session().client("ecr", endpoint_url=self.url)

    def credentials(self) -> Credentials:
        """Log in."""
        token = self.client().get_authorization_token()["authorizationData"][0]["authorizationToken"]
        username, _, secret = b64decode(token).decode().partition(":")
        return Credentials(username, secret)

    def pusher(self) -> Pusher:
        """Make a client that may push."""
        return Pusher(self.host, credentials=fixed(self.credentials()), insecure=True)


@pytest.fixture
def ministack(ecr: Ecr) -> Ministack:
    """Give an empty ECR double."""
    return Ministack(ecr)


@pytest.fixture(autouse=True)
def aws_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give boto3 invented credentials, and nothing of the machine's own."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)


# --- images made by hand ----------------------------------------------------------------------------


def sha256(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


@dataclass(frozen=True, slots=True)
class HandMade:
    """An image's bytes: manifest, and the blobs it names."""

    manifest: bytes
    blobs: tuple[bytes, ...]

    @property
    def digest(self) -> str:
        return sha256(self.manifest)


def make_image(labels: Mapping[str, str] | None = None, *, architecture: str = "amd64") -> HandMade:
    """Make an image of one empty layer; without labels its configuration has no `Labels` at all."""
    tar = bytes(1024)
    layer = gzip.compress(tar, mtime=0)
    section = {} if labels is None else {"Labels": dict(labels)}
    config = json.dumps(
        {
            "architecture": architecture,
            "os": "linux",
            "config": section,
            "rootfs": {"type": "layers", "diff_ids": [sha256(tar)]},
        }
    ).encode()
    manifest = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": _descriptor(OCI_CONFIG, config),
        "layers": [_descriptor(OCI_LAYER, layer)],
    }
    return HandMade(json.dumps(manifest, indent=3).encode(), (config, layer))


def make_index(images: Mapping[str, HandMade], annotations: Mapping[str, str] | None = None) -> bytes:
    """Make an index of images by `os/architecture`, with an attestation among them as buildx adds it."""
    manifests: list[dict[str, Any]] = []
    for platform, image in images.items():
        system, _, architecture = platform.partition("/")
        place = {"platform": {"os": system, "architecture": architecture}}
        manifests.append(_descriptor(OCI_MANIFEST, image.manifest) | place)
    attested = make_image({REVISION_LABEL: "attestation"})
    manifests.append(
        _descriptor(OCI_MANIFEST, attested.manifest) | {"platform": {"os": "unknown", "architecture": "unknown"}}
    )
    document: dict[str, Any] = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests}
    if annotations:
        document["annotations"] = dict(annotations)
    return json.dumps(document).encode()


def push(to: Pusher, repository: str, tag: str, image: HandMade) -> None:
    """Push an image with its blobs."""
    for blob in image.blobs:
        to.push_blob(repository, blob)
    to.push_manifest(repository, tag, image.manifest)


def size_of(image: HandMade) -> int:
    """Give the bytes that a node fetches for it."""
    return sum(len(blob) for blob in image.blobs)


def push_index(
    to: Pusher,
    repository: str,
    tag: str,
    images: Mapping[str, HandMade],
    annotations: Mapping[str, str] | None = None,
) -> str:
    """Push an index with its images and the attestation; gives the index's digest."""
    for name, image in [*images.items(), ("attestation", make_image({REVISION_LABEL: "attestation"}))]:
        push(to, repository, f"{tag}-{name.replace('/', '-')}", image)
    index = make_index(images, annotations)
    to.push_manifest(repository, tag, index, media_type=OCI_INDEX)
    return sha256(index)


def _descriptor(media_type: str, content: bytes) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": sha256(content), "size": len(content)}


def basic(username: str, secret: str) -> str:
    """Write the Authorization header of a user and secret."""
    return f"Basic {b64encode(f'{username}:{secret}'.encode()).decode()}"


def raw_manifest(url: str, repository: str, tag: str, authorization: str = "") -> bytes:
    """Read a manifest's bytes without our code."""
    accepted = f"{OCI_MANIFEST}, {OCI_INDEX}, application/vnd.docker.distribution.manifest.v2+json"
    request = urllib.request.Request(f"{url}/v2/{repository}/manifests/{tag}", headers={"Accept": accepted})  # noqa: S310 - loopback
    if authorization:
        request.add_header("Authorization", authorization)
    with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310 - loopback
        content: bytes = response.read()
    return content


# --- a small registry in memory, for faults -----------------------------------------------------------


@dataclass
class MemoryRegistry:
    """Read-only `/v2` over a dictionary, with Basic or Bearer as real registries ask for it.

    A `public` one gives a token to anybody, as public.ecr.aws does.
    """

    passwords: set[str] = field(default_factory=set)
    bearer: bool = False
    public: bool = False
    content: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    tokens: list[str] = field(default_factory=list)
    base: str = ""

    def put(self, repository: str, tag: str, image: HandMade) -> None:
        """Put an image there."""
        self.content[f"/v2/{repository}/manifests/{tag}"] = (OCI_MANIFEST, image.manifest)
        for blob in image.blobs:
            self.content[f"/v2/{repository}/blobs/{sha256(blob)}"] = ("application/octet-stream", blob)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        given = environ.get("HTTP_AUTHORIZATION", "")
        if path == "/token":
            return self._token(environ, start_response, given)
        allowed = {f"Bearer {token}" for token in self.tokens} if self.bearer else self._basics()
        if self.passwords and given not in allowed:
            scheme = f'Bearer realm="{self.base}/token",service="memory"' if self.bearer else 'Basic realm="memory"'
            return _answer(start_response, "401 Unauthorized", b"{}", ("WWW-Authenticate", scheme))
        if path == "/v2/":
            return _answer(start_response, "200 OK", b"{}")
        if path not in self.content:
            return _answer(start_response, "404 Not Found", b'{"errors": [{"code": "MANIFEST_UNKNOWN"}]}')
        media_type, body = self.content[path]
        return _answer(start_response, "200 OK", body, ("Content-Type", media_type))

    def _basics(self) -> set[str]:
        return {basic("AWS", password) for password in self.passwords}

    def _token(self, environ: WSGIEnvironment, start_response: StartResponse, given: str) -> Iterable[bytes]:
        if (given not in self._basics() and not (self.public and not given)) or "service=memory" not in environ[
            "QUERY_STRING"
        ]:
            return _answer(start_response, "401 Unauthorized", b"{}")
        self.tokens.append(f"token-{len(self.tokens)}")
        return _answer(start_response, "200 OK", json.dumps({"token": self.tokens[-1]}).encode())


def _answer(start_response: StartResponse, status: str, body: bytes, *headers: tuple[str, str]) -> Sequence[bytes]:
    start_response(status, [("Content-Length", str(len(body))), *headers])
    return [body]


@dataclass(frozen=True, slots=True)
class Faulty:
    """The served registry in memory; faults are planted on `layer`."""

    registry: MemoryRegistry
    layer: FaultLayer
    host: str


@pytest.fixture
def faulty() -> Iterator[Faulty]:
    """Serve a registry in memory that can be told to misbehave."""
    registry = MemoryRegistry()
    layer = FaultLayer(registry)
    with LoopbackServer(layer, threads=4) as server:
        registry.base = server.url
        yield Faulty(registry, layer, server.url.removeprefix("http://"))
        layer.clear()


@contextmanager
def raw_server(answer: Callable[[socket.socket, bytes], None]) -> Iterator[str]:
    """Serve connections by a function that gets the socket and the request's head; gives `host:port`."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(10)
                try:
                    answer(connection, connection.recv(65536))
                except OSError:
                    continue

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(15)
