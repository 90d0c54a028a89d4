"""The other ways to bring an edit into a manifest repository, written out with plain git: what ours is compared with.

Each is given every advantage that costs it nothing: credentials without the extra round trip, no hooks, no
configuration of the machine, no signing. None is a strawman: both are the steps of tools that many use.
"""

from __future__ import annotations

import base64
import shutil
import subprocess
import tempfile
from pathlib import Path

from ruamel.yaml import YAML

from benchmarks.repositories import BRANCH
from benchmarks.served import TOKEN
from devstack.bare import git_environment

_HEADER = "Authorization: Basic " + base64.b64encode(f"x-access-token:{TOKEN}".encode()).decode()
_TIMEOUT = 600


def git(directory: Path, *arguments: str) -> None:
    """Run git in a directory, with the credentials."""
    environment = git_environment(
        GIT_CONFIG_COUNT="3",
        GIT_CONFIG_KEY_0="http.extraHeader",
        GIT_CONFIG_VALUE_0=_HEADER,
        GIT_CONFIG_KEY_1="user.name",
        GIT_CONFIG_VALUE_1="Somebody",
        GIT_CONFIG_KEY_2="user.email",
        GIT_CONFIG_VALUE_2="somebody@example.invalid",
    )
    subprocess.run(
        ["git", *arguments], cwd=directory, env=environment, check=True, capture_output=True, timeout=_TIMEOUT
    )


def push_ready(repository: Path, url: str) -> None:
    """Push what a clone has already committed, which is the least that any writer must do."""
    git(repository, "push", "--quiet", url, f"{BRANCH}:{BRANCH}")


def clone_edit_rebase_push(url: str, file: str, part: str, tag: str) -> None:
    """Clone, load and dump the file, add, commit, rebase on newer commits, push.

    As gitopscli does (https://github.com/baloise/gitopscli, `git_api/git_repo.py`: a clone of the branch into a new
    directory for each change), with the rebase that pipelines add against lost races.
    """
    with tempfile.TemporaryDirectory(prefix="mergeport-bench-clone-") as folder:
        clone = Path(folder) / "repo"
        git(Path(folder), "clone", "--quiet", "--branch", BRANCH, url, str(clone))
        set_by_loading(clone / file, part, tag)
        git(clone, "add", "--all")
        git(clone, "commit", "--quiet", "-m", f"Set {part} to {tag}")
        git(clone, "pull", "--quiet", "--rebase", "origin", BRANCH)
        git(clone, "push", "--quiet", "--set-upstream", "origin", BRANCH)


def fetch_checkout_edit_push(url: str, file: str, part: str, tag: str) -> None:
    """Init, fetch everything, check out, clean, edit, commit, push, and remove it all.

    As argocd-image-updater writes back (https://github.com/argoproj-labs/argocd-image-updater,
    `pkg/argocd/git.go` and `ext/git/client.go`: a new directory for each application).
    """
    folder = Path(tempfile.mkdtemp(prefix="mergeport-bench-fetch-"))
    try:
        git(folder, "init", "--quiet", ".")
        git(folder, "remote", "add", "origin", url)
        git(folder, "fetch", "--quiet", "origin", "--tags", "--force")
        git(folder, "checkout", "--quiet", "--force", BRANCH)
        git(folder, "clean", "-fdx")
        set_by_loading(folder / file, part, tag)
        git(folder, "commit", "--quiet", "-a", "-m", f"Set {part} to {tag}")
        git(folder, "push", "--quiet", "origin", BRANCH)
    finally:
        shutil.rmtree(folder)


def set_by_loading(path: Path, part: str, tag: str) -> None:
    """Set one tag by loading and dumping the file."""
    yaml = YAML()
    yaml.preserve_quotes = True
    document = yaml.load(path.read_text(encoding="utf-8"))
    document[part]["image"]["tag"] = tag
    with path.open("w", encoding="utf-8") as out:
        yaml.dump(document, out)
