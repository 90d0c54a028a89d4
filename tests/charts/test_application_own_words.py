"""The chart `application` lets everything be said in Kubernetes' own words that it has no word for."""

from __future__ import annotations

import json

import yaml

from tests.charts.test_application import CHART, REPOSITORY, values
from tests.charts.test_application_pods import application, pod
from tests.fixtures.charts import Render, one
from tests.fixtures.tools import ROOT

SECRET = {"valueFrom": {"secretKeyRef": {"name": "database", "key": "password"}}}
BUSYBOX = {"image": "busybox:1.37", "command": ["true"]}


def test_everything_that_is_missing_can_be_said(render: Render) -> None:
    manifests = render(
        CHART,
        values(
            env={"PASSWORD": SECRET, "LEVEL": "info"},
            extraEnv=[{"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
            envFrom=[{"prefix": "X_", "configMapRef": {"name": "more", "optional": True}}],
            ports={"metrics": {"containerPort": 9090}, "debug": {"containerPort": 5005, "service": False}},
            lifecycle={"postStart": {"exec": {"command": ["true"]}}},
            strategy={"type": "Recreate"},
            initContainers=[{"name": "migrate", **BUSYBOX}],
            sidecars=[{"name": "proxy", **BUSYBOX, "securityContext": {"readOnlyRootFilesystem": False}}],
            volumes=[{"name": "data", "emptyDir": {}}],
            volumeMounts=[{"name": "data", "mountPath": "/data"}],
            writableRoot=True,
            podSecurityContext={"runAsNonRoot": False, "fsGroup": 0},
            containerSpec={"stdin": True, "workingDir": "/srv"},
            podSpec={"hostAliases": [{"ip": "10.0.0.1", "hostnames": ["db"]}], "priorityClassName": "high"},
            workloadSpec={"minReadySeconds": 10, "revisionHistoryLimit": 0},
            service={"spec": {"sessionAffinity": "ClientIP", "clusterIP": "None"}},
            extraObjects=[
                {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "as-it-is"}, "data": {"a": "{{ b }}"}},
                "apiVersion: v1\nkind: Secret\nmetadata:\n  name: {{ .Release.Name }}-made\n",
            ],
        ),
    )
    container, spec, deployment = application(manifests), pod(manifests), one(manifests, "Deployment")["spec"]
    assert [entry["name"] for entry in container["env"]] == ["LEVEL", "PASSWORD", "POD"]
    assert container["env"][1] == {"name": "PASSWORD", **SECRET}
    assert container["envFrom"][0]["prefix"] == "X_"
    assert [port["name"] for port in container["ports"]] == ["http", "debug", "metrics"]
    assert container["lifecycle"] == {"postStart": {"exec": {"command": ["true"]}}}
    assert (container["stdin"], container["workingDir"]) == (True, "/srv")
    assert container["securityContext"]["readOnlyRootFilesystem"] is False
    assert {"name": "data", "mountPath": "/data"} in container["volumeMounts"]
    assert spec["initContainers"][0]["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert spec["containers"][1]["securityContext"] == {"readOnlyRootFilesystem": False}
    assert (spec["securityContext"]["runAsNonRoot"], spec["securityContext"]["fsGroup"]) == (False, 0)
    assert (spec["priorityClassName"], spec["hostAliases"][0]["ip"]) == ("high", "10.0.0.1")
    assert (deployment["minReadySeconds"], deployment["revisionHistoryLimit"]) == (10, 0)
    assert deployment["strategy"] == {"type": "Recreate"}
    service = one(manifests, "Service")["spec"]
    assert (service["sessionAffinity"], service["clusterIP"]) == ("ClientIP", "None")
    assert [port["name"] for port in service["ports"]] == ["http", "metrics"]
    assert one(manifests, "ConfigMap")["data"] == {"a": "{{ b }}"}
    assert one(manifests, "Secret")["metadata"]["name"] == "checkout-made"


def test_containers_by_name_run_before_beside_and_after(render: Render) -> None:
    image = {"repository": REPOSITORY, "tag": "1"}
    manifests = render(
        CHART,
        values(
            containers={
                "log": {"image": image, "type": "sidecar"},
                "migrate": {"image": image, "type": "init", "env": {"A": "b"}},
                "proxy": {"image": image, "uses": ["cache"], "containerSpec": {"tty": True}},
            },
            cache={"enabled": True},
            initContainers=[{"name": "last", **BUSYBOX}],
        ),
    )
    spec = pod(manifests)
    assert [container["name"] for container in spec["initContainers"]] == ["log", "migrate", "last"]
    assert [container.get("restartPolicy") for container in spec["initContainers"]] == ["Always", None, None]
    assert [container["name"] for container in spec["containers"]] == ["application", "proxy"]
    proxy = spec["containers"][1]
    assert proxy["tty"] is True
    assert {"name": "HF_HOME", "value": "/cache/huggingface"} in proxy["env"]
    assert "lifecycle" not in spec["initContainers"][0]


def test_user_may_be_the_images_own(render: Render) -> None:
    context = pod(render(CHART, values(runAsUser=None)))["securityContext"]
    assert context == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}


def test_own_value_wins_over_the_caches(render: Render) -> None:
    container = application(render(CHART, values(cache={"enabled": True}, env={"HF_HOME": "/data/hf"})))
    assert {entry["name"]: entry["value"] for entry in container["env"]}["HF_HOME"] == "/data/hf"


def test_schema_describes_every_value_and_nothing_else() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())
    given = yaml.safe_load((CHART / "values.yaml").read_text())
    assert schema["properties"].keys() - {"global"} == given.keys()
    for key, value in given.items():
        part = schema["properties"][key]
        part = schema["definitions"][part["$ref"].rpartition("/")[2]] if "$ref" in part else part
        assert part["description"], key
        if isinstance(value, dict) and value and "properties" in part:
            assert value.keys() <= part["properties"].keys(), key


def test_page_of_the_chart_names_every_value() -> None:
    page = (ROOT / "docs" / "application-chart.md").read_text()
    given = yaml.safe_load((CHART / "values.yaml").read_text())
    assert [key for key in given if f"`{key}" not in page] == []


def test_smallest_values_file_of_the_page_is_what_the_page_says(render: Render) -> None:
    page = (ROOT / "docs" / "application-chart.md").read_text()
    manifests = render(CHART, yaml.safe_load(page.partition("```yaml\n")[2].partition("```")[0]))
    assert one(manifests, "Deployment")["spec"]["replicas"] == 2
    assert one(manifests, "Service")["spec"]["ports"][0]["port"] == 80
    assert application(manifests)["readinessProbe"]["httpGet"] == {"path": "/healthz", "port": "http"}
    assert application(manifests)["ports"][0]["containerPort"] == 8080


def test_other_objects_can_be_said_in_their_own_words_too(render: Render) -> None:
    """Each is valid by its schema; this looks at what is laid over or put before."""
    metric = {
        "type": "Pods",
        "pods": {"metric": {"name": "queue"}, "target": {"type": "AverageValue", "averageValue": "5"}},
    }
    peers = {"from": [{"namespaceSelector": {}}], "ports": [{"port": 9999, "protocol": "TCP"}]}
    manifests = render(
        CHART,
        values(
            autoscaling={"enabled": True, "targetCPUUtilizationPercentage": None, "metrics": [metric],
                         "behavior": {"scaleDown": {"stabilizationWindowSeconds": 600}}},
            gateway={"enabled": True, "parentRefs": [{"name": "public"}], "hosts": ["a.example.org"],
                     "rules": [{"matches": [{"path": {"type": "Exact", "value": "/old"}}],
                                "backendRefs": [{"name": "old", "port": 80}]}]},
            istio={"enabled": True, "trafficPolicy": {"loadBalancer": {"simple": "LEAST_REQUEST"}},
                   "routes": [{"match": [{"uri": {"prefix": "/old"}}], "route": [{"destination": {"host": "old"}}]}]},
            metrics={"enabled": True, "endpoint": {"scrapeTimeout": "5s"}},
            networkPolicy={"enabled": True, "ingress": [peers]},
        ),
    )  # fmt: skip
    assert one(manifests, "HorizontalPodAutoscaler")["spec"]["metrics"] == [metric]
    assert len(one(manifests, "HTTPRoute")["spec"]["rules"]) == 2
    assert one(manifests, "VirtualService")["spec"]["http"][0]["match"][0]["uri"] == {"prefix": "/old"}
    policy = one(manifests, "DestinationRule")["spec"]["trafficPolicy"]
    assert policy == {"loadBalancer": {"simple": "LEAST_REQUEST"}}
    assert one(manifests, "ServiceMonitor")["spec"]["endpoints"][0]["scrapeTimeout"] == "5s"
    assert one(manifests, "NetworkPolicy")["spec"]["ingress"][-1] == peers


def test_kserve_and_keda_can_be_said_in_their_own_words_too(render: Render) -> None:
    transformer = {"containers": [{"name": "kserve-container", "image": "t:1"}]}
    served = render(
        CHART,
        values(
            kind="InferenceService",
            kserve={"predictor": {"timeout": 60}, "transformer": transformer, "canaryTrafficPercent": 10},
            nodeSelector={"disk": "fast"},
        ),
    )
    spec = one(served, "InferenceService")["spec"]
    assert (spec["predictor"]["timeout"], spec["predictor"]["canaryTrafficPercent"]) == (60, 10)
    assert spec["transformer"] == transformer
    worker = render(
        CHART,
        values(
            kind="Worker",
            keda={
                "enabled": True,
                "triggers": [{"type": "kafka", "metadata": {"topic": "t"}}],
                "spec": {"idleReplicaCount": 0, "minReplicaCount": 1},
            },
        ),
    )
    scaled = one(worker, "ScaledObject")["spec"]
    assert (scaled["idleReplicaCount"], scaled["minReplicaCount"]) == (0, 1)
    assert "authenticationRef" not in scaled["triggers"][0]


def test_every_part_may_be_taken_away_with_null(render: Render) -> None:
    """`key: null` takes a default away; what is left is still a valid pod."""
    gone = ("podAnnotations", "podLabels", "labels", "annotations", "containers", "podSpec", "workloadSpec", "env",
            "containerSpec", "securityContext", "podSecurityContext", "probes", "resources", "affinity", "ports",
            "volumes", "strategy", "extraObjects", "sidecars", "tolerations", "runAsUser", "lifecycle")  # fmt: skip
    manifests = render(CHART, values(**dict.fromkeys(gone)))
    assert application(manifests)["name"] == "application"
