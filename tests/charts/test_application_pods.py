"""The chart `application`: budgets, GPUs, stopping, caches, jobs and names, on what is rendered."""

from __future__ import annotations

import pytest

from tests.charts.test_application import CHART, DIGEST, REPOSITORY, values
from tests.fixtures.charts import Manifest, Render, one

IMAGE = {"repository": REPOSITORY, "tag": "4f2c1e9ab012"}


def pod(manifests: list[Manifest], kind: str = "Deployment") -> Manifest:
    spec: Manifest = one(manifests, kind)["spec"]["template"]["spec"]
    return spec


def application(manifests: list[Manifest], kind: str = "Deployment") -> Manifest:
    (found,) = (container for container in pod(manifests, kind)["containers"] if container["name"] == "application")
    container: Manifest = found
    return container


@pytest.mark.parametrize(
    ("given", "budget"),
    [
        ({"replicas": 1}, {"maxUnavailable": 1}),
        ({"replicas": 0}, {"maxUnavailable": 1}),
        ({"replicas": 2}, {"minAvailable": 1}),
        ({"replicas": 3, "podDisruptionBudget": {"minAvailable": 3}}, {"maxUnavailable": 1}),
        ({"replicas": 3, "podDisruptionBudget": {"minAvailable": 2}}, {"minAvailable": 2}),
        ({"replicas": 1, "podDisruptionBudget": {"minAvailable": "50%"}}, {"maxUnavailable": 1}),
        ({"replicas": 4, "podDisruptionBudget": {"minAvailable": "50%"}}, {"minAvailable": "50%"}),
        ({"replicas": 4, "podDisruptionBudget": {"minAvailable": "100%"}}, {"maxUnavailable": 1}),
        ({"replicas": 9, "autoscaling": {"enabled": True, "minReplicas": 1}}, {"maxUnavailable": 1}),
        (
            {"replicas": 9, "keda": {"enabled": True, "triggers": [{"type": "cpu", "metadata": {}}]}},
            {"maxUnavailable": 1},
        ),
        ({"replicas": 4, "podDisruptionBudget": {"maxUnavailable": 2}}, {"maxUnavailable": 2}),
        ({"replicas": 4, "podDisruptionBudget": {"maxUnavailable": "25%"}}, {"maxUnavailable": "25%"}),
    ],
)
def test_budget_never_wants_as_many_pods_as_there_are(render: Render, given: Manifest, budget: Manifest) -> None:
    wanted = {"enabled": True, **given.get("podDisruptionBudget", {})}
    spec = one(render(CHART, values(**{**given, "podDisruptionBudget": wanted})), "PodDisruptionBudget")["spec"]
    assert {key: spec[key] for key in ("minAvailable", "maxUnavailable") if key in spec} == budget


def test_gpus_bring_their_toleration_and_no_room_for_one_more(render: Render) -> None:
    given = {"gpu": {"count": 2, "runtimeClassName": "nvidia"}, "sharedMemory": "4Gi", "tolerations": [{"key": "spot"}]}
    manifests = render(CHART, values(**given))
    assert application(manifests)["resources"]["limits"]["nvidia.com/gpu"] == 2
    assert pod(manifests)["runtimeClassName"] == "nvidia"
    assert [toleration["key"] for toleration in pod(manifests)["tolerations"]] == ["nvidia.com/gpu", "spot"]
    assert {"name": "shared-memory", "mountPath": "/dev/shm"} in application(manifests)["volumeMounts"]
    assert one(manifests, "Deployment")["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": 0, "maxUnavailable": 1}


@pytest.mark.parametrize(("grace", "asked", "waited"), [(30, 5, 5), (6, 5, 3), (60, 0, 0), (1, 5, 0)])
def test_waiting_before_the_stop_leaves_time_to_finish(render: Render, grace: int, asked: int, waited: int) -> None:
    given = values(terminationGracePeriodSeconds=grace, stopDelaySeconds=asked)
    lifecycle = application(render(CHART, given)).get("lifecycle", {})
    assert lifecycle.get("preStop", {}).get("sleep", {}).get("seconds", 0) == waited


def test_worker_has_no_door_and_no_probe_of_one(render: Render) -> None:
    manifests = render(CHART, values(kind="Worker", networkPolicy={"enabled": True}))
    container = application(manifests)
    assert "ports" not in container
    assert {"startupProbe", "readinessProbe", "livenessProbe"}.isdisjoint(container)
    assert sorted(thing["kind"] for thing in manifests) == ["Deployment", "NetworkPolicy", "ServiceAccount"]
    assert not one(manifests, "NetworkPolicy")["spec"]["ingress"]


def test_job_is_a_new_one_for_each_change_and_the_same_without_one(render: Render) -> None:
    def name(**more: object) -> str:
        return str(one(render(CHART, values(kind="Job", **more)), "Job")["metadata"]["name"])

    first = name()
    assert first == name()
    assert first != name(args=["--again"])
    assert first != name(image=IMAGE | {"digest": DIGEST})
    assert name(job={"nameByContent": False}) == "checkout"


@pytest.mark.parametrize("kind", ["Deployment", "Rollout", "Job", "CronJob"])
def test_longest_name_is_cut_and_everything_still_fits_together(render: Render, kind: str) -> None:
    manifests = render(
        CHART,
        values(
            kind=kind,
            fullnameOverride="a" * 63,
            job={"schedule": "@daily"},
            rollout={"traffic": "istio"},
            istio={"enabled": kind == "Rollout"},
            model={"uri": "s3://b/m/", "image": IMAGE, "persistent": True},
            secrets={"provider": "sealed-secrets", "sealed": {"A": "x"}},
            config={"files": {"a": "b"}},
        ),
    )
    made = {(thing["kind"], thing["metadata"]["name"]) for thing in manifests}
    assert max(len(name) for _, name in made) <= 63
    workload = one(manifests, kind)
    assert kind != "CronJob" or len(workload["metadata"]["name"]) <= 52
    spec = workload["spec"]["jobTemplate"]["spec"] if kind == "CronJob" else workload["spec"]
    for volume in spec["template"]["spec"]["volumes"]:
        if "configMap" in volume:
            assert ("ConfigMap", volume["configMap"]["name"]) in made
        if "persistentVolumeClaim" in volume:
            assert ("PersistentVolumeClaim", volume["persistentVolumeClaim"]["claimName"]) in made
    if kind == "Rollout":
        canary = workload["spec"]["strategy"]["canary"]
        assert {("Service", canary["canaryService"]), ("Service", canary["stableService"])} <= made


def test_changed_configuration_starts_new_pods_and_a_changed_model_has_a_folder_of_its_own(render: Render) -> None:
    def rendered(text: str, version: int) -> tuple[Manifest, str]:
        manifests = render(
            CHART, values(config={"files": {"a": text}}, model={"uri": f"models:/scorer/{version}", "image": IMAGE})
        )
        environment = {entry["name"]: entry["value"] for entry in application(manifests)["env"]}
        return one(manifests, "Deployment")["spec"]["template"]["metadata"]["annotations"], environment["MODEL_PATH"]

    before, folder = rendered("one", 7)
    assert rendered("two", 7) != (before, folder)
    assert rendered("two", 7)[1] == folder
    assert rendered("one", 8)[1] != folder


def test_secrets_as_files_are_not_in_the_environment(render: Render) -> None:
    given = {"provider": "sealed-secrets", "sealed": {"A": "x"}, "path": "/run/secrets/application"}
    manifests = render(CHART, values(secrets=given))
    assert "envFrom" not in application(manifests)
    assert {"name": "secrets", "mountPath": "/run/secrets/application", "readOnly": True} in application(manifests)[
        "volumeMounts"
    ]


def test_everything_is_labelled_and_the_selector_is_not_changed_by_it(render: Render) -> None:
    manifests = render(CHART, values(labels={"team": "shop"}, annotations={"note": "x"}))
    assert {thing["metadata"]["labels"]["team"] for thing in manifests} == {"shop"}
    deployment = one(manifests, "Deployment")
    assert deployment["metadata"]["annotations"] == {"note": "x"}
    assert deployment["spec"]["selector"]["matchLabels"] == {
        "app.kubernetes.io/name": "checkout",
        "app.kubernetes.io/instance": "checkout",
    }
