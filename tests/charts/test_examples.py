"""docs/examples/: each renders to its golden file with Helm 3 and 4, fits the schemas, and means what it says.

All examples are rendered once a Helm; every test reads the same objects.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from scripts.render_examples import EXAMPLES, GOLDEN, folders, releases, rendered
from service.core.values import ValueEdit, edit_values
from tests.fixtures.charts import Manifest
from tests.fixtures.schemas import NEWEST, faults, versions
from tests.fixtures.tools import ROOT

FOLDERS = folders()
NAMES = [str(folder.relative_to(EXAMPLES)) for folder in FOLDERS]
PATTERNS = {
    "web-single", "preprocess-predict", "preprocess-predict-services", "model-in-image", "model-load", "batch",
    "asynchronous", "prediction-cache", "prediction-log", "canary-rollouts", "canary-istio", "shadow", "ab-by-header",
    "circuit-breaker", "load-test", "kserve",
}  # fmt: skip
WORKLOADS = ("Deployment", "Rollout", "Job", "CronJob", "InferenceService")
SECRET_NAME = re.compile(r"PASSWORD|PASSWD|SECRET|TOKEN|API_?KEY|CREDENTIAL|PRIVATE")
text_of = cache(rendered)


class Release(NamedTuple):
    """One release of an example: its name and its objects."""

    example: str
    name: str
    objects: list[Manifest]

    def of(self, *kinds: str) -> list[Manifest]:
        """Give the objects of these kinds."""
        return [thing for thing in self.objects if thing["kind"] in kinds]

    @property
    def workload(self) -> Manifest:
        """Give what runs."""
        (found,) = self.of(*WORKLOADS)
        return found

    @property
    def pod(self) -> Manifest:
        """Give the pod's template, with `metadata` and `spec`."""
        spec = self.workload["spec"]
        if self.workload["kind"] == "InferenceService":
            return {"metadata": {"labels": {}}, "spec": spec["predictor"]}
        spec = spec["jobTemplate"]["spec"] if self.workload["kind"] == "CronJob" else spec
        template: Manifest = spec["template"]
        return template

    @property
    def containers(self) -> list[Manifest]:
        """Give all containers of the pod, those that run before the others included."""
        spec = self.pod["spec"]
        return [*spec.get("initContainers", []), *spec.get("containers", [])]

    @property
    def ports(self) -> dict[str, int]:
        """Give the pod's ports by name."""
        every = [port for container in self.containers for port in container.get("ports", [])]
        assert len({port["name"] for port in every}) == len(every), "two ports of one name"
        return {port["name"]: port["containerPort"] for port in every}


@pytest.fixture(scope="session")
def all_releases(helm: str) -> dict[str, list[Release]]:
    """Give the releases of every example."""
    made: dict[str, list[Release]] = {}
    for folder, name in zip(FOLDERS, NAMES, strict=True):
        by_name: dict[str, list[Manifest]] = {path.stem: [] for path in releases(folder)}
        for thing in yaml.load_all(text_of(helm, folder), Loader=yaml.CSafeLoader):
            by_name[thing["metadata"]["labels"]["app.kubernetes.io/instance"]].append(thing)
        made[name] = [Release(name, release, objects) for release, objects in by_name.items()]
    return made


@pytest.fixture(params=NAMES)
def example(request: pytest.FixtureRequest, all_releases: dict[str, list[Release]]) -> list[Release]:
    """Give the releases of one example after the other."""
    return all_releases[request.param]


def test_every_pattern_has_an_example() -> None:
    assert {path.name for path in FOLDERS if path.parent.name == "serving"} == PATTERNS
    assert {path.name for path in FOLDERS if path.parent.name == "secrets"} == {
        "sealed-secrets", "external-secrets", "infisical",
    }  # fmt: skip


@pytest.mark.parametrize("folder", FOLDERS, ids=NAMES)
def test_an_example_renders_to_its_golden_file(helm: str, folder: Path) -> None:
    golden = (folder / GOLDEN).read_text()
    assert text_of(helm, folder) == golden, "read the difference, then run: python scripts/render_examples.py"


@pytest.mark.parametrize("folder", FOLDERS, ids=NAMES)
def test_helm_4_renders_the_same(helm4: str, folder: Path) -> None:
    assert text_of(helm4, folder) == (folder / GOLDEN).read_text()


def test_an_example_begins_with_what_it_is() -> None:
    for folder in FOLDERS:
        for values in releases(folder):
            head = values.read_text().split("\n\n")[0].splitlines()
            assert head[0].startswith("# "), values
            assert head[0].rstrip().endswith((".", ":")) or head[1].startswith("#"), values


@pytest.mark.parametrize(
    "version", [pytest.param(known, marks=() if known == NEWEST else pytest.mark.prove) for known in versions()]
)
def test_every_object_fits_its_schema(all_releases: dict[str, list[Release]], version: str) -> None:
    found = {
        f"{name}: {thing['kind']} {thing['metadata']['name']}": told
        for name, made in all_releases.items()
        for release in made
        for thing in release.objects
        if (told := faults(thing, version))
    }
    assert found == {}


def test_selectors_find_the_pods_of_their_release(example: list[Release]) -> None:
    for release in example:
        labels = release.pod["metadata"]["labels"].items()
        for thing in release.of("Deployment", "Rollout", "PodDisruptionBudget"):
            assert thing["spec"]["selector"]["matchLabels"].items() <= labels
        for thing in release.of("Service"):
            assert thing["spec"]["selector"].items() <= labels
        for thing in release.of("NetworkPolicy"):
            assert thing["spec"]["podSelector"]["matchLabels"].items() <= labels
        for thing in release.of("PodMonitor"):
            assert thing["spec"]["selector"]["matchLabels"].items() <= labels
        for thing in release.of("ServiceMonitor"):
            chosen = [
                service["metadata"]["name"]
                for service in release.of("Service")
                if thing["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
                and all(
                    (rule["key"] in service["metadata"]["labels"]) is (rule["operator"] == "Exists")
                    for rule in thing["spec"]["selector"].get("matchExpressions", [])
                )
            ]
            assert chosen == [release.name], "pods would be asked twice, or never"


def test_ports_are_those_of_the_containers(example: list[Release]) -> None:
    for release in example:
        offered = {port["name"] for thing in release.of("Service") for port in thing["spec"]["ports"]}
        assert set(_pod_ports_asked_for(release)) <= release.ports.keys()
        assert set(_service_ports_asked_for(release)) <= offered


def _pod_ports_asked_for(release: Release) -> Iterator[str]:
    for thing in release.of("Service"):
        yield from (port["targetPort"] for port in thing["spec"]["ports"])
    for thing in release.of("NetworkPolicy"):
        yield from (port["port"] for rule in thing["spec"]["ingress"] for port in rule["ports"])
    for thing in release.of("PodMonitor"):
        yield from (endpoint["port"] for endpoint in thing["spec"]["podMetricsEndpoints"])


def _service_ports_asked_for(release: Release) -> Iterator[str]:
    for thing in release.of("ServiceMonitor"):
        yield from (endpoint["port"] for endpoint in thing["spec"]["endpoints"])
    for thing in release.of("Ingress"):
        paths = (path for rule in thing["spec"]["rules"] for path in rule["http"]["paths"])
        yield from (path["backend"]["service"]["port"]["name"] for path in paths)


def test_probes_ask_a_port_of_their_own_container(example: list[Release]) -> None:
    for release in example:
        for container in release.containers:
            probes = [container.get(f"{moment}Probe", {}) for moment in ("startup", "readiness", "liveness")]
            asked = {
                probe[handler]["port"] for probe in probes for handler in ("httpGet", "tcpSocket") if handler in probe
            }
            assert asked <= {port["name"] for port in container.get("ports", [])}


def test_routes_lead_to_services_of_the_example(example: list[Release]) -> None:
    services = {
        (thing["metadata"]["name"], port["port"])
        for release in example
        for thing in release.of("Service")
        for port in thing["spec"]["ports"]
    }
    for release in example:
        assert set(_destinations(release)) <= services
        for thing in release.of("VirtualService"):
            primary = thing["spec"]["http"][-1]
            assert sum(part["weight"] for part in primary["route"]) == 100
        for thing in release.of("DestinationRule"):
            assert thing["spec"]["host"] in {name for name, _ in services}


def _destinations(release: Release) -> Iterator[tuple[str, int]]:
    for thing in release.of("VirtualService"):
        for route in thing["spec"]["http"]:
            for place in [*(part["destination"] for part in route["route"]), *filter(None, [route.get("mirror")])]:
                yield place["host"], place["port"]["number"]
    for thing in release.of("HTTPRoute"):
        for rule in thing["spec"]["rules"]:
            for backend in rule["backendRefs"]:
                yield backend["name"], backend["port"]


def test_a_drain_can_always_take_a_pod(example: list[Release]) -> None:
    for release in example:
        for thing in release.of("PodDisruptionBudget"):
            spec, pods = thing["spec"], max(1, least_pods(release))
            if "maxUnavailable" in spec:
                assert spec["maxUnavailable"] != 0
            else:
                wanted = spec["minAvailable"]
                kept = math.ceil(int(wanted[:-1]) * pods / 100) if isinstance(wanted, str) else wanted
                assert kept < pods


def least_pods(release: Release) -> int:
    """Give how many pods an autoscaler or the workload itself keeps."""
    for thing in release.of("HorizontalPodAutoscaler"):
        return int(thing["spec"]["minReplicas"])
    for thing in release.of("ScaledObject"):
        return int(thing["spec"]["minReplicaCount"])
    return int(release.workload["spec"]["replicas"])


def test_one_thing_alone_says_how_many_pods_run(example: list[Release]) -> None:
    for release in example:
        scalers = release.of("HorizontalPodAutoscaler", "ScaledObject")
        assert len(scalers) <= 1
        for scaler in scalers:
            target = scaler["spec"]["scaleTargetRef"]
            workload = release.workload
            found = {"apiVersion": workload["apiVersion"], "kind": workload["kind"], "name": release.name}
            assert target == found
            assert "replicas" not in workload["spec"]


def test_no_secret_is_plain_text_in_the_environment(example: list[Release]) -> None:
    for release in example:
        plain = [
            entry["name"] for container in release.containers for entry in container.get("env", []) if "value" in entry
        ]
        assert [name for name in plain if SECRET_NAME.search(name)] == []
        assert release.of("Secret") == []


def test_pods_are_restricted(example: list[Release]) -> None:
    """What the Pod Security Standard `restricted` asks for, and a read-only root."""
    for release in example:
        if "model" in release.pod["spec"]:
            continue  # KServe's runtime brings its own
        pod = release.pod["spec"]["securityContext"]
        assert pod["runAsNonRoot"] is True
        assert pod["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in release.containers:
            context = container["securityContext"]
            assert context["allowPrivilegeEscalation"] is False
            assert context["capabilities"] == {"drop": ["ALL"]}
            assert context["readOnlyRootFilesystem"] is True


def test_what_is_written_has_a_place_that_can_be_written(example: list[Release]) -> None:
    for release in example:
        for container in release.containers:
            writable = [mount["mountPath"] for mount in container["volumeMounts"] if not mount.get("readOnly")]
            assert "/tmp" in writable
            environment = {entry["name"]: entry.get("value", "") for entry in container.get("env", [])}
            for name in ("HOME", "HF_HOME", "MLFLOW_ENV_ROOT", "MPLCONFIGDIR", "PREDICTION_LOG"):
                if name in environment:
                    assert any(environment[name].startswith(place) for place in writable), (container["name"], name)


def test_what_is_mounted_is_there_and_what_is_there_is_mounted(example: list[Release]) -> None:
    for release in example:
        volumes = {volume["name"]: volume for volume in release.pod["spec"].get("volumes", [])}
        mounts = {mount["name"] for container in release.containers for mount in container["volumeMounts"]}
        assert mounts == volumes.keys()
        made = {(thing["kind"], thing["metadata"]["name"]) for thing in release.objects}
        for volume in volumes.values():
            if "configMap" in volume:
                assert ("ConfigMap", volume["configMap"]["name"]) in made
            if "persistentVolumeClaim" in volume:
                assert ("PersistentVolumeClaim", volume["persistentVolumeClaim"]["claimName"]) in made
        assert ("ServiceAccount", release.pod["spec"]["serviceAccountName"]) in made


def test_the_secret_that_an_operator_makes_is_the_one_that_the_pod_reads(
    all_releases: dict[str, list[Release]],
) -> None:
    made: dict[str, Callable[[Manifest], str]] = {
        "secrets/sealed-secrets": lambda thing: thing["spec"]["template"]["metadata"]["name"],
        "secrets/external-secrets": lambda thing: thing["spec"]["target"]["name"],
        "secrets/infisical": lambda thing: thing["spec"]["managedKubeSecretReferences"][0]["secretName"],
    }
    for name, secret_of in made.items():
        (release,) = all_releases[name]
        (thing,) = release.of("SealedSecret", "ExternalSecret", "InfisicalSecret")
        (container,) = release.containers
        read = [source["secretRef"]["name"] for source in container.get("envFrom", [])]
        read += [volume["secret"]["secretName"] for volume in release.pod["spec"]["volumes"] if "secret" in volume]
        assert read == [secret_of(thing)]


def test_images_are_named_by_digest(example: list[Release]) -> None:
    for release in example:
        for container in release.containers:
            assert re.fullmatch(r"[^@]+@sha256:[0-9a-f]{64}", container["image"])


def test_a_pod_that_is_asked_to_stop_goes_on_answering_for_a_while(example: list[Release]) -> None:
    for release in example:
        if not release.of("Service"):
            continue
        for container in release.pod["spec"]["containers"]:
            seconds = container["lifecycle"]["preStop"]["sleep"]["seconds"]
            assert 0 < seconds < release.pod["spec"]["terminationGracePeriodSeconds"]


def test_only_those_that_may_reach_a_service_do(all_releases: dict[str, list[Release]]) -> None:
    """The policies of two releases name each other's pods."""
    for name, caller, called in (
        ("serving/preprocess-predict-services", "recommender-preprocess", "recommender-predict"),
        ("serving/prediction-cache", "scorer", "scorer-cache"),
    ):
        by_name = {release.name: release for release in all_releases[name]}
        (policy,) = by_name[called].of("NetworkPolicy")
        (peer,) = policy["spec"]["ingress"][0]["from"]
        assert peer["podSelector"]["matchLabels"].items() <= by_name[caller].pod["metadata"]["labels"].items()
    (policy,) = {release.name: release for release in all_releases["serving/preprocess-predict-services"]}[
        "recommender-preprocess"
    ].of("NetworkPolicy")
    names, (to, port) = policy["spec"]["egress"][0], (policy["spec"]["egress"][1]["to"][0], "http")
    assert {entry["port"] for entry in names["ports"]} == {53}
    assert to["podSelector"]["matchLabels"] == {"app.kubernetes.io/name": "recommender-predict"}
    assert policy["spec"]["egress"][1]["ports"] == [{"port": port, "protocol": "TCP"}]


def environment_of(container: Manifest) -> dict[str, Any]:
    return {entry["name"]: entry.get("value") for entry in container.get("env", [])}


def test_the_loader_puts_the_model_where_the_application_looks_for_it(all_releases: dict[str, list[Release]]) -> None:
    for release in all_releases["serving/model-load"]:
        loader, application = release.containers
        assert environment_of(loader)["MODEL_PATH"] == environment_of(application)["MODEL_PATH"]
        (written,) = (mount for mount in loader["volumeMounts"] if mount["name"] == "model")
        (read,) = (mount for mount in application["volumeMounts"] if mount["name"] == "model")
        assert (written["mountPath"], read["readOnly"]) == (read["mountPath"], True)


def test_mergeport_edits_every_image_of_an_example_by_a_plain_path(helm: str, tmp_path: Path) -> None:
    """The page's `set`, on the example with two images: its bytes, and then its objects, differ by the images alone."""
    page = (ROOT / "docs" / "application-chart.md").read_text()
    paths = re.findall(r'^      (\S*image\.\w+): "\{(\w+)\.(\w+)\}"', page, flags=re.MULTILINE)
    new = {"tag": "123456789012", "digest": "sha256:" + "0a" * 32}
    folder = EXAMPLES / "serving" / "preprocess-predict"
    before = (folder / "recommender.yaml").read_text()
    after = edit_values(before, [ValueEdit(path, new[what]) for path, _, what in paths], file="recommender.yaml").text
    (tmp_path / "recommender.yaml").write_text(after)
    text = rendered(helm, tmp_path)
    golden = (folder / GOLDEN).read_text()
    changed = [(old, line) for old, line in zip(golden.splitlines(), text.splitlines(), strict=True) if old != line]
    assert len(paths) == 4
    assert [line.partition("@")[2] for _, line in changed] == [new["digest"]] * 2
    assert all(line.strip().startswith(("- image: ", "image: ")) for _, line in changed)


def test_role_on_aws_is_that_of_the_account_which_the_pods_and_the_store_of_secrets_use(
    all_releases: dict[str, list[Release]],
) -> None:
    (release,) = all_releases["secrets/external-secrets"]
    (account,), (store,) = release.of("ServiceAccount"), release.of("SecretStore")
    name = account["metadata"]["name"]
    assert account["metadata"]["annotations"]["eks.amazonaws.com/role-arn"].endswith(":role/checkout")
    assert release.pod["spec"]["serviceAccountName"] == name
    assert store["spec"]["provider"]["aws"]["auth"]["jwt"]["serviceAccountRef"]["name"] == name
