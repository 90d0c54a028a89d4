"""Templates, built for real: on a Debian of our own, from a private index, and run as their own user."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest

from service.adapters.build_tools import Tool, Wanted
from service.adapters.builders.docker import DockerBuilder, Options
from service.errors import PermanentError
from tests.adapters.builders.package_index import PASSWORD, USER, PackageIndex, serve_index, write_mlflow
from tests.adapters.builders.parts import Control, Source, request_for
from tests.contract.registries import Ministack
from tests.fixtures.debian import call

pytestmark = pytest.mark.prove

BASE = "localhost/python-of-our-own:3.11"
FLASK = {
    "app.py": "import os\nfrom flask import Flask\n\napp = Flask(__name__)\n\n\n"
    "@app.get('/healthz')\ndef healthz():\n    return str(os.getuid())\n",
    "requirements.txt": "flask\n",
}
MODEL = {
    "model/MLmodel": "flavors:\n  python_function:\n    python_version: 3.11.2\nmlflow_version: 2.16.0\n",
    "model/requirements.txt": "click\n",
}
ASKED = """\
"$@" & pid=$!
python3 - <<'END'
import sys, time, urllib.request
for _ in range(100):
    try:
        print("answer", urllib.request.urlopen("ADDRESS", timeout=2).read().decode())
        break
    except OSError as error:
        time.sleep(0.1)
else:
    sys.exit(f"no answer: {error}")
END
told=$?; kill $pid; exit $told
"""


@dataclass(frozen=True, slots=True)
class Shop:
    """A builder with a base image, its source, and the private index."""

    name: str
    tool: Tool
    source: Path
    builder: DockerBuilder
    index: PackageIndex
    ministack: Ministack

    def build(self, files: dict[str, str], repository: str, **options: object) -> Control:
        for path, text in files.items():
            (self.source / path).parent.mkdir(exist_ok=True)
            (self.source / path).write_text(text)
        registry, control = self.ministack, Control()
        wishes = {"base": BASE, "index": self.index.url, "credentials": True}
        made = Options.model_validate({"network": "host", "with": wishes, **options})
        request = request_for(registry.host, repository, made, credentials=registry.credentials())
        self.builder.build(request, control)
        return control

    def image(self, repository: str) -> str:
        return request_for(self.ministack.host, repository, None).target.reference

    def inspect(self, repository: str) -> str:
        return call([*self.tool.prefix, "inspect", "--type=image", self.image(repository)], **self.tool.extra)


@pytest.fixture(scope="module")
def wheelhouse(wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheels")
    for wheel in wheels.glob("*.whl"):
        (folder / wheel.name).symlink_to(wheel)
    write_mlflow(folder)
    return folder


@pytest.fixture(scope="module")
def base_context(debian: Path, device_folder: Path) -> Path:
    context = device_folder / "python"
    context.mkdir()
    os.link(debian, context / "debian.tar")
    (context / "Dockerfile").write_text("FROM scratch\nADD debian.tar /\n")
    return context


Opening = Callable[[Wanted, Path, Ministack], Shop]


@pytest.fixture(scope="module")
def opened(base_context: Path, wheelhouse: Path, device_folder: Path) -> Iterator[Opening]:
    """Give shops by their tool, each with the base image in its store."""
    kept: dict[str, tuple[DockerBuilder, Tool, Source]] = {}
    netrc = device_folder / "netrc"
    netrc.write_text(f"machine 127.0.0.1 login {USER} password {PASSWORD}\n")
    with serve_index(wheelhouse) as index:

        def open_shop(name: Wanted, folder: Path, ministack: Ministack) -> Shop:
            if name not in kept:
                source = Source()
                builder = DockerBuilder(source, device_folder / name, wanted=name, netrc=netrc)
                tool = builder.probe().tool
                assert tool is not None
                call([*tool.prefix, "build", "--tag", BASE, str(base_context)], **tool.extra)
                kept[name] = builder, tool, source
            builder, tool, source = kept[name]
            source.folder = folder
            index.let_in.clear()
            index.turned_away.clear()
            return Shop(name, tool, folder, builder, index, ministack)

        yield open_shop
    for name in kept:
        shutil.rmtree(device_folder / name, ignore_errors=True)


@pytest.fixture(params=["docker", "buildah"])
def shop(
    request: pytest.FixtureRequest,
    opened: Opening,
    ministack: Ministack,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Shop:
    if request.param == "docker":
        monkeypatch.setenv("DOCKER_HOST", request.getfixturevalue("dockerd"))
    else:
        request.getfixturevalue("buildah")
    return opened(request.param, tmp_path, ministack)


@pytest.fixture
def repository(shop: Shop) -> str:
    name = f"templates/{shop.name}-{uuid4().hex[:10]}"
    shop.ministack.client().create_repository(repositoryName=name)
    return name


def answer_of(shop: Shop, repository: str, control: Control) -> str:
    """Run the image's own command as its own user, and give what the address of its health check answers."""
    config = json.loads(shop.inspect(repository))["Docker"]["config"]
    address = control.text.partition("urlopen('")[2].partition("'")[0]
    container = call([*shop.tool.prefix, "from", shop.image(repository)], **shop.tool.extra).strip()
    argv = [*shop.tool.prefix, "run", "--isolation", "chroot", container, "--"]
    script = ASKED.replace("ADDRESS", address)
    return call([*argv, "sh", "-c", script, "sh", *config["Cmd"]], **shop.tool.extra)


def test_flask_is_built_from_a_private_index_whose_password_is_nowhere_in_the_image(
    shop: Shop, repository: str
) -> None:
    control = shop.build(FLASK, repository, template="python-web")
    assert "FROM localhost/python-of-our-own:3.11 AS base" in control.text
    assert any(path.startswith("/files/gunicorn-") for path in shop.index.let_in)
    told = shop.inspect(repository)
    assert '"10001:10001"' in told
    assert [word for word in (PASSWORD, shop.index.url, "PIP_INDEX_URL", "netrc") if word in told] == []
    assert PASSWORD not in control.text


@pytest.mark.parametrize("shop", ["buildah"], indirect=True)
def test_flask_answers_as_its_own_user(shop: Shop, repository: str) -> None:
    control = shop.build(FLASK, repository, template="python-web")
    assert "answer 10001" in answer_of(shop, repository, control)


@pytest.mark.parametrize("shop", ["buildah"], indirect=True)
def test_a_model_is_served_from_its_folder(shop: Shop, repository: str) -> None:
    control = shop.build(MODEL, repository, template="python-model")
    assert "answer" in answer_of(shop, repository, control)
    assert any(path.startswith("/files/mlflow-2.16.0") for path in shop.index.let_in)


@pytest.mark.parametrize("shop", ["buildah"], indirect=True)
def test_a_model_of_another_python_is_not_built(shop: Shop, repository: str) -> None:
    other = {**MODEL, "model/MLmodel": MODEL["model/MLmodel"].replace("3.11.2", "3.9.1")}
    with pytest.raises(PermanentError) as caught:
        shop.build(other, repository, template="python-model")
    assert caught.value.code == "build-failed"
    assert shop.index.let_in == []


@pytest.mark.parametrize("shop", ["buildah"], indirect=True)
def test_without_credentials_the_index_lets_nobody_in(shop: Shop, repository: str) -> None:
    wishes = {"base": BASE, "index": shop.index.url}
    with pytest.raises(PermanentError) as caught:
        shop.build(FLASK, repository, template="python-web", **{"with": wishes})
    assert caught.value.code == "build-failed"
    assert shop.index.let_in == []


@pytest.mark.parametrize("shop", ["buildah"], indirect=True)
def test_a_dockerfile_of_the_sources_own_is_not_used_beside_a_template(shop: Shop, repository: str) -> None:
    control = shop.build({**FLASK, "Dockerfile": "FROM nothing-there\n"}, repository, template="python-web")
    assert "own Dockerfile is not used" in control.text


def test_a_dockerfile_of_the_sources_own_never_sees_the_credentials(shop: Shop, repository: str) -> None:
    own = f"FROM {BASE}\nRUN --mount=type=secret,id=netrc,target=/root/.netrc,required=true cat /root/.netrc\n"
    with pytest.raises(PermanentError) as caught:
        shop.build({"Dockerfile": own}, repository)
    assert caught.value.code == "build-failed"


def test_credentials_that_this_machine_has_not_are_told_before_anything_is_built(
    tmp_path: Path, buildah: list[str]
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for path, text in FLASK.items():
        (source / path).write_text(text)
    builder = DockerBuilder(Source(source), tmp_path / "work", wanted="buildah")
    options = Options.model_validate({"template": "python-web", "with": {"credentials": True}})
    with pytest.raises(PermanentError) as caught:
        builder.build(request_for("127.0.0.1:1", "app", options), Control())
    assert caught.value.code == "build-credentials-missing"


def test_an_unclear_project_fails_the_build_with_its_file(tmp_path: Path, buildah: list[str]) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "app.py").write_text("print(1)\n")
    (source / "requirements.txt").write_text("flask\n")
    builder = DockerBuilder(Source(source), tmp_path / "work", wanted="buildah")
    options = Options.model_validate({"template": "python-web"})
    with pytest.raises(PermanentError, match=r"app\.py") as caught:
        builder.build(request_for("127.0.0.1:1", "app", options), Control())
    assert caught.value.code == "project-file-missing"
