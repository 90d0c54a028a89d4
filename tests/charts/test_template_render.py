"""The template's script renders as Argo CD does, and tells a pull request what changes; the workflow's steps run."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from tests.fixtures.charts import TEMPLATE

WORKFLOW: dict[str, Any] = yaml.safe_load((TEMPLATE / ".github" / "workflows" / "manifests.yml").read_text())
PROD = "apps/checkout/values-prod.yaml"


def module() -> ModuleType:
    """Load the script without leaving compiled files in the template."""
    path = TEMPLATE / "scripts" / "render.py"
    made = sys.modules["template_render"] = ModuleType("template_render")
    exec(compile(path.read_text(), path, "exec"), vars(made))  # noqa: S102 - a file of ours
    return made


RENDER = module()


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a repository made of the template, with one commit on main."""
    folder = tmp_path_factory.mktemp("template") / "manifests"
    shutil.copytree(TEMPLATE, folder, ignore=shutil.ignore_patterns("__pycache__"))
    git(folder, "init", "-q", "-b", "main")
    commit(folder)
    return folder


@pytest.fixture
def repository(base: Path, tmp_path: Path) -> Path:
    """Give a clone of its own to change."""
    git(tmp_path, "clone", "-q", "--shared", str(base), "clone")
    return tmp_path / "clone"


@pytest.fixture
def environment(helm: str, tmp_path: Path) -> dict[str, str]:
    """Give what a runner gives its steps, with Helm and a stand-in for gh on the path."""
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "helm").symlink_to(helm)
    (tools / "gh").write_text(
        f"#!{sys.executable} -SE\nimport json, os, sys\n"
        "body = [one.partition('=@')[2] for one in sys.argv if one.startswith('body=@')]\n"
        "told = [*sys.argv[1:], *(open(one).read() for one in body)]\n"
        "open(os.environ['CALLS'], 'a').write(json.dumps(told) + '\\n')\n"
        "print(os.environ['EXISTING']) if '--paginate' in sys.argv else None\n"
    )
    (tools / "gh").chmod(0o755)
    return {
        "PATH": f"{tools}:{os.environ['PATH']}",
        "RUNNER_TEMP": str(tmp_path),
        "GITHUB_OUTPUT": str(tmp_path / "output"),
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary"),
        "CALLS": str(tmp_path / "calls"),
        "HOME": str(tmp_path),
    }


def git(folder: Path, *arguments: str) -> str:
    who = ("-c", "user.name=a", "-c", "user.email=a@example.com")
    return subprocess.run(
        ["git", *who, *arguments], cwd=folder, check=True, capture_output=True, text=True
    ).stdout.strip()


def commit(folder: Path) -> str:
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "Change")
    return git(folder, "rev-parse", "HEAD")


def edit(folder: Path, file: str, before: str, after: str) -> None:
    path = folder / file
    assert before in path.read_text()
    path.write_text(path.read_text().replace(before, after))


def script(folder: Path, environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "scripts/render.py", *arguments]
    return subprocess.run(argv, cwd=folder, env=environment, check=False, capture_output=True, text=True)


def step(job: str, name: str) -> str:
    (found,) = [one["run"] for one in WORKFLOW["jobs"][job]["steps"] if one.get("name") == name]
    return str(found)


def run_step(folder: Path, environment: dict[str, str], job: str, name: str, **more: str) -> int:
    argv = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step(job, name)]
    return subprocess.run(argv, cwd=folder, env={**environment, **more}, check=False).returncode


def test_script_renders_as_argo_cd_and_the_readme_do(
    repository: Path, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    line = (TEMPLATE / "README.md").read_text().partition("helm template")[2].partition("mergeport config")[0]
    words = [word for word in shlex.split(line) if word.strip()]
    told = subprocess.run(
        ["helm", "template", *words], cwd=repository, env=environment, check=True, capture_output=True, text=True
    )
    monkeypatch.setenv("PATH", environment["PATH"])
    assert RENDER.render(repository, RENDER.Release("checkout", "prod")) == told.stdout


def test_pull_request_is_told_what_changes_where_it_changes(repository: Path, environment: dict[str, str]) -> None:
    edit(repository, PROD, "replicas: 3", "replicas: 4")
    told = script(repository, environment, "diff", "HEAD")
    assert told.returncode == 0
    assert told.stdout.startswith("<!-- rendered difference -->\n")
    assert "<summary>checkout-prod</summary>" in told.stdout
    assert "\n-  replicas: 3\n+  replicas: 4\n" in told.stdout
    assert "checkout-dev" not in told.stdout
    assert git(repository, "worktree", "list").count("\n") == 0


def test_what_does_not_render_is_told_without_places_of_this_machine(
    repository: Path, environment: dict[str, str]
) -> None:
    edit(repository, PROD, "replicas: 3", "replicas: many")
    told = script(repository, environment, "diff", "HEAD")
    assert told.returncode == 1
    assert "- **checkout-prod** does not render: `Error: " in told.stdout
    assert str(repository) not in told.stdout


def test_all_and_changed_render_what_they_say(repository: Path, environment: dict[str, str]) -> None:
    assert script(repository, environment, "changed", "HEAD").stderr == "0 rendered, 0 refused\n"
    (repository / "charts" / "application" / "templates" / "more.yaml").write_text("{{ fail `no` }}\n")
    assert script(repository, environment, "changed", "HEAD").stderr.endswith("0 rendered, 3 refused\n")
    assert script(repository, environment, "all").returncode == 1


def test_comment_is_bounded_and_names_what_it_leaves_out() -> None:
    told = {RENDER.Release(f"app{number:04}", "dev"): "+a\n" * 3_000 for number in range(60)}
    text = RENDER.markdown(told, {RENDER.Release("x", "dev"): "a `b`\n" * 200})
    assert len(text) <= RENDER.MOST_CHARACTERS
    assert "- **x-dev** does not render: `a 'b' a" in text
    assert "Too long to show: app000" in text
    assert " more." in text


def test_text_in_a_difference_cannot_leave_its_block_and_secrets_are_not_shown() -> None:
    text = RENDER.markdown({RENDER.Release("x", "dev"): "+```\n+@everybody"}, {})
    assert "\n````diff\n+```\n+@everybody\n````\n" in text
    secret = "kind: Secret\nmetadata:\n  name: x\nstringData:\n  password: {}\n"
    told = RENDER.difference(secret.format("hunter2"), secret.format("hunter3") + "  more: hunter4\n")
    assert "hunter" not in told
    assert "+  more: (not shown)" in told


def test_workflow_compares_and_hands_the_comment_on(repository: Path, environment: dict[str, str]) -> None:
    before = git(repository, "rev-parse", "HEAD")
    edit(repository, PROD, "replicas: 3", "replicas: 4")
    commit(repository)
    assert run_step(repository, environment, "render", "Render what changed, and compare", BASE=before) == 0
    output = Path(environment["GITHUB_OUTPUT"]).read_text().splitlines()
    assert output[0].startswith("comment<<end-")
    assert output[-1] == output[0].partition("<<")[2]
    assert "+  replicas: 4" in output


@pytest.mark.parametrize(
    ("existing", "method", "place"),
    [("", "POST", "issues/7/comments"), ("41", "PATCH", "issues/comments/41")],
)
def test_workflow_writes_one_comment_and_edits_it(
    environment: dict[str, str], tmp_path: Path, existing: str, method: str, place: str
) -> None:
    given = {"EXISTING": existing, "COMMENT": "<!-- x -->\n$(touch hacked)", "REPOSITORY": "acme/m", "NUMBER": "7"}
    assert run_step(tmp_path, environment, "comment", "Write the comment, or edit it", **given) == 0
    looked, wrote = [json.loads(line) for line in Path(environment["CALLS"]).read_text().splitlines()]
    assert looked[1:3] == ["--paginate", "repos/acme/m/issues/7/comments"]
    assert RENDER.MARK in looked[-1]
    assert wrote[2:5] == ["--method", method, f"repos/acme/m/{place}"]
    assert wrote[-1] == "<!-- x -->\n$(touch hacked)\n"


def test_comment_is_written_by_a_job_that_runs_nothing_of_the_pull_request() -> None:
    job = WORKFLOW["jobs"]["comment"]
    assert [list(one) for one in job["steps"]] == [["name", "env", "run"]]
    assert "github.event.pull_request.head.repo.full_name == github.repository" in job["if"]
    assert "mergeport/promotion/" in job["if"]
