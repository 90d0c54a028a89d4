"""The hooks that people copy, with the real pre-commit and the real Husky: bad commits are refused, good ones pass."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.fixtures.charts import TEMPLATE
from tests.fixtures.tools import ROOT, missing_part

pytestmark = pytest.mark.prove

HOOKS = ROOT / "examples" / "hooks"
HUSKY = ROOT / ".tools" / "husky" / "bin.js"
APP = 'from flask import Flask\n\napp = Flask("checkout")\n'
TOKEN = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
SECRET = "\nextraEnv: [{name: DB_PASSWORD, value: hunter2}]\n"


@dataclass
class Scratch:
    """A repository with hooks, and the tools that they call on the path; no network is used by any of them."""

    folder: Path
    environment: dict[str, str]

    def run(self, *argv: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            argv, cwd=self.folder, env=self.environment, check=False, capture_output=True, text=True, timeout=120
        )

    def done(self, *argv: str) -> None:
        told = self.run(*argv)
        assert told.returncode == 0, told.stdout + told.stderr

    def write(self, file: str, text: str) -> None:
        (self.folder / file).write_text(text)

    def commit(self) -> str:
        """Commit all; give what was said where that is refused, else nothing."""
        self.done("git", "add", "-A")
        told = self.run("git", "commit", "-q", "-m", "Change")
        return "" if told.returncode == 0 else told.stdout + told.stderr or "refused in silence"


def scratch(tmp_path: Path, *sources: Path, **files: str) -> Scratch:
    folder = tmp_path / "repository"
    for source in sources:
        shutil.copytree(source, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    tools = Path(sys.executable).parent
    path = [str(ROOT / ".tools" / "bin"), str(tools), os.environ["PATH"]]
    environment = {
        "PATH": ":".join(path),
        "HOME": str(tmp_path),
        "PRE_COMMIT_HOME": str(tmp_path / "pre-commit"),
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "HTTPS_PROXY": "http://127.0.0.1:9",
    }
    who = {f"GIT_{role}_{what}": f"a{'@example.com' * (what == 'EMAIL')}"
           for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}  # fmt: skip
    made = Scratch(folder, environment | who)
    made.done("git", "init", "-q", "-b", "main")
    for file, text in files.items():
        made.write(file.replace("__", "."), text)
    made.done("git", "add", "-A")
    made.done("git", "commit", "-q", "-m", "Begin")
    return made


def set_up(made: Scratch, how: str) -> None:
    if how == "pre-commit":
        made.done("pre-commit", "install")
        return
    if not HUSKY.exists() or shutil.which("npm") is None:
        missing_part("Husky", "`make prove` fetches it with npm; install Node 18 or later")
    wanted = json.loads((made.folder / "package.json").read_text())["devDependencies"]["husky"]
    assert wanted == json.loads((HUSKY.parent / "package.json").read_text())["version"]
    modules = made.folder / "node_modules"
    (modules / ".bin").mkdir(parents=True)
    (modules / "husky").symlink_to(HUSKY.parent)
    (modules / ".bin" / "husky").symlink_to("../husky/bin.js")
    (made.folder / ".gitignore").write_text("node_modules\n")
    made.done("npm", "run", "--silent", "prepare")


@pytest.mark.parametrize("how", ["pre-commit", "husky"])
def test_manifests_that_are_bad_are_refused_and_good_ones_pass(helm: str, tmp_path: Path, how: str) -> None:
    more = [] if how == "pre-commit" else [HOOKS / "manifests"]
    made = scratch(tmp_path, TEMPLATE, *more)
    set_up(made, how)
    prod = "apps/checkout/values-prod.yaml"
    good = (made.folder / prod).read_text()

    made.write(prod, good + SECRET)
    assert f"{prod}:20: extraEnv[0].value: looks like a plain secret" in made.commit()
    made.write(prod, good.replace("replicas: 3", "replicas: many"))
    assert "checkout-prod does not render: Error:" in made.commit()
    made.write(prod, good.replace("digest:", "digets:"))
    assert "There is no key digest in image" in made.commit()
    made.write(prod, good.replace("replicas: 3", "replicas: 4"))
    assert made.commit() == ""
    assert made.run("git", "log", "--format=%s").stdout == "Change\nBegin\n"


@pytest.mark.parametrize("how", ["pre-commit", "husky"])
def test_source_with_a_secret_or_without_an_application_is_refused(tmp_path: Path, how: str) -> None:
    made = scratch(tmp_path, HOOKS / "source", app__py=APP, requirements__txt="flask==3.1.3\n")
    set_up(made, how)

    made.write("app.py", f'{APP}TOKEN = "{TOKEN}"\n')
    refused = made.commit()
    assert "GitHub Token" in refused
    assert TOKEN not in refused
    made.write("app.py", "print(1)\n")
    assert "app.py" in made.commit()
    made.write("app.py", f"{APP}\n# better\n")
    assert made.commit() == ""
