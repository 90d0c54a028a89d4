"""The shell scripts that pods run: the model's loader, and the load test of the example, with tools that only copy."""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.fixtures.tools import ROOT

LOADER = ROOT / "charts" / "application" / "files" / "load-model.sh"
LOAD_TEST = ROOT / "docs" / "examples" / "serving" / "load-test" / "checkout-load.yaml"
MODEL = b"weights"
FILE = hashlib.sha256(MODEL).hexdigest()
SHA256 = hashlib.sha256(f"{FILE}  ./model.joblib\n".encode()).hexdigest()
"""Of the folder with this one file, which is fetched unless a test says otherwise."""


class Pod:
    """A pod's file system: a volume for models, and the tool that fetches from a bucket that is a folder here."""

    def __init__(self, place: Path) -> None:
        self.bucket, self.tools, self.volume = place / "bucket", place / "tools", place / "models"
        for folder in (self.bucket, self.tools, self.volume):
            folder.mkdir()
        self.model = self.volume / "7"

    def tool(self, name: str, script: str) -> None:
        """Put a command on the path; its last argument is where it shall write."""
        path = self.tools / name
        path.write_text(f'#!/bin/sh\nfor to in "$@"; do :; done\necho "$@" >> {self.tools}/asked\n{script}\n')
        path.chmod(0o755)

    def load(self, uri: str = "s3://models/scorer/7/", sha256: str = "") -> subprocess.CompletedProcess[str]:
        """Run the loader as the init container does."""
        environment = {
            "PATH": f"{self.tools}:{os.environ['PATH']}", "MODEL_URI": uri, "MODEL_SHA256": sha256,
            "MODEL_PATH": str(self.model), "HOSTNAME": "scorer-1",
        }  # fmt: skip
        return subprocess.run(["sh", str(LOADER)], env=environment, check=False, capture_output=True, text=True)

    @property
    def asked(self) -> list[str]:
        """Give the arguments of each call of a tool."""
        path = self.tools / "asked"
        return path.read_text().splitlines() if path.exists() else []

    @property
    def models(self) -> list[str]:
        """Give what is on the volume."""
        return sorted(path.name for path in self.volume.iterdir())


@pytest.fixture
def scorer(tmp_path: Path) -> Pod:
    made = Pod(tmp_path)
    (made.bucket / "model.joblib").write_bytes(MODEL)
    for name in ("aws", "gcloud", "mlflow"):
        made.tool(name, f'cp -r {made.bucket}/. "$to"')
    return made


@pytest.mark.parametrize(
    ("uri", "called"),
    [
        ("s3://models/scorer/7/", "s3 cp --recursive --only-show-errors s3://models/scorer/7/"),
        ("s3://models/scorer/7/model.joblib", "s3 cp --only-show-errors s3://models/scorer/7/model.joblib"),
        ("gs://models/scorer/7/", "storage cp --recursive gs://models/scorer/7/*"),
        ("gs://models/model.joblib", "storage cp gs://models/model.joblib"),
        ("models:/scorer/7", "artifacts download --artifact-uri models:/scorer/7"),
    ],
)
def test_model_is_fetched_verified_and_there(scorer: Pod, uri: str, called: str) -> None:
    told = scorer.load(uri, FILE if uri.endswith(".joblib") else SHA256)
    assert told.returncode == 0, told.stderr
    assert (scorer.model / "model.joblib").read_bytes() == MODEL
    assert scorer.models == ["7"]
    assert scorer.asked[0].startswith(called)


def test_wrong_checksum_leaves_nothing_and_says_both(scorer: Pod) -> None:
    told = scorer.load(sha256="0" * 64)
    assert told.returncode == 1
    assert "0" * 64 in told.stderr
    assert SHA256 in told.stderr
    assert scorer.models == []


def test_model_that_is_there_is_not_fetched_again(scorer: Pod) -> None:
    scorer.load(sha256=SHA256)
    again = scorer.load(sha256=SHA256)
    assert (again.returncode, len(scorer.asked)) == (0, 1)


def test_folder_has_the_checksum_that_the_page_tells_to_compute(scorer: Pod) -> None:
    (scorer.bucket / "MLmodel").write_text("flavors: {}\n")
    (scorer.bucket / "a b").mkdir()
    (scorer.bucket / "a b" / "c").write_text("x")
    page = (ROOT / "docs" / "application-chart.md").read_text()
    (command,) = (line.strip() for line in page.splitlines() if "LC_ALL=C sort" in line)
    computed = subprocess.run(["sh", "-c", command], cwd=scorer.bucket, check=True, capture_output=True, text=True)
    told = scorer.load(sha256=computed.stdout.split()[0])
    assert (told.returncode, told.stderr) == (0, "")
    assert (scorer.model / "a b" / "c").read_text() == "x"


def test_empty_folder_is_no_model(scorer: Pod) -> None:
    """`aws s3 cp --recursive` of a prefix without objects ends well."""
    scorer.tool("aws", "exit 0")
    told = scorer.load()
    assert told.returncode == 1
    assert "There is no file" in told.stderr


def test_tool_that_fails_fails_the_pod(scorer: Pod) -> None:
    scorer.tool("aws", f'cp {scorer.bucket}/model.joblib "$to"; exit 1')
    assert scorer.load(sha256=SHA256).returncode == 1
    assert "7" not in scorer.models


def test_what_a_killed_try_left_is_cleared_and_not_taken_for_the_model(scorer: Pod) -> None:
    (scorer.volume / "7.partial-scorer-1-4711").mkdir()
    (scorer.volume / "7.partial-scorer-2-1").mkdir()
    assert scorer.load(sha256=SHA256).returncode == 0
    assert scorer.models == ["7", "7.partial-scorer-2-1"]


def test_pod_that_was_slower_takes_the_model_of_the_other(scorer: Pod) -> None:
    scorer.tool("aws", f'mkdir {scorer.model}; echo theirs > {scorer.model}/model.joblib; cp {scorer.bucket}/* "$to"')
    assert scorer.load(sha256=SHA256).returncode == 0
    assert (scorer.model / "model.joblib").read_text() == "theirs\n"
    assert scorer.models == ["7"]


def test_address_that_no_tool_knows_is_named(scorer: Pod) -> None:
    told = scorer.load("hf://org/model")
    assert told.returncode == 1
    assert "hf://org/model" in told.stderr


def test_model_without_a_checksum_says_so_and_which_it_has(scorer: Pod) -> None:
    told = scorer.load()
    assert told.returncode == 0
    assert f"Not verified: model.sha256 is empty. What came has sha256 {SHA256}" in told.stdout


REPORT = (
    '{"latencies":{"total":2311,"mean":771061,"50th":720000,"90th":1500000,"95th":2000000,"99th":%d,"max":9,"min":1},'
    '"requests":6000,"rate":100.01,"throughput":99.9,"success":%s,"status_codes":{"200":6000},"errors":[]}\n'
)
"""What vegeta 12.12 writes, shortened."""


def load_test(tmp_path: Path, report: str, attack: str = "exit 0") -> subprocess.CompletedProcess[str]:
    example = yaml.safe_load(LOAD_TEST.read_text())
    script = example["config"]["files"]["load-test.sh"].replace("/tmp/", f"{tmp_path}/")
    (tmp_path / "report.json").write_text(report)
    vegeta = tmp_path / "vegeta"
    vegeta.write_text(
        f'#!/bin/sh\ncase "$1$2" in attack*) {attack};; report-type=json) cat {tmp_path}/report.json;; esac\n'
    )
    vegeta.chmod(0o755)
    environment = example["env"] | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    return subprocess.run(["sh", "-c", script], env=environment, check=False, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("p99", "success", "status"),
    [
        (249_000_000, "1", 0),
        (250_000_000, "0.999", 0),
        (251_000_000, "1", 1),
        (1_000_000, "0.9989", 1),
        (1_000_000, "0", 1),
        (1_000_000, "9.5e-01", 1),
    ],
)
def test_load_test_fails_where_answers_are_wrong_or_slow(tmp_path: Path, p99: int, success: str, status: int) -> None:
    told = load_test(tmp_path, REPORT % (p99, success))
    assert told.returncode == status, told.stdout + told.stderr


@pytest.mark.parametrize(("report", "attack"), [("", "exit 0"), ("{}", "exit 0"), (REPORT % (1, "1"), "exit 3")])
def test_load_test_that_proved_nothing_fails(tmp_path: Path, report: str, attack: str) -> None:
    assert load_test(tmp_path, report, attack).returncode != 0
