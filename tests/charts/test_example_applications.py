"""The example applications: their Python starts and answers, images can be built, values fit, render and are accepted.

`scorer` runs on stand-ins of mlflow and pandas, which are heavy. R is not here: of `report`, the image's file and its
routes are looked at.
"""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from service.adapters.kinds import kinds
from service.cli.main import cli
from service.core.config import load
from service.core.edits import resolve_values
from service.core.images import ImageReference
from service.core.values import rewrite
from service.core.words import Digest, Sha
from tests.fixtures.charts import TEMPLATE, Render, one
from tests.fixtures.tools import ROOT

EXAMPLES = ROOT / "examples" / "applications"
ENVIRONMENTS = ("dev", "stage", "prod")
ADDED = ("recommender", "report", "scorer")
DIGEST = Digest("sha256:" + "0a" * 32)
COMMIT = Sha("4f2c1e9ab012" + "0" * 28)


def source(place: str) -> Any:
    """Load an application's app.py as a module of its own, without leaving compiled files there."""
    path, name = EXAMPLES / place / "app.py", f"example_{place.replace('/', '_')}"
    module = sys.modules[name] = ModuleType(name)
    exec(compile(path.read_text(), path, "exec"), vars(module))  # noqa: S102 - a file of ours
    return module.app


def ask(app: Any, method: str, path: str, body: bytes = b"") -> tuple[int, Any]:
    """Call an ASGI application as uvicorn does."""
    sent: list[dict[str, Any]] = []
    plain, _, query = path.partition("?")
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "path": plain,
        "raw_path": plain.encode(), "query_string": query.encode(), "root_path": "", "scheme": "http",
        "headers": [(b"content-type", b"application/json")], "server": ("x", 80), "client": ("x", 1),
    }  # fmt: skip

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    asyncio.run(app(scope, receive, send))
    text = b"".join(one.get("body", b"") for one in sent)
    return sent[0]["status"], json.loads(text)


@contextmanager
def served(app: Any) -> Iterator[str]:
    """Serve an ASGI application on loopback; give its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status, told = ask(app, "POST", self.path, body)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(told).encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_checkout_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENVIRONMENT", "dev")
    client = source("checkout/source").test_client()
    assert client.get("/healthz").json == {"ok": True}
    assert client.get("/price/1000").json == {"price": 1100, "environment": "dev"}


def test_recommender_asks_its_second_container(monkeypatch: pytest.MonkeyPatch) -> None:
    preprocess, predict = source("recommender/source/preprocess"), source("recommender/source/predict")
    assert ask(preprocess, "GET", "/healthz") == ask(predict, "GET", "/healthz") == (200, {"ok": True})
    items = [{"name": name, "views": 100, "sales": sales} for name, sales in (("a", 1), ("b", 50), ("c", 20))]
    with served(predict) as address:
        monkeypatch.setenv("PREDICT_URL", address)
        assert ask(preprocess, "POST", "/recommend?best=2", json.dumps(items).encode()) == (200, ["b", "c"])


def test_scorer_scores_with_the_model_at_its_path(monkeypatch: pytest.MonkeyPatch) -> None:
    class Model:
        def predict(self, rows: list[dict[str, float]]) -> list[float]:
            return [row["amount"] / 2 for row in rows]

    loaded: list[str] = []
    mlflow, pyfunc, pandas = ModuleType("mlflow"), ModuleType("mlflow.pyfunc"), ModuleType("pandas")

    def load_model(path: str) -> Model:
        loaded.append(path)
        return Model()

    pyfunc.load_model = load_model  # type: ignore[attr-defined]
    mlflow.pyfunc = pyfunc  # type: ignore[attr-defined]
    pandas.DataFrame = list  # type: ignore[attr-defined]
    for name, module in (("mlflow", mlflow), ("mlflow.pyfunc", pyfunc), ("pandas", pandas)):
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setenv("MODEL_PATH", "/models/fraud-scorer-7")
    monkeypatch.setenv("MODEL_VERSION", "7")

    app = source("scorer/source")
    assert ask(app, "GET", "/healthz") == (200, {"version": "7"})
    body = json.dumps({"dataframe_records": [{"amount": 3}, {"amount": 4}]}).encode()
    assert ask(app, "POST", "/invocations", body) == (200, {"predictions": [1.5, 2.0]})
    assert ask(app, "POST", "/invocations", b'{"dataframe_records": []}')[0] == 422
    assert loaded == ["/models/fraud-scorer-7"]


def test_report_answers_the_probes_that_its_values_name() -> None:
    routes = re.findall(r"^#\* @get (\S+)", (EXAMPLES / "report" / "source" / "plumber.R").read_text(), re.MULTILINE)
    values = yaml.safe_load((EXAMPLES / "report" / "manifests" / "values.yaml").read_text())
    assert {probe["path"] for probe in values["probes"].values()} <= set(routes)


@pytest.mark.parametrize(
    ("place", "options", "command"),
    [
        ("recommender/source/predict", ["--port", "9000"], '["uvicorn", "--host=0.0.0.0", "--port=9000", "app:app"]'),
        ("recommender/source/preprocess", [], '["uvicorn", "--host=0.0.0.0", "--port=8080", "app:app"]'),
        ("scorer/source", [], '["uvicorn", "--host=0.0.0.0", "--port=8080", "app:app"]'),
        ("report/source", [], "plumber::pr_run(plumber::pr('plumber.R'), host = '0.0.0.0', port = 8080)"),
    ],
)
def test_image_is_built_without_a_dockerfile(place: str, options: list[str], command: str) -> None:
    told = CliRunner().invoke(cli, ["build", "dockerfile", str(EXAMPLES / place), *options])
    assert told.exit_code == 0, told.output
    assert command in told.stdout
    assert "/healthz" in told.stdout


@pytest.fixture(scope="module")
def manifests(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Do what the page says: the template, with each example's manifests and entry."""
    folder = tmp_path_factory.mktemp("manifests") / "manifests"
    shutil.copytree(TEMPLATE, folder, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ADDED:
        shutil.copytree(EXAMPLES / name / "manifests", folder / "apps" / name)
        entry = textwrap.indent((EXAMPLES / name / "application.yaml").read_text(), "  ")
        with (folder / "mergeport.yaml").open("a") as file:
            file.write(f"\n{entry}")
    with (folder / "mergeport.yaml").open("a") as file:
        file.write((EXAMPLES / "scorer" / "registries.yaml").read_text())
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    return folder


def test_configuration_with_all_examples_is_accepted_with_its_values_files(manifests: Path) -> None:
    told = CliRunner().invoke(cli, ["config", "check", str(manifests), "--json"])
    assert told.exit_code == 0, told.output
    said = json.loads(told.stdout)
    assert (said["applications"], said["targets"], said["values"]["files"]) == (5, 15, 12), "scorer's model counts too"
    assert said["secrets"] == {"files": 16, "allowed": [], "unsearched": []}


@pytest.mark.parametrize("name", ADDED)
def test_first_promotion_changes_only_the_images_and_what_comes_of_it_renders(
    manifests: Path, render: Render, tmp_path: Path, name: str
) -> None:
    configuration = load((manifests / "mergeport.yaml").read_text(), kinds=kinds())
    for environment in ENVIRONMENTS:
        target = configuration.target(name, environment)
        assert target is not None
        images = {
            image.name: ImageReference(image.registry_host, image.repository, COMMIT[:12], DIGEST)
            for image in target.images
        }
        done = rewrite(
            lambda file: (manifests / file).read_bytes(),
            resolve_values(target, images, commit=COMMIT, branch="main"),
        )
        ((_, content),) = done.files.items()
        promoted = tmp_path / f"{environment}.yaml"
        promoted.write_bytes(content)
        rendered = render(TEMPLATE / "charts" / "application", manifests / "apps" / name / "values.yaml", promoted,
                          release=name)  # fmt: skip
        pod = one(rendered, "Deployment")["spec"]["template"]["spec"]
        used = {container["image"] for container in pod["containers"]}
        assert used == {f"{image.registry}/{image.repository}@{DIGEST}" for image in images.values()}
