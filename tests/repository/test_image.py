"""The Dockerfile, built for real: on a Debian of our own in the place of the base from a hub.

The build finds the locked packages' files in a mounted folder, which its base tells pip of, so that it
reaches no network; the Dockerfile is the one that ships. The Debian is made once, by debootstrap (a minute),
and kept under .tools/.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from tests.fixtures.debian import call
from tests.fixtures.tools import ROOT

pytestmark = pytest.mark.prove

BASE = "localhost/debian-with-python:12"
IMAGE = "localhost/mergeport:test"

Run = Callable[[Sequence[str]], subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def image(buildah: list[str], debian: Path, wheels: Path, device_folder: Path) -> str:
    """Build the Dockerfile and give the image's name."""
    context = device_folder / "base"
    context.mkdir()
    os.link(debian, context / "debian.tar")
    (context / "pip.conf").write_text("[global]\nno-index = true\nfind-links = /wheels\n")
    (context / "Dockerfile").write_text("FROM scratch\nADD debian.tar /\nCOPY pip.conf /etc/pip.conf\n")
    build = [*buildah, "bud", "--isolation", "chroot", "--format", "docker"]
    call([*build, "--tag", BASE, str(context)])
    call([*build, "--volume", f"{wheels}:/wheels:ro", "--build-arg", f"BASE={BASE}", "--tag", IMAGE, str(ROOT)])
    return IMAGE


@pytest.fixture(scope="module")
def run(buildah: list[str], image: str) -> Iterator[Run]:
    """Give a function that runs a command in a container of the image, as the image's own user."""
    container = call([*buildah, "from", image]).strip()
    prefix = [*buildah, "run", "--isolation", "chroot", container, "--"]

    def in_container(argv: Sequence[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*prefix, *argv], check=False, capture_output=True, text=True, timeout=60)

    yield in_container
    call([*buildah, "rm", container])


def test_container_is_not_root(run: Run) -> None:
    assert run(["id", "-u"]).stdout.strip() == "10001"


def test_command_speaks(run: Run) -> None:
    told = run(["mergeport", "--help"])
    assert told.returncode == 0, told.stderr
    assert "serve" in told.stdout


def test_git_and_ssh_are_inside(run: Run) -> None:
    assert run(["git", "--version"]).returncode == 0
    assert run(["ssh", "-V"]).returncode == 0


def test_helm_is_inside(run: Run) -> None:
    assert run(["helm", "version"]).returncode == 0


def test_what_only_development_needs_is_outside(run: Run) -> None:
    """The exit status tells it, because buildah under load loses the output of a command that fails."""
    names = ["devstack", "pytest", "pip", "hatchling"]
    found = (
        "import sys; from importlib.util import find_spec; sys.exit(40 + sum(map(bool, map(find_spec, sys.argv[1:]))))"
    )
    assert run(["python", "-c", found, *names]).returncode == 40
    assert run(["python", "-c", found, *names, "service"]).returncode == 41


def test_state_can_be_written_and_the_program_cannot(run: Run) -> None:
    assert run(["sh", "-c", "touch /var/lib/mergeport/x && rm /var/lib/mergeport/x"]).returncode == 0
    assert run(["sh", "-c", "touch /opt/mergeport/x"]).returncode != 0


def test_image_says_how_it_is_run_and_asked_for_its_health(buildah: list[str], image: str) -> None:
    config = json.loads(call([*buildah, "inspect", "--type", "image", image]))["Docker"]["config"]
    assert config["User"] == "10001:10001"
    assert (config["Entrypoint"], config["Cmd"]) == (["mergeport"], ["serve"])
    assert "/healthz" in " ".join(config["Healthcheck"]["Test"])
    assert list(config["Volumes"]) == ["/var/lib/mergeport"]
