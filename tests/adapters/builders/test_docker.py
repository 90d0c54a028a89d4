"""The `docker` builder with the real Docker and the real buildah, pushing to real registries."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from devstack.pushing import Pusher
from service.adapters.build_tools import Wanted
from service.adapters.builders.docker import DockerBuilder, Options
from service.adapters.distribution import fixed
from service.adapters.registries import ecr, oci
from service.core.images import ImageReference
from service.errors import DoubtfulError, PermanentError, RetryableError
from service.ports import BuildRequest, Credentials, Registry
from tests.adapters.builders.parts import Control, Source, request_for, running_with
from tests.contract.registries import (
    ECR_HOST,
    LABELS,
    REVISION,
    SOURCE,
    Ministack,
    TestClock,
    basic,
    make_image,
    push,
    raw_manifest,
    raw_server,
    sha256,
)
from tests.fixtures.processes import free_port, wait_until
from tests.fixtures.tools import ROOT, RegistryServer

TAG = "4f2c1e9ab012"
PLAIN = """\
    FROM scratch
    COPY busybox /bin/busybox
"""


@dataclass(frozen=True, slots=True)
class Workshop:
    """A source that can be written, and the builder that builds it."""

    source: Path
    builder: DockerBuilder
    directory: Path
    tool: str

    def write(self, dockerfile: str, at: str = "Dockerfile") -> None:
        (self.source / at).write_text(textwrap.dedent(dockerfile))

    def build(self, request: BuildRequest, control: Control | None = None) -> Control:
        control = control or Control()
        self.builder.build(request, control)
        return control

    def left_over(self) -> list[Path]:
        return list((self.directory / "work").glob("*"))


@dataclass(frozen=True, slots=True)
class Shop:
    """A builder that several tests share, so that it probes only once and keeps its layers."""

    source: Source
    builder: DockerBuilder
    directory: Path


@pytest.fixture(scope="module")
def shops(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Shop]:
    made: dict[str, Shop] = {}
    tools: list[Wanted] = ["docker", "buildah"]
    for tool in tools:
        source, directory = Source(), tmp_path_factory.mktemp("builds")
        made[tool] = Shop(source, DockerBuilder(source, directory, wanted=tool), directory)
    return made


@pytest.fixture(params=["docker", "buildah"])
def workshop(
    request: pytest.FixtureRequest,
    shops: dict[str, Shop],
    tmp_path: Path,
    base_image_context: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Workshop:
    if request.param == "docker":
        monkeypatch.setenv("DOCKER_HOST", request.getfixturevalue("dockerd"))
    else:
        request.getfixturevalue("buildah")
    shop = shops[request.param]
    shop.source.folder = tmp_path / "source"
    shop.source.folder.mkdir()
    shutil.copy2(base_image_context / "busybox", shop.source.folder)
    return Workshop(shop.source.folder, shop.builder, shop.directory, request.param)


@dataclass(frozen=True, slots=True)
class Place:
    """A registry to push to, as the product sees it and as it is reached."""

    registry: Registry
    url: str
    host: str
    repository: str
    credentials: Credentials

    def request(self, options: Options | None = None, tag: str = TAG) -> BuildRequest:
        reference = ImageReference(self.registry.host, self.repository, tag)
        made = request_for(self.host, self.repository, options or Options(network="none"), tag=tag)
        return BuildRequest(
            made.repository,
            made.commit,
            reference,
            self.registry.push_target(reference),
            made.labels,
            made.options,
        )

    @property
    def authorization(self) -> str:
        return basic(self.credentials.username, self.credentials.secret)

    def pusher(self) -> Pusher:
        return Pusher(self.host, credentials=fixed(self.credentials), insecure=True)

    def config(self, tag: str = TAG) -> dict[str, Any]:
        """Read the image's configuration without our code."""
        manifest = json.loads(raw_manifest(self.url, self.repository, tag, self.authorization))
        request = urllib.request.Request(f"{self.url}/v2/{self.repository}/blobs/{manifest['config']['digest']}")  # noqa: S310 - loopback
        request.add_header("Authorization", self.authorization)
        with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310 - loopback
            config: dict[str, Any] = json.loads(response.read())
        return config


@pytest.fixture
def on_ecr(ministack: Ministack) -> Place:
    registry = ecr.EcrRegistry(
        ecr.Options(host=ECR_HOST), clock=TestClock(), endpoint=ministack.url, reached_at=ministack.host
    )
    repository = f"team/{uuid4().hex[:10]}"
    registry.ensure_repository(repository)
    return Place(registry, ministack.url, ministack.host, repository, ministack.credentials())


@pytest.fixture
def on_oci(docker_registry: RegistryServer, tmp_path: Path) -> Place:
    config = tmp_path / "docker.json"
    auth = basic(docker_registry.user, docker_registry.password).removeprefix("Basic ")
    config.write_text(json.dumps({"auths": {docker_registry.host: {"auth": auth}}}))
    options = oci.Options(host=docker_registry.host)
    registry = oci.OciRegistry(options, docker_config=config, insecure=[docker_registry.host])
    credentials = Credentials(docker_registry.user, docker_registry.password)
    return Place(registry, docker_registry.url, docker_registry.host, f"team/{uuid4().hex[:10]}", credentials)


@pytest.fixture(params=["ecr", "oci"])
def place(request: pytest.FixtureRequest) -> Place:
    found: Place = request.getfixturevalue(f"on_{request.param}")
    return found


# --- building ----------------------------------------------------------------------------------------


def test_image_is_built_pushed_and_read_back(workshop: Workshop, place: Place) -> None:
    workshop.write(PLAIN)
    workshop.build(place.request())
    found = place.registry.find(place.repository, TAG)
    assert found is not None
    assert (found.revision, found.source) == (REVISION, SOURCE)
    assert found.digest == sha256(raw_manifest(place.url, place.repository, TAG, place.authorization))


def test_run_line_runs(workshop: Workshop, on_ecr: Place) -> None:
    workshop.write(PLAIN + '    RUN ["/bin/busybox", "echo", "said in the build"]\n')
    control = workshop.build(on_ecr.request())
    assert "said in the build" in control.text
    assert workshop.left_over() == []


def test_arguments_and_target_are_used(workshop: Workshop, on_ecr: Place) -> None:
    workshop.write("""\
        FROM scratch AS wanted
        ARG FLAVOUR
        LABEL flavour=$FLAVOUR
        COPY busybox /bin/busybox
        FROM scratch
        LABEL flavour=last
        COPY busybox /bin/busybox
    """)
    workshop.build(on_ecr.request(Options(args={"FLAVOUR": "with spaces; and $more"}, target="wanted")))
    assert on_ecr.config()["config"]["Labels"]["flavour"] == "with spaces; and $more"


def test_context_and_dockerfile_are_where_they_are_told(workshop: Workshop, on_ecr: Place) -> None:
    shop = workshop.source / "services" / "shop"
    (shop / "deploy").mkdir(parents=True)
    shutil.move(workshop.source / "busybox", shop)
    workshop.write(PLAIN + "    LABEL from=deploy\n", at="services/shop/deploy/Dockerfile.prod")
    workshop.build(on_ecr.request(Options(context="services/shop", dockerfile="deploy/Dockerfile.prod")))
    assert on_ecr.config()["config"]["Labels"]["from"] == "deploy"


def test_two_builds_at_once_both_arrive(workshop: Workshop, on_ecr: Place) -> None:
    workshop.write(PLAIN)
    build = workshop.builder.build
    threads = [threading.Thread(target=build, args=(on_ecr.request(tag=tag), Control())) for tag in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert on_ecr.registry.find(on_ecr.repository, "one") is not None
    assert on_ecr.registry.find(on_ecr.repository, "two") is not None


# --- builds that fail ---------------------------------------------------------------------------------


def test_failing_run_fails_the_build_with_its_last_lines(workshop: Workshop, on_ecr: Place) -> None:
    workshop.write(PLAIN + '    RUN ["/bin/busybox", "ls", "/the-missing-folder"]\n')
    with pytest.raises(PermanentError, match="the-missing-folder") as caught:
        workshop.build(on_ecr.request())
    assert caught.value.code == "build-failed"
    assert on_ecr.registry.find(on_ecr.repository, TAG) is None
    assert workshop.left_over() == []


def test_timeout_ends_the_build_and_names_its_last_line(workshop: Workshop, on_ecr: Place) -> None:
    workshop.write(
        PLAIN + '    RUN ["/bin/busybox", "sh", "-c", "echo waiting for nobody; exec /bin/busybox sleep 6101"]\n'
    )
    with pytest.raises(PermanentError) as caught:
        workshop.build(on_ecr.request(Options(network="none", timeout=timedelta(seconds=4))))
    assert caught.value.code == "build-timeout"
    assert "waiting for nobody" in caught.value.message
    wait_until(lambda: not running_with("sleep\0006101"), timeout=10)


def test_cancelled_build_is_gone_within_a_second_and_leaves_nothing(workshop: Workshop, on_ecr: Place) -> None:
    workshop.write(PLAIN + '    RUN ["/bin/busybox", "sleep", "6102"]\n')
    control = Control()
    caught: list[BaseException] = []

    def build() -> None:
        try:
            workshop.build(on_ecr.request(), control)
        except RetryableError as error:
            caught.append(error)

    thread = threading.Thread(target=build)
    thread.start()
    wait_until(lambda: bool(running_with("sleep\0006102")), timeout=30)
    began = time.monotonic()
    control.stopped.set()
    thread.join(30)
    assert time.monotonic() - began < 2, "a second, and one more for a busy machine"
    assert [getattr(error, "code", None) for error in caught] == ["build-stopped"]
    wait_until(lambda: not running_with("sleep\0006102"), timeout=10)
    assert workshop.left_over() == []
    assert str(workshop.directory) not in Path("/proc/mounts").read_text()


@pytest.mark.parametrize("options", [{"context": "out"}, {"dockerfile": "out/passwd"}, {"dockerfile": "../../x"}])
def test_path_that_leads_out_of_the_source_is_refused(
    workshop: Workshop, on_ecr: Place, options: dict[str, str]
) -> None:
    (workshop.source / "out").symlink_to("/etc")
    with pytest.raises(PermanentError) as caught:
        workshop.build(on_ecr.request(Options.model_validate(options)))
    assert caught.value.code == "build-context"


def test_missing_dockerfile_is_named(workshop: Workshop, on_ecr: Place) -> None:
    with pytest.raises(PermanentError, match=r"no \./Dockerfile"):
        workshop.build(on_ecr.request())


# --- pushes that fail ----------------------------------------------------------------------------------


def test_dead_registry_at_push_is_retryable(workshop: Workshop) -> None:
    workshop.write(PLAIN)
    with pytest.raises(RetryableError) as caught:
        workshop.build(request_for(f"127.0.0.1:{free_port()}", "app", Options()))
    assert caught.value.code == "registry-unavailable"


def test_wrong_password_at_push_is_refused(workshop: Workshop, on_oci: Place) -> None:
    workshop.write(PLAIN)
    wrong = Credentials("AWS", "quite-another")
    with pytest.raises(DoubtfulError) as caught:
        workshop.build(request_for(on_oci.host, on_oci.repository, Options(), credentials=wrong))
    assert caught.value.code == "registry-refused"


def test_tag_of_another_revision_stays(workshop: Workshop, on_ecr: Place) -> None:
    workshop.write(PLAIN)
    other = make_image({**LABELS, "org.opencontainers.image.revision": "0" * 40})
    push(on_ecr.pusher(), on_ecr.repository, TAG, other)
    with pytest.raises(PermanentError) as caught:
        workshop.build(on_ecr.request())
    assert caught.value.code == "tag-immutable"
    assert raw_manifest(on_ecr.url, on_ecr.repository, TAG, on_ecr.authorization) == other.manifest


def test_tag_of_the_same_revision_is_taken_as_ours(workshop: Workshop, on_ecr: Place) -> None:
    workshop.write(PLAIN)
    pushed = make_image(LABELS)
    push(on_ecr.pusher(), on_ecr.repository, TAG, pushed)
    control = workshop.build(on_ecr.request())
    assert "already" in control.text
    assert raw_manifest(on_ecr.url, on_ecr.repository, TAG, on_ecr.authorization) == pushed.manifest


def test_image_of_several_platforms_is_refused_before_anything_is_built(workshop: Workshop, on_ecr: Place) -> None:
    request = replace(on_ecr.request(), platforms=("linux/amd64", "linux/arm64"))
    with pytest.raises(PermanentError) as caught:
        workshop.build(request)
    assert (caught.value.code, "github-actions" in caught.value.hint) == ("build-platforms", True)


def test_build_anew_replaces_what_is_under_the_tag(workshop: Workshop, on_oci: Place) -> None:
    workshop.write(PLAIN)
    pushed = make_image(LABELS)
    push(on_oci.pusher(), on_oci.repository, TAG, pushed)
    workshop.build(replace(on_oci.request(), fresh=True, anew=True))
    assert raw_manifest(on_oci.url, on_oci.repository, TAG, on_oci.authorization) != pushed.manifest


def test_build_anew_of_a_tag_that_never_moves_says_so(workshop: Workshop, on_ecr: Place) -> None:
    workshop.write(PLAIN)
    push(on_ecr.pusher(), on_ecr.repository, TAG, make_image(LABELS))
    with pytest.raises(PermanentError) as caught:
        workshop.build(replace(on_ecr.request(), fresh=True, anew=True))
    assert caught.value.code == "tag-immutable"


def test_missing_repository_at_push_is_named(workshop: Workshop, ministack: Ministack) -> None:
    workshop.write(PLAIN)
    credentials = ministack.credentials()
    with pytest.raises(DoubtfulError) as caught:
        workshop.build(request_for(ministack.host, "team/nobody-made-this", Options(), credentials=credentials))
    assert caught.value.code == "registry-repository-missing"


# --- a worker that is killed ---------------------------------------------------------------------------

KILLED = """\
import sys
from datetime import timedelta
from pathlib import Path
from service.adapters.builders.docker import DockerBuilder, Options
from tests.adapters.builders.parts import Control, Source, request_for

source, directory, tool, host = sys.argv[1:]
builder = DockerBuilder(Source(Path(source)), Path(directory), wanted=tool)
builder.build(request_for(host, "app", Options(network="none")), Control())
"""


@pytest.fixture
def hanging_registry() -> Iterator[tuple[str, threading.Event]]:
    """Serve a registry that never answers; the event is set once a client has connected."""
    came, over = threading.Event(), threading.Event()

    def hang(*_: object) -> None:
        came.set()
        over.wait(60)

    with raw_server(hang) as host:
        yield host, came
        over.set()


def test_worker_killed_in_its_push_leaves_nothing_to_the_next_build(
    workshop: Workshop, on_ecr: Place, hanging_registry: tuple[str, threading.Event]
) -> None:
    workshop.write(PLAIN)
    host, came = hanging_registry
    argv = [sys.executable, "-c", KILLED, str(workshop.source), str(workshop.directory), workshop.tool, host]
    with subprocess.Popen(argv, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}) as worker:
        assert came.wait(60)
        worker.send_signal(signal.SIGKILL)
    assert len(workshop.left_over()) == 1
    workshop.build(on_ecr.request())
    assert on_ecr.registry.find(on_ecr.repository, TAG) is not None
    assert workshop.left_over() == []
    wait_until(lambda: not running_with(f"{host}/app:{TAG}"), timeout=10)


# --- the probe ------------------------------------------------------------------------------------------


def test_probe_says_what_it_did(workshop: Workshop) -> None:
    found = workshop.builder.probe()
    assert found.tool is not None
    assert (found.tool.name, found.reason.endswith("built and read an image")) == (workshop.tool, True)


def test_image_of_the_probe_does_not_stay(workshop: Workshop) -> None:
    found = workshop.builder.probe()
    assert found.tool is not None
    listed = subprocess.run([*found.tool.prefix, "images"], check=True, capture_output=True, text=True)
    assert "localhost/mergeport-probe-" not in listed.stdout
