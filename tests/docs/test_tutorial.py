"""The tutorial's own lines are run as they stand, as far as they need neither GitHub nor AWS nor a cluster."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.docs.pages import page
from tests.fixtures.tools import ROOT

TUTORIAL = page("docs/tutorial.md")


def lines_of(heading: str) -> str:
    """Give the shell lines under a heading."""
    section = TUTORIAL.text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return "".join(re.findall(r"^```sh\n(.*?)^```$", section, re.DOTALL | re.MULTILINE))


def run(folder: Path, helm: str, lines: str) -> str:
    """Run lines in a folder that has this repository's charts; give what they print."""
    (folder / "charts").symlink_to(ROOT / "charts")
    path = f"{Path(sys.executable).parent}:{Path(helm).parent}:{os.environ['PATH']}"
    identity = {f"GIT_{role}_{part}": f"dana@{part}" for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")}
    told = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", lines],
        cwd=folder, env={**os.environ, **identity, "PATH": path}, check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert told.returncode == 0, told.stderr
    return told.stdout


@pytest.mark.prove
def test_set_up_that_the_tutorial_writes_is_right_and_can_be_committed(helm: str, tmp_path: Path) -> None:
    commits = [line for line in lines_of("GitHub").splitlines() if line.startswith("git ") and " push " not in line]
    told = run(tmp_path, helm, lines_of("Write your set-up") + "\n".join(commits))
    assert "kind: Deployment" in told
    shop = tmp_path / "shop"
    for named in re.findall(r"(?:--template-file|--filename) (shop/\S+)", TUTORIAL.text):
        assert (tmp_path / named).is_file(), named
    assert {path.name for path in (shop / "manifests/argocd").glob("app*.yaml")} == {
        Path(named).name for named in re.findall(r"--filename (\S+)", TUTORIAL.text)
    }
    assert (shop / "sources/shop/cart/.github").is_dir()
    for line in (shop / "README.md").read_text().splitlines():
        if "cloudformation deploy" in line:
            assert " ".join(line.replace("aws/", "shop/aws/").rstrip(" \\").split()) in TUTORIAL.text


@pytest.mark.prove
def test_values_of_the_chart_render_with_the_keys_of_the_secret(helm: str, tmp_path: Path) -> None:
    (values,) = TUTORIAL.blocks("yaml")
    (tmp_path / "chart-values.yaml").write_text(values)
    install = next(line for line in lines_of("Start Mergeport").splitlines() if line.startswith("helm install"))
    told = list(yaml.safe_load_all(run(tmp_path, helm, install.replace("helm install", "helm template"))))
    made = {(one["kind"], one["metadata"]["name"]) for one in told if one}
    # What the other commands name.
    assert {("StatefulSet", "mergeport"), ("Service", "mergeport-private"), ("ServiceAccount", "mergeport")} <= made
    (pod,) = [one["spec"]["template"]["spec"] for one in told if one and one["kind"] == "StatefulSet"]
    mounted = {item["key"] for volume in pod["volumes"] for item in volume.get("secret", {}).get("items", [])}
    assert mounted == {Path(file).name for file in re.findall(r"--from-file=(\S+)", TUTORIAL.text)}
