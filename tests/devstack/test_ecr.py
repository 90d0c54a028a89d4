"""The ECR double: both planes on one port, tokens that count, AWS's errors."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import pytest
import requests

from devstack.ecr import REGION, Ecr

if TYPE_CHECKING:
    from mypy_boto3_ecr import ECRClient

ROOT = Path(__file__).parents[2]
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"


@pytest.fixture
def client(ecr: Ecr) -> ECRClient:
    session = boto3.Session("devstack", "devstack", region_name=REGION)
    made = session.client("ecr", endpoint_url=ecr.endpoint)
    made.create_repository(repositoryName="checkout", imageTagMutability="IMMUTABLE")
    return made


def _login(client: ECRClient) -> tuple[str, str]:
    token = client.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    user, _, password = base64.b64decode(token).decode().partition(":")
    return user, password


def _push(ecr: Ecr, login: tuple[str, str], tag: str, config: bytes = b"{}") -> requests.Response:
    base = f"{ecr.endpoint}/v2/checkout"
    digest = "sha256:" + hashlib.sha256(config).hexdigest()
    place = requests.post(f"{base}/blobs/uploads/", auth=login, timeout=10).headers["Location"]
    requests.put(ecr.endpoint + place, params={"digest": digest}, data=config, auth=login, timeout=10)
    entry = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest, "size": len(config)}
    manifest = {"schemaVersion": 2, "mediaType": MANIFEST_TYPE, "config": entry, "layers": []}
    headers = {"Content-Type": MANIFEST_TYPE}
    address = f"{base}/manifests/{tag}"
    return requests.put(address, data=json.dumps(manifest), headers=headers, auth=login, timeout=10)


def test_pushed_image_has_the_same_digest_on_both_planes(ecr: Ecr, client: ECRClient) -> None:
    pushed = _push(ecr, _login(client), "v1")
    assert pushed.status_code == 201
    (image,) = client.describe_images(repositoryName="checkout", imageIds=[{"imageTag": "v1"}])["imageDetails"]
    assert image["imageDigest"] == pushed.headers["Docker-Content-Digest"]


@pytest.mark.parametrize("login", [None, ("AWS", "made-up"), ("root", "made-up")])
def test_registry_asks_for_a_token_that_the_api_gave(ecr: Ecr, login: tuple[str, str] | None) -> None:
    answer = requests.get(f"{ecr.endpoint}/v2/", auth=login, timeout=10)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Basic ")


def test_expired_token_is_refused_and_a_new_one_works(ecr: Ecr, client: ECRClient) -> None:
    old = _login(client)
    ecr.expire_tokens()
    assert requests.get(f"{ecr.endpoint}/v2/", auth=old, timeout=10).status_code == 401
    assert requests.get(f"{ecr.endpoint}/v2/", auth=_login(client), timeout=10).status_code == 200


def test_missing_tag_is_awss_own_error(ecr: Ecr, client: ECRClient) -> None:
    with pytest.raises(client.exceptions.ImageNotFoundException):
        client.describe_images(repositoryName="checkout", imageIds=[{"imageTag": "none"}])


def test_immutable_tag_refuses_another_image(ecr: Ecr, client: ECRClient) -> None:
    login = _login(client)
    assert _push(ecr, login, "v1").status_code == 201
    assert _push(ecr, login, "v1", b'{"other":1}').status_code >= 400


def test_fault_answers_instead_of_the_registry(ecr: Ecr, client: ECRClient) -> None:
    login = _login(client)
    ecr.faults.answer("503 Service Unavailable", method="PUT", path="/manifests/")
    assert _push(ecr, login, "v1").status_code == 503
    assert _push(ecr, login, "v1").status_code == 201


def _runs(command_line: Path) -> bool:
    """Tell whether a process exists and is no zombie, which has no command line."""
    try:
        return bool(command_line.read_bytes())
    except OSError:
        return False


def test_child_ends_when_its_owner_is_killed(ecr: Ecr, tmp_path: Path) -> None:
    script = (
        "import sys, pathlib; from devstack.ecr import Ecr; e = Ecr(pathlib.Path(sys.argv[1]));"
        "print(e.process.pid, flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "ecr")]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        child = Path("/proc") / owner.stdout.readline().strip() / "cmdline"
        assert b"ministack" in child.read_bytes()
        owner.kill()
    deadline = time.monotonic() + 15
    while _runs(child):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_child_ends_with_stop(tmp_path_factory: pytest.TempPathFactory) -> None:
    own = Ecr(tmp_path_factory.mktemp("ecr"))
    assert own.process.poll() is None
    own.stop()
    assert own.process.poll() is not None
