"""The builder for machines without Docker: a real image, honest about what it is."""

from __future__ import annotations

import gzip
import io
import json
import os
import tarfile
import urllib.request
from pathlib import Path

import pytest

from devstack.ecr import Ecr
from devstack.layer import LayerBuilder, pack
from service.adapters.builders.docker import Options
from service.adapters.registries.ecr import EcrRegistry
from service.adapters.registries.ecr import Options as EcrOptions
from service.core.images import ImageReference
from service.errors import PermanentError, RetryableError
from service.ports import BuildRequest
from tests.adapters.builders.parts import Control, Source, request_for
from tests.contract.registries import (
    ECR_HOST,
    LABELS,
    REVISION,
    Ministack,
    TestClock,
    aws_credentials,
    basic,
    make_image,
    ministack,
    push,
    raw_manifest,
    sha256,
)

__all__ = ["aws_credentials", "ministack"]

TAG = "4f2c1e9ab012"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    (folder / "shop" / "templates").mkdir(parents=True)
    (folder / "shop" / "Dockerfile").write_text("FROM scratch\n")
    (folder / "shop" / "app.py").write_text("print('hello')\n")
    (folder / "shop" / "run.sh").write_text("#!/bin/sh\n")
    (folder / "shop" / "run.sh").chmod(0o700)
    (folder / "shop" / "templates" / "link").symlink_to("../app.py")
    (folder / "not-in-the-context").write_text("secret")
    return folder


@pytest.fixture
def registry(ministack: Ministack) -> EcrRegistry:
    made = EcrRegistry(EcrOptions(host=ECR_HOST), clock=TestClock(), endpoint=ministack.url, reached_at=ministack.host)
    made.ensure_repository("shop")
    return made


def request(registry: EcrRegistry, context: str = "shop") -> BuildRequest:
    reference = ImageReference(ECR_HOST, "shop", TAG)
    made = request_for(ECR_HOST, "shop", Options(context=context), tag=TAG)
    target = registry.push_target(reference)
    return BuildRequest(made.repository, made.commit, reference, target, made.labels, made.options)


def test_image_is_pushed_and_read_back(source: Path, registry: EcrRegistry, ministack: Ministack) -> None:
    LayerBuilder(Source(source)).build(request(registry), Control())
    found = registry.find("shop", TAG)
    login = ministack.credentials()
    assert found is not None
    assert found.revision == REVISION
    assert found.digest == sha256(raw_manifest(ministack.url, "shop", TAG, basic(login.username, login.secret)))


def test_log_says_that_it_is_not_a_dockerfile_build(source: Path, registry: EcrRegistry) -> None:
    control = Control()
    LayerBuilder(Source(source)).build(request(registry), control)
    assert "not a Dockerfile build" in control.text


def test_layer_has_the_context_and_nothing_else(source: Path) -> None:
    with tarfile.open(fileobj=io.BytesIO(pack(source / "shop", Control()))) as archive:
        modes = {entry.name: (entry.type, entry.mode, entry.linkname) for entry in archive}
    assert modes == {
        "Dockerfile": (tarfile.REGTYPE, 0o644, ""),
        "app.py": (tarfile.REGTYPE, 0o644, ""),
        "run.sh": (tarfile.REGTYPE, 0o755, ""),
        "templates": (tarfile.DIRTYPE, 0o755, ""),
        "templates/link": (tarfile.SYMTYPE, 0o755, "../app.py"),
    }


def test_same_source_is_the_same_layer_whenever_it_is_packed(source: Path) -> None:
    first = pack(source / "shop", Control())
    os.utime(source / "shop" / "app.py", (1, 1))
    assert pack(source / "shop", Control()) == first


def test_pushing_again_is_harmless(source: Path, registry: EcrRegistry) -> None:
    builder = LayerBuilder(Source(source))
    builder.build(request(registry), Control())
    first = registry.find("shop", TAG)
    builder.build(request(registry), Control())
    assert registry.find("shop", TAG) == first


def test_tag_of_another_revision_stays(source: Path, registry: EcrRegistry, ministack: Ministack) -> None:
    push(ministack.pusher(), "shop", TAG, make_image({**LABELS, "org.opencontainers.image.revision": "0" * 40}))
    with pytest.raises(PermanentError) as caught:
        LayerBuilder(Source(source)).build(request(registry), Control())
    assert caught.value.code == "tag-immutable"


def test_context_without_a_dockerfile_is_refused(source: Path, registry: EcrRegistry) -> None:
    with pytest.raises(PermanentError) as caught:
        LayerBuilder(Source(source)).build(request(registry, context="."), Control())
    assert caught.value.code == "build-context"


def test_context_of_a_template_needs_no_dockerfile(source: Path, registry: EcrRegistry) -> None:
    options = Options.model_validate({"template": "python-web", "context": "."})
    target = registry.push_target(ImageReference(registry.host, "shop", TAG))
    made = request_for("unused", "shop", options)
    reference = ImageReference(registry.host, "shop", TAG)
    request = BuildRequest(made.repository, made.commit, reference, target, made.labels, made.options)
    LayerBuilder(Source(source)).build(request, Control())
    assert registry.find("shop", TAG) is not None


def test_stopped_build_pushes_nothing(source: Path, registry: EcrRegistry) -> None:
    control = Control(stop_at="packed")
    with pytest.raises(RetryableError) as caught:
        LayerBuilder(Source(source)).build(request(registry), control)
    assert caught.value.code == "build-stopped"
    assert registry.find("shop", TAG) is None


def test_registry_that_dies_in_the_push_is_retryable(source: Path, registry: EcrRegistry, ecr: Ecr) -> None:
    wanted = request(registry)
    ecr.faults.cut(method="PUT", path="manifests")
    with pytest.raises(RetryableError):
        LayerBuilder(Source(source)).build(wanted, Control())


def test_blobs_are_what_the_manifest_says(source: Path, registry: EcrRegistry, ministack: Ministack) -> None:
    LayerBuilder(Source(source)).build(request(registry), Control())
    login = ministack.credentials()
    authorization = basic(login.username, login.secret)
    manifest = json.loads(raw_manifest(ministack.url, "shop", TAG, authorization))
    contents = {}
    for part in (manifest["config"], *manifest["layers"]):
        asked = urllib.request.Request(f"{ministack.url}/v2/shop/blobs/{part['digest']}")  # noqa: S310 - loopback
        asked.add_header("Authorization", authorization)
        with urllib.request.urlopen(asked, timeout=10) as response:  # noqa: S310 - loopback
            contents[part["digest"]] = response.read()
        assert (sha256(contents[part["digest"]]), len(contents[part["digest"]])) == (part["digest"], part["size"])
    config = json.loads(contents[manifest["config"]["digest"]])
    layer = gzip.decompress(contents[manifest["layers"][0]["digest"]])
    assert config["rootfs"]["diff_ids"] == [sha256(layer)]
