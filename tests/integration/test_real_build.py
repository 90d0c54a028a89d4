"""Real builds through the whole pipeline: a signed delivery, Docker or buildah, a registry, and a chart by Helm."""

from __future__ import annotations

import json
import shutil
import time
import urllib.request
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from devstack.bare import Entry
from devstack.stack import Devstack, read_directory
from service.core.words import BuildState
from service.store import builds
from service.store.runs import Run
from tests.adapters.builders.parts import running_with
from tests.contract.registries import Ministack, basic, raw_manifest, sha256
from tests.fixtures.charts import TEMPLATE, Manifest, Render, one
from tests.fixtures.processes import wait_until
from tests.fixtures.service import MANIFESTS, REGISTRY, SOURCE, Service
from tests.fixtures.tools import RegistryServer

pytestmark = pytest.mark.prove

DOCKERFILE = """\
FROM scratch
COPY busybox /bin/busybox
COPY app.sh /app.sh
RUN ["/bin/busybox", "chmod", "755", "/app.sh"]
CMD ["/bin/busybox", "sh", "/app.sh"]
"""
CHART = "charts/application"


@dataclass(frozen=True, slots=True)
class Place:
    """A registry as it is reached, read without our code."""

    url: str
    authorization: str

    def manifest(self, run: Run) -> bytes:
        """Read the manifest that the run's tag names."""
        image = run.images[""]
        return raw_manifest(self.url, image["repository"], image["tag"], self.authorization)

    def labels(self, run: Run) -> dict[str, str]:
        """Read the labels in the configuration of the run's image."""
        digest = json.loads(self.manifest(run))["config"]["digest"]
        request = urllib.request.Request(f"{self.url}/v2/{run.images['']['repository']}/blobs/{digest}")  # noqa: S310 - loopback
        request.add_header("Authorization", self.authorization)
        with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310 - loopback
            labels: dict[str, str] = json.loads(response.read())["config"]["Labels"]
        return labels


class Team:
    """A team with a Dockerfile and the manifest template, and the Mergeport that serves it."""

    def __init__(self, service: Service, busybox: Path) -> None:
        self.service = service
        self._busybox = busybox

    def begin(self, registry: str = REGISTRY, **build: str) -> None:
        """Create both repositories and start everything."""
        stack = self.service.stack
        files: dict[str, str | bytes | Entry | None] = {
            "Dockerfile": DOCKERFILE,
            "app.sh": "echo one\n",
            "busybox": Entry(self._busybox.read_bytes(), "100755"),
        }
        stack.create_repository(SOURCE, files, branches=["develop", "staging"])
        template = {
            path: Entry(_for_registry(entry.data, registry), entry.mode) if isinstance(entry, Entry) else entry
            for path, entry in read_directory(TEMPLATE).items()
        }
        options = json.dumps({"kind": "docker", "network": "none", **build})
        configuration = template["mergeport.yaml"]
        assert isinstance(configuration, Entry)
        text = configuration.data.decode().replace("build: {kind: docker}", f"build: {options}")
        stack.create_repository(MANIFESTS, {**template, "mergeport.yaml": text})
        stack.argocd.add_application_set(MANIFESTS)
        self.service.hook(SOURCE)
        self.service.hook(MANIFESTS)
        self.service.start_all()

    def merge(self, **files: str) -> str:
        """Merge a pull request into develop; give its commit."""
        named = {name.replace("_", "."): text for name, text in files.items()}
        pull = self.service.stack.github.merge(SOURCE, "develop", named, title="Say two")
        return pull.merge_commit_sha or ""

    def manifests_at(self, revision: str, folder: Path) -> Path:
        """Write the manifest repository's files at a revision into a folder."""
        bare = self.service.stack.git.open(MANIFESTS)
        for path in bare.files(revision):
            content = bare.read(revision, path)
            assert content is not None
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)
        return folder

    def build_states(self, run: Run) -> list[str]:
        with self.service.store.read() as tx:
            return [str(build.state) for build in builds.of_run(tx, run.id)]


def _for_registry(data: bytes, registry: str) -> bytes:
    return data.replace(b"123456789012.dkr.ecr.ap-northeast-2.amazonaws.com", registry.encode())


Hire = Callable[..., Team]


@pytest.fixture(params=["docker", "buildah"])
def tool(request: pytest.FixtureRequest) -> dict[str, str]:
    """Give the settings of a builder that was just proved to work."""
    if request.param == "docker":
        return {"MERGEPORT_BUILDER": "docker", "DOCKER_HOST": request.getfixturevalue("dockerd")}
    request.getfixturevalue("buildah")
    return {"MERGEPORT_BUILDER": "buildah"}


@pytest.fixture
def hire(make_service: Callable[..., Service], tool: dict[str, str], base_image_context: Path) -> Hire:
    """Give a function that makes a team with its own settings."""

    def make(**settings: str) -> Team:
        return Team(make_service(**tool, **settings), base_image_context / "busybox")

    return make


@pytest.fixture
def on_ecr(stack: Devstack) -> Callable[[], Place]:
    """Give a function that looks into the ECR with a token of its own."""

    def look() -> Place:
        host = Ministack(stack.ecr)
        credentials = host.credentials()
        return Place(host.url, basic(credentials.username, credentials.secret))

    return look


def split_image(manifests: list[Manifest]) -> tuple[str, list[Manifest]]:
    """Take the one image out of the manifests; give both."""
    (container,) = one(manifests, "Deployment")["spec"]["template"]["spec"]["containers"]
    return container.pop("image"), manifests


def left_mounts(service: Service) -> list[str]:
    """List what is mounted below the service's folder."""
    return [line for line in Path("/proc/self/mounts").read_text().splitlines() if f"{service.directory}/" in line]


def children_of(service: Service) -> list[int]:
    """List the processes that work for this service's builds: their command line or folder is below its own."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            at_work = (folder / "cwd").readlink().is_relative_to(service.directory / "builds")
        except OSError:
            continue
        if at_work:
            found.append(int(folder.name))
    return found + running_with(str(service.directory / "builds"))


# --- from the delivery to the chart -----------------------------------------------------------------------


def test_merge_runs_the_very_image_that_was_built(
    hire: Hire, on_ecr: Callable[[], Place], render: Render, tmp_path: Path
) -> None:
    team = hire()
    team.begin()
    before = team.service.stack.git.open(MANIFESTS).tip("main")
    commit = team.merge(app_sh="echo two\n")
    run = team.service.wait_run("succeeded", commit=commit)

    place = on_ecr()
    digest = sha256(place.manifest(run))
    assert run.images[""]["digest"] == digest
    labels = place.labels(run)
    assert labels["org.opencontainers.image.revision"] == commit
    assert labels["org.opencontainers.image.source"] == f"{team.service.stack.github.url}/{SOURCE}"

    bare = team.service.stack.git.open(MANIFESTS)
    assert bare.commit("main").parents == (before,)
    rendered = []
    for name, revision in (("before", before), ("after", run.manifest_commit or "")):
        folder = team.manifests_at(revision, tmp_path / name)
        values = folder / "apps" / "checkout"
        rendered.append(split_image(render(folder / CHART, values / "values.yaml", values / "values-dev.yaml")))
    (_, old), (image, new) = rendered
    assert image == f"{REGISTRY}/checkout@{digest}"
    assert new == old
    team.service.wait_status(run, "success")


@pytest.mark.parametrize("tool", ["buildah"], indirect=True)
def test_image_goes_to_a_registry_with_a_password(hire: Hire, docker_registry: RegistryServer, tmp_path: Path) -> None:
    pair = b64encode(f"{docker_registry.user}:{docker_registry.password}".encode()).decode()
    login = tmp_path / "config.json"
    login.write_text(json.dumps({"auths": {docker_registry.host: {"auth": pair}}}))
    team = hire(MERGEPORT_REGISTRY_AUTH_FILE=str(login), MERGEPORT_INSECURE_REGISTRIES=docker_registry.host)
    team.begin(docker_registry.host)
    commit = team.merge(app_sh=f"echo {time.monotonic_ns()}\n")
    run = team.service.wait_run("succeeded", commit=commit)
    place = Place(docker_registry.url, f"Basic {pair}")
    digest = sha256(place.manifest(run))
    assert place.labels(run)["org.opencontainers.image.revision"] == commit
    committed = team.service.stack.git.open(MANIFESTS).text("main", "apps/checkout/values-dev.yaml")
    assert f'digest: "{digest}"' in committed
    assert f"repository: {docker_registry.host}/checkout" in committed
    assert docker_registry.password not in team.service.tail()


# --- builds that come to nothing ----------------------------------------------------------------------------


FAILING = {
    "docker": ('RUN ["/bin/busybox", "ls", "/the-missing-folder"]', "the-missing-folder"),
    "buildah": ("COPY the-missing-file /", "the-missing-file"),
}


def test_build_that_fails_ends_the_run_and_its_log_is_shown(hire: Hire, tool: dict[str, str]) -> None:
    line, said = FAILING[tool["MERGEPORT_BUILDER"]]
    team = hire()
    team.begin()
    commit = team.merge(Dockerfile=f"{DOCKERFILE}{line}\n")
    run = team.service.wait_run("failed", commit=commit, message="cannot be built")
    assert run.code == "build-failed"
    told = team.service.command("runs", "logs", run.id)
    assert (told.returncode, said in told.stdout) == (0, True)
    team.service.wait_status(run, "failure")
    assert team.service.stack.git.open(MANIFESTS).log("main")[1:] == []


def hanging(seconds: int) -> str:
    return f'{DOCKERFILE}RUN ["/bin/busybox", "sleep", "{seconds}"]\n'


def test_build_that_hangs_is_ended_by_its_timeout(hire: Hire) -> None:
    team = hire()
    team.begin(timeout="5s")
    commit = team.merge(Dockerfile=hanging(6201))
    run = team.service.wait_run("failed", commit=commit, message="longer than allowed")
    assert run.code == "build-timeout"
    wait_until(lambda: not running_with("sleep\0006201"), timeout=10)
    assert left_mounts(team.service) == []


def test_cancelled_build_is_gone_within_seconds(hire: Hire) -> None:
    team = hire()
    team.begin()
    commit = team.merge(Dockerfile=hanging(6202))
    wait_until(lambda: bool(running_with("sleep\0006202")), timeout=40)
    run = team.service.wait_run("waiting", commit=commit)
    began = time.monotonic()
    told = team.service.command("runs", "cancel", run.id)
    assert told.returncode == 0, told.stderr
    team.service.wait_run("cancelled", commit=commit)
    wait_until(lambda: team.build_states(run) == [BuildState.CANCELLED], timeout=10)
    wait_until(lambda: not running_with("sleep\0006202") and not children_of(team.service), timeout=10)
    assert time.monotonic() - began < 10
    assert left_mounts(team.service) == []
    shutil.rmtree(team.service.directory / "builds")


@pytest.mark.parametrize("tool", ["buildah"], indirect=True)
def test_nothing_is_left_of_a_build_when_the_worker_is_killed_and_starts_again(hire: Hire) -> None:
    team = hire()
    team.begin()
    commit = team.merge(Dockerfile=hanging(6203))
    wait_until(lambda: bool(running_with("sleep\0006203")), timeout=40)
    run = team.service.wait_run("waiting", commit=commit)
    team.service.kill("worker")
    team.service.command("runs", "cancel", run.id)
    team.service.start("worker")
    team.service.wait_run("cancelled", commit=commit)
    wait_until(lambda: not running_with("sleep\0006203"), timeout=15)
    wait_until(lambda: not left_mounts(team.service), timeout=10)
