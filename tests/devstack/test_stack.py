"""The devstack as a whole: one object, one directory, all settings; and as a process of its own."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from urllib.parse import urlsplit

import boto3
import pytest
import requests

from devstack.argocd.rendering import Source
from devstack.stack import GITHUB_TOKEN, Devstack, read_directory

ROOT = Path(__file__).parents[2]


def test_settings_reach_every_part(stack: Devstack) -> None:
    settings = stack.environment()
    stack.create_repository("acme/checkout", {"a": "1"})
    github = {"Authorization": f"Bearer {settings['MERGEPORT_GITHUB_TOKEN']}"}
    api = f"{settings['MERGEPORT_GITHUB_API_URL']}/repos/acme/checkout"
    assert requests.get(api, headers=github, timeout=10).json()["clone_url"] == (
        f"{settings['MERGEPORT_GITHUB_GIT_URL']}/acme/checkout.git"
    )
    argocd = {"Authorization": f"Bearer {settings['MERGEPORT_ARGOCD_TOKEN']}"}
    listed = requests.get(f"{settings['MERGEPORT_ARGOCD_URL']}/api/v1/applications", headers=argocd, timeout=10)
    assert listed.json()["items"] is None
    session = boto3.Session(
        settings["AWS_ACCESS_KEY_ID"], settings["AWS_SECRET_ACCESS_KEY"], region_name=settings["AWS_REGION"]
    )
    ecr = session.client("ecr", endpoint_url=settings["MERGEPORT_ECR_ENDPOINT"])
    assert ecr.describe_repositories()["repositories"] == []
    assert requests.get(f"http://{settings['MERGEPORT_ECR_HOST']}/v2/", timeout=10).status_code == 401


def test_directory_becomes_a_repository_with_its_modes(stack: Devstack, tmp_path: Path) -> None:
    (tmp_path / "src" / "sub").mkdir(parents=True)
    (tmp_path / "src" / "run.sh").write_text("#!/bin/sh\n")
    (tmp_path / "src" / "run.sh").chmod(0o755)
    (tmp_path / "src" / "sub" / "link").symlink_to("../run.sh")
    bare = stack.create_repository("acme/app", tmp_path / "src", branches=["develop", "staging"]).bare
    modes = [line.split()[0] for line in bare.git("ls-tree", "-r", "develop").splitlines()]
    assert modes == ["100755", "120000"]
    assert sorted(bare.branches()) == ["develop", "main", "staging"]
    assert read_directory(tmp_path / "src").keys() == {"run.sh", "sub/link"}


def test_pushed_manifest_reaches_argo_cd(stack: Devstack) -> None:
    stack.create_repository("acme/manifests", {"dev.yaml": "image: r/app:1\n"})
    stack.argocd.pace = 0.01
    stack.argocd.add_application("app-dev", Source("acme/manifests", ".", "main", ("dev.yaml",)))
    stack.github.push("acme/manifests", "main", {"dev.yaml": "image: r/app:2\n"})
    stack.argocd.refresh("app-dev")
    assert stack.argocd.settle("app-dev").images == ("r/app:2",)


def _ask(url: str) -> None:
    with contextlib.suppress(requests.RequestException):
        requests.get(url, headers={"Authorization": f"Bearer {GITHUB_TOKEN}"}, timeout=10)


def test_nothing_stays_behind(tmp_path: Path, stack: Devstack) -> None:
    before = set(threading.enumerate())
    with Devstack(tmp_path / "other", ecr=stack.ecr) as other:
        ports = [urlsplit(url).port for url in (other.git.url, other.github.url, other.argocd.url)]
        gate = other.github.faults.hang(path="/user")
        hung = threading.Thread(target=_ask, args=(f"{other.github.api_url}/user",))
        hung.start()
        gate.wait_arrived()
    hung.join(10)
    # Timers are not threads of the devstack: git readers of an earlier test in this process end themselves by one.
    left = [one for one in set(threading.enumerate()) - before if not isinstance(one, threading.Timer)]
    assert left == []
    for port in ports:
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", port or 0)) != 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_process_prints_its_settings_and_ends_on_a_signal(tmp_path: Path, ecr: object, number: int) -> None:
    command = [sys.executable, "-m", "devstack", str(tmp_path / "state"), "--environment", str(tmp_path / "env")]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env={**os.environ}) as process:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            if line.startswith("# running"):
                break
        process.send_signal(number)
        assert process.wait(20) == 0
    assert any(line.startswith("export MERGEPORT_GITHUB_API_URL=http://127.0.0.1:") for line in lines)
    assert (tmp_path / "env").read_text() == "".join(lines[:-1])
