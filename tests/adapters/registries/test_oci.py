"""Other registries alone: their options and the file that has their credentials."""

from __future__ import annotations

import json
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from service.adapters.registries.oci import OciRegistry, Options, docker_credentials
from service.core.images import ImageReference
from service.errors import PermanentError
from service.ports import Credentials

AUTH = b64encode(b"robot:secret:with:colons").decode()


def config(folder: Path, **document: Any) -> Path:
    file = folder / "config.json"
    file.write_text(json.dumps(document))
    return file


@pytest.mark.parametrize("key", ["registry.test", "https://registry.test", "https://registry.test/v2/"])
def test_credentials_are_found_by_host_however_it_is_written(tmp_path: Path, key: str) -> None:
    file = config(tmp_path, auths={key: {"auth": AUTH}})
    assert docker_credentials(file, "registry.test") == Credentials("robot", "secret:with:colons")


def test_username_and_password_are_read_too(tmp_path: Path) -> None:
    file = config(tmp_path, auths={"registry.test": {"username": "robot", "password": "secret"}})
    assert docker_credentials(file, "registry.test") == Credentials("robot", "secret")


def test_host_that_is_not_in_the_file_has_none(tmp_path: Path) -> None:
    file = config(tmp_path, auths={"registry.test": {"auth": AUTH}})
    assert docker_credentials(file, "other.test") is None


def test_port_is_part_of_the_host(tmp_path: Path) -> None:
    file = config(tmp_path, auths={"registry.test": {"auth": AUTH}})
    assert docker_credentials(file, "registry.test:5000") is None


@pytest.mark.parametrize(
    "document",
    [
        {"auths": {"registry.test": {}}, "credsStore": "desktop"},
        {"credHelpers": {"registry.test": "ecr-login"}},
    ],
)
def test_credential_helpers_are_said_not_to_work(tmp_path: Path, document: dict[str, Any]) -> None:
    with pytest.raises(PermanentError, match="helper"):
        docker_credentials(config(tmp_path, **document), "registry.test")


@pytest.mark.parametrize("text", ["", "[]", '{"auths": []}', '{"auths": {"registry.test": {"auth": "ÿ"}}}'])
def test_broken_file_is_named_without_its_content(tmp_path: Path, text: str) -> None:
    file = tmp_path / "config.json"
    file.write_text(text)
    with pytest.raises(PermanentError) as caught:
        docker_credentials(file, "registry.test")
    assert caught.value.code == "registry-credentials"
    assert "ÿ" not in str(caught.value)


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(PermanentError, match=r"config\.json"):
        docker_credentials(tmp_path / "config.json", "registry.test")


def test_rotated_secret_is_taken_up(tmp_path: Path) -> None:
    registry = OciRegistry(
        Options(host="registry.test"), docker_config=config(tmp_path, auths={"registry.test": {"auth": AUTH}})
    )
    reference = ImageReference("registry.test", "app", "1")
    registry.push_target(reference)
    config(tmp_path, auths={"registry.test": {"username": "robot", "password": "newer"}})
    assert registry.push_target(reference).credentials == Credentials("robot", "newer")


@pytest.mark.parametrize("host", ["https://registry.test", "registry.test/team", "", "registry test", "-x"])
def test_host_must_be_a_host(host: str) -> None:
    with pytest.raises(ValidationError):
        Options(host=host)


def test_secure_registry_is_not_pushed_to_in_the_clear() -> None:
    target = OciRegistry(Options(host="registry.test")).push_target(ImageReference("registry.test", "app", "1"))
    assert (target.insecure, target.credentials) == (False, None)
