"""`compose.yaml` is a compose file, and gives each process the settings and secrets that it reads."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import yaml

from service.engine.life import SIGN_OF_LIFE
from service.settings import is_for_web, is_for_worker, names
from service.settings import load as load_settings
from tests.fixtures.tools import ROOT

FILE = ROOT / "compose.yaml"
SERVICES: dict[str, Any] = yaml.safe_load(FILE.read_text())["services"]


def test_file_fits_the_compose_schema() -> None:
    argv = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(FILE)]
    told = subprocess.run(argv, check=False, capture_output=True, text=True)
    assert told.returncode == 0, told.stdout


def test_each_process_gets_the_settings_that_it_reads_and_no_other_secret() -> None:
    for name, fits in {"web": is_for_web, "worker": is_for_worker, "migrate": is_for_web}.items():
        service = SERVICES[name]
        settings = service["environment"]
        files = {value.removeprefix("/run/secrets/") for key, value in settings.items() if key.endswith("_FILE")}
        assert files == set(service["secrets"])
        assert [key for key in settings if not fits(key) or key not in names()] == []


def test_pages_are_for_this_machine_alone() -> None:
    assert SERVICES["web"]["ports"] == ["8080:8080", "127.0.0.1:8081:8081"]


def test_probe_of_the_worker_looks_at_its_sign_of_life() -> None:
    assert f"/{SIGN_OF_LIFE} " in SERVICES["worker"]["healthcheck"]["test"][1]


def test_settings_of_the_page_are_settings() -> None:
    page = (ROOT / "docs" / "install.md").read_text()
    lines = page.split("## Compose", 1)[1].split("```ini\n", 1)[1].split("```", 1)[0].splitlines()
    assert load_settings(dict(line.split("=", 1) for line in lines)).warnings == ()
