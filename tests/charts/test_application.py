"""The chart `application`: the image by digest, a hardened pod, values that are checked before they render."""

from __future__ import annotations

import subprocess

import pytest

from tests.fixtures.charts import Manifest, Render, RenderError, one
from tests.fixtures.tools import ROOT

CHART = ROOT / "charts" / "application"
REPOSITORY = "123456789012.dkr.ecr.ap-northeast-2.amazonaws.com/checkout"
DIGEST = "sha256:" + "5" * 64


def image(manifests: list[Manifest]) -> str:
    (container,) = one(manifests, "Deployment")["spec"]["template"]["spec"]["containers"]
    return str(container["image"])


def values(**more: object) -> Manifest:
    return {"image": {"repository": REPOSITORY, "tag": "4f2c1e9ab012"}, **more}


def test_lint_finds_nothing(helm: str) -> None:
    told = subprocess.run([helm, "lint", "--strict", str(CHART)], check=False, capture_output=True, text=True)
    assert told.returncode == 0, told.stdout


def test_digest_wins_over_the_tag(render: Render) -> None:
    manifests = render(CHART, {"image": {"repository": REPOSITORY, "tag": "4f2c1e9ab012", "digest": DIGEST}})
    assert image(manifests) == f"{REPOSITORY}@{DIGEST}"


def test_tag_is_used_without_a_digest(render: Render) -> None:
    assert image(render(CHART, values())) == f"{REPOSITORY}:4f2c1e9ab012"


@pytest.mark.parametrize("tag", ["1234567", "0123456", "12e4567", "1.10", "0x1f"])
def test_tag_that_looks_like_a_number_survives(render: Render, tag: str) -> None:
    assert image(render(CHART, {"image": {"repository": REPOSITORY, "tag": tag}})) == f"{REPOSITORY}:{tag}"


def test_unquoted_number_as_a_tag_is_refused_in_words(render: Render) -> None:
    with pytest.raises(RenderError, match=r"(?s)image.tag.*string"):
        render(CHART, {"image": {"repository": REPOSITORY, "tag": 1234567}})


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"image": {"repository": "", "tag": "1"}}, "image.repository is empty"),
        ({"image": {"repository": REPOSITORY}}, "image.tag and image.digest are both empty"),
        ({"image": {"repository": REPOSITORY, "digest": "sha256:short"}}, "digest"),
        ({"image": {"repository": REPOSITORY, "tga": "1"}}, "tga"),
        (values(replica=3), "replica"),
        (values(runAsUser=0), "runAsUser"),
        (values(env={"DEBUG": True}), "DEBUG"),
    ],
)
def test_wrong_values_are_refused_by_name(render: Render, given: Manifest, words: str) -> None:
    with pytest.raises(RenderError, match=words):
        render(CHART, given)


def test_pod_is_hardened(render: Render) -> None:
    pod = one(render(CHART, values()), "Deployment")["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_service_finds_the_pods(render: Render) -> None:
    manifests = render(CHART, values())
    selector = one(manifests, "Service")["spec"]["selector"]
    deployment = one(manifests, "Deployment")["spec"]
    assert selector == deployment["selector"]["matchLabels"]
    assert selector.items() <= deployment["template"]["metadata"]["labels"].items()


def test_large_user_id_stays_a_whole_number(render: Render) -> None:
    pod = one(render(CHART, values(runAsUser=1000660000)), "Deployment")["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsUser"] == 1000660000


def test_everything_that_is_optional_renders(render: Render) -> None:
    manifests = render(
        CHART,
        values(
            command=["/bin/serve"],
            args=["--port", "8080"],
            env={"LOG_LEVEL": "info"},
            envFromSecrets=["checkout"],
            envFromConfigMaps=["checkout"],
            imagePullSecrets=["registry"],
            podLabels={"team": "shop"},
            podAnnotations={"note": "x"},
            nodeSelector={"disk": "fast"},
            tolerations=[{"key": "gpu", "operator": "Exists"}],
            affinity={"podAntiAffinity": {}},
            autoscaling={"enabled": True},
            podDisruptionBudget={"enabled": True},
            ingress={"enabled": True, "host": "shop.example.org", "className": "nginx", "tlsSecret": "shop-tls"},
            serviceAccount={"annotations": {"eks.amazonaws.com/role-arn": "arn:aws:iam::123456789012:role/shop"}},
            service={"annotations": {"a": "b"}},
        ),
    )
    assert sorted(manifest["kind"] for manifest in manifests) == [
        "Deployment",
        "HorizontalPodAutoscaler",
        "Ingress",
        "PodDisruptionBudget",
        "Service",
        "ServiceAccount",
    ]
    assert "replicas" not in one(manifests, "Deployment")["spec"]
