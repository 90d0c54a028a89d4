"""The buildspec that people copy does what Mergeport's variables say: its commands run, with a docker of the test's."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from service.adapters.builders.codebuild import Options, variables
from tests.adapters.builders.elsewhere_contract import start_request
from tests.contract.registries import ECR_HOST, REVISION
from tests.docs.pages import page
from tests.fixtures.tools import ROOT

BUILDSPEC = ROOT / "docs/codebuild/buildspec.yml"
DIGEST = f"sha256:{'a1' * 32}"
DOCKER = """#!/bin/sh
printf '%s\\0' "$@" >> "$CALLS"; printf '\\n' >> "$CALLS"
case "$1 $2" in
  "login --username") cat > "$CALLS.password" ;;
  "buildx build")
    test -z "${FAILS:-}" || exit 1
    while [ "$1" != --metadata-file ]; do shift; done
    printf '{\\n  "containerimage.digest": "%s",\\n  "image.name": "x"\\n}\\n' "$DIGEST" > "$2" ;;
esac
"""
AWS = """#!/bin/sh
echo "$@" > "$CALLS.aws"; echo the-password
"""


class Ran:
    """What became of a build, as CodeBuild runs it: phase by phase, in one shell, until a command fails."""

    def __init__(self, folder: Path, told: dict[str, str]) -> None:
        tools = folder / "bin"
        tools.mkdir()
        for name, text in (("docker", DOCKER), ("aws", AWS)):
            (tools / name).write_text(text)
            (tools / name).chmod(0o755)
        self._calls = folder / "calls"
        spec: dict[str, Any] = yaml.safe_load(BUILDSPEC.read_text())
        script = folder / "script"
        lines = [command for phase in ("pre_build", "build") for command in spec["phases"][phase]["commands"]]
        script.write_text(
            "\n".join(f"{one.rstrip()}\n[ $? = 0 ] || exit 3\n" for one in lines) + "\nprintenv > $CALLS.env"
        )
        metadata = folder / "mergeport.json"
        text = script.read_text().replace("/tmp/mergeport.json", str(metadata))
        script.write_text(text.replace("/tmp/mergeport.Dockerfile", str(folder / "template")))
        environment = {"PATH": f"{tools}:{os.environ['PATH']}", "CALLS": str(self._calls), "DIGEST": DIGEST, **told}
        self.ended = subprocess.run(
            ["sh", str(script)], cwd=folder, env=environment, check=False, capture_output=True, text=True
        )
        self.exported = spec["env"]["exported-variables"]

    @property
    def calls(self) -> list[list[str]]:
        """The arguments of each call of docker."""
        if not self._calls.exists():
            return []
        return [one.rstrip("\0").split("\0") for one in self._calls.read_text().split("\0\n") if one]

    def text(self, kind: str) -> str:
        return Path(f"{self._calls}.{kind}").read_text()


def told(**options: Any) -> dict[str, str]:
    request = start_request(Options(project="images", **options))
    return {**variables(request, "correlation-1"), "CODEBUILD_RESOLVED_SOURCE_VERSION": REVISION}


def test_image_is_built_with_everything_that_is_told(tmp_path: Path) -> None:
    args = {"GREETING": "two words and a $HOME", "STARS": "*", "EMPTY": ""}
    ran = Ran(tmp_path, told(context="app", dockerfile="Dockerfile.prod", args=args, target="final"))
    assert (ran.ended.returncode, ran.ended.stderr) == (0, "")
    build = ran.calls[-1]
    labels = told()["MERGEPORT_LABELS"].split()
    assert build[:6] == [
        "buildx", "build", "--file", "./app/Dockerfile.prod", "--tag", f"{ECR_HOST}/checkout:{REVISION[:12]}",
    ]  # fmt: skip
    assert [build[place + 1] for place, one in enumerate(build) if one == "--label"] == labels
    assert f"org.opencontainers.image.revision={REVISION}" in labels
    given = [build[place + 1] for place, one in enumerate(build) if one == "--build-arg"]
    assert given == ["EMPTY=", "GREETING=two words and a $HOME", "STARS=*"]
    assert build[build.index("--target") + 1] == "final"
    assert build[-2:] == ["--push", "./app"]
    assert "--platform" not in build


@pytest.mark.parametrize("fresh", [True, False])
def test_rebuild_uses_nothing_of_earlier_builds(tmp_path: Path, fresh: bool) -> None:
    request = replace(start_request(Options(project="images")), fresh=fresh)
    variables_ = {**variables(request, "correlation-1"), "CODEBUILD_RESOLVED_SOURCE_VERSION": REVISION}
    build = Ran(tmp_path, variables_).calls[-1]
    assert [one for one in build if one in {"--pull", "--no-cache"}] == (["--pull", "--no-cache"] if fresh else [])


def test_a_template_is_built_in_place_of_a_dockerfile(tmp_path: Path) -> None:
    text = "FROM scratch\nLABEL a='$(touch pwned)'\n"
    request = start_request(Options(project="images", context="app"))
    variables_ = {**variables(request, "correlation-1", text), "CODEBUILD_RESOLVED_SOURCE_VERSION": REVISION}
    ran = Ran(tmp_path, variables_)
    assert (ran.ended.returncode, ran.ended.stderr) == (0, "")
    build = ran.calls[-1]
    assert build[build.index("--file") + 1] == str(tmp_path / "template")
    assert ((tmp_path / "template").read_text(), build[-1]) == (text, "./app")
    assert not list(tmp_path.rglob("pwned"))


def test_digest_of_what_was_pushed_is_exported(tmp_path: Path) -> None:
    ran = Ran(tmp_path, told())
    assert ran.exported == ["MERGEPORT_DIGEST"]
    assert f"MERGEPORT_DIGEST={DIGEST}" in ran.text("env").splitlines()


def test_several_platforms_get_a_builder_that_can_make_them(tmp_path: Path) -> None:
    ran = Ran(tmp_path, told(platforms=("linux/amd64", "linux/arm64")))
    login, create, build = ran.calls
    assert (login[0], create[:2]) == ("login", ["buildx", "create"])
    assert build[build.index("--platform") + 1] == "linux/amd64,linux/arm64"


def test_registry_is_logged_in_to_in_its_own_region(tmp_path: Path) -> None:
    ran = Ran(tmp_path, told())
    assert ran.text("aws").split() == ["ecr", "get-login-password", "--region", "ap-northeast-2"]
    assert ran.calls[0] == ["login", "--username", "AWS", "--password-stdin", ECR_HOST]
    assert ran.text("password") == "the-password\n"


def test_another_commit_than_the_wanted_one_is_not_built(tmp_path: Path) -> None:
    ran = Ran(tmp_path, told() | {"CODEBUILD_RESOLVED_SOURCE_VERSION": "0" * 40})
    assert (ran.ended.returncode != 0, ran.calls) == (True, [])
    assert "is the project's source another repository?" in ran.ended.stdout


def test_build_that_a_person_starts_says_what_is_missing(tmp_path: Path) -> None:
    ran = Ran(tmp_path, {})
    assert (ran.ended.returncode != 0, ran.calls) == (True, [])
    assert "Mergeport starts this build" in ran.ended.stderr


def test_failed_build_fails_and_exports_nothing(tmp_path: Path) -> None:
    ran = Ran(tmp_path, told() | {"FAILS": "1"})
    assert (ran.ended.returncode, Path(f"{tmp_path}/calls.env").exists()) == (3, False)


@pytest.mark.parametrize("wrong", ["-x", "a b"])
def test_odd_paths_stay_one_argument(tmp_path: Path, wrong: str) -> None:
    build = Ran(tmp_path, told(context=wrong)).calls[-1]
    assert (build[3], build[-1]) == (f"./{wrong}/Dockerfile", f"./{wrong}")


def test_every_variable_is_explained() -> None:
    options = Options(project="images", args={"A": "1"}, target="t", platforms=("linux/amd64",))
    named = set(variables(start_request(options), "correlation-1")) - {"MERGEPORT_ARG_A"}
    explained = page("docs/codebuild/README.md").text
    assert {name for name in named if f"`{name}`" not in explained} == set()
    assert {name for name in named if name not in BUILDSPEC.read_text()} == {"MERGEPORT_CORRELATION"}
