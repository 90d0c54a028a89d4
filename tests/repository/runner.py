"""A runner of GitHub Actions for the steps of `build-image`, with stand-ins for what reaches out: docker, aws, curl.

Expressions become variables, bash stops at the first failure, outputs go through files, as on a runner. Actions of
others are not run; whether they would be is told by their `if`.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.fixtures.tools import ROOT

ACTION = ROOT / ".github" / "actions" / "build-image" / "action.yml"
WORKFLOW = ROOT / ".github" / "workflows" / "build-image.yml"
DIGEST = "sha256:" + "0a" * 32

_STUB = f"""\
#!{sys.executable} -SE
import json, os, sys
name, argv = os.path.basename(sys.argv[0]), sys.argv[1:]
said = "" if sys.stdin is None or sys.stdin.isatty() else sys.stdin.read()
with open(os.environ["STUBS"] + "/calls", "a") as calls:
    calls.write(json.dumps([name, argv, said]) + "\\n")
answers = json.load(open(os.environ["STUBS"] + "/answers"))
for option in argv:
    if option.startswith("--metadata-file=") and answers.get("digest"):
        json.dump({{"containerimage.digest": answers["digest"]}}, open(option.partition("=")[2], "w"))
    elif option.startswith("--metadata-file="):
        json.dump({{}}, open(option.partition("=")[2], "w"))
    elif option.startswith("--file="):
        open(os.environ["STUBS"] + "/dockerfile", "w").write(open(option.partition("=")[2]).read())
line = " ".join([name, *argv])
broken = next((words for key, words in answers["fails"].items() if line.startswith(key)), None)
if broken is not None:
    sys.stderr.write(broken + "\\n")
    sys.exit(1)
key = next((key for key in answers if " ".join([name, *argv]).startswith(key)), None)
if key is None:
    sys.exit(0 if name == "docker" and argv[:2] != ["buildx", "imagetools"] else 22)
sys.stdout.write(answers[key])
"""


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a stand-in."""

    name: str
    argv: list[str]
    stdin: str


@dataclass(slots=True)
class Job:
    """What a job did: its calls, outputs, and how it ended."""

    status: int
    log: str
    outputs: dict[str, dict[str, str]]
    calls: list[Call]
    dockerfile: str
    summary: str
    uses: list[str] = field(default_factory=list)

    def builds(self) -> list[list[str]]:
        return [call.argv[2:] for call in self.calls if call.name == "docker" and call.argv[:2] == ["buildx", "build"]]


class Runner:
    """A workspace with a commit, and stand-ins on PATH."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.workspace = folder / "workspace"
        self.stubs = folder / "stubs"
        for one in (self.workspace, self.stubs / "bin", folder / "temp"):
            one.mkdir(parents=True)
        for name in ("docker", "aws", "curl"):
            (self.stubs / "bin" / name).write_text(_STUB)
            (self.stubs / "bin" / name).chmod(0o755)
        self.answers: dict[str, str] = {"digest": DIGEST, "aws ecr": "a-password-of-ecr"}
        self.fails: dict[str, str] = {}
        """What a call says on standard error before it ends with status 1, by its beginning."""
        self._git("init", "--quiet")
        self.write("Dockerfile", "FROM scratch\n")
        self.revision = self.commit()

    def write(self, path: str, text: str) -> None:
        (self.workspace / path).parent.mkdir(parents=True, exist_ok=True)
        (self.workspace / path).write_text(text)

    def commit(self) -> str:
        self._git("add", "--all")
        self._git("commit", "--quiet", "--allow-empty", "--message=x")
        self.revision = self._git("rev-parse", "HEAD").strip()
        return self.revision

    def _git(self, *argv: str) -> str:
        name = ["-c", "user.name=x", "-c", "user.email=x@localhost"]
        done = subprocess.run(["git", *name, *argv], cwd=self.workspace, capture_output=True, text=True, check=True)
        return done.stdout

    def run(
        self,
        given: dict[str, str] | None = None,
        *,
        event: str = "push",
        sha: str = "",
        secrets: dict[str, str] | None = None,
    ) -> Job:
        """Run the steps with inputs until one fails."""
        (self.stubs / "answers").write_text(json.dumps({**self.answers, "fails": self.fails}))
        (self.stubs / "calls").write_text("")
        action = yaml.safe_load(ACTION.read_text())
        inputs = {name: str(one.get("default", "")) for name, one in action["inputs"].items()}
        inputs |= {"image": "registry.example.com/team/checkout", **(given or {}), **(secrets or {})}
        job = Job(0, "", {}, [], "", "")
        for step in action["runs"]["steps"]:
            if not _wanted(step.get("if"), inputs, job.outputs):
                continue
            if "uses" in step:
                job.uses.append(step["uses"].partition("@")[0])
                continue
            self._step(step, inputs, job, event=event, sha=sha or self.revision)
            if job.status:
                break
        job.calls = [Call(*json.loads(line)) for line in (self.stubs / "calls").read_text().splitlines()]
        told = self.stubs / "dockerfile"
        job.dockerfile = told.read_text() if told.exists() else ""
        return job

    def _step(self, step: dict[str, Any], inputs: dict[str, str], job: Job, *, event: str, sha: str) -> None:
        files = {name: self.folder / name for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
        for file in files.values():
            file.write_text("")
        path = f"{self.stubs}/bin:{os.environ['PATH']}"
        own = {"PATH": path, "STUBS": str(self.stubs), "RUNNER_TEMP": str(self.folder / "temp"), "RUNNER_ARCH": "X64"}
        own |= {"GITHUB_WORKSPACE": str(self.workspace), "GITHUB_EVENT_NAME": event, "GITHUB_SHA": sha}
        own |= {"GITHUB_API_URL": "https://api.example.com", "GITHUB_SERVER_URL": "https://github.example.com"}
        own |= {"GITHUB_REPOSITORY": "acme/checkout", **{name: str(file) for name, file in files.items()}}
        given = {name: _filled(str(value), inputs, job.outputs) for name, value in step.get("env", {}).items()}
        script = self.folder / "step.sh"
        script.write_text(step["run"])
        argv = ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", str(script)]
        done = subprocess.run(
            argv, env=own | given, cwd=self.workspace, capture_output=True, text=True, check=False, timeout=60,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
        job.status = done.returncode
        job.log += done.stdout + done.stderr
        job.summary += files["GITHUB_STEP_SUMMARY"].read_text()
        job.outputs[step.get("id", step["name"])] = _outputs(files["GITHUB_OUTPUT"].read_text())

    def forget(self) -> None:
        shutil.rmtree(self.folder)


def _filled(text: str, inputs: dict[str, str], outputs: dict[str, dict[str, str]]) -> str:
    def value(found: re.Match[str]) -> str:
        parts = found[1].split(".")
        match parts:
            case ["inputs", name]:
                return inputs[name]
            case ["steps", step, "outputs", name]:
                return outputs[step].get(name, "")
            case ["github", "token"]:
                return "token-of-the-job"
        raise AssertionError(f"an expression that this runner does not know: {found[1]}")

    return re.sub(r"\$\{\{ ([\w.-]+) \}\}", value, text)


def _wanted(condition: str | None, inputs: dict[str, str], outputs: dict[str, dict[str, str]]) -> bool:
    """Judge `a == 'b'` and `a != 'b'`, joined by `&&`."""
    for part in condition.split(" && ") if condition else []:
        left, sign, right = part.split(" ")
        value = _filled(f"${{{{ {left} }}}}", inputs, outputs)
        if (value == right.strip("'")) is not (sign == "=="):
            return False
    return True


def _outputs(text: str) -> dict[str, str]:
    """Read a file of outputs as the runner does: NAME=VALUE, or NAME<<END and lines up to END."""
    found: dict[str, str] = {}
    lines = iter(text.split("\n"))
    for line in lines:
        name, heredoc, end = line.partition("<<")
        if heredoc and "=" not in name:
            inside: list[str] = []
            for inner in lines:
                if inner == end:
                    break
                inside.append(inner)
            found[name] = "\n".join(inside)
        elif line:
            name, _, value = line.partition("=")
            found[name] = value
    return found
