"""A run is no success while another image of its repository runs, by whatever setting and in whatever form."""

from __future__ import annotations

from dataclasses import replace

import pytest

from service.core.deployment import (
    Applied,
    Doubt,
    Observation,
    Override,
    VerdictKind,
)
from service.core.images import ImageReference
from tests.core.deployment.observed import (
    DIGEST,
    IMAGE,
    LIVE,
    OTHER,
    judge,
)

TAG, ON_DIGEST, REPLICAS = (Override("helm.parameters", name) for name in ("image.tag", "image.digest", "replicas"))
OVERRIDDEN = replace(LIVE, images=(OTHER,), overrides=(TAG, ON_DIGEST, REPLICAS))


def test_other_image_of_our_repository_is_no_success_and_names_the_override() -> None:
    verdict = judge(OVERRIDDEN, images=[IMAGE])
    assert (verdict.kind, verdict.doubt) == (VerdictKind.DOUBTFUL, Doubt.OTHER_IMAGE)
    assert f"{OTHER} runs in place of {IMAGE}" in verdict.reason
    assert "helm.parameters image.tag, helm.parameters image.digest of the" in verdict.reason


@pytest.mark.parametrize(
    ("override", "seen"),
    [
        pytest.param(ON_DIGEST, f"{IMAGE.name}@sha256:{'7' * 64}", id="digest-alone"),
        pytest.param(ON_DIGEST, f"{IMAGE.name}:{IMAGE.tag}@sha256:{'7' * 64}", id="digest-beside-our-tag"),
        pytest.param(Override("helm.values", "image.tag"), OTHER, id="values"),
        pytest.param(Override("helm.valuesObject", "image"), OTHER, id="values-above-ours"),
        pytest.param(Override("helm.parameters", "image.repository"), "mirror.example.com/team/web:one", id="mirror"),
        pytest.param(Override("helm.parameters", "image.repository"), "other.example.com/x:one", id="another-name"),
        pytest.param(Override("kustomize.images", f"web={OTHER}"), OTHER, id="kustomize"),
        pytest.param(
            Override("kustomize.images", f"{IMAGE.name}=mirror/web:one"), "mirror/web:one", id="kustomize-name"
        ),
    ],
)
def test_override_of_any_kind_is_no_success_and_is_named(override: Override, seen: str) -> None:
    verdict = judge(replace(LIVE, images=("sidecar:1", seen), overrides=(REPLICAS, override)), images=[IMAGE])
    assert (verdict.kind, verdict.doubt) == (VerdictKind.DOUBTFUL, Doubt.OTHER_IMAGE)
    assert f"runs in place of {IMAGE}: {override} of the" in verdict.reason


@pytest.mark.parametrize(
    ("registry", "seen"),
    [
        ("docker.io", "acme/web:one"),
        ("docker.io", "index.docker.io/acme/web:one"),
        ("index.docker.io", "docker.io/acme/web:one"),
        ("Registry.Example.com", "registry.example.com:443/acme/web:one"),
    ],
)
def test_registry_is_known_in_its_other_forms(registry: str, seen: str) -> None:
    image = ImageReference(registry, "acme/web", IMAGE.tag, DIGEST)
    ours = seen.replace(":one", f":{IMAGE.tag}")
    assert judge(replace(LIVE, images=(seen,)), images=[image]).doubt is Doubt.OTHER_IMAGE
    assert judge(replace(LIVE, images=(ours,)), images=[image]).kind is VerdictKind.SUCCEEDED


@pytest.mark.parametrize("seen", [f"mirror.example.com/web@{DIGEST}", f"mirror.example.com/web:{IMAGE.tag}"])
def test_ours_that_comes_from_a_mirror_is_a_success(seen: str) -> None:
    observed = replace(LIVE, images=(seen,), overrides=(Override("helm.parameters", "image.repository"),))
    assert judge(observed, images=[IMAGE]).kind is VerdictKind.SUCCEEDED


def test_override_of_other_values_holds_up_nothing() -> None:
    observed = replace(LIVE, images=("registry.example.com/sidecar:1",), overrides=(REPLICAS,))
    assert judge(observed, images=[IMAGE]).kind is VerdictKind.SUCCEEDED


@pytest.mark.parametrize(
    "observed",
    [
        pytest.param(replace(LIVE, images=(OTHER, str(IMAGE))), id="ours-beside-the-old-one"),
        pytest.param(replace(LIVE, images=()), id="nothing-runs"),
        pytest.param(replace(LIVE, images=("registry.example.com/web-worker:one",)), id="another-repository"),
        pytest.param(replace(LIVE, images=("registry.example.com:5000/web:one",)), id="another-registry"),
        pytest.param(replace(LIVE, images=(f"{IMAGE.name}:renamed@{DIGEST}",)), id="same-digest"),
    ],
)
def test_other_images_do_not_hold_up_success(observed: Observation) -> None:
    assert judge(observed, images=[IMAGE]).kind is VerdictKind.SUCCEEDED


def test_what_an_operation_brought_counts_where_nothing_runs() -> None:
    observed = replace(LIVE, applied=(Applied("Deployment/web", (OTHER,)),))
    assert judge(observed, images=[IMAGE]).doubt is Doubt.OTHER_IMAGE


def test_what_a_schedule_ran_last_is_no_other_image() -> None:
    observed = replace(LIVE, images=(OTHER,), applied=(Applied("CronJob/web", (str(IMAGE),)),))
    assert judge(observed, images=[IMAGE]).ask_pods
    assert judge(observed, images=[IMAGE], jobs=frozenset({OTHER})).kind is VerdictKind.SUCCEEDED
    overridden = replace(observed, applied=(), overrides=(TAG,))
    assert judge(overridden, images=[IMAGE], jobs=frozenset({OTHER})).doubt is Doubt.OTHER_IMAGE


def test_other_image_without_any_override_names_where_else_to_look() -> None:
    assert ".argocd-source.yaml" in judge(replace(LIVE, images=(OTHER,)), images=[IMAGE]).reason
