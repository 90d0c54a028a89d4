"""What every registry does, whatever its kind: read against real servers, failed against one that misbehaves.

`oci` is read from a real docker-registry, `ecr` from ministack. Where ministack differs from AWS:

| ministack                                 | AWS                                | closed by                 |
|-------------------------------------------|------------------------------------|---------------------------|
| `/v2` is read without a token             | 401 without one                    | devstack/ecr.py           |
| DescribeImages of a missing tag: nothing  | ImageNotFoundException             | devstack/ecr.py           |
| what is deleted by digest stays on `/v2`  | it is gone                         | devstack/ecr.py           |
| BatchDeleteImage by one of several tags   | deletes the tag alone              | devstack/ecr_untagging.py |
| deletes the image                         |                                    |                           |
| ListImages: one tag for each image        | each tag of each image             | it is not called          |
| long lists are cut off                    | nextToken                          | the Stubber               |
| imageSizeInBytes: the manifest's length   | what is stored                     | it is not read            |
| no scans                                  | they are read, or the error that   | devstack/ecr_scans.py     |
|                                           | there is none                      |                           |
| no limits, no replication                 | both                               | the Stubber, for errors   |
| a lifecycle policy is kept and never runs | it runs within 24 hours            | a model in tests/fixtures |
| `repositoryUri` has AWS's host            | the same, and it answers           | MERGEPORT_ECR_HOST        |
"""

from __future__ import annotations

import json
import socket
import time
from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from botocore.stub import Stubber

from devstack.pushing import Pusher
from service.adapters.distribution import OCI_INDEX, OCI_MANIFEST, fixed
from service.adapters.distribution_http import Timeouts
from service.adapters.registries import ecr, oci
from service.core.images import ImageReference
from service.core.words import Digest
from service.errors import DoubtfulError, PermanentError, RetryableError
from service.ports import Credentials, Registry
from tests.contract.registries import (
    ECR_HOST,
    LABELS,
    REVISION,
    SOURCE,
    Faulty,
    HandMade,
    Ministack,
    TestClock,
    basic,
    make_image,
    make_index,
    push,
    push_index,
    raw_manifest,
    raw_server,
    sha256,
    size_of,
)
from tests.fixtures.aws import aws_session
from tests.fixtures.processes import free_port
from tests.fixtures.tools import RegistryServer

if TYPE_CHECKING:
    from mypy_boto3_ecr import ECRClient

QUICK = Timeouts(connect=1, read=0.4, whole=1)
KINDS = ["ecr", "oci"]


@dataclass(frozen=True, slots=True)
class Real:
    """A registry of ours on a real server, and what a test needs to look at that server directly."""

    registry: Registry
    pusher: Pusher
    url: str
    authorization: str
    reached: str


@pytest.fixture(params=KINDS)
def real(request: pytest.FixtureRequest, tmp_path: Path) -> Real:
    if request.param == "ecr":
        server: Ministack = request.getfixturevalue("ministack")
        options = ecr.Options(host=ECR_HOST)
        registry = ecr.EcrRegistry(options, clock=TestClock(), endpoint=server.url, reached_at=server.host)
        login = server.credentials()
        return Real(registry, server.pusher(), server.url, basic(login.username, login.secret), server.host)
    private: RegistryServer = request.getfixturevalue("docker_registry")
    credentials = Credentials(private.user, private.password)
    return Real(
        _oci(private.host, docker_config(tmp_path, private.host, private.password)),
        Pusher(private.host, credentials=fixed(credentials), insecure=True),
        private.url,
        basic(private.user, private.password),
        private.host,
    )


@pytest.fixture
def repository(real: Real) -> str:
    """Make a repository of a name that no other test has."""
    name = f"team/app-{uuid4().hex[:8]}"
    real.registry.ensure_repository(name)
    return name


def docker_config(folder: Path, host: str, password: str) -> Path:
    file = folder / "config.json"
    auth = b64encode(f"AWS:{password}".encode()).decode()
    file.write_text(json.dumps({"auths": {host: {"auth": auth}}}))
    return file


def _oci(host: str, config: Path, timeouts: Timeouts | None = None) -> oci.OciRegistry:
    return oci.OciRegistry(oci.Options(host=host), docker_config=config, insecure=[host], timeouts=timeouts)


# --- tags ------------------------------------------------------------------------------------------


def test_another_tag_names_the_very_image(real: Real, repository: str) -> None:
    image = make_image(LABELS)
    push(real.pusher, repository, "one", image)
    real.registry.add_tag(repository, Digest(image.digest), "two")
    found = real.registry.find(repository, "two")
    assert found is not None
    assert found.digest == image.digest
    assert raw_manifest(real.url, repository, "two", real.authorization) == raw_manifest(
        real.url, repository, "one", real.authorization
    )


def test_another_tag_names_a_whole_index(real: Real, repository: str) -> None:
    images = {f"linux/{one}": make_image(LABELS, architecture=one) for one in ("amd64", "arm64")}
    digest = push_index(real.pusher, repository, "one", images)
    real.registry.add_tag(repository, Digest(digest), "two")
    found = real.registry.find(repository, "two")
    assert found is not None
    assert (found.digest, found.platforms) == (digest, ("linux/amd64", "linux/arm64"))


def test_same_tag_again_changes_nothing(real: Real, repository: str) -> None:
    image = make_image(LABELS)
    push(real.pusher, repository, "one", image)
    real.registry.add_tag(repository, Digest(image.digest), "one")
    found = real.registry.find(repository, "one")
    assert found is not None
    assert found.digest == image.digest


def test_tag_for_an_image_that_is_not_there_is_told(real: Real, repository: str) -> None:
    with pytest.raises(PermanentError) as caught:
        real.registry.add_tag(repository, Digest(f"sha256:{'0' * 64}"), "two")
    assert caught.value.code == "image-missing"
    assert real.registry.find(repository, "two") is None


# --- reading ----------------------------------------------------------------------------------------


def test_newest_tags_are_listed_one_of_each_image(real: Real, repository: str) -> None:
    for number in range(3):
        push(real.pusher, repository, f"v{number}", make_image({"number": str(number)}))
    listed = real.registry.newest_tags(repository, 20)
    assert {one.tag for one in listed} == {"v0", "v1", "v2"}
    times = [one.pushed_at for one in listed if one.pushed_at is not None]
    assert times == sorted(times, reverse=True)
    assert len(real.registry.newest_tags(repository, 2)) == 2


def test_missing_repository_has_no_newest_tags(real: Real) -> None:
    assert list(real.registry.newest_tags("is/not-there", 20)) == []


def test_missing_tag_is_none(real: Real, repository: str) -> None:
    push(real.pusher, repository, "there", make_image(LABELS))
    assert real.registry.find(repository, "not-there") is None


def test_missing_repository_is_none(real: Real) -> None:
    assert real.registry.find("team/nobody-made-this", "1") is None


def test_digest_is_the_sha256_of_the_manifests_bytes(real: Real, repository: str) -> None:
    push(real.pusher, repository, "one", make_image(LABELS))
    found = real.registry.find(repository, "one")
    assert found is not None
    assert found.digest == sha256(raw_manifest(real.url, repository, "one", real.authorization))


def test_reference_is_by_the_registrys_name_and_has_the_digest(real: Real, repository: str) -> None:
    image = make_image(LABELS)
    push(real.pusher, repository, "one", image)
    found = real.registry.find(repository, "one")
    assert found is not None
    assert str(found.reference) == f"{real.registry.host}/{repository}:one@{image.digest}"


def test_labels_and_platform_are_read_from_the_image(real: Real, repository: str) -> None:
    push(real.pusher, repository, "one", make_image(LABELS, architecture="arm64"))
    found = real.registry.find(repository, "one")
    assert found is not None
    assert (found.revision, found.source, found.platforms) == (REVISION, SOURCE, ("linux/arm64",))


def test_image_without_labels_has_no_revision(real: Real, repository: str) -> None:
    push(real.pusher, repository, "bare", make_image())
    found = real.registry.find(repository, "bare")
    assert found is not None
    assert (found.revision, found.source) == (None, None)


def test_index_tells_its_platforms_and_the_labels_of_its_images(real: Real, repository: str) -> None:
    images = {
        "linux/amd64": make_image(LABELS),
        "linux/arm64": make_image(LABELS, architecture="arm64"),
    }
    digest = push_index(real.pusher, repository, "both", images)
    found = real.registry.find(repository, "both")
    assert found is not None
    assert (found.digest, found.platforms, found.revision) == (digest, ("linux/amd64", "linux/arm64"), REVISION)


def test_each_platform_of_an_index_tells_its_digest_size_and_revision(real: Real, repository: str) -> None:
    amd = make_image(LABELS)
    arm = make_image({**LABELS, "org.opencontainers.image.revision": "0" * 40}, architecture="arm64")
    push_index(real.pusher, repository, "both", {"linux/amd64": amd, "linux/arm64": arm})
    found = real.registry.find(repository, "both")
    assert found is not None
    assert [(one.platform, one.digest, one.size, one.revision) for one in found.parts] == [
        ("linux/amd64", amd.digest, size_of(amd), REVISION),
        ("linux/arm64", arm.digest, size_of(arm), "0" * 40),
    ]


def test_image_of_one_platform_is_its_own_part(real: Real, repository: str) -> None:
    image = make_image(LABELS)
    push(real.pusher, repository, "one", image)
    found = real.registry.find(repository, "one")
    assert found is not None
    assert [(one.platform, one.digest, one.size) for one in found.parts] == [
        ("linux/amd64", image.digest, size_of(image))
    ]


def test_index_is_found_by_its_digest_too(real: Real, repository: str) -> None:
    digest = push_index(real.pusher, repository, "both", {"linux/amd64": make_image(LABELS)})
    found = real.registry.find(repository, digest)
    assert found is not None
    assert (found.digest, found.platforms) == (digest, ("linux/amd64",))


def test_indexs_own_annotation_wins(real: Real, repository: str) -> None:
    images = {"linux/amd64": make_image({**LABELS, "org.opencontainers.image.revision": "0" * 40})}
    push_index(real.pusher, repository, "annotated", images, annotations=LABELS)
    found = real.registry.find(repository, "annotated")
    assert found is not None
    assert found.revision == REVISION


def test_push_target_is_where_the_registry_is_reached(real: Real, repository: str) -> None:
    reference = ImageReference(real.registry.host, repository, "1")
    target = real.registry.push_target(reference)
    assert (target.reference, target.host, target.insecure) == (f"{real.reached}/{repository}:1", real.reached, True)


def test_push_targets_credentials_push(real: Real, repository: str) -> None:
    target = real.registry.push_target(ImageReference(real.registry.host, repository, "by-target"))
    pusher = Pusher(target.host, credentials=fixed(target.credentials), insecure=target.insecure)
    push(pusher, repository, "by-target", make_image(LABELS))
    assert real.registry.find(repository, "by-target") is not None


def test_ensuring_a_repository_again_changes_nothing(real: Real, repository: str) -> None:
    push(real.pusher, repository, "kept", make_image(LABELS))
    real.registry.ensure_repository(repository)
    assert real.registry.find(repository, "kept") is not None


# --- failing ----------------------------------------------------------------------------------------

Make = Callable[[str], Registry]


@pytest.fixture(params=KINDS)
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    """Make a registry that is reached at a host, with the password `right`."""
    return _maker(request.param, tmp_path, None)


@pytest.fixture(params=KINDS)
def make_impatient(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    """Make one that waits for less than a second, for servers that do not answer."""
    return _maker(request.param, tmp_path, QUICK)


def _maker(kind: str, folder: Path, timeouts: Timeouts | None) -> Make:
    def make_one(host: str) -> Registry:
        if kind == "oci":
            return _oci(host, docker_config(folder, host, "right"), timeouts)
        options = ecr.Options(host=ECR_HOST)
        return ecr.EcrRegistry(options, clock=TestClock(), reached_at=host, client=_logins("right"), timeouts=timeouts)

    return make_one


def _logins(*passwords: str) -> Callable[[], ECRClient]:
    """Make an ECR client that logs in with one password after the other, each of which lasts 12 h longer."""
    client = aws_session().client("ecr")
    stub = Stubber(client)
    for number, password in enumerate(passwords, start=1):
        token = b64encode(f"AWS:{password}".encode()).decode()
        data = {"authorizationToken": token, "expiresAt": datetime.now(UTC) + number * timedelta(hours=12)}
        stub.add_response("get_authorization_token", {"authorizationData": [data]})
    stub.activate()
    return lambda: client


def test_right_password_reads(make: Make, faulty: Faulty) -> None:
    faulty.registry.passwords = {"right"}
    faulty.registry.put("app", "1", make_image(LABELS))
    found = make(faulty.host).find("app", "1")
    assert found is not None
    assert found.revision == REVISION


def test_wrong_password_is_believed_when_it_lasts(make: Make, faulty: Faulty) -> None:
    faulty.registry.passwords = {"another"}
    with pytest.raises(DoubtfulError) as caught:
        make(faulty.host).find("app", "1")
    assert caught.value.code == "registry-refused"
    assert "right" not in str(caught.value)


def test_bearer_challenge_is_answered(make: Make, faulty: Faulty) -> None:
    faulty.registry.passwords, faulty.registry.bearer = {"right"}, True
    faulty.registry.put("app", "1", make_image(LABELS))
    assert make(faulty.host).find("app", "1") is not None
    asked = faulty.layer.requests(path="^/token$")
    assert [request.query for request in asked] == ["service=memory&scope=repository%3Aapp%3Apull"]


def test_public_registry_is_read_without_credentials(faulty: Faulty) -> None:
    faulty.registry.passwords, faulty.registry.bearer, faulty.registry.public = {"nobody's"}, True, True
    faulty.registry.put("acme/app", "1", make_image(LABELS))
    public = oci.OciRegistry(oci.Options(host=faulty.host), insecure=[faulty.host], timeouts=QUICK)
    assert public.find("acme/app", "1") is not None


def test_expired_bearer_token_is_fetched_again(make: Make, faulty: Faulty) -> None:
    faulty.registry.passwords, faulty.registry.bearer = {"right"}, True
    faulty.registry.put("app", "1", make_image(LABELS))
    registry = make(faulty.host)
    registry.find("app", "1")
    faulty.registry.tokens[:] = ["something else"]
    assert registry.find("app", "1") is not None


def test_wrong_password_for_a_token_is_believed_when_it_lasts(make: Make, faulty: Faulty) -> None:
    faulty.registry.passwords, faulty.registry.bearer = {"another"}, True
    with pytest.raises(DoubtfulError) as caught:
        make(faulty.host).find("app", "1")
    assert caught.value.code == "registry-refused"


def test_dead_registry_is_retryable(make: Make) -> None:
    with pytest.raises(RetryableError) as caught:
        make(f"127.0.0.1:{free_port()}").find("app", "1")
    assert caught.value.code == "registry-unavailable"


def test_hanging_registry_is_retryable_within_the_timeout(make_impatient: Make, faulty: Faulty) -> None:
    faulty.layer.hang(path="manifests", times=10)
    began = time.monotonic()
    with pytest.raises(RetryableError):
        make_impatient(faulty.host).find("app", "1")
    assert time.monotonic() - began < 5


def test_cut_connection_is_retryable(make: Make, faulty: Faulty) -> None:
    faulty.registry.put("app", "1", make_image(LABELS))
    faulty.layer.cut(path="manifests", times=10)
    with pytest.raises(RetryableError):
        make(faulty.host).find("app", "1")


def test_connection_cut_once_is_read_again(make: Make, faulty: Faulty) -> None:
    faulty.registry.put("app", "1", make_image(LABELS))
    faulty.layer.cut(path="manifests", times=1)
    assert make(faulty.host).find("app", "1") is not None


def test_truncated_answer_is_retryable(make: Make) -> None:
    def answer(connection: socket.socket, _: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4000\r\nConnection: close\r\n\r\n{")

    with raw_server(answer) as host, pytest.raises(RetryableError) as caught:
        make(host).find("app", "1")
    assert caught.value.code == "registry-unavailable"


def test_dripping_answer_ends_in_time(make_impatient: Make) -> None:
    def answer(connection: socket.socket, head: bytes) -> None:
        if b" /v2/ " in head:
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            return
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4000\r\nConnection: close\r\n\r\n")
        for _ in range(40):
            connection.sendall(b" ")
            time.sleep(0.1)

    began = time.monotonic()
    with raw_server(answer) as host, pytest.raises(RetryableError):
        make_impatient(host).find("app", "1")
    assert time.monotonic() - began < 6


def test_bytes_that_are_not_the_told_digest_are_retryable(make: Make) -> None:
    body = make_image(LABELS).manifest
    head = f"HTTP/1.1 200 OK\r\nDocker-Content-Digest: sha256:{'0' * 64}\r\nContent-Length: {len(body)}\r\n"

    def answer(connection: socket.socket, _: bytes) -> None:
        connection.sendall(f"{head}Connection: close\r\n\r\n".encode() + body)

    with raw_server(answer) as host, pytest.raises(RetryableError) as caught:
        make(host).find("app", "1")
    assert caught.value.code == "registry-damaged"


def test_huge_manifest_is_refused_if_that_lasts(make: Make) -> None:
    body = b" " * (4 * 1024 * 1024 + 1)

    def answer(connection: socket.socket, head: bytes) -> None:
        content = b"" if b" /v2/ " in head else body
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(content))
        connection.sendall(content)

    with raw_server(answer) as host, pytest.raises(DoubtfulError) as caught:
        make(host).find("app", "1")
    assert caught.value.code == "registry-answer"


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b'{"message": "Please sign in"}',
        b'{"schemaVersion": 2, "config": null, "manifests": null}',
        b'{"manifests": []}',
        b'{"manifests": [{"digest": "latest"}]}',
        b'{"manifests": [{"digest": "../../../other/manifests/1"}]}',
        b'{"config": {"digest": "../../../token"}}',
    ],
)
def test_json_that_is_no_image_is_none(make: Make, faulty: Faulty, body: bytes) -> None:
    faulty.registry.put("app", "latest", make_image(LABELS))
    faulty.registry.content["/v2/app/manifests/1"] = (OCI_MANIFEST, body)
    with pytest.raises(DoubtfulError) as caught:
        make(faulty.host).find("app", "1")
    assert caught.value.code == "registry-answer"


def test_page_does_not_say_that_an_image_is_there(make: Make, faulty: Faulty) -> None:
    faulty.layer.page(path="manifests", times=5)
    with pytest.raises(DoubtfulError) as caught:
        make(faulty.host).has("app", Digest(make_image(LABELS).digest))
    assert caught.value.code == "registry-answer"


def put_index(faulty: Faulty, index: bytes) -> None:
    faulty.registry.content["/v2/app/manifests/1"] = (OCI_INDEX, index)


def descriptor(image: HandMade, **more: object) -> dict[str, object]:
    return {"mediaType": OCI_MANIFEST, "digest": image.digest, "size": len(image.manifest), **more}


def test_image_that_an_index_names_and_the_registry_lacks_is_absent(make: Make, faulty: Faulty) -> None:
    there, gone = make_image(LABELS), make_image(LABELS, architecture="arm64")
    faulty.registry.put("app", there.digest, there)
    put_index(faulty, make_index({"linux/amd64": there, "linux/arm64": gone}))
    found = make(faulty.host).find("app", "1")
    assert found is not None
    assert (found.platforms, found.absent) == (("linux/amd64",), ("linux/arm64",))


@pytest.mark.parametrize(
    "mark",
    [
        {"platform": {"os": "unknown", "architecture": "unknown"}},
        {"annotations": {"vnd.docker.reference.type": "attestation-manifest"}},
        {
            "platform": {"os": "linux", "architecture": "arm64"},
            "annotations": {"vnd.docker.reference.type": "attestation-manifest"},
        },
    ],
)
def test_attestation_is_no_platform(make: Make, faulty: Faulty, mark: dict[str, object]) -> None:
    image, attestation = make_image(LABELS), make_image(architecture="arm64")
    faulty.registry.put("app", image.digest, image)
    faulty.registry.put("app", attestation.digest, attestation)
    put_index(faulty, json.dumps({"manifests": [descriptor(image), descriptor(attestation, **mark)]}).encode())
    found = make(faulty.host).find("app", "1")
    assert found is not None
    assert (found.platforms, len(found.parts)) == (("linux/amd64",), 1)


def test_platform_is_told_by_one_name_however_the_index_writes_it(make: Make, faulty: Faulty) -> None:
    image = make_image(LABELS, architecture="arm64")
    faulty.registry.put("app", image.digest, image)
    platform = {"os": "linux", "architecture": "arm64", "variant": "v8"}
    put_index(faulty, json.dumps({"manifests": [descriptor(image, platform=platform)]}).encode())
    found = make(faulty.host).find("app", "1")
    assert found is not None
    assert found.platforms == ("linux/arm64",)


def test_index_of_absurdly_many_images_is_refused(make: Make, faulty: Faulty) -> None:
    put_index(faulty, json.dumps({"manifests": [descriptor(make_image(LABELS))] * 65}).encode())
    with pytest.raises(DoubtfulError) as caught:
        make(faulty.host).find("app", "1")
    assert caught.value.code == "registry-answer"


def test_page_that_is_no_manifest_is_refused(make: Make, faulty: Faulty) -> None:
    faulty.registry.content["/v2/app/manifests/1"] = ("text/html", b"<html>Welcome</html>")
    with pytest.raises(DoubtfulError) as caught:
        make(faulty.host).find("app", "1")
    assert caught.value.code == "registry-answer"


@pytest.mark.parametrize(
    ("status", "error", "code"),
    [
        ("403 Forbidden", DoubtfulError, "registry-refused"),
        ("429 Too Many Requests", RetryableError, "registry-throttled"),
        ("500 Internal Server Error", RetryableError, "registry-unavailable"),
        ("503 Service Unavailable", RetryableError, "registry-unavailable"),
        ("400 Bad Request", DoubtfulError, "registry-answer"),
    ],
)
def test_status_becomes_our_error(make: Make, faulty: Faulty, status: str, error: type[Exception], code: str) -> None:
    faulty.layer.answer(status, path="manifests", times=5)
    with pytest.raises(error) as caught:
        make(faulty.host).find("app", "1")
    assert getattr(caught.value, "code", None) == code


def test_sick_registry_is_asked_how_to_log_in_again_later(make: Make, faulty: Faulty) -> None:
    faulty.registry.passwords = {"right"}
    faulty.registry.put("app", "1", make_image(LABELS))
    faulty.layer.answer("503 Service Unavailable", path="^/v2/$")
    registry = make(faulty.host)
    with pytest.raises(RetryableError):
        registry.find("app", "1")
    assert registry.find("app", "1") is not None


# --- ECR's token -----------------------------------------------------------------------------------


def _ecr(host: str, clock: TestClock, *passwords: str) -> ecr.EcrRegistry:
    options = ecr.Options(host=ECR_HOST)
    return ecr.EcrRegistry(options, clock=clock, reached_at=host, client=_logins(*passwords), timeouts=QUICK)


def _passwords_seen(faulty: Faulty) -> list[str]:
    """Give the passwords of the manifest reads, in order."""
    seen = [request.headers.get("authorization", "") for request in faulty.layer.requests(path="manifests")]
    return [b64decode(header.removeprefix("Basic ")).decode().removeprefix("AWS:") for header in seen]


def test_ecr_token_that_expired_early_is_fetched_once_more(faulty: Faulty) -> None:
    faulty.registry.passwords = {"old"}
    faulty.registry.put("app", "1", make_image(LABELS))
    clock = TestClock()
    registry = _ecr(faulty.host, clock, "old", "new")
    registry.find("app", "1")
    faulty.registry.passwords = {"new"}
    clock.advance(hours=3)
    assert registry.find("app", "1") is not None
    assert _passwords_seen(faulty) == ["old", "old", "new"]


def test_ecr_token_that_a_registry_forgot_is_fetched_once_more(ministack: Ministack) -> None:
    clock = TestClock()
    registry = ecr.EcrRegistry(
        ecr.Options(host=ECR_HOST), clock=clock, endpoint=ministack.url, reached_at=ministack.host
    )
    registry.ensure_repository("app")
    push(ministack.pusher(), "app", "1", make_image(LABELS))
    assert registry.find("app", "1") is not None
    ministack.ecr.expire_tokens()
    clock.advance(minutes=2)
    assert registry.find("app", "1") is not None


def test_ecr_token_refused_as_403_is_fetched_once_more(faulty: Faulty) -> None:
    faulty.registry.put("app", "1", make_image(LABELS))
    faulty.registry.passwords = {"old", "new"}
    clock = TestClock()
    registry = _ecr(faulty.host, clock, "old", "new")
    registry.find("app", "1")
    clock.advance(hours=3)
    faulty.layer.answer("403 Forbidden", path="manifests")
    assert registry.find("app", "1") is not None


def test_ecr_token_is_fetched_before_it_expires(faulty: Faulty) -> None:
    faulty.registry.put("app", "1", make_image(LABELS))
    faulty.registry.passwords = {"old", "new"}
    clock = TestClock()
    registry = _ecr(faulty.host, clock, "old", "new")
    registry.find("app", "1")
    clock.advance(hours=11, minutes=30)
    registry.find("app", "1")
    assert _passwords_seen(faulty) == ["old", "new"]


def test_ecr_token_fetched_a_moment_ago_is_not_fetched_again_when_refused(faulty: Faulty) -> None:
    faulty.registry.passwords = {"another"}
    with pytest.raises(DoubtfulError):
        _ecr(faulty.host, TestClock(), "only-one").find("app", "1")
    assert _passwords_seen(faulty) == ["only-one"]


# --- is it there, by its digest ----------------------------------------------------------------------


def test_image_is_there_by_its_digest_and_another_is_not(real: Real, repository: str) -> None:
    image = make_image(LABELS)
    push(real.pusher, repository, "one", image)
    assert real.registry.has(repository, Digest(image.digest))
    assert not real.registry.has(repository, Digest("sha256:" + "0" * 64))
    assert not real.registry.has("team/nobody-made-this", Digest(image.digest))


def test_index_is_there_by_its_digest(real: Real, repository: str) -> None:
    digest = push_index(real.pusher, repository, "both", {"linux/amd64": make_image(LABELS)})
    assert real.registry.has(repository, Digest(digest))


def test_digest_of_a_tag_is_told_without_reading_the_image(real: Real, repository: str) -> None:
    image = make_image(LABELS)
    push(real.pusher, repository, "one", image)
    assert real.registry.digest_of(repository, "one") == image.digest
    assert real.registry.digest_of(repository, "two") is None


def test_registry_that_does_not_answer_does_not_say_that_an_image_is_gone(make_impatient: Make, faulty: Faulty) -> None:
    faulty.layer.answer("503 Service Unavailable", path="manifests", times=5)
    with pytest.raises(RetryableError):
        make_impatient(faulty.host).has("app", Digest("sha256:" + "0" * 64))


def test_ecr_reads_all_pages_of_images() -> None:
    client = aws_session().client("ecr")
    stub = Stubber(client)
    one, two = "sha256:" + "1" * 64, "sha256:" + "2" * 64
    first = {"imageDetails": [{"imageDigest": one, "imageTags": ["v1", "keep-prod-111111111111"]}], "nextToken": "more"}
    stub.add_response("describe_images", first)
    stub.add_response(
        "describe_images", {"imageDetails": [{"imageDigest": two, "imageTags": ["keep-prod-222222222222", "v2"]}]}
    )
    stub.add_response("batch_delete_image", {"imageIds": [{"imageDigest": one, "imageTag": "any"}]})
    stub.activate()
    registry = ecr.EcrRegistry(ecr.Options(host=ECR_HOST), clock=TestClock(), client=lambda: client)
    told = registry.keep_in_use("app", {}, environments={"prod"})
    assert [note.rpartition(" ")[2] for note in told] == ["keep-prod-111111111111", "keep-prod-222222222222"]
    stub.assert_no_pending_responses()
