"""The fixtures of real tools hand out tools that work."""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.request
from base64 import b64encode
from pathlib import Path

from tests.fixtures.tools import ROOT, RegistryServer


def test_helm_renders_a_chart(helm: str, tmp_path: Path) -> None:
    subprocess.run([helm, "create", str(tmp_path / "probe")], check=True, capture_output=True)
    told = subprocess.run([helm, "template", str(tmp_path / "probe")], check=True, capture_output=True, text=True)
    assert "kind: Deployment" in told.stdout


def test_docker_has_the_image_that_proved_it(docker: list[str]) -> None:
    told = subprocess.run([*docker, "images", "-q", "mergeport-probe:1"], check=True, capture_output=True, text=True)
    assert told.stdout.strip()


def test_buildah_has_the_image_that_proved_it(buildah: list[str]) -> None:
    told = subprocess.run([*buildah, "images", "--json"], check=True, capture_output=True, text=True)
    assert "mergeport-probe:1" in told.stdout


def test_registry_lets_in_who_has_the_password(docker_registry: RegistryServer) -> None:
    basic = b64encode(f"{docker_registry.user}:{docker_registry.password}".encode()).decode()
    request = urllib.request.Request(f"{docker_registry.url}/v2/", headers={"Authorization": f"Basic {basic}"})  # noqa: S310 - loopback
    with urllib.request.urlopen(request, timeout=5) as response:  # noqa: S310 - loopback
        assert response.status == 200


def test_buildah_pushes_to_the_registry(buildah: list[str], docker_registry: RegistryServer, tmp_path: Path) -> None:
    target = f"docker://{docker_registry.host}/probe:1"
    credentials = ["--creds", f"{docker_registry.user}:{docker_registry.password}", "--tls-verify=false"]
    subprocess.run(
        [*buildah, "push", *credentials, "--digestfile", str(tmp_path / "digest"), "mergeport-probe:1", target],
        check=True,
        capture_output=True,
    )
    assert (tmp_path / "digest").read_text().startswith("sha256:")


def test_every_test_gets_a_fresh_database(postgresql_url: str) -> None:
    import psycopg  # noqa: PLC0415 - only this test needs it

    with psycopg.connect(postgresql_url.replace("+psycopg", "")) as connection:
        tables = connection.execute("select count(*) from pg_tables where schemaname = 'public'").fetchone()
    assert tables == (0,)


def _run_a_skipping_test(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    (folder / "test_probe.py").write_text(
        "import pytest\nfrom tests.fixtures.tools import missing_part\n"
        "def test_probe():\n    missing_part('Probe', 'apt-get install probe')\n"
        "def test_other():\n    pytest.skip('not today')\n"
    )
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "tests.fixtures.tools", str(folder / "test_probe.py")]
    inherited = {name: value for name, value in os.environ.items() if name != "MERGEPORT_REQUIRE_ALL"}
    environment = inherited | environment
    return subprocess.run(argv, check=False, capture_output=True, text=True, cwd=ROOT, env=environment)


def test_a_missing_part_is_named_and_the_run_succeeds(tmp_path: Path) -> None:
    told = _run_a_skipping_test(tmp_path)
    assert told.returncode == 0
    assert "1 test skipped: missing part: Probe: apt-get install probe" in told.stdout


def test_a_missing_part_fails_the_run_where_every_part_is_required(tmp_path: Path) -> None:
    told = _run_a_skipping_test(tmp_path, MERGEPORT_REQUIRE_ALL="1")
    assert told.returncode == 1
    assert "1 failed, 1 skipped" in told.stdout


def test_any_skip_fails_the_run_where_every_part_is_required(tmp_path: Path) -> None:
    (tmp_path / "quiet").mkdir()
    (tmp_path / "quiet" / "test_probe.py").write_text("import pytest\ndef test_one():\n    pytest.skip('not today')\n")
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "tests.fixtures.tools", str(tmp_path / "quiet")]
    told = subprocess.run(
        argv, check=False, capture_output=True, text=True, cwd=ROOT, env=os.environ | {"MERGEPORT_REQUIRE_ALL": "1"}
    )
    assert told.returncode == 1
