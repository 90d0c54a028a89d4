"""An image is copied from one registry to another: whole, byte for byte, in pieces, and on from where it stopped."""

from __future__ import annotations

import hashlib
import itertools
import json
import socket
import tracemalloc
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import boto3
import pytest

from devstack.pushing import Pusher
from service.adapters.distribution import fixed
from service.adapters.registries import ecr, oci
from service.core.images import ImageReference
from service.core.words import Digest
from service.errors import DoubtfulError, MergeportError, PermanentError, RetryableError
from service.ports import Credentials, PullSource, Registry
from tests.contract.registries import (
    ECR_HOST,
    LABELS,
    Faulty,
    HandMade,
    Ministack,
    TestClock,
    basic,
    make_image,
    push,
    push_index,
    raw_manifest,
    raw_server,
    sha256,
)
from tests.contract.test_registries import docker_config
from tests.fixtures.tools import RegistryServer

BOTH = {"linux/amd64": make_image(LABELS), "linux/arm64": make_image(LABELS, architecture="arm64")}


@dataclass(frozen=True, slots=True)
class Place:
    """A registry of ours on a real server, and who may look at it without our code."""

    registry: Registry
    pusher: Pusher
    url: str
    authorization: str
    host: str


@pytest.fixture
def aws(ministack: Ministack) -> Place:
    login = ministack.credentials()
    return Place(
        ecr.EcrRegistry(
            ecr.Options(host=ECR_HOST), clock=TestClock(), endpoint=ministack.url, reached_at=ministack.host
        ),
        ministack.pusher(),
        ministack.url,
        basic(login.username, login.secret),
        ECR_HOST,
    )


@pytest.fixture
def private(docker_registry: RegistryServer, tmp_path: Path) -> Place:
    host, credentials = docker_registry.host, Credentials(docker_registry.user, docker_registry.password)
    config = docker_config(tmp_path, host, docker_registry.password)
    return Place(
        oci.OciRegistry(oci.Options(host=host), docker_config=config, insecure=[host]),
        Pusher(host, credentials=fixed(credentials), insecure=True),
        docker_registry.url,
        basic(credentials.username, credentials.secret),
        host,
    )


@pytest.fixture(params=["ecr to oci", "oci to ecr"])
def pair(request: pytest.FixtureRequest, aws: Place, private: Place) -> tuple[Place, Place]:
    return (aws, private) if request.param == "ecr to oci" else (private, aws)


@pytest.fixture
def name(aws: Place) -> str:
    found = f"team/app-{uuid4().hex[:8]}"
    aws.registry.ensure_repository(found)
    return found


def copied(source: Place, target: Place, name: str, digest: str, tag: str = "1") -> None:
    reference = ImageReference(target.host, name, tag, Digest(digest))
    told = target.registry.copy_from(source.registry.pull_source(), name, reference, seconds=60)
    assert told.whole


def test_index_is_copied_with_every_platform_and_its_attestation(pair: tuple[Place, Place], name: str) -> None:
    source, target = pair
    digest = push_index(source.pusher, name, "1", BOTH)
    copied(source, target, name, digest)
    index = raw_manifest(target.url, name, "1", target.authorization)
    assert sha256(index) == digest
    for child in json.loads(index)["manifests"]:
        manifest = raw_manifest(target.url, name, child["digest"], target.authorization)
        assert sha256(manifest) == child["digest"]
    found = target.registry.find(name, "1")
    assert found is not None
    assert (found.digest, found.platforms, found.absent) == (digest, ("linux/amd64", "linux/arm64"), ())


def test_copying_again_sends_no_blob_and_changes_nothing(aws: Place, private: Place, name: str) -> None:
    image = make_image(LABELS)
    push(aws.pusher, name, "1", image)
    copied(aws, private, name, image.digest)
    reference = ImageReference(private.host, name, "1", Digest(image.digest))
    again = private.registry.copy_from(aws.registry.pull_source(), name, reference, seconds=60)
    assert (again.whole, again.size) == (True, 0)


def test_image_that_an_index_there_has_lost_is_brought_again(aws: Place, private: Place, name: str) -> None:
    index = push_index(private.pusher, name, "1", BOTH)
    copied(private, aws, name, index)
    client = boto3.client("ecr", endpoint_url=aws.url, region_name=ECR_HOST.split(".")[3])
    lost = BOTH["linux/arm64"].digest
    client.batch_delete_image(repositoryName=name, imageIds=[{"imageDigest": lost}])
    assert not aws.registry.has(name, Digest(lost))
    copied(private, aws, name, index)
    found = aws.registry.find(name, "1")
    assert found is not None
    assert (len(found.platforms), found.absent) == (2, ())


def test_large_blob_goes_through_in_pieces(aws: Place, private: Place, name: str) -> None:
    image = large_image(3_000_001)
    push(aws.pusher, name, "1", image)
    copied(aws, private, name, image.digest)
    assert raw_manifest(private.url, name, "1", private.authorization) == image.manifest


def test_large_blob_goes_into_ecr_too(aws: Place, private: Place, name: str) -> None:
    image = large_image(3_000_001)
    push(private.pusher, name, "1", image)
    copied(private, aws, name, image.digest)
    assert raw_manifest(aws.url, name, "1", aws.authorization) == image.manifest


def test_copy_without_time_left_goes_on_with_the_next_call(aws: Place, private: Place, name: str) -> None:
    image = make_image(LABELS)
    push(aws.pusher, name, "1", image)
    reference = ImageReference(private.host, name, "1", Digest(image.digest))
    source = aws.registry.pull_source()
    first = private.registry.copy_from(source, name, reference, seconds=0)
    assert (first.whole, private.registry.find(name, "1")) == (False, None)
    assert private.registry.copy_from(source, name, reference, seconds=0).whole
    found = private.registry.find(name, "1")
    assert found is not None
    assert found.digest == image.digest


def test_tag_of_another_image_is_not_moved_in_ecr(aws: Place, private: Place, name: str) -> None:
    image, other = make_image(LABELS), make_image()
    push(private.pusher, name, "1", image)
    push(aws.pusher, name, "1", other)
    with pytest.raises(PermanentError) as caught:
        copied(private, aws, name, image.digest)
    assert caught.value.code == "tag-immutable"
    assert raw_manifest(aws.url, name, "1", aws.authorization) == other.manifest


def test_image_that_is_not_there_is_named(aws: Place, private: Place, name: str) -> None:
    with pytest.raises(PermanentError) as caught:
        copied(private, aws, name, sha256(b"nothing"))
    assert (caught.value.code, sha256(b"nothing") in caught.value.message) == ("image-missing", True)


def test_missing_repository_of_ecr_is_named(aws: Place, private: Place) -> None:
    image = make_image(LABELS)
    push(private.pusher, "nobody/made-this", "1", image)
    with pytest.raises(DoubtfulError) as caught:
        copied(private, aws, "nobody/made-this", image.digest)
    assert caught.value.code == "registry-repository-missing"


def test_blob_of_the_same_registry_is_mounted_and_not_sent(private: Place) -> None:
    image, one, two = make_image(LABELS), f"a/{uuid4().hex[:8]}", f"b/{uuid4().hex[:8]}"
    push(private.pusher, one, "1", image)
    reference = ImageReference(private.host, two, "1", Digest(image.digest))
    told = private.registry.copy_from(private.registry.pull_source(), one, reference, seconds=60)
    assert (told.whole, told.size) == (True, 0)
    found = private.registry.find(two, "1")
    assert found is not None
    assert found.digest == image.digest


def test_damaged_blob_is_not_kept(faulty: Faulty, aws: Place, name: str) -> None:
    image = make_image(LABELS)
    faulty.registry.put(name, "1", image)
    faulty.registry.put(name, image.digest, image)
    layer = image.blobs[1]
    faulty.registry.content[f"/v2/{name}/blobs/{sha256(layer)}"] = ("application/octet-stream", layer[:-1] + b"x")
    with pytest.raises(RetryableError) as caught:
        copied(at(faulty), aws, name, image.digest)
    assert caught.value.code == "registry-damaged"
    assert not aws.registry.has(name, Digest(image.digest))


@pytest.mark.parametrize("length", [5, 2_000_000])
def test_blob_that_breaks_off_goes_on_later(faulty: Faulty, private: Place, name: str, length: int) -> None:
    image = large_image(3_000_000)
    faulty.registry.put(name, "1", image)
    faulty.registry.put(name, image.digest, image)
    path = f"/v2/{name}/blobs/{sha256(image.blobs[1])}"
    whole = faulty.registry.content[path]
    faulty.registry.content[path] = (whole[0], whole[1][:length])
    with pytest.raises(RetryableError):
        copied(at(faulty), private, name, image.digest)
    assert private.registry.find(name, "1") is None
    faulty.registry.content[path] = whole
    copied(at(faulty), private, name, image.digest)
    assert raw_manifest(private.url, name, "1", private.authorization) == image.manifest


@pytest.mark.parametrize(("method", "path"), [("PATCH", "/blobs/uploads"), ("PUT", "/manifests/"), ("PUT", "/blobs/")])
def test_registry_that_fails_meanwhile_is_retried_and_has_no_tag(
    ministack: Ministack, aws: Place, private: Place, name: str, method: str, path: str
) -> None:
    image = make_image(LABELS)
    push(private.pusher, name, "1", image)
    ministack.ecr.faults.answer("503 Service Unavailable", method=method, path=path)
    with pytest.raises(RetryableError):
        copied(private, aws, name, image.digest)
    assert aws.registry.find(name, "1") is None
    copied(private, aws, name, image.digest)
    found = aws.registry.find(name, "1")
    assert found is not None
    assert found.digest == image.digest


def test_refused_reading_of_the_source_says_which_registry(faulty: Faulty, aws: Place, name: str) -> None:
    image = make_image(LABELS)
    faulty.registry.put(name, image.digest, image)
    faulty.registry.passwords.add("secret")
    with pytest.raises(MergeportError, match=faulty.host):
        copied(at(faulty), aws, name, image.digest)


def test_source_that_wants_tokens_is_given_them(faulty: Faulty, private: Place, tmp_path: Path, name: str) -> None:
    image = make_image(LABELS)
    faulty.registry.put(name, image.digest, image)
    faulty.registry.passwords.add("secret")
    faulty.registry.bearer = True
    folder = tmp_path / "source"
    folder.mkdir()
    options = oci.Options(host=faulty.host)
    source = oci.OciRegistry(
        options, docker_config=docker_config(folder, faulty.host, "secret"), insecure=[faulty.host]
    )
    reference = ImageReference(private.host, name, "1", Digest(image.digest))
    assert private.registry.copy_from(source.pull_source(), name, reference, seconds=60).whole


def test_large_image_takes_little_memory(private: Place, name: str) -> None:
    """The source makes its bytes as they are read, so only what the copy keeps is counted."""
    size, piece = 24 * 2**20, bytes(2**16)
    digest = f"sha256:{hashlib.sha256(piece * (size // len(piece))).hexdigest()}"
    small = make_image(LABELS)
    manifest = json.loads(small.manifest)
    manifest["layers"] = [{"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": digest, "size": size}]
    image = HandMade(json.dumps(manifest).encode(), small.blobs[:1])
    there = {image.digest: image.manifest, sha256(small.blobs[0]): small.blobs[0]}

    def answer(connection: socket.socket, head: bytes) -> None:
        asked = head.split(b" ")[1].decode().rpartition("/")[2]
        body = there.get(asked, b"{}")
        length = size if asked == digest else len(body)
        connection.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n".encode())
        for part in itertools.repeat(piece, size // len(piece)) if asked == digest else (body,):
            connection.sendall(part)

    with raw_server(answer) as host:
        source = PullSource(host, None, insecure=True)
        reference = ImageReference(private.host, name, "1", Digest(image.digest))
        tracemalloc.start()
        try:
            told = private.registry.copy_from(source, name, reference, seconds=60)
            most = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert (told.whole, told.size > size) == (True, True)
    assert most < 8 * 2**20


def at(faulty: Faulty) -> Place:
    registry = oci.OciRegistry(oci.Options(host=faulty.host), insecure=[faulty.host])
    return Place(registry, Pusher(faulty.host, insecure=True), "", "", faulty.host)


def large_image(size: int) -> HandMade:
    """Make an image with a layer of so many bytes that do not repeat; nobody unpacks it."""
    layer = b"".join(number.to_bytes(4, "big") for number in range(size // 4 + 1))[:size]
    small = make_image(LABELS)
    manifest = json.loads(small.manifest)
    manifest["layers"] = [
        {"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": sha256(layer), "size": size}
    ]
    return HandMade(json.dumps(manifest).encode(), (small.blobs[0], layer))
