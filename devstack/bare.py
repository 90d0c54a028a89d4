"""A bare git repository of the devstack, read and written by git's own plumbing.

Used by the git server, the GitHub double and the Argo CD double, and by tests that act as a person. It has no
work tree and never talks to the network.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from devstack import objects
from devstack import refs as ref_files
from devstack.objects import NOBODY, Commit, Entry, Files, Person

__all__ = ["NOBODY", "ZERO", "BareRepository", "Commit", "Entry", "Files", "GitError", "Person", "git_environment"]

ZERO = "0" * 40
COMMIT_ATTEMPTS = 20
"""How often a person's commit is tried again on a branch that others move at the same time."""


class GitError(Exception):
    """A git command failed; the text is what it said."""


def git_environment(**extra: str) -> dict[str, str]:
    """Return an environment in which git reads no configuration of the machine or the user."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": os.devnull,
        "LC_ALL": "C.UTF-8",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        **extra,
    }


class BareRepository:
    """A bare repository in a directory.

    Refs are read from its files; any other call starts one or a few git processes.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self._known: dict[tuple[str, ...], bytes] = {}

    @classmethod
    def create(cls, path: Path, default_branch: str = "main") -> BareRepository:
        """Make an empty repository that serves partial clones and any commit by its SHA."""
        path.mkdir(parents=True)
        repository = cls(path)
        repository.git("init", "--quiet", "--bare", "--template=", f"--initial-branch={default_branch}", ".")
        with (path / "config").open("a", encoding="utf-8") as config:
            config.write(
                "[uploadpack]\n\tallowFilter = true\n\tallowAnySHA1InWant = true\n"
                "[http]\n\treceivepack = true\n[gc]\n\tauto = 0\n[receive]\n\tautogc = false\n"
            )
        return repository

    def git(self, *arguments: str, data: bytes | None = None, env: Mapping[str, str] | None = None) -> str:
        """Run git here and return its output without the last line end; raise GitError when it fails."""
        return self.git_bytes(*arguments, data=data, env=env).decode("utf-8", "replace").rstrip("\n")

    def git_bytes(self, *arguments: str, data: bytes | None = None, env: Mapping[str, str] | None = None) -> bytes:
        """Run git here and return its output as it is; raise GitError when it fails."""
        done = self.run(*arguments, data=data, env=env)
        if done.returncode != 0:
            raise GitError(f"git {arguments[0]}: {done.stderr.decode('utf-8', 'replace').strip()}")
        return done.stdout

    def immutable(self, *arguments: str) -> bytes:
        """Run git once and remember the output; only for commands whose output depends on nothing but full SHAs."""
        if arguments not in self._known:
            self._known[arguments] = self.git_bytes(*arguments)
        return self._known[arguments]

    def run(
        self, *arguments: str, data: bytes | None = None, env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        """Run git here and return how it ended."""
        return subprocess.run(
            ["git", *arguments],
            cwd=self.path,
            env=git_environment(GIT_DIR=str(self.path), **(env or {})),
            input=data if data is not None else b"",
            capture_output=True,
            check=False,
        )

    def refs(self) -> dict[str, str]:
        """Return every ref by its full name."""
        return ref_files.read_all(self.path)

    def branches(self) -> dict[str, str]:
        """Return the tip of each branch by its short name."""
        return {name[11:]: sha for name, sha in self.refs().items() if name.startswith("refs/heads/")}

    def resolve(self, revision: str) -> str | None:
        """Return the full SHA of a commit, branch or tag, or None; a branch wins over a tag."""
        for branch in (f"refs/heads/{revision}", revision):
            if branch.startswith("refs/heads/") and (tip := ref_files.read(self.path, branch)):
                return tip
        done = self.run("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
        return done.stdout.decode().strip() if done.returncode == 0 else None

    def tip(self, branch: str) -> str:
        """Return a branch's commit; raise GitError when there is no such branch."""
        tip = ref_files.read(self.path, f"refs/heads/{branch}")
        return tip or self.git("rev-parse", "--verify", "--quiet", f"refs/heads/{branch}^{{commit}}")

    def read(self, revision: str, path: str) -> bytes | None:
        """Return a file's bytes at a revision, or None where there is no such file."""
        done = self.run("cat-file", "blob", f"{revision}:{path}")
        return done.stdout if done.returncode == 0 else None

    def text(self, revision: str, path: str) -> str:
        """Return a file's text at a revision; raise KeyError where there is no such file."""
        data = self.read(revision, path)
        if data is None:
            raise KeyError(path)
        return data.decode()

    def files(self, revision: str, under: str = "") -> list[str]:
        """List the paths of all files at a revision."""
        output = self.git_bytes(
            "ls-tree", "-r", "-z", "--name-only", "--full-tree", revision, *([under] if under else [])
        )
        return [name.decode() for name in output.split(b"\0") if name]

    def commit(self, revision: str) -> Commit:
        """Read one commit."""
        if len(revision) != len(ZERO):
            return self.log("--no-walk", revision)[0]
        return objects.parse(
            self.immutable("log", "-z", objects.LOG_FORMAT, "--no-walk", revision, "--")
            .decode("utf-8", "replace")
            .rstrip("\0")
        )

    def log(self, *arguments: str) -> list[Commit]:
        """Read commits as `git log` with these arguments lists them."""
        output = self.git_bytes("log", "-z", objects.LOG_FORMAT, *arguments, "--")
        return [objects.parse(record) for record in output.decode("utf-8", "replace").split("\0") if record]

    def is_ancestor(self, ancestor: str, descendant: str) -> bool:
        """Tell whether one commit is the other or one of its ancestors."""
        return self.run("merge-base", "--is-ancestor", ancestor, descendant).returncode == 0

    def merge_base(self, one: str, other: str) -> str | None:
        """Return the best common ancestor, or None for unrelated histories."""
        done = self.run("merge-base", one, other)
        return done.stdout.decode().strip() if done.returncode == 0 else None

    def commit_files(
        self,
        branch: str,
        files: Files,
        message: str = "Change files",
        *,
        author: Person = NOBODY,
        committer: Person | None = None,
        start: str | None = None,
        date: int | None = None,
    ) -> str:
        """Commit changed files on a branch and return the commit.

        A branch that does not exist begins at `start` (a revision), or with no history. It is made in the repository
        itself, past the server, so no hook or event tells of it.
        """
        when = date if date is not None else int(datetime.now(UTC).timestamp())
        who = committer or author
        people = (
            f"author {author.name} <{author.email}> {when} +0000\ncommitter {who.name} <{who.email}> {when} +0000\n"
        )
        head = people.encode() + objects.data(message.encode())
        for attempt in range(COMMIT_ATTEMPTS):
            tip = ref_files.read(self.path, f"refs/heads/{branch}")
            parent = tip or (self.resolve(start) if start else None)
            stream = objects.commit_stream(branch, parent, head, files)
            try:
                # Without --force, the command fails and leaves a branch alone that has moved on meanwhile.
                output = self.git("fast-import", "--quiet", "--cat-blob-fd=1", data=stream)
            except GitError:
                if attempt + 1 == COMMIT_ATTEMPTS or ref_files.read(self.path, f"refs/heads/{branch}") == tip:
                    raise
            else:
                return output.strip().splitlines()[-1]
        raise AssertionError("unreachable")

    def commit_tree(
        self,
        tree: str,
        parents: Sequence[str],
        message: str,
        *,
        author: Person = NOBODY,
        committer: Person | None = None,
        author_date: str | None = None,
    ) -> str:
        """Write a commit object and return its SHA; no ref moves."""
        who = committer or author
        env = {
            "GIT_AUTHOR_NAME": author.name,
            "GIT_AUTHOR_EMAIL": author.email,
            "GIT_COMMITTER_NAME": who.name,
            "GIT_COMMITTER_EMAIL": who.email,
        }
        if author_date:
            env["GIT_AUTHOR_DATE"] = author_date
        options = [option for parent in parents for option in ("-p", parent)]
        return self.git("commit-tree", tree, *options, data=message.encode(), env=env)

    def update_ref(self, ref: str, new: str, old: str | None = None) -> None:
        """Move a ref, only from `old` when that is given; raise GitError when it is elsewhere."""
        self.git("update-ref", ref, new, *([old] if old else []))

    def delete_ref(self, ref: str) -> None:
        """Remove a ref."""
        self.git("update-ref", "-d", ref)

    def install_hook(self, name: str, script: str) -> None:
        """Install a hook, e.g. a `pre-receive` that rejects; an empty script removes it."""
        path = self.path / "hooks" / name
        if not script:
            path.unlink(missing_ok=True)
            return
        path.parent.mkdir(exist_ok=True)
        draft = path.with_suffix(".draft")
        draft.write_text(script, encoding="utf-8")
        draft.chmod(0o755)
        draft.replace(path)
