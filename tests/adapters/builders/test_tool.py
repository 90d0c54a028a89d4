"""How the `docker` builder calls its tool, shown by a tool that only records its calls."""

from __future__ import annotations

import json
import os
import re
import stat
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import responses
from pydantic import TypeAdapter, ValidationError

from service.adapters.build_tools import Tool, probe
from service.adapters.builders.docker import DockerBuilder, Duration, Options
from service.errors import PermanentError, RetryableError
from service.ports import Credentials
from tests.adapters.builders.parts import Control, Source, request_for
from tests.contract.registries import LABELS, HandMade, Ministack, make_image, push
from tests.fixtures.processes import free_port

SECRET = "the-secret-of-the-registry"

WRITES_DOWN = """\
#!/bin/sh
case "$1" in
  version) [ ! -e "{folder}/gone" ] ;;
  inspect) echo '[{{"Labels": {{"mergeport.probe": "works"}}}}]' ;;
  rmi) ;;
  *)
    [ -z "$DOCKER_CONFIG" ] && exit 0
    {{ printf '%s\\n' "$@"; echo --env; env; echo --config; cat "$DOCKER_CONFIG/config.json"; }} > "{folder}/$1.seen"
    ls -l "$DOCKER_CONFIG/config.json" >> "{folder}/$1.seen"
    echo "$1 is speaking"
    [ ! -e "{folder}/$1.fails" ]
    ;;
esac
"""


@dataclass(frozen=True, slots=True)
class Pretended:
    """A `docker` on PATH that does nothing, and the builder that calls it."""

    folder: Path
    builder: DockerBuilder

    def seen(self, call: str) -> str:
        return (self.folder / f"{call}.seen").read_text()

    def fails(self, name: str) -> None:
        (self.folder / name).touch()


@pytest.fixture
def pretended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pretended:
    folder = tmp_path / "bin"
    folder.mkdir()
    script = folder / "docker"
    script.write_text(WRITES_DOWN.format(folder=folder))
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.setenv("MERGEPORT_GITHUB_TOKEN", "a-token-of-the-settings")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a-key-of-the-cloud")
    source = tmp_path / "source"
    source.mkdir()
    (source / "Dockerfile").write_text("FROM scratch\n")
    own = tmp_path / "own" / "config.json"
    own.parent.mkdir()
    base = b64encode(b"reader:base").decode()
    own.write_text(json.dumps({"auths": {"base.test": {"auth": base}}, "credsStore": "desktop"}))
    return Pretended(folder, DockerBuilder(Source(source), tmp_path / "work", wanted="docker", docker_config=own))


def request_with(host: str, **options: Any) -> Any:
    return request_for(host, "app", Options(**options), credentials=Credentials("AWS", SECRET))


@pytest.fixture
def empty_registry() -> Iterator[None]:
    """Let `registry.test` answer that it has no image, because the builder looks there before it pushes."""
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mocked:
        mocked.get("http://registry.test/v2/", json={})
        for method in (responses.GET, responses.HEAD):
            mocked.add(method, re.compile(r"http://registry\.test/v2/app/.*"), status=404)
        yield


@pytest.mark.usefixtures("empty_registry")
def test_credentials_are_in_a_private_file_and_nowhere_else(pretended: Pretended) -> None:
    control = Control()
    pretended.builder.build(request_with("registry.test"), control)
    for call in ("build", "push"):
        arguments, _, rest = pretended.seen(call).partition("--env\n")
        environment, _, config = rest.partition("--config\n")
        encoded = b64encode(f"AWS:{SECRET}".encode()).decode()
        assert SECRET not in arguments + environment + control.text
        assert encoded not in arguments + environment + control.text
        assert encoded in config
        assert "-rw------- " in config
    assert list((pretended.folder.parent / "work" / "work").iterdir()) == []


@pytest.mark.usefixtures("empty_registry")
def test_credentials_of_base_images_stay_usable(pretended: Pretended) -> None:
    pretended.builder.build(request_with("registry.test"), Control())
    document = json.loads(pretended.seen("build").partition("--config\n")[2].rpartition("}")[0] + "}")
    assert document["auths"].keys() == {"base.test", "registry.test"}
    assert document["credHelpers"] == {"registry.test": ""}


@pytest.mark.usefixtures("empty_registry")
def test_tool_gets_nothing_of_our_settings(pretended: Pretended) -> None:
    pretended.builder.build(request_with("registry.test"), Control())
    assert "a-token-of-the-settings" not in pretended.seen("build")
    assert "a-key-of-the-cloud" not in pretended.seen("build")


@pytest.mark.usefixtures("empty_registry")
def test_users_text_never_begins_an_argument(pretended: Pretended) -> None:
    options = {"args": {"A": "--privileged"}, "target": "web", "platform": "linux/arm64", "network": "host"}
    pretended.builder.build(request_with("registry.test", **options), Control())
    arguments = pretended.seen("build").partition("--env\n")[0].splitlines()
    assert {"--build-arg=A=--privileged", "--target=web", "--platform=linux/arm64", "--network=host"} <= set(arguments)
    assert arguments[-2] == "--"
    assert arguments[-1].startswith("/")


def test_daemon_that_went_away_is_retryable(pretended: Pretended) -> None:
    pretended.builder.probe()
    pretended.fails("build.fails")
    pretended.fails("gone")
    with pytest.raises(RetryableError) as caught:
        pretended.builder.build(request_with("registry.test"), Control())
    assert caught.value.code == "builder-away"


def test_failed_build_has_the_tools_last_lines(pretended: Pretended) -> None:
    pretended.fails("build.fails")
    with pytest.raises(PermanentError, match="build is speaking") as caught:
        pretended.builder.build(request_with("registry.test"), Control())
    assert caught.value.code == "build-failed"


def test_failed_push_to_a_dead_registry_is_retryable(pretended: Pretended) -> None:
    pretended.fails("push.fails")
    with pytest.raises(RetryableError) as caught:
        pretended.builder.build(request_with(f"127.0.0.1:{free_port()}"), Control())
    assert caught.value.code == "registry-unavailable"


def test_failed_push_of_another_revision_to_a_tag_that_moves_is_retryable(
    pretended: Pretended, ministack_pusher: tuple[Ministack, Callable[[HandMade], None]]
) -> None:
    server, put = ministack_pusher
    put(make_image({**LABELS, "org.opencontainers.image.revision": "0" * 40}))
    pretended.fails("push.fails")
    request = request_for(server.host, "app", Options(), credentials=server.credentials())
    with pytest.raises(RetryableError) as caught:
        pretended.builder.build(request, Control())
    assert caught.value.code == "push-failed"


@pytest.fixture
def ministack_pusher(ministack: Ministack) -> tuple[Ministack, Callable[[HandMade], None]]:
    """Give a registry whose tags move, and a push under the tag of the request."""
    client = ministack.client()
    client.create_repository(repositoryName="app", imageTagMutability="MUTABLE")
    return ministack, lambda image: push(ministack.pusher(), "app", "4f2c1e9ab012", image)


# --- the probe ------------------------------------------------------------------------------------------


def test_binary_that_does_not_build_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("docker", "buildah"):
        script = tmp_path / name
        script.write_text("#!/bin/sh\necho 'it is of no use' >&2\ntest \"$1\" = version\n")
        script.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    found = probe("auto", tmp_path / "builds")
    assert found.tool is None
    assert "docker: it is of no use" in found.reason
    assert "buildah: it is of no use" in found.reason


def test_machine_without_a_tool_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    found = probe("auto", tmp_path / "builds")
    assert (found.tool, found.reason) == (None, "docker: not on PATH; buildah: not on PATH")


def test_no_tool_is_looked_for_where_none_is_wanted(pretended: Pretended, tmp_path: Path) -> None:
    assert probe("none", tmp_path / "builds").tool is None


def test_build_without_a_tool_names_the_other_way(tmp_path: Path) -> None:
    builder = DockerBuilder(Source(tmp_path), tmp_path / "builds", wanted="none")
    with pytest.raises(PermanentError, match="kind: github-actions`, `codebuild` or `external`") as caught:
        builder.build(request_with("registry.test"), Control())
    assert caught.value.code == "builder-missing"


def test_client_with_buildkit_is_preferred_to_the_first_on_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, works in (("first", '[ "$DOCKER_BUILDKIT" != 1 ]'), ("second", "true")):
        folder = tmp_path / name
        folder.mkdir()
        script = folder / "docker"
        script.write_text(
            '#!/bin/sh\ncase $1 in inspect) echo \'{"mergeport.probe": "works"}\' ;; build) ' + works + " ;; esac\n"
        )
        script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/first:{tmp_path}/second")
    found = probe("docker", tmp_path / "builds")
    assert found.tool is not None
    assert found.tool.prefix == (f"{tmp_path}/second/docker",)
    assert found.tool.extra == {"DOCKER_BUILDKIT": "1"}


def test_credentials_file_is_never_readable_by_others(tmp_path: Path) -> None:
    request = request_with("registry.test")
    old = os.umask(0)
    try:
        environment = Tool("buildah", ("buildah",)).logged_in(tmp_path / "login", request.target, None)
    finally:
        os.umask(old)
    file = Path(environment["REGISTRY_AUTH_FILE"])
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


# --- options -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("30m", timedelta(minutes=30)),
        ("1h30m", timedelta(hours=1.5)),
        ("90s", timedelta(seconds=90)),
        (600, timedelta(minutes=10)),
    ],
)
def test_timeout_is_a_duration_or_seconds(written: object, meant: timedelta) -> None:
    assert Options.model_validate({"timeout": written}).timeout == meant


@pytest.mark.parametrize("written", ["", "30", "half an hour", "-5m", 0, -1, True, None, 1.5, "0s"])
def test_other_timeouts_are_refused(written: object) -> None:
    with pytest.raises(ValidationError):
        Options.model_validate({"timeout": written})


@pytest.mark.parametrize(
    "options",
    [
        {"args": {"A B": "c"}},
        {"args": {"-x": "c"}},
        {"target": "--x"},
        {"platform": "linux/arm64,linux/amd64"},
        {"secrets": []},
    ],
)
def test_options_that_cannot_be_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Options.model_validate(options)


def test_schema_of_the_options_can_be_written() -> None:
    properties = Options.model_json_schema()["properties"]
    template = {"template", "with"}
    dockerfile = {"kind", "context", "dockerfile", "args", "target", "platform", "network", "timeout"}
    assert properties.keys() == template | dockerfile
    assert all("description" in told for name, told in properties.items() if name != "kind")
    assert TypeAdapter(Duration).json_schema()["anyOf"][0]["type"] == "string"
