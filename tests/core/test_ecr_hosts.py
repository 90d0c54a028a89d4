"""Every name of a registry and of an image in it is read the same way wherever one is read."""

from __future__ import annotations

import pytest

from service.adapters.registries import ecr, oci
from service.core.config.texts import image_repository, registry_host
from service.core.config.tree import registry_kind
from service.core.deployment.evidence import is_same
from service.core.ecr_hosts import EcrHost, ecr_host
from service.core.images import ImageReference, parse_reference
from service.core.words import Digest

ACCOUNT = "123456789012"
DIGEST = Digest("sha256:" + "0a" * 32)
PRIVATE = {
    f"{ACCOUNT}.dkr.ecr.ap-northeast-2.amazonaws.com": "ap-northeast-2",
    f"{ACCOUNT}.dkr.ecr.cn-north-1.amazonaws.com.cn": "cn-north-1",
    f"{ACCOUNT}.dkr.ecr.us-gov-west-1.amazonaws.com": "us-gov-west-1",
    f"{ACCOUNT}.dkr.ecr-fips.us-east-1.amazonaws.com": "us-east-1",
    f"{ACCOUNT}.dkr.ecr.eusc-de-east-1.amazonaws.eu": "eusc-de-east-1",
    f"{ACCOUNT}.dkr-ecr.eu-west-1.on.aws": "eu-west-1",
    f"{ACCOUNT}.dkr-ecr-fips.us-east-2.on.aws": "us-east-2",
    f"{ACCOUNT}.dkr-ecr.cn-northwest-1.on.amazonwebservices.com.cn": "cn-northwest-1",
}
OTHERS = [
    "public.ecr.aws", "ghcr.io", "docker.io", "registry.acme.test:5000", "localhost:5000",
    f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com.evil.test", f"x{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com",
    "12345.dkr.ecr.us-east-1.amazonaws.com", f"{ACCOUNT}.dkr.ecr.us-east-1.on.aws",
    f"{ACCOUNT}.dkr-ecr.us-east-1.amazonaws.com", f"{ACCOUNT}xdkr.ecr.us-east-1.amazonaws.com",
]  # fmt: skip
REPOSITORIES = [
    "checkout",
    "team/checkout",
    "docker-hub/library/nginx",
    "quay/prometheus/node-exporter",
    "github/acme/web__api.v2",
    "ecr-public/amazonlinux/amazonlinux",
]


@pytest.mark.parametrize("host", PRIVATE)
def test_private_registry_of_aws_is_known_by_its_name(host: str) -> None:
    assert registry_host(host) == host
    assert registry_kind(host) == "ecr"
    assert ecr_host(host) == EcrHost(ACCOUNT, PRIVATE[host])
    options = ecr.Options(host=host)
    assert (options.account, options.aws_region) == (ACCOUNT, PRIVATE[host])


@pytest.mark.parametrize("host", OTHERS)
def test_any_other_host_is_read_as_any_registry(host: str) -> None:
    assert registry_host(host) == host
    assert (registry_kind(host), ecr_host(host)) == ("oci", None)
    assert oci.Options(host=host).host == host


@pytest.mark.parametrize("repository", REPOSITORIES)
@pytest.mark.parametrize("host", [*PRIVATE, "public.ecr.aws", "localhost:5000"])
def test_reference_is_read_back_and_known_in_a_cluster(host: str, repository: str) -> None:
    reference = ImageReference(host, image_repository(repository), "v1.2_3", DIGEST)
    assert parse_reference(str(reference)) == reference
    assert is_same(str(reference), reference)
    assert is_same(f"{host}/{repository}@{DIGEST}", reference)
    assert not is_same(f"{host}/{repository}@sha256:{'0b' * 32}", reference)


@pytest.mark.parametrize("repository", ["Library/nginx", "/nginx", "nginx/", "a//b", "a..b", "a:b", "a@b", ""])
def test_what_names_no_repository_is_refused(repository: str) -> None:
    with pytest.raises(ValueError, match="cannot name an image"):
        image_repository(repository)
