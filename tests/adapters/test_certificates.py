"""MERGEPORT_CA_FILE: a private authority is trusted, everybody else as before, by git and by every HTTP client."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
from requests.utils import DEFAULT_CA_BUNDLE_PATH

from devstack.stack import ARGOCD_TOKEN, GITHUB_TOKEN, Devstack
from service.adapters.certificates import trusted_with
from service.adapters.checkout import GitCheckout
from service.adapters.deployers.argocd import ArgoCD
from service.adapters.forges.github import GitHub, TokenLogin
from service.adapters.manifests.git import GitManifestRepositories
from service.adapters.registries import ecr, oci
from service.adapters.registries.ecr import EcrRegistry
from service.adapters.registries.oci import OciRegistry
from service.bootstrap_sources import SystemClock
from service.core.words import Repository, Sha
from service.errors import MergeportError, PermanentError
from service.ports import Credentials
from tests.fixtures.certificates import SelfSigned, tls_front

NAME = Repository("acme/manifests")


def by_github(url: str, ca_file: Path | None, folder: Path) -> object:
    forge = GitHub(TokenLogin(GITHUB_TOKEN), api_url=f"{url}/api/v3", ca_file=str(ca_file) if ca_file else None)
    return forge.default_branch(NAME)


def by_mirror(url: str, ca_file: Path | None, folder: Path) -> object:
    opened = GitManifestRepositories(folder, lambda name: f"{url}/{name}.git", credentials, ca_file=ca_file)
    return opened.open(NAME).fetch("main")


def by_argocd(url: str, ca_file: Path | None, folder: Path) -> object:
    argocd = ArgoCD(url, ARGOCD_TOKEN, ca_file=str(ca_file) if ca_file else None)
    return argocd.look(["checkout-dev"])["checkout-dev"]


def by_registry(url: str, ca_file: Path | None, folder: Path) -> object:
    """A registry that asks for a password has been reached."""
    registry = OciRegistry(oci.Options(host=url.removeprefix("https://")), ca_file=ca_file)
    try:
        return registry.find("checkout", "1")
    except MergeportError as error:
        if error.code != "registry-refused":
            raise
        return error.code


def by_ecr(url: str, ca_file: Path | None, folder: Path) -> object:
    """Ask both planes of an ECR outside AWS: its API, then `/v2`."""
    options = ecr.Options(host="123456789012.dkr.ecr.ap-northeast-2.amazonaws.com")
    registry = EcrRegistry(options, clock=SystemClock(), endpoint=url, reached_at=url, ca_file=ca_file)
    registry.ensure_repository("checkout")
    return registry.find("checkout", "1") is None


def credentials(repository: Repository, *, write: bool = False) -> Credentials:
    return Credentials("x-access-token", GITHUB_TOKEN)


def serials(context: ssl.SSLContext) -> set[str]:
    return {str(one["serialNumber"]) for one in context.get_ca_certs()}


@pytest.fixture
def manifests(stack: Devstack) -> Devstack:
    stack.create_repository(NAME, {"apps/checkout/values-dev.yaml": "image: {repository: a/b, tag: x}\n"})
    stack.argocd.add_application_set(NAME)
    return stack


@pytest.mark.parametrize(
    ("ask", "code"),
    [
        (by_github, "github-certificate-refused"),
        (by_mirror, "git-certificate-refused"),
        (by_argocd, "argocd-certificate-refused"),
        (by_registry, "registry-certificate-refused"),
    ],
)
def test_private_authority_is_trusted_when_it_is_named_and_refused_in_words_when_not(
    manifests: Devstack,
    self_signed: SelfSigned,
    tmp_path: Path,
    ask: Callable[[str, Path | None, Path], object],
    code: str,
) -> None:
    others: dict[object, str] = {by_argocd: manifests.argocd.url, by_registry: manifests.ecr.endpoint}
    behind = others.get(ask, manifests.github.url)
    with tls_front(behind, self_signed) as url:
        with pytest.raises(PermanentError) as caught:
            ask(url, None, tmp_path / "without")
        assert ask(url, trusted_with(self_signed.certificate, tmp_path), tmp_path / "with")
    assert caught.value.code == code
    assert "MERGEPORT_CA_FILE" in caught.value.hint


def test_both_planes_of_an_ecr_are_reached_by_it(
    manifests: Devstack, self_signed: SelfSigned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in manifests.environment().items():
        if name.startswith("AWS_"):
            monkeypatch.setenv(name, value)
    with tls_front(manifests.ecr.endpoint, self_signed) as url:
        with pytest.raises(MergeportError):
            by_ecr(url, None, tmp_path)
        assert by_ecr(url, trusted_with(self_signed.certificate, tmp_path), tmp_path)


def test_source_is_checked_out_by_it(manifests: Devstack, self_signed: SelfSigned, tmp_path: Path) -> None:
    folder = tmp_path / "source"
    folder.mkdir()
    with tls_front(manifests.github.url, self_signed) as url:
        checkout = GitCheckout(lambda name: f"{url}/{name}.git", credentials, ca_file=self_signed.certificate)
        checkout(NAME, Sha(manifests.git.open(NAME).tip("main")), folder)
    assert (folder / "apps" / "checkout" / "values-dev.yaml").is_file()


def test_everybody_else_is_trusted_as_before(
    self_signed: SelfSigned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "GIT_SSL_CAINFO"):
        monkeypatch.delenv(name, raising=False)
    made = ssl.create_default_context(cafile=trusted_with(self_signed.certificate, tmp_path / "state"))
    usual = ssl.create_default_context(cafile=DEFAULT_CA_BUNDLE_PATH)
    assert serials(usual)
    assert serials(usual) < serials(made)


def test_authorities_of_the_environment_stay(
    self_signed: SelfSigned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corporate = tmp_path / "corporate.pem"
    corporate.write_text("# the company's\n")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(corporate))
    made = trusted_with(self_signed.certificate, tmp_path / "state")
    assert "# the company's" in made.read_text()
    assert self_signed.certificate.read_text() in made.read_text()
