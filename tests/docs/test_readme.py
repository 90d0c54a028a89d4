"""The README and the page about installing are true: recording and trial are run again, policies fit the code."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from devstack.stack import GITHUB_TOKEN, Devstack
from service.adapters.kinds import kinds
from service.adapters.registries import ecr
from service.core.config import load
from service.core.foreign_text import ZERO_WIDTH_SPACE
from service.core.images import REVISION_LABEL, ImageReference
from service.settings import Need
from service.settings import load as load_settings
from tests.contract.registries import make_image, push
from tests.docs.pages import page
from tests.docs.scenes import build_world, without_names, worker
from tests.fixtures.service import MANIFESTS, SOURCE, free_port, poll
from tests.fixtures.tools import ROOT

README, INSTALL = page("README.md"), page("docs/install.md")


def section(heading: str) -> str:
    """Give the text under a heading of the README or the page about installing, up to the next one of its level."""
    marks, _, _ = heading.partition(" ")
    (text,) = [one.text for one in (README, INSTALL) if f"\n{heading}\n" in one.text]
    body = text.partition(f"\n{heading}\n")[2]
    return re.split(rf"^#{{2,{len(marks)}}} ", body, maxsplit=1, flags=re.MULTILINE)[0]


def block(heading: str, language: str, number: int = 0) -> str:
    found = re.findall(rf"^```{language}\n(.*?)^```$", section(heading), re.DOTALL | re.MULTILINE)
    return str(found[number])


# --- what happens on a merge -----------------------------------------------------------------------


def test_recording_of_a_merge_is_what_a_merge_does(
    stack: Devstack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build_world(stack, monkeypatch)
    with worker(stack, tmp_path / "state") as pipeline:
        for text, title in (("one!", "Begin"), ("two!", "Show prices with tax")):
            stack.github.merge(SOURCE, "develop", {"app.py": f"print('{text}')\n"}, title=title)
            pipeline.settle_live("checkout-dev")
            pipeline.settle()
        run = pipeline.run("dev")
    shown = stack.git.open(MANIFESTS).git("show", "--format=%B", run.manifest_commit or "")
    message, _, diff = shown.partition("diff --git")
    statuses = "".join(
        f"{one.context}  {one.state}  {one.description}\n"
        for one in stack.github.statuses(SOURCE, run.commit, "mergeport/dev")
        if (one.description or "").startswith("waiting for checkout-dev") or one.state == "success"
    )
    told = "## What happens on a merge"
    assert lines_of(f"diff --git{diff}") == lines_of(block(told, "diff"))
    assert lines_of(message) == lines_of(block(told, "text", 0))
    assert lines_of(statuses) == lines_of(block(told, "text", 1))


def lines_of(text: str) -> list[str]:
    """Give the lines as they look: without zero-width spaces, spaces at the end, and empty last lines."""
    return [line.rstrip() for line in without_names(text).replace(ZERO_WIDTH_SPACE, "").rstrip().split("\n")]


# --- try it on your own repository -----------------------------------------------------------------


@pytest.mark.prove
def test_trial_works_as_it_stands(stack: Devstack, tmp_path: Path) -> None:
    """A shell runs the README's own lines; only addresses, the token and the state directory are replaced."""
    values = "image:\n  tag: none  # by hand until now\n  digest: ''\n"
    stack.create_repository(SOURCE, {"app.py": "print('one')\n"})
    stack.create_repository(MANIFESTS, {"apps/checkout/values-dev.yaml": values})
    clone, public = tmp_path / "manifests", f"127.0.0.1:{free_port()}"
    credentials = stack.git.url.replace("://", f"://x-access-token:{GITHUB_TOKEN}@")
    subprocess.run(["git", "clone", "-q", f"{credentials}/{MANIFESTS}.git", str(clone)], check=True)
    (clone / "mergeport.yaml").write_text(block("## Try it on your own repository", "yaml"))
    lines = block("## Try it on your own repository", "sh")
    for said, here in (
        ("https://api.github.com", stack.github.api_url),
        ("https://YOUR-TUNNEL.example", f"http://{public}"),
        ("github_pat_YOURS", GITHUB_TOKEN),
        ("/tmp/mergeport", str(tmp_path / "state")),
    ):
        assert said in lines
        lines = lines.replace(said, here)
    private = f"127.0.0.1:{free_port()}"
    surroundings = {
        **{name: value for name, value in stack.environment().items() if name not in _SAID_BY_THE_README},
        **_git_identity(),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "MERGEPORT_PUBLIC_BIND": public,
        "MERGEPORT_PRIVATE_BIND": private,
        "MERGEPORT_WATCH_INTERVAL": "1",
    }
    lines = f"set -e\n{_waiting_for_the_listener(lines, public)}\nread -r _ || true\nkill %1\nwait %1\n"
    with (tmp_path / "output").open("w+") as output:
        shell = subprocess.Popen(
            ["bash", "-m", "-c", lines],
            cwd=clone, env=surroundings, stdin=subprocess.PIPE, stdout=output, stderr=output,
        )  # fmt: skip
        try:
            _merge_and_see(stack, shell, tmp_path / "output")
            found = requests.get(f"http://{private}/", timeout=5)
            assert "checkout" in found.text
        finally:
            shell.communicate(b"\n", timeout=40)
    assert shell.returncode == 0, (tmp_path / "output").read_text()[-4000:]


_SAID_BY_THE_README = {
    "MERGEPORT_GITHUB_TOKEN", "MERGEPORT_WEBHOOK_SECRET", "MERGEPORT_ARGOCD_URL", "MERGEPORT_ARGOCD_TOKEN",
}  # fmt: skip


def _git_identity() -> dict[str, str]:
    return {
        f"GIT_{role}_{part}": value
        for role in ("AUTHOR", "COMMITTER")
        for part, value in (("NAME", "Dana"), ("EMAIL", "dana@example.invalid"))
    }


def _waiting_for_the_listener(lines: str, public: str) -> str:
    """Let the shell wait where a person would wait for the service to listen before typing the next line."""
    look = f"until curl --silent --fail --output /dev/null http://{public}/healthz; do sleep 0.1; done"
    assert lines.count("mergeport serve &\n") == 1
    return lines.replace("mergeport serve &\n", f"mergeport serve &\n{look}\n")


def _merge_and_see(stack: Devstack, shell: subprocess.Popen[bytes], output: Path) -> None:
    """Merge, push the image as a pipeline does, and wait for the commit and the status."""

    def alive(look: Callable[[], object]) -> Callable[[], object]:
        def asked() -> object:
            assert shell.poll() is None, output.read_text()[-4000:]
            return look()

        return asked

    def pinged() -> bool:
        return {one.repository for one in stack.github.deliveries if one.status_code == 200} == {SOURCE, MANIFESTS}

    poll(alive(pinged), what="the hooks' pings", seconds=40)
    pull = stack.github.merge(SOURCE, "main", {"app.py": "print('two')\n"}, title="Say two")
    commit = pull.merge_commit_sha or ""
    image = _push_image(stack, commit)
    bare = stack.git.open(MANIFESTS)
    file = "apps/checkout/values-dev.yaml"
    poll(alive(lambda: commit in bare.text("main", file)), what="the commit", seconds=40)
    assert bare.text("main", file) == f"image:\n  tag: {commit}  # by hand until now\n  digest: '{image}'\n"

    def told() -> bool:
        return [one.state for one in stack.github.statuses(SOURCE, commit, "mergeport/dev")[-1:]] == ["success"]

    poll(alive(told), what="the status", seconds=20)
    _see_a_new_configuration_at_once(stack, alive)


def _see_a_new_configuration_at_once(
    stack: Devstack, alive: Callable[[Callable[[], object]], Callable[[], object]]
) -> None:
    """Push a new mergeport.yaml, and see it loaded within less than a minute, after which it is read without a hook."""
    text = stack.git.open(MANIFESTS).text("main", "mergeport.yaml")
    pushed = stack.github.push(MANIFESTS, "main", {"mergeport.yaml": f"{text}# seen\n"}, "Say nothing new")

    def loaded() -> bool:
        return [one.state for one in stack.github.statuses(MANIFESTS, pushed, "mergeport/config")][-1:] == ["success"]

    poll(alive(loaded), what="the new configuration", seconds=20)


def _push_image(stack: Devstack, tag: str) -> str:
    """Push as another pipeline does; give the digest."""
    from devstack.pushing import Pusher  # noqa: PLC0415 - as the tests of the pipeline do
    from service.adapters.distribution import fixed  # noqa: PLC0415 - the same
    from service.bootstrap_sources import SystemClock  # noqa: PLC0415 - heavy

    environment = stack.ecr.environment()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        (host,) = re.findall(r"registry: (\S+)", block("## Try it on your own repository", "yaml"))
        registry = ecr.EcrRegistry(
            ecr.Options(host=host), clock=SystemClock(), endpoint=stack.ecr.endpoint, reached_at=stack.ecr.host
        )
        registry.ensure_repository("checkout")
        target = registry.push_target(ImageReference(host, "checkout", tag))
        image = make_image({REVISION_LABEL: tag})
        push(Pusher(target.host, credentials=fixed(target.credentials), insecure=True), "checkout", tag, image)
    return image.digest


# --- install and configure -------------------------------------------------------------------------


def test_settings_of_the_container_are_enough() -> None:
    lines = block("## The image", "ini").replace("…", "what-you-were-given").splitlines()
    settings = load_settings(dict(line.split("=", 1) for line in lines))
    settings.require(Need.SERVE)
    assert settings.warnings == ()


def test_values_of_the_chart_render(helm: str, tmp_path: Path) -> None:
    (tmp_path / "my-values.yaml").write_text(block("## The chart", "yaml"))
    argv = [helm, "template", "mergeport", "charts/mergeport", "--values", str(tmp_path / "my-values.yaml")]
    told = subprocess.run(argv, cwd=ROOT, check=False, capture_output=True, text=True)
    assert told.returncode == 0, told.stderr
    assert "arn:aws:iam::123456789012:role/mergeport" in told.stdout
    assert "MERGEPORT_GITHUB_APP_PRIVATE_KEY_FILE" in told.stdout


def test_secret_of_the_chart_has_every_key_that_is_mounted() -> None:
    made = block("## The chart", "sh")
    keys = re.findall(r"--from-(?:literal|file)=([\w.-]+)", made)
    used = re.findall(r"keys: \{(.*)\}", block("## The chart", "yaml"))[0]
    assert {pair.split(": ")[1] for pair in used.split(", ")} | {"webhook"} == set(keys)


def test_policy_allows_every_action_that_is_called() -> None:
    policy = json.loads(block("## A role for Amazon ECR", "json"))
    actions = [one["Action"] for one in policy["Statement"]]
    allowed = {action for one in actions for action in ([one] if isinstance(one, str) else one)}
    sources = [path.read_text() for path in sorted((ROOT / "service/adapters").glob("ecr_*.py"))]
    called = set(re.findall(r'"(ecr:[A-Za-z]+)"', "\n".join(sources)))
    # https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-push-iam.html, and reading a manifest and its config.
    over_v2 = {
        "ecr:BatchCheckLayerAvailability", "ecr:InitiateLayerUpload", "ecr:UploadLayerPart",
        "ecr:CompleteLayerUpload", "ecr:PutImage", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer",
    }  # fmt: skip
    assert len(called) == 12
    assert allowed == called | over_v2


def test_policies_for_codebuild_allow_the_actions_that_are_called_and_no_other() -> None:
    source = (ROOT / "service/adapters/codebuild_api.py").read_text()
    called = set(re.findall(r'"((?:codebuild|logs):[A-Z][A-Za-z]+)"', source))
    policy = json.loads(block("## A role for AWS CodeBuild", "json"))
    allowed = {one for statement in policy["Statement"] for one in listed(statement["Action"])}
    assert len(called) == 5
    assert allowed == called
    assert [one["Sid"] for one in policy["Statement"] if one["Resource"] == "*"] == []


def listed(actions: str | list[str]) -> list[str]:
    """Give a policy's actions, which may be one alone."""
    return [actions] if isinstance(actions, str) else actions


def test_permissions_of_the_app_are_those_that_the_calls_need() -> None:
    rows = re.findall(r"^\| [a-z, ]+ \| ([A-Z][\w ]+): (read|write) \|", section("## A GitHub App"), re.MULTILINE)
    given = {(name.lower(), level) for name, level in rows}
    needed = set()
    callers = [ROOT / "service/adapters/forges/github", ROOT / "service/adapters/builders/github_actions"]
    callers.append(ROOT / "service/adapters/builders/external")
    for path in (found for caller in callers for found in caller.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                needed |= set(re.findall(r"^([a-z ]+): (read|write)$", node.value))
    assert len(needed) >= 4
    assert {one for one in needed if one not in given and (one[0], "write") not in given} == set()
    assert {name for name, _ in given} == {name for name, _ in needed}


def test_configurations_for_the_first_steps_load() -> None:
    for heading in ("## Try it on your own repository", "## Configure"):
        assert load(block(heading, "yaml"), kinds=kinds()).applications == ("checkout",)


def test_values_commands_work_as_they_stand(tmp_path: Path) -> None:
    (tmp_path / "values.yaml").write_text("image:\n  repository: nginx\n  tag: '1.4.1'\nreplicas: 2\n")
    for line in block("## Configure", "sh", 1).splitlines():
        told = subprocess.run(
            [sys.executable, "-m", "service.cli.main", *line.split()[1:]],
            cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False, capture_output=True, text=True,
        )  # fmt: skip
        assert (told.returncode, told.stderr) == (0, ""), line
        assert told.stdout, line
