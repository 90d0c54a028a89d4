"""The chart `mergeport`: one pod, two ports, secrets as files, a volume for the state."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest

from service.settings import names
from tests.fixtures.charts import Manifest, Render, RenderError, one
from tests.fixtures.tools import ROOT

CHART = ROOT / "charts" / "mergeport"


def values(**more: object) -> Manifest:
    keys = {"webhook": "webhook", "githubToken": "github-token", "argocdToken": "argocd-token"}
    return {
        "image": {"repository": "registry.example.org/mergeport", "digest": "sha256:" + "7" * 64},
        "url": "https://mergeport.example.org",
        "configurationRepository": "acme/manifests",
        "secret": {"name": "mergeport", "keys": keys},
        "argocd": {"url": "https://argocd.example.org"},
        **more,
    }


def pod(manifests: list[Manifest]) -> dict[str, Any]:
    found: dict[str, Any] = one(manifests, "StatefulSet")["spec"]["template"]["spec"]
    return found


def environment(manifests: list[Manifest]) -> dict[str, str]:
    (container,) = pod(manifests)["containers"]
    return {entry["name"]: entry["value"] for entry in container["env"]}


def test_lint_finds_nothing(helm: str) -> None:
    told = subprocess.run([helm, "lint", "--strict", str(CHART)], check=False, capture_output=True, text=True)
    assert told.returncode == 0, told.stdout


def test_settings_name_files_and_never_hold_a_secret(render: Render) -> None:
    assert environment(render(CHART, values())) == {
        "MERGEPORT_URL": "https://mergeport.example.org",
        "MERGEPORT_CONFIGURATION_REPOSITORY": "acme/manifests",
        "MERGEPORT_DATABASE_URL": "sqlite:////var/lib/mergeport/mergeport.db",
        "MERGEPORT_STATE_DIRECTORY": "/var/lib/mergeport",
        "MERGEPORT_PUBLIC_BIND": "0.0.0.0:8080",
        "MERGEPORT_PRIVATE_BIND": "0.0.0.0:8081",
        "MERGEPORT_WEBHOOK_SECRET_FILE": "/run/secrets/mergeport/webhook",
        "MERGEPORT_GITHUB_TOKEN_FILE": "/run/secrets/mergeport/github-token",
        "MERGEPORT_ARGOCD_URL": "https://argocd.example.org",
        "MERGEPORT_ARGOCD_TOKEN_FILE": "/run/secrets/mergeport/argocd-token",
    }


def test_every_named_secret_file_is_mounted(render: Render) -> None:
    manifests = render(CHART, values())
    (secret,) = [volume["secret"] for volume in pod(manifests)["volumes"] if "secret" in volume]
    mounted = {f"/run/secrets/mergeport/{item['path']}" for item in secret["items"]}
    named = {value for name, value in environment(manifests).items() if name.endswith("_FILE")}
    assert secret["secretName"] == "mergeport"
    assert mounted == named


def test_app_takes_the_place_of_the_token(render: Render) -> None:
    keys = {"webhook": "webhook", "githubAppPrivateKey": "github-app.pem"}
    given = values(secret={"name": "mergeport", "keys": keys}, github={"appId": "123456"}, argocd={"url": ""})
    settings = environment(render(CHART, given))
    assert settings["MERGEPORT_GITHUB_APP_ID"] == "123456"
    assert settings["MERGEPORT_GITHUB_APP_PRIVATE_KEY_FILE"] == "/run/secrets/mergeport/github-app.pem"
    assert "MERGEPORT_GITHUB_TOKEN_FILE" not in settings
    assert "MERGEPORT_ARGOCD_URL" not in settings


def test_more_secret_files_are_mounted_and_named(render: Render) -> None:
    given = values()
    given["secret"]["files"] = {"MERGEPORT_WEBHOOK_SECRET_PREVIOUS_FILE": "webhook-old"}
    manifests = render(CHART, given)
    (secret,) = [volume["secret"] for volume in pod(manifests)["volumes"] if "secret" in volume]
    assert {"key": "webhook-old", "path": "webhook-old"} in secret["items"]
    settings = environment(manifests)
    assert settings["MERGEPORT_WEBHOOK_SECRET_PREVIOUS_FILE"] == "/run/secrets/mergeport/webhook-old"


@pytest.mark.parametrize("app", [False, True])
def test_every_variable_is_a_setting_that_mergeport_reads(render: Render, app: bool) -> None:
    keys = {"webhook": "webhook", "githubToken": "token", "githubAppPrivateKey": "app.pem", "argocdToken": "argocd"}
    given = values(secret={"name": "mergeport", "keys": keys}, github={"appId": "1" if app else ""})
    assert set(environment(render(CHART, given))) <= names()


def test_one_pod_and_never_two_at_once(render: Render) -> None:
    spec = one(render(CHART, values()), "StatefulSet")["spec"]
    assert spec["replicas"] == 1
    (claim,) = spec["volumeClaimTemplates"]
    assert claim["spec"]["accessModes"] == ["ReadWriteOnce"]


def test_way_in_leads_to_the_public_port_and_webhooks_alone(render: Render) -> None:
    manifests = render(CHART, values(ingress={"enabled": True, "host": "hooks.example.org"}))
    (rule,) = one(manifests, "Ingress")["spec"]["rules"]
    (path,) = rule["http"]["paths"]
    (service,) = [
        manifest
        for manifest in manifests
        if manifest["kind"] == "Service" and manifest["metadata"]["name"] == path["backend"]["service"]["name"]
    ]
    assert path["path"] == "/webhooks/"
    assert [port["targetPort"] for port in service["spec"]["ports"]] == ["public"]


def test_private_port_is_for_the_namespace_alone(render: Render) -> None:
    (public, private) = one(render(CHART, values()), "NetworkPolicy")["spec"]["ingress"]
    assert public == {"ports": [{"port": "public", "protocol": "TCP"}]}
    assert private["from"] == [{"podSelector": {}}]


def test_pod_is_hardened(render: Render) -> None:
    spec = pod(render(CHART, values()))
    (container,) = spec["containers"]
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["enableServiceLinks"] is False  # service links would look like settings: MERGEPORT_PORT=tcp://…
    assert container["args"] == ["serve"]
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}


def test_probes_ask_health_in_public_and_readiness_in_private(render: Render) -> None:
    (container,) = pod(render(CHART, values()))["containers"]
    assert container["livenessProbe"]["httpGet"] == {"path": "/healthz", "port": "public"}
    assert container["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "private"}


def test_role_on_aws_is_an_annotation(render: Render) -> None:
    role = {"eks.amazonaws.com/role-arn": "arn:aws:iam::123456789012:role/mergeport"}
    manifests = render(CHART, values(serviceAccount={"annotations": role}))
    assert one(manifests, "ServiceAccount")["metadata"]["annotations"] == role


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"url": ""}, "url is empty"),
        ({"configurationRepository": ""}, "configurationRepository is empty"),
        ({"configurationRepository": "manifests"}, "configurationRepository"),
        ({"secret": {"name": "mergeport", "keys": {"webhook": "webhook"}}}, "secret.keys.githubToken"),
        ({"github": {"appId": "1"}}, "githubAppPrivateKey"),
        ({"replicas": 2}, "replicas"),
        ({"github": {"token": "ghp_x"}}, "token"),
    ],
)
def test_wrong_values_are_refused_by_name(render: Render, given: Manifest, words: str) -> None:
    with pytest.raises(RenderError, match=words):
        render(CHART, values(**given))
