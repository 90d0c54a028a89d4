"""The reusable workflow and the action `build-image`: their steps as a runner runs them, with hostile inputs too."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.fixtures.tools import ROOT, missing_part
from tests.repository.runner import ACTION, DIGEST, WORKFLOW, Runner

CALLERS = sorted((ROOT / "docs" / "workflows").glob("*.yml"))
ECR = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/checkout"
ROLE = "arn:aws:iam::123456789012:role/build-checkout"
TEXT = "FROM scratch\nLABEL a=\"$(touch pwned)\" b='`touch pwned`'\n"


def load(path: Path) -> dict[Any, Any]:
    loaded: dict[Any, Any] = yaml.safe_load(path.read_text())
    return loaded


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    if shutil.which("jq") is None:
        missing_part("jq", "the workflow's scripts use it; apt-get install jq")
    return Runner(tmp_path)


Answer = Callable[[str], None]


@pytest.fixture
def github_says(runner: Runner) -> Answer:
    """Say how a commit stands to the one that the workflow runs for."""

    def say(status: str) -> None:
        runner.answers["curl"] = json.dumps({"status": status})

    return say


def labels_of(argv: list[str]) -> dict[str, str]:
    told = [word.removeprefix("--label=").partition("=") for word in argv if word.startswith("--label=")]
    return {name: value for name, _, value in told}


# --- what is built --------------------------------------------------------------------------------------


def test_an_image_is_pushed_with_its_labels_provenance_and_sbom(runner: Runner) -> None:
    job = runner.run()
    assert job.status == 0, job.log
    (argv,) = job.builds()
    tag = runner.revision[:12]
    assert f"--tag=registry.example.com/team/checkout:{tag}" in argv
    assert {"--push", "--provenance=mode=min", "--sbom=true"} <= set(argv)
    assert labels_of(argv) == {
        "org.opencontainers.image.source": "https://github.example.com/acme/checkout",
        "org.opencontainers.image.revision": runner.revision,
        "org.opencontainers.image.version": tag,
    }
    assert argv[-2:] == ["--", str(runner.workspace)]


def test_the_digest_is_an_output(runner: Runner) -> None:
    job = runner.run({"tag": "v1"})
    reference = f"registry.example.com/team/checkout:v1@{DIGEST}"
    assert job.outputs["build"] == {"digest": DIGEST, "reference": reference, "revision": runner.revision}
    assert reference in job.summary


def test_a_push_whose_digest_is_not_told_is_no_success(runner: Runner) -> None:
    runner.answers["digest"] = ""
    job = runner.run()
    assert (job.status, "digest" in job.outputs["build"]) == (1, False)


def test_everything_that_is_asked_for_reaches_buildx(runner: Runner) -> None:
    runner.write("services/shop/deploy/Dockerfile.prod", "FROM scratch AS web\n")
    runner.commit()
    job = runner.run(
        {
            "context": "services/shop",
            "dockerfile": "deploy/Dockerfile.prod",
            "args": "A=1\nB=two words; $(three)\r\n\nC=",
            "target": "web",
            "platforms": "linux/amd64,linux/arm64",
            "correlation": "01J-abc",
            "labels": "dev.mergeport.tree=4b825d\norg.opencontainers.image.revision=forged",
            "cache": "registry.example.com/cache:checkout",
        },
        secrets={"netrc": "machine x login y password z"},
    )
    assert job.status == 0, job.log
    (argv,) = job.builds()
    assert argv[-1] == str(runner.workspace / "services" / "shop")
    assert [word for word in argv if word.startswith("--build-arg")] == [
        "--build-arg=A=1",
        "--build-arg=B=two words; $(three)",
        "--build-arg=C=",
    ]
    assert {"--target=web", "--platform=linux/amd64,linux/arm64", "--secret=id=netrc,env=NETRC"} <= set(argv)
    labels = labels_of(argv)
    assert (labels["dev.mergeport.tree"], labels["dev.mergeport.correlation"]) == ("4b825d", "01J-abc")
    assert labels["org.opencontainers.image.revision"] == runner.revision
    assert any(word.startswith("--cache-from=type=registry,ref=registry.example.com/cache:checkout") for word in argv)
    assert job.dockerfile == "FROM scratch AS web\n"
    assert "docker/setup-qemu-action" in job.uses


def test_one_platform_of_the_runners_own_needs_no_emulation(runner: Runner) -> None:
    assert "docker/setup-qemu-action" not in runner.run({"platforms": "linux/amd64"}).uses


def test_the_text_of_a_dockerfile_is_built_as_it_is(runner: Runner) -> None:
    (runner.workspace / "Dockerfile").unlink()
    runner.commit()
    job = runner.run({"dockerfile": TEXT})
    assert job.status == 0, job.log
    assert job.dockerfile == TEXT
    assert not list(runner.folder.rglob("pwned"))


def test_what_mergeport_sends_counts_before_the_callers_inputs(runner: Runner) -> None:
    request = {"image": "registry.example.com/other", "tag": "v2", "target": "", "correlation": "c", "more": "x"}
    job = runner.run({"request": json.dumps(request), "tag": "v1", "target": "web"})
    (argv,) = job.builds()
    assert {"--tag=registry.example.com/other:v2", "--target=web"} <= set(argv)


def test_a_dispatch_without_inputs_is_as_none(runner: Runner) -> None:
    assert runner.run({"request": "null"}).status == 0


def test_tests_are_built_before_anything_is_pushed(runner: Runner) -> None:
    job = runner.run({"test_target": "test", "target": "web"})
    tests, image = job.builds()
    assert ("--target=test" in tests, "--push" in tests) == (True, False)
    assert ("--target=web" in image, "--push" in image) == (True, True)


def test_a_second_run_for_a_commit_takes_what_is_there(runner: Runner) -> None:
    image = {"linux/amd64": {"config": {"Labels": {"org.opencontainers.image.revision": runner.revision}}}}
    told = {"manifest": {"digest": DIGEST}, "image": image}
    runner.answers["docker buildx imagetools inspect"] = json.dumps(told)
    job = runner.run()
    assert (job.status, job.builds(), job.outputs["build"]["digest"]) == (0, [], DIGEST)


@pytest.mark.parametrize(
    ("there", "builds"), [(["amd64", "arm64"], 0), (["amd64"], 1), (["amd64", "unknown"], 1), ([], 1)]
)
def test_what_is_there_is_taken_only_with_all_platforms(runner: Runner, there: list[str], builds: int) -> None:
    of = {"config": {"Labels": {"org.opencontainers.image.revision": runner.revision}}}
    platforms = [{"os": "linux", "architecture": one, **({"variant": "v8"} if one == "arm64" else {})} for one in there]
    manifest = {"digest": DIGEST, "manifests": [{"platform": one} for one in platforms]}
    runner.answers["docker buildx imagetools inspect"] = json.dumps(
        {"manifest": manifest, "image": {"linux/amd64": of}}
    )
    assert len(runner.run({"platforms": "linux/amd64,linux/arm64"}).builds()) == builds


def there(runner: Runner, **labels: str) -> str:
    of = {"config": {"Labels": {"org.opencontainers.image.revision": runner.revision, **labels}}}
    return json.dumps({"manifest": {"digest": DIGEST}, "image": {"linux/amd64": of}})


@pytest.mark.parametrize("by", ["", "01J-before"])
def test_a_rebuild_builds_what_is_there_without_any_cache(runner: Runner, by: str) -> None:
    runner.answers["docker buildx imagetools inspect"] = there(runner, **{"dev.mergeport.correlation": by})
    given = {"request": json.dumps({"rebuild": "true", "correlation": "01J-now"})}
    job = runner.run({**given, "cache": "registry.example.com/cache:checkout"})
    assert job.status == 0, job.log
    (argv,) = job.builds()
    assert {"--pull", "--no-cache", "--push"} <= set(argv)
    assert not [word for word in argv if word.startswith("--cache-from")]


def test_a_rebuild_that_is_run_again_takes_the_image_that_it_has_pushed(runner: Runner) -> None:
    runner.answers["docker buildx imagetools inspect"] = there(runner, **{"dev.mergeport.correlation": "01J-now"})
    job = runner.run({"rebuild": "true", "correlation": "01J-now"})
    assert (job.status, job.builds(), job.outputs["build"]["digest"]) == (0, [], DIGEST)


def test_a_rebuild_whose_tag_never_moves_says_so(runner: Runner) -> None:
    runner.answers["docker buildx imagetools inspect"] = there(runner)
    runner.fails["docker buildx build"] = (
        "error: tag invalid: The image tag '1' cannot be overwritten because the tag is immutable."
    )
    job = runner.run({"rebuild": "true"})
    assert (job.status, "digest" in job.outputs["build"]) == (1, False)
    assert "::error::The registry never moves a tag" in job.log


def test_a_build_that_fails_otherwise_says_nothing_of_tags(runner: Runner) -> None:
    runner.fails["docker buildx build"] = "error: failed to solve"
    job = runner.run()
    assert (job.status, "never moves" in job.log, "failed to solve" in job.log) == (1, False, True)


def test_a_tag_of_another_commit_is_left_to_the_registry_to_refuse(runner: Runner) -> None:
    image = {"config": {"Labels": {"org.opencontainers.image.revision": "0" * 40}}}
    told = {"manifest": {"digest": DIGEST}, "image": image}
    runner.answers["docker buildx imagetools inspect"] = json.dumps(told)
    assert len(runner.run().builds()) == 1


# --- whose code, and who may push -------------------------------------------------------------------------


@pytest.mark.parametrize("event", ["pull_request", "pull_request_target", "merge_group", "issue_comment"])
def test_what_nobody_has_merged_is_built_and_tested_and_never_pushed(runner: Runner, event: str) -> None:
    job = runner.run({"image": ECR, "role": ROLE, "test_target": "test"}, event=event)
    assert job.status == 0, job.log
    assert len(job.builds()) == 2
    assert not any("--push" in argv or "--tag" in word for argv in job.builds() for word in argv)
    assert [call.name for call in job.calls if call.argv[0] != "buildx"] == []
    assert "aws-actions/configure-aws-credentials" not in job.uses
    assert "digest" not in job.outputs["build"]


@pytest.mark.parametrize("event", ["push", "workflow_dispatch", "schedule", "release"])
def test_what_is_merged_is_pushed_with_the_role(runner: Runner, event: str) -> None:
    job = runner.run({"image": ECR, "role": ROLE}, event=event)
    assert "--push" in job.builds()[0]
    assert "aws-actions/configure-aws-credentials" in job.uses
    aws, login, *_ = job.calls
    assert aws.argv == ["ecr", "get-login-password", "--region", "eu-west-1"]
    host = ECR.partition("/")[0]
    assert (login.argv, login.stdin) == (["login", "--username", "AWS", "--password-stdin", host], "a-password-of-ecr")


def test_another_registry_gets_its_password_by_standard_input(runner: Runner) -> None:
    job = runner.run({"username": "robot"}, secrets={"password": "pass word"})
    login = job.calls[0]
    assert login.argv == ["login", "--username", "robot", "--password-stdin", "registry.example.com"]
    assert login.stdin == "pass word"
    assert "pass word" not in job.log


@pytest.mark.parametrize("status", ["ahead", "identical"])
def test_a_commit_of_the_branch_is_built(runner: Runner, github_says: Answer, status: str) -> None:
    github_says(status)
    job = runner.run({"commit": runner.revision}, sha="f" * 40)
    assert job.status == 0, job.log
    curl = job.calls[0]
    assert curl.argv[-1].endswith(f"/repos/acme/checkout/compare/{runner.revision}...{'f' * 40}?per_page=1")
    assert curl.stdin == "Authorization: Bearer token-of-the-job\n"
    assert "token-of-the-job" not in " ".join(curl.argv)


@pytest.mark.parametrize("status", ["behind", "diverged", "", "null"])
def test_a_commit_that_is_not_in_the_branch_is_refused(runner: Runner, github_says: Answer, status: str) -> None:
    """The role is bound to the branch, so who may start a workflow could push anything with it otherwise."""
    github_says(status)
    job = runner.run({"commit": "e" * 40}, sha="f" * 40)
    assert (job.status, job.builds(), job.uses) == (1, [], [])


def test_without_githubs_answer_nothing_is_built(runner: Runner) -> None:
    job = runner.run({"commit": "e" * 40}, sha="f" * 40)
    assert (job.status, job.builds()) == (1, [])


def test_a_role_for_another_registry_is_refused(runner: Runner) -> None:
    job = runner.run({"role": ROLE})
    assert (job.status, "role is for Amazon ECR" in job.log) == (1, True)


# --- hostile inputs ----------------------------------------------------------------------------------------

HOSTILE = [
    "$(touch pwned)",
    '"; touch pwned; "',
    "'`touch pwned`'",
    "a\ntouch pwned",
    "a\n::set-output name=digest::sha256:0",
    "--push",
    "a b=$IFS",
    "{{ secrets }}",
    "é",
    "x\r",
]
SENT = ["commit", "image", "tag", "context", "target", "platforms", "correlation", "rebuild"]
FIELDS = [*SENT, "cache", "test_target"]


def is_refused(runner: Runner, given: dict[str, str]) -> bool:
    job = runner.run(given)
    assert not list(runner.folder.rglob("pwned"))
    assert [line for line in job.log.splitlines() if line.startswith("::") and not line.startswith("::error::")] == []
    return (job.status, job.builds(), job.uses) == (1, [], [])


@pytest.mark.parametrize("field", FIELDS)
def test_hostile_values_are_refused_and_never_run(runner: Runner, field: str) -> None:
    assert [value for value in HOSTILE if not is_refused(runner, {field: value})] == []


@pytest.mark.parametrize("field", SENT)
def test_hostile_values_of_a_request_are_refused_and_never_run(runner: Runner, field: str) -> None:
    hostile = [HOSTILE[0], HOSTILE[2], HOSTILE[4], HOSTILE[5]]
    assert [value for value in hostile if not is_refused(runner, {"request": json.dumps({field: value})})] == []


@pytest.mark.parametrize("field", ["args", "labels"])
@pytest.mark.parametrize(
    "value", ["AWS_SECRET_ACCESS_KEY", "A=1\nGITHUB_TOKEN", "--push=1", "a b=c", "=x", "A=1\n$(touch pwned)"]
)
def test_a_line_without_a_value_is_refused_because_docker_would_take_the_runners_own(
    runner: Runner, field: str, value: str
) -> None:
    job = runner.run({field: value})
    assert (job.status, job.builds()) == (1, [])


@pytest.mark.parametrize("value", ["A=$(touch pwned)", "A=`touch pwned`", "A='; touch pwned; '", 'A="', "A=\\"])
def test_values_of_build_arguments_stay_data(runner: Runner, value: str) -> None:
    job = runner.run({"args": value})
    assert f"--build-arg={value}" in job.builds()[0]
    assert not list(runner.folder.rglob("pwned"))


@pytest.mark.parametrize(
    "given",
    [
        {"context": "../elsewhere"},
        {"context": "/etc"},
        {"context": "a/../../b"},
        {"context": "https://example.com/x.git"},
        {"dockerfile": "../../etc/passwd"},
        {"dockerfile": "/etc/passwd"},
        {"context": "out"},
        {"dockerfile": "out/file"},
        {"context": "missing"},
        {"dockerfile": "missing"},
    ],
    ids=str,
)
def test_what_leads_out_of_the_repository_is_refused(runner: Runner, given: dict[str, str]) -> None:
    outside = runner.folder / "outside"
    outside.mkdir()
    (outside / "file").write_text("FROM scratch\n")
    (runner.workspace / "out").symlink_to(outside)
    job = runner.run(given)
    assert (job.status, job.builds()) == (1, [])


@pytest.mark.parametrize("request_", ["[]", "1", '"text"', "{", "{}{}x"])
def test_a_request_that_is_no_object_is_refused(runner: Runner, request_: str) -> None:
    job = runner.run({"request": request_})
    assert (job.status, job.builds()) == (1, [])


# --- the files ----------------------------------------------------------------------------------------------


def test_workflow_and_action_have_the_same_steps_inputs_and_outputs() -> None:
    workflow, action = load(WORKFLOW), load(ACTION)
    text = json.dumps(workflow["jobs"]["image"]["steps"]).replace("secrets.", "inputs.")
    assert json.loads(text) == action["runs"]["steps"]
    call = workflow[True]["workflow_call"]
    plain = {name: (one["description"], one["default"]) for name, one in call["inputs"].items()}
    secrets = {name: (one["description"], "") for name, one in call["secrets"].items()}
    assert plain | secrets == {name: (one["description"], one["default"]) for name, one in action["inputs"].items()}
    assert {name: one["description"] for name, one in call["outputs"].items()} == {
        name: one["description"] for name, one in action["outputs"].items()
    }


def test_inputs_reach_scripts_by_the_environment_alone() -> None:
    scripts = [step["run"] for step in load(ACTION)["runs"]["steps"] if "run" in step]
    assert len(scripts) == 3
    assert not any("${{" in script for script in scripts)


def test_no_secret_is_an_input_of_the_workflow() -> None:
    call = load(WORKFLOW)[True]["workflow_call"]
    assert set(call["secrets"]) == {"password", "netrc"}
    assert not {"password", "netrc"} & set(call["inputs"])


def test_no_long_lived_key_is_taken() -> None:
    assert "aws-access-key-id" not in ACTION.read_text() + WORKFLOW.read_text()


def test_other_actions_are_pinned_by_commit() -> None:
    uses = [line.strip() for line in ACTION.read_text().splitlines() if "uses:" in line]
    assert len(uses) == 4
    assert all(re.search(r"uses: [\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line) for line in uses)


def test_the_checkout_is_of_the_commit_and_keeps_no_token() -> None:
    (step,) = [step for step in load(ACTION)["runs"]["steps"] if "actions/checkout" in step.get("uses", "")]
    assert step["with"] == {"ref": "${{ steps.wanted.outputs.commit || github.sha }}", "persist-credentials": False}


CONTRACT = [
    *("commit", "image", "tag", "correlation", "context", "dockerfile", "args", "target", "platforms", "labels"),
    "rebuild",
]


def test_the_workflow_that_mergeport_starts_takes_what_it_sends_and_has_the_correlation_in_its_name() -> None:
    caller = load(ROOT / "docs" / "workflows" / "build-image-dispatch.yml")
    assert list(caller[True]["workflow_dispatch"]["inputs"]) == CONTRACT
    assert "${{ inputs.correlation }}" in caller["run-name"]
    assert caller["jobs"]["image"]["with"]["request"] == "${{ toJSON(inputs) }}"
    assert set(CONTRACT) <= set(load(ACTION)["inputs"])


@pytest.mark.parametrize("path", CALLERS, ids=lambda path: path.name)
def test_callers_give_what_the_workflow_takes_and_no_permission_more(path: Path) -> None:
    caller = load(path)
    (job,) = caller["jobs"].values()
    assert caller["permissions"] == {}
    wanted = {"contents": "read", "id-token": "write"}
    assert job["permissions"] == load(WORKFLOW)["jobs"]["image"]["permissions"] == wanted
    assert set(job["with"]) <= set(load(WORKFLOW)[True]["workflow_call"]["inputs"])
    assert job["uses"] == "acme/mergeport/.github/workflows/build-image.yml@COMMIT"


@pytest.mark.parametrize("path", [*CALLERS, WORKFLOW, ACTION], ids=lambda path: path.name)
def test_zizmor_finds_nothing(path: Path, tmp_path: Path) -> None:
    """In copies whose COMMIT is one, as people put it there."""
    copy = tmp_path / path.name
    copy.write_text(path.read_text().replace("@COMMIT", f"@{'0' * 40} # v0.1.0"))
    argv = [str(Path(sys.executable).parent / "zizmor"), "--offline", "--quiet", "--persona=pedantic", str(copy)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("step", [0, 5, 6])
def test_scripts_are_bash(step: int) -> None:
    script = load(ACTION)["runs"]["steps"][step]["run"]
    done = subprocess.run(["bash", "-n"], input=script, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


# --- the role -------------------------------------------------------------------------------------------------


def test_the_role_trusts_this_repositorys_branches_alone() -> None:
    (statement,) = json.loads((ROOT / "docs" / "workflows" / "trust-policy.json").read_text())["Statement"]
    issuer = "token.actions.githubusercontent.com"
    assert statement["Action"] == "sts:AssumeRoleWithWebIdentity"
    assert statement["Principal"] == {"Federated": f"arn:aws:iam::123456789012:oidc-provider/{issuer}"}
    (operator,) = statement["Condition"]
    assert operator == "StringEquals", "a pattern would let other branches and pull requests in"
    equals = statement["Condition"][operator]
    assert equals[f"{issuer}:aud"] == "sts.amazonaws.com"
    push = load(ROOT / "docs" / "workflows" / "build-image-push.yml")
    branches = push[True]["push"]["branches"]
    assert equals[f"{issuer}:sub"] == [f"repo:acme/checkout:ref:refs/heads/{branch}" for branch in branches]


def test_the_role_may_push_to_its_repositories_and_do_nothing_else() -> None:
    statements = json.loads((ROOT / "docs" / "workflows" / "push-policy.json").read_text())["Statement"]
    login, push = statements
    assert (login["Action"], login["Resource"]) == ("ecr:GetAuthorizationToken", "*")
    assert all(resource.startswith("arn:aws:ecr:eu-west-1:123456789012:repository/") for resource in push["Resource"])
    assert not any("*" in resource for resource in push["Resource"])
    assert set(push["Action"]) == {
        "ecr:BatchCheckLayerAvailability",
        "ecr:BatchGetImage",
        "ecr:CompleteLayerUpload",
        "ecr:GetDownloadUrlForLayer",
        "ecr:InitiateLayerUpload",
        "ecr:PutImage",
        "ecr:UploadLayerPart",
    }
