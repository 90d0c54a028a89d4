"""What every registry of models does: the double's answers are those of a real MLflow server, run by `make prove`."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from devstack.mlflow import MLflow as Double
from devstack.mlflow_server import PROGRAM, RealMLflow
from service.adapters.model_http import ModelHttp
from service.adapters.models.mlflow import MLflow
from service.errors import LimitedError, PermanentError, RetryableError
from tests.demo.playing import Playing
from tests.fixtures.tools import ROOT

NAME = "fraud scorer"
LOADER = ROOT / "charts" / "application" / "files" / "load-model.sh"


@dataclass
class Registry:
    """A registry with one model of three versions, whose aliases can be moved."""

    port: MLflow
    url: str
    name: str
    set_alias: Callable[[str, str, int], None]
    delete_alias: Callable[[str, str], None]


@pytest.fixture
def double() -> Iterator[Double]:
    with Double() as running:
        yield running


@pytest.fixture(params=["double", pytest.param("real", marks=[pytest.mark.prove, pytest.mark.real_mlflow])])
def registry(request: pytest.FixtureRequest, double: Double) -> Registry:
    """Give the double, or a real server with the same in it."""
    if request.param == "double":
        for number in (1, 2, 3):
            double.register(NAME, metrics={"auc": 0.9 + number / 100}, params={"depth": "5"}, dataset="train")
        return Registry(
            MLflow(ModelHttp(double.url), double.url), double.url, NAME, double.set_alias, double.delete_alias
        )
    real: RealMLflow = request.getfixturevalue("real_mlflow")
    name = real.new_name("fraud scorer")
    for number in (1, 2, 3):
        real.register(name, metrics={"auc": 0.9 + number / 100}, params={"depth": "5"}, dataset="train")
    return Registry(MLflow(ModelHttp(real.url), real.url), real.url, name, real.set_alias, real.delete_alias)


def test_aliases_and_versions_are_read(registry: Registry) -> None:
    port, name = registry.port, registry.name
    registry.set_alias(name, "champion", 1)
    registry.set_alias(name, "challenger", 2)
    registry.set_alias(name, "champion", 3)
    registry.delete_alias(name, "challenger")
    found = port.registered(name)
    assert found is not None
    assert (dict(found.aliases), found.newest) == ({"champion": "3"}, "3")
    assert port.registered("nobody has it") is None
    version = port.version(name, "2")
    assert version is not None
    assert (version.version, version.ready, version.metrics, version.parameters) == (
        "2", True, {"auc": 0.92}, {"depth": "5"},
    )  # fmt: skip
    assert re.fullmatch(r"mlflow-artifacts:/\S+", version.uri)
    assert [one.partition("@")[0] for one in version.datasets] == ["train"]
    assert version.run in version.run_page
    assert port.version(name, "9") is None
    assert port.version("nobody has it", "1") is None


def test_files_are_found_with_a_checksum_that_stays(registry: Registry) -> None:
    first, second = (registry.port.version(registry.name, one) for one in ("1", "2"))
    assert first is not None
    assert second is not None
    told = [registry.port.artifact(one) for one in (first, first, second)]
    assert told[0] == told[1]
    assert re.fullmatch(r"sha256:[0-9a-f]{64}", told[0].checksum)
    assert told[0].checksum != told[2].checksum


def test_the_checksum_is_what_sha256sum_says_of_the_files(double: Double) -> None:
    double.register(NAME)
    found = asked(double).version(NAME, "1")
    assert found is not None
    lines = [
        f"{hashlib.sha256(data).hexdigest()}  ./{path.partition('artifacts/')[2]}"
        for path, data in sorted(double.files.items())
    ]
    expected = hashlib.sha256("".join(f"{line}\n" for line in lines).encode()).hexdigest()
    assert asked(double).artifact(found).checksum == f"sha256:{expected}"


def test_tags_are_set_again_and_again(registry: Registry) -> None:
    port, name = registry.port, registry.name
    assert port.set_tag(name, "1", "mergeport.prod", "live at 9f3c")
    assert port.set_tag(name, "1", "mergeport.prod", "live at 1111")
    assert not port.set_tag(name, "9", "mergeport.prod", "x")
    found = port.version(name, "1")
    assert found is not None
    assert found.tags == {"mergeport.prod": "live at 1111"}
    port.delete_tag(name, "1", "mergeport.prod")
    port.delete_tag(name, "1", "mergeport.prod")
    assert getattr(port.version(name, "1"), "tags", None) == {}


@pytest.mark.prove
@pytest.mark.real_mlflow
def test_a_version_of_a_real_server_goes_live_by_its_alias_and_back(real_mlflow: RealMLflow, tmp_path: Path) -> None:
    demo = Playing(tmp_path / "demo", "--builder", "layer", MODELS=real_mlflow.url)
    assert demo.end() == 0, demo.text
    for words in ("version: '2'", "Roll back scorer to v1 in dev", "challenger is 2", "not live any more"):
        assert words in demo.text, demo.text


@pytest.mark.prove
@pytest.mark.real_mlflow
def test_the_chart_s_loader_finds_the_checksum_that_was_taken(real_mlflow: RealMLflow, tmp_path: Path) -> None:
    name = real_mlflow.new_name("fraud scorer")
    version = real_mlflow.register(name)
    port = MLflow(ModelHttp(real_mlflow.url), real_mlflow.url)
    found = port.version(name, str(version))
    assert found is not None
    environment = {
        "PATH": f"{PROGRAM.parent}:{os.environ['PATH']}", "HOME": str(tmp_path),
        "MLFLOW_TRACKING_URI": real_mlflow.url, "MODEL_URI": f"models:/{name}/{version}",
        "MODEL_PATH": str(tmp_path / "models" / "7"),
        "MODEL_SHA256": port.artifact(found).checksum.removeprefix("sha256:"),
    }  # fmt: skip
    (tmp_path / "models").mkdir()
    told = subprocess.run(["sh", str(LOADER)], env=environment, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr
    assert (tmp_path / "models" / "7" / "MLmodel").exists()


# --- what wobbles ----------------------------------------------------------------------------------


def asked(double: Double, **login: Any) -> MLflow:
    return MLflow(ModelHttp(double.url, **login), double.url)


@pytest.mark.parametrize(
    ("status", "error", "code"),
    [
        (500, RetryableError, "model-registry-unreachable"),
        (503, RetryableError, "model-registry-unreachable"),
        (429, LimitedError, "model-registry-limited"),
        (404, RetryableError, "model-registry-strange"),
        (302, RetryableError, "model-registry-strange"),
        (403, PermanentError, "model-registry-denied"),
        (200, RetryableError, "model-registry-strange"),
    ],
)
def test_an_answer_that_is_none_says_what_it_is(double: Double, status: int, error: type[Exception], code: str) -> None:
    double.fail_next(status)
    with pytest.raises(error) as caught:
        asked(double).registered(NAME)
    assert getattr(caught.value, "code", "") == code


def test_a_server_that_is_not_there_is_tried_again(double: Double) -> None:
    port = asked(double)
    double.stop()
    with pytest.raises(RetryableError) as caught:
        port.registered(NAME)
    assert caught.value.code == "model-registry-unreachable"


def test_a_credential_is_sent_and_its_lack_is_told() -> None:
    with Double(token="t0ken") as double:
        double.register(NAME)
        assert asked(double, credential="t0ken").registered(NAME) is not None
        with pytest.raises(PermanentError) as caught:
            asked(double).registered(NAME)
        assert caught.value.code == "model-registry-denied"


@pytest.mark.parametrize(
    ("uri", "code"),
    [
        ("models:/fraud@champion", "model-uri-moves"),
        ("models:/fraud/Production", "model-uri-moves"),
        ("hf://org/model", "model-uri-moves"),
        ("hf://org/model:main", "model-uri-moves"),
        ("oci://r.test/model:latest", "model-uri-moves"),
        ("s3://user:pass@bucket/x", "model-uri-invalid"),
        ("s3://bucket/a b", "model-uri-invalid"),
        ("s3://bucket/a\nb", "model-uri-invalid"),
        (f"s3://{'x' * 2_000}", "model-uri-invalid"),
        ("mlflow-artifacts:/0/models/none/artifacts", "model-artifact-missing"),
    ],
)
def test_an_address_that_moves_or_leads_nowhere_is_refused(double: Double, uri: str, code: str) -> None:
    double.register(NAME, uri=uri)
    port = asked(double)
    found = port.version(NAME, "1")
    assert found is not None
    with pytest.raises(PermanentError) as caught:
        port.artifact(found)
    assert caught.value.code == code


@pytest.mark.parametrize("uri", ["s3://bucket/1/x", "gs://b/x", "file:///x", "/x", f"hf://o/m:{'0a' * 20}"])
def test_files_that_we_cannot_see_are_said_to_be_unseen(double: Double, uri: str) -> None:
    double.register(NAME, uri=uri)
    found = asked(double).version(NAME, "1")
    assert found is not None
    artifact = asked(double).artifact(found)
    assert (artifact.checksum, bool(artifact.words)) == ("", True)


def test_a_version_that_is_not_ready_or_lost_its_run_is_read_all_the_same(double: Double) -> None:
    double.register(NAME, status="PENDING_REGISTRATION", commit="4f2c", signature='[{"type": "string"}]')
    found = asked(double).version(NAME, "1")
    assert found is not None
    assert (found.ready, found.why_not, found.code) == (False, "PENDING_REGISTRATION", "4f2c")
    assert "string" in asked(double).artifact(found).signature
    double.runs.clear()
    bare = asked(double).version(NAME, "1")
    assert bare is not None
    assert (bare.metrics, bare.run_page) == ({}, "")
