"""The chart `mergeport`: one pod or web and worker apart, two ports, secrets as files, a volume for the state."""

from __future__ import annotations

import json
import re
import subprocess
from typing import Any

import pytest

from service.engine.life import SIGN_OF_LIFE
from service.settings import is_for_web, is_for_worker, names
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


KEYS = {
    "webhook": "webhook",
    "githubToken": "github-token",
    "argocdToken": "argocd-token",
    "databaseUrl": "database-url",
}
FILES = {
    "MERGEPORT_WEBHOOK_SECRET_PREVIOUS_FILE": "webhook-old",
    "MERGEPORT_SSH_KEY_FILE": "ssh-key",
    "MERGEPORT_ENGINE_DATABASE_URL_FILE": "engine-url",
}


def apart(**more: object) -> Manifest:
    return values(mode="apart", secret={"name": "mergeport", "keys": KEYS, "files": FILES}, **more)


def named(manifests: list[Manifest], kind: str, name: str) -> Manifest:
    (found,) = [each for each in manifests if each["kind"] == kind and each["metadata"]["name"] == name]
    return found


def given_to(workload: Manifest) -> dict[str, str]:
    """The variables that a workload's pods get, and the mounted keys hold exactly the files that these name."""
    spec = workload["spec"]["template"]["spec"]
    settings = {entry["name"]: entry["value"] for entry in spec["containers"][0]["env"]}
    (secret,) = [volume["secret"] for volume in spec["volumes"] if "secret" in volume]
    mounted = {f"/run/secrets/mergeport/{item['path']}" for item in secret["items"]}
    assert mounted == {value for name, value in settings.items() if name.endswith("_FILE")}
    return settings


def test_postgresql_needs_no_other_mode(render: Render) -> None:
    manifests = render(CHART, values(secret={"name": "mergeport", "keys": KEYS}))
    settings = given_to(one(manifests, "StatefulSet"))
    assert settings["MERGEPORT_DATABASE_URL_FILE"] == "/run/secrets/mergeport/database-url"
    assert "MERGEPORT_DATABASE_URL" not in settings


def test_apart_web_and_worker_get_only_the_secrets_that_they_read(render: Render) -> None:
    manifests = render(CHART, apart())
    web = given_to(named(manifests, "Deployment", "checkout-web"))
    worker = given_to(named(manifests, "StatefulSet", "checkout-worker"))
    assert [name for name in web if not is_for_web(name) and name != "MERGEPORT_CONFIGURATION_REPOSITORY"] == []
    assert [name for name in worker if not is_for_worker(name)] == []
    assert {name for name in web if name.endswith("_FILE")} == {
        "MERGEPORT_DATABASE_URL_FILE",
        "MERGEPORT_ENGINE_DATABASE_URL_FILE",
        "MERGEPORT_WEBHOOK_SECRET_FILE",
        "MERGEPORT_WEBHOOK_SECRET_PREVIOUS_FILE",
    }
    assert {*web, *worker} <= names()
    assert "serviceAccountName" not in named(manifests, "Deployment", "checkout-web")["spec"]["template"]["spec"]


def test_apart_services_and_policies_lead_to_the_pods_that_listen(render: Render) -> None:
    manifests = render(CHART, apart())
    web = named(manifests, "Deployment", "checkout-web")["spec"]["template"]
    worker = named(manifests, "StatefulSet", "checkout-worker")["spec"]["template"]
    for service in ("checkout", "checkout-private"):
        selector = named(manifests, "Service", service)["spec"]["selector"]
        assert selector.items() <= web["metadata"]["labels"].items()
        assert not selector.items() <= worker["metadata"]["labels"].items()
    closed = named(manifests, "NetworkPolicy", "checkout-worker")["spec"]
    assert closed["podSelector"]["matchLabels"].items() <= worker["metadata"]["labels"].items()
    assert "ingress" not in closed
    (container,) = worker["spec"]["containers"]
    assert "ports" not in container
    assert container["livenessProbe"]["exec"]["command"][-1].startswith(f"find /var/lib/mergeport/{SIGN_OF_LIFE} ")


def test_migration_runs_before_an_upgrade_and_takes_no_traffic(render: Render) -> None:
    manifests = render(CHART, values(secret={"name": "mergeport", "keys": KEYS}))
    job = one(manifests, "Job")
    assert job["metadata"]["annotations"]["helm.sh/hook"] == "pre-install,pre-upgrade"
    assert job["spec"]["template"]["spec"]["containers"][0]["args"] == ["migrate"]
    assert set(given_to(job)) == {"MERGEPORT_DATABASE_URL_FILE", "MERGEPORT_STATE_DIRECTORY"}
    selector = named(manifests, "Service", "checkout")["spec"]["selector"]
    assert not selector.items() <= job["spec"]["template"]["metadata"]["labels"].items()


def test_sqlite_needs_no_migration_and_one_pod_no_budget(render: Render) -> None:
    kinds = {each["kind"] for each in render(CHART, values())}
    assert not kinds & {"Job", "PodDisruptionBudget", "ServiceMonitor", "PrometheusRule", "ConfigMap"}


@pytest.mark.parametrize(("replicas", "budgets"), [(1, 0), (2, 1)])
def test_a_drain_is_never_kept_from_the_last_pod(render: Render, replicas: int, budgets: int) -> None:
    manifests = render(CHART, apart(web={"replicas": replicas}))
    found = [each["spec"] for each in manifests if each["kind"] == "PodDisruptionBudget"]
    assert len(found) == budgets
    assert all(budget["minAvailable"] < replicas for budget in found)


def test_way_to_the_pages_is_another_one_and_leads_to_the_private_port(render: Render) -> None:
    pages = {"enabled": True, "host": "mergeport.example.org"}
    manifests = render(CHART, values(pagesIngress=pages))
    (rule,) = one(manifests, "Ingress")["spec"]["rules"]
    assert rule["host"] == "mergeport.example.org"
    assert rule["http"]["paths"][0]["backend"]["service"]["name"] == "checkout-private"


def test_prometheus_scrapes_the_private_port_of_the_pods(render: Render) -> None:
    manifests = render(CHART, values(monitoring={"serviceMonitor": {"enabled": True, "labels": {"release": "kps"}}}))
    monitor = one(manifests, "ServiceMonitor")
    matched = [
        each["metadata"]["name"]
        for each in manifests
        if each["kind"] == "Service"
        and monitor["spec"]["selector"]["matchLabels"].items() <= each["metadata"]["labels"].items()
    ]
    assert matched == ["checkout-private"]
    assert monitor["spec"]["endpoints"] == [{"port": "private", "path": "/metrics", "interval": "30s"}]
    assert monitor["metadata"]["labels"]["release"] == "kps"


def test_alerts_are_those_of_the_documentation_and_the_dashboard_asks_for_metrics_that_exist(render: Render) -> None:
    monitoring = {"alerts": {"enabled": True}, "dashboard": {"enabled": True}}
    manifests = render(CHART, values(monitoring=monitoring))
    (group,) = one(manifests, "PrometheusRule")["spec"]["groups"]
    dashboard = json.loads(one(manifests, "ConfigMap")["data"]["mergeport.json"])
    documented = (ROOT / "docs" / "operate.md").read_text()
    shown = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    assert [rule["expr"] for rule in group["rules"] if rule["expr"] not in documented] == []
    known = set(re.findall(r"^\| `(mergeport_\w+)`", documented, re.MULTILINE))
    asked = {name.removesuffix("_bucket") for expr in shown for name in re.findall(r"mergeport_\w+", expr)}
    assert asked <= known


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"mode": "apart"}, "secret.keys.databaseUrl"),
        ({"mode": "both"}, "mode"),
        ({"pagesIngress": {"enabled": True, "host": "pages.example.org"}}, "pages answer only to the name in url"),
    ],
)
def test_settings_that_cannot_work_together_are_refused_by_name(render: Render, given: Manifest, words: str) -> None:
    with pytest.raises(RenderError, match=words):
        render(CHART, values(**given))


def test_budget_that_stops_every_drain_is_refused(render: Render) -> None:
    with pytest.raises(RenderError, match="no node could ever be drained"):
        render(CHART, apart(podDisruptionBudget={"minAvailable": 2}))
