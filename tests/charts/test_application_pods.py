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
            job={"schedule": "@daily" if kind == "CronJob" else ""},
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
        assert canary["canaryService"] != canary["stableService"]
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


@pytest.mark.parametrize("kind", ["Deployment", "InferenceService"])
def test_gpus_are_those_of_the_container_that_is_named(render: Render, kind: str) -> None:
    manifests = render(CHART, values(kind=kind, gpu={"count": 1}, containers={"log": {"image": IMAGE}}))
    spec = one(manifests, kind)["spec"]
    containers = (
        spec["predictor"]["containers"] if kind == "InferenceService" else spec["template"]["spec"]["containers"]
    )
    assert ["nvidia.com/gpu" in container.get("resources", {}).get("limits", {}) for container in containers] == [
        True,
        False,
    ]
    other = render(CHART, values(gpu={"count": 1, "container": "log"}, containers={"log": {"image": IMAGE}}))
    assert "nvidia.com/gpu" not in application(other)["resources"]["limits"]


def test_door_of_another_container_is_the_door_of_the_pod(render: Render) -> None:
    """Its port's name is the Service's, by which Istio, the Ingress and Prometheus know what is spoken."""
    manifests = render(
        CHART,
        values(
            portName="predict",
            service={"targetPort": "http"},
            containers={"preprocess": {"image": IMAGE, "ports": {"http": {"containerPort": 9000}}}},
            ingress={"enabled": True, "host": "a.example.org"},
            metrics={"enabled": True},
            networkPolicy={"enabled": True},
        ),
    )
    assert one(manifests, "Service")["spec"]["ports"] == [
        {"name": "http", "port": 80, "targetPort": "http", "protocol": "TCP"}
    ]
    (path,) = one(manifests, "Ingress")["spec"]["rules"][0]["http"]["paths"]
    assert path["backend"]["service"]["port"] == {"name": "http"}
    assert one(manifests, "ServiceMonitor")["spec"]["endpoints"][0]["port"] == "http"
    assert one(manifests, "NetworkPolicy")["spec"]["ingress"][0]["ports"] == [{"port": "http", "protocol": "TCP"}]


@pytest.mark.parametrize("name", ["y", "true", "null", "123", "1e3", "0x1f"])
def test_name_that_yaml_takes_for_something_else_stays_a_name(render: Render, name: str) -> None:
    """Valid names of objects, ports and accounts. Every object is held against its schema, where a name is text."""
    port = {"containerPort": 9000, "appProtocol": "y"}
    more: Manifest = {} if name == "123" else {"portName": name, "ports": {f"x{name}": port}}
    manifests = render(
        CHART,
        values(
            fullnameOverride=name,
            serviceAccount={"name": name},
            ingress={"enabled": True, "host": "a.example.org"},
            gateway={"enabled": True, "parentRefs": [{"name": "public"}], "byWeight": [{"service": name, "weight": 5}]},
            istio={"enabled": True, "byHeader": [{"header": name, "value": name, "service": name}],
                   "mirror": {"service": name}, "circuitBreaker": {"enabled": True}},
            secrets={"provider": "external-secrets", "external": {"store": name, "all": [name]}},
            metrics={"enabled": True},
            networkPolicy={"enabled": True},
            autoscaling={"enabled": True},
            podDisruptionBudget={"enabled": True},
            config={"files": {name: name}},
            model={"uri": "s3://b/m/", "image": IMAGE, "claimName": name, "version": name},
            labels={"team": name},
            **more,
        ),
    )  # fmt: skip
    assert {thing["metadata"]["name"] for thing in manifests} >= {name}
    assert one(manifests, "Service")["spec"]["ports"][0]["targetPort"] == more.get("portName", "http")


def test_autoscaler_looks_at_cpu_and_memory_as_told(render: Render) -> None:
    given = {"enabled": True, "targetCPUUtilizationPercentage": 70, "targetMemoryUtilizationPercentage": 90}
    metrics = one(render(CHART, values(autoscaling=given)), "HorizontalPodAutoscaler")["spec"]["metrics"]
    asked = {metric["resource"]["name"]: metric["resource"]["target"]["averageUtilization"] for metric in metrics}
    assert asked == {"cpu": 70, "memory": 90}


def test_runtime_of_the_cluster_gets_gpus_nodes_and_variables_without_an_image_of_ours(render: Render) -> None:
    manifests = render(
        CHART,
        {
            "kind": "InferenceService",
            "kserve": {"modelFormat": "huggingface", "runtime": "vllm"},
            "model": {"uri": "s3://models/llm/3/"},
            "gpu": {"count": 1, "runtimeClassName": "nvidia"},
            "nodeSelector": {"gpu": "l4"},
            "args": ["--max-model-len=8192"],
            "env": {"A": "b"},
        },
    )
    predictor = one(manifests, "InferenceService")["spec"]["predictor"]
    assert predictor["model"]["storageUri"] == "s3://models/llm/3/"
    assert predictor["model"]["resources"]["limits"]["nvidia.com/gpu"] == 1
    assert predictor["model"]["args"] == ["--max-model-len=8192"]
    assert {"name": "A", "value": "b"} in predictor["model"]["env"]
    assert predictor["tolerations"][0]["key"] == "nvidia.com/gpu"
    assert (predictor["nodeSelector"], predictor["runtimeClassName"]) == ({"gpu": "l4"}, "nvidia")
    assert "image" not in predictor["model"]
