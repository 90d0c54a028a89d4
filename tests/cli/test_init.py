"""`mergeport init`: what it writes is a set-up that works as it is, and what a person changes is left alone."""

from __future__ import annotations

import json
import re
import socket
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
import yaml

from devstack.git_http import GitServer
from devstack.github.server import GitHub as GitHubDouble
from service.adapters.kinds import kinds
from service.core.config import Configuration, load
from tests.cli.calling import Call, caller
from tests.fixtures.charts import Render, render
from tests.fixtures.commands import MERGEPORT
from tests.fixtures.github_openapi import GitHubDescription
from tests.fixtures.processes import free_port, wait_until

ECR = "210987654321.dkr.ecr.eu-west-1.amazonaws.com"
SHOP = ("--manifests", "shop/manifests", "--app", "shop/cart", "--registry", ECR, "--yes")


__all__ = ["render"]


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    return caller(monkeypatch, capsys)


def loaded(folder: Path) -> Configuration:
    return load((folder / "manifests" / "mergeport.yaml").read_text(), kinds=kinds())


def rendered(folder: Path, name: str, environment: str, render: Render) -> dict[str, dict[str, object]]:
    apps = folder / "manifests" / "apps" / name
    found = render(
        folder / "manifests" / "charts" / "application", apps / "values.yaml", apps / f"values-{environment}.yaml"
    )
    return {one["kind"]: one for one in found}


def test_set_up_in_an_empty_folder_is_a_valid_configuration_that_renders(
    call: Call, tmp_path: Path, render: Render
) -> None:
    folder = tmp_path / "new"
    options = ("--app", "fraud=shop/fraud-model:python-model", "--argocd", "https://argocd.shop.example")
    told = call("init", "new", str(folder), *SHOP, *options)
    assert told.status == 0, told.err
    configuration = loaded(folder)
    assert (configuration.applications, configuration.environments) == (("cart", "fraud"), ("dev", "stage", "prod"))
    for target in configuration.targets():
        (values,) = target.values
        assert (folder / "manifests" / values.file).is_file()
        deployment = rendered(folder, target.application, target.environment, render)["Deployment"]
        assert f"{ECR}/{target.application}" in json.dumps(deployment)
    checked = call("config", "check", str(folder / "manifests" / "mergeport.yaml"))
    assert checked.status == 0, checked.err


def test_no_name_of_the_example_is_left_where_it_would_act(call: Call, tmp_path: Path) -> None:
    call("init", "new", str(tmp_path), *SHOP, "--workflow", "shop/mergeport@abc123")
    acting = [
        path
        for folder in ("manifests/argocd", "manifests/apps", "sources")
        for path in (tmp_path / folder).rglob("*.y*ml")
    ]
    assert acting
    example = re.compile(r"\bacme\b|(?<!actions/)\bcheckout\b|123456789012|\bCOMMIT\b")
    left = {path.name: example.findall(yaml_without_comments(path)) for path in acting}
    assert {name: words for name, words in left.items() if words} == {}


def yaml_without_comments(path: Path) -> str:
    return json.dumps(list(yaml.safe_load_all(path.read_text())))


def test_environments_take_the_places_of_those_of_the_example_and_the_others_go(call: Call, tmp_path: Path) -> None:
    call("init", "new", str(tmp_path), *SHOP, "--environment", "test=trunk", "--environment", "live=release")
    assert {(one.environment, one.branch, one.publish) for one in loaded(tmp_path).targets()} == {
        ("test", "trunk", "commit"), ("live", "release", "pull-request"),
    }  # fmt: skip
    assert sorted(path.name for path in (tmp_path / "manifests/apps/cart").iterdir()) == [
        "values-live.yaml", "values-test.yaml", "values.yaml",
    ]  # fmt: skip
    sets = [
        json.dumps(one)
        for path in (tmp_path / "manifests/argocd").glob("*.yaml")
        for one in yaml.safe_load_all(path.read_text())
    ]
    assert re.findall(r'"(?:dev|stage|prod)"|-(?:dev|stage|prod)"', " ".join(sets)) == []
    assert re.findall(r'"environment": "(test|live)"', " ".join(sets))[:2] == ["test", "live"]


def test_second_time_nothing_is_written_and_a_persons_edit_stays(call: Call, tmp_path: Path) -> None:
    call("init", "new", str(tmp_path), *SHOP)
    edited = tmp_path / "manifests" / "mergeport.yaml"
    edited.write_text(edited.read_text().replace("publish: pull-request", "publish: commit"))
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    told = call("init", "new", str(tmp_path), *SHOP)
    assert told.out.endswith("Nothing is to be written.\n")
    assert "somebody has changed it, so it stays" in told.err
    assert "+    publish: pull-request" in told.err
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_changed_answer_shows_the_difference_and_changes_what_is_ours(call: Call, tmp_path: Path) -> None:
    call("init", "new", str(tmp_path), *SHOP)
    told = call("init", "new", str(tmp_path), *SHOP, "--reviewers", "team:rm")
    assert '+      reviewers: ["team:rm"]' in told.out
    assert next(one for one in loaded(tmp_path).targets() if one.environment == "prod").pull_request.reviewers == (
        "team:rm",
    )


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--app", "shop/cart:maven"), '--app: "maven" is no way to build'),
        (("--app", "Cart!=shop/cart"), "is no name of an application"),
        (("--app", "cart=shop/other"), "the application cart is named twice"),
        (("--environment", "dev"), "write dev=develop"),
        (("--url", "http://mergeport"), "--url: "),
        (tuple(f"--environment=e{n}=b{n}" for n in range(4)), "there are 4 environments"),
    ],
)
def test_answers_that_cannot_be_are_refused_by_their_option(
    call: Call, tmp_path: Path, options: tuple[str, ...], words: str
) -> None:
    told = call("init", "new", str(tmp_path / "new"), *SHOP, *options)
    assert told.status == 2
    assert words in told.err
    assert not (tmp_path / "new").exists()


def test_issuer_of_the_cluster_is_in_the_role_that_people_deploy(call: Call, tmp_path: Path) -> None:
    provider = "arn:aws:iam::210987654321:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/ABC"
    call("init", "new", str(tmp_path), *SHOP, "--oidc-provider", provider)
    role = (tmp_path / "aws" / "role.yaml").read_text()
    assert f"    Default: {provider}\n" in role
    assert "                  oidc.eks.eu-west-1.amazonaws.com/id/ABC:sub:" in role
    assert "ISSUER" not in role.split("AWSTemplateFormatVersion")[1]


def test_app_asks_for_what_this_very_configuration_needs(call: Call, tmp_path: Path) -> None:
    call("init", "new", str(tmp_path), *SHOP, "--builder", "external", "--hooks", "https://hooks.shop.example")
    manifest = json.loads((tmp_path / "github-app.json").read_text())
    assert manifest["default_permissions"] == {
        "actions": "read", "contents": "write", "metadata": "read", "pull_requests": "write", "statuses": "write",
    }  # fmt: skip
    assert manifest["default_events"] == ["pull_request", "push", "workflow_run"]
    assert manifest["hook_attributes"] == {"url": "https://hooks.shop.example/webhooks/github", "active": True}


# --- registering the App ---------------------------------------------------------------------------


@pytest.fixture
def github(tmp_path: Path, github_description: GitHubDescription) -> Iterator[GitHubDouble]:
    git = GitServer(tmp_path / "git")
    double = GitHubDouble(git, validator=github_description)
    yield double
    double.stop()
    git.stop()
    assert double.violations == []


def test_app_is_registered_with_one_click_and_its_secrets_are_for_their_owner_alone(
    call: Call, tmp_path: Path, github: GitHubDouble
) -> None:
    folder, port = tmp_path / "new", free_port()
    call("init", "new", str(folder), *SHOP)
    page = f"http://127.0.0.1:{port}/"
    argv = [*MERGEPORT, "init", "app", str(folder), "--port", str(port), "--no-browser", "--organization", "shop"]
    argv += ["--github", github.api_url, "--api-url", github.api_url]
    running = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
    wait_until(lambda: answers(page), timeout=20)
    idle = socket.create_connection(("127.0.0.1", port))  # as browsers open some in advance
    (folder / "secrets").mkdir()
    (folder / "secrets" / "webhook").touch(0o644)
    form = requests.get(page, timeout=5).text
    state = re.search(r"organizations/shop/settings/apps/new\?state=([\w-]+)", form)
    assert state is not None
    github.state.new_apps["the-code"] = json.loads((folder / "github-app.json").read_text())
    refused = requests.get(f"{page}registered", params={"code": "the-code", "state": "another"}, timeout=5)
    assert refused.status_code == 403
    done = requests.get(f"{page}registered", params={"code": "the-code", "state": state[1]}, timeout=5)
    assert done.status_code == 200, done.text
    told, _ = running.communicate(timeout=20)
    idle.close()
    assert told.splitlines()[-1].startswith("Registered: ")
    key, secret = folder / "secrets" / "github-app.pem", folder / "secrets" / "webhook"
    assert key.read_text().startswith("-----BEGIN RSA PRIVATE KEY-----")
    assert [stat.S_IMODE(file.stat().st_mode) for file in (key, secret)] == [0o600, 0o600]
    assert re.search(r"^MERGEPORT_GITHUB_APP_ID=\d+$", (folder / "settings.env").read_text(), re.MULTILINE)
    assert secret.read_text() not in done.text


def answers(page: str) -> bool:
    try:
        return requests.get(page, timeout=2).ok
    except requests.RequestException:
        return False


def test_templates_are_in_the_package(tmp_path: Path) -> None:
    """Whoever installs the wheel has no repository beside it."""
    from tests.fixtures.tools import ROOT  # noqa: PLC0415 - only here

    argv = [str(ROOT / ".venv/bin/hatchling"), "build", "--target", "wheel", "--directory", str(tmp_path)]
    subprocess.run(argv, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = subprocess.run(
        ["python", "-m", "zipfile", "-l", str(wheel)], check=True, capture_output=True, text=True
    ).stdout
    for file in ("manifests/mergeport.yaml", "workflows/build-image-push.yml", "aws/role.tf"):
        assert f"service/given/{file} " in names
