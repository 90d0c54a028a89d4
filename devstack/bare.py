"""A bare git repository of the devstack, read and written by libgit2, so that hardly any call starts a process.

Used by the git server, the GitHub double and the Argo CD double, and by tests that act as a person. It has no
work tree and never talks to the network. What libgit2 does otherwise than git is left to git: merging.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pygit2
from pygit2.enums import FileMode, ObjectType, SortMode

from devstack import objects
from devstack import refs as ref_files
from devstack.objects import NOBODY, Commit, Entry, Files, Person

__all__ = ["NOBODY", "ZERO", "BareRepository", "Commit", "Entry", "Files", "GitError", "Person", "git_environment"]

ZERO = "0" * 40
COMMIT_ATTEMPTS = 20
"""How often a person's commit is tried again on a branch that others move at the same time."""
LOCK_PATIENCE = 5.0
"""Seconds for which a ref is tried again that another process has locked."""
_CONFIGURATION = """[core]
	repositoryformatversion = 0
	filemode = true
	bare = true
[uploadpack]
	allowFilter = true
	allowAnySHA1InWant = true
[http]
	receivepack = true
[gc]
	auto = 0
[receive]
	autogc = false
"""

for _level in (pygit2.enums.ConfigLevel.GLOBAL, pygit2.enums.ConfigLevel.XDG, pygit2.enums.ConfigLevel.SYSTEM):
    pygit2.settings.search_path[_level] = ""  # as with `git_environment`: nothing of the machine or the user


class GitError(Exception):
    """Git refused something; the text is what it said."""


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
    """A bare repository in a directory. Only `git`, `git_bytes` and `run` start a process."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()

    @classmethod
    def create(cls, path: Path, default_branch: str = "main") -> BareRepository:
        """Make an empty repository that serves partial clones and any commit by its SHA."""
        for folder in ("objects/info", "objects/pack", "refs/heads", "refs/tags"):
            (path / folder).mkdir(parents=True)
        (path / "HEAD").write_text(f"ref: refs/heads/{default_branch}\n", encoding="utf-8")
        (path / "config").write_text(_CONFIGURATION, encoding="utf-8")
        return cls(path)

    def library(self) -> pygit2.Repository:
        """Open the repository with libgit2. Each caller gets its own, because none may be used by two threads."""
        return pygit2.Repository(str(self.path))

    def git(self, *arguments: str, data: bytes | None = None, env: Mapping[str, str] | None = None) -> str:
        """Run git here and return its output without the last line end; raise GitError when it fails."""
        return self.git_bytes(*arguments, data=data, env=env).decode("utf-8", "replace").rstrip("\n")

    def git_bytes(self, *arguments: str, data: bytes | None = None, env: Mapping[str, str] | None = None) -> bytes:
        """Run git here and return its output as it is; raise GitError when it fails."""
        done = self.run(*arguments, data=data, env=env)
        if done.returncode != 0:
            raise GitError(f"git {arguments[0]}: {done.stderr.decode('utf-8', 'replace').strip()}")
        return done.stdout

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
        found = _find(self.library(), revision)
        return str(found.id) if found else None

    def tip(self, branch: str) -> str:
        """Return a branch's commit; raise GitError when there is no such branch."""
        tip = ref_files.read(self.path, f"refs/heads/{branch}")
        if tip is None:
            raise GitError(f"there is no branch {branch}")
        return tip

    def read(self, revision: str, path: str) -> bytes | None:
        """Return a file's bytes at a revision, or None where there is no such file."""
        found = self.at(revision, path)
        return found.data if isinstance(found, pygit2.Blob) else None

    def at(self, revision: str, path: str) -> pygit2.Object | None:
        """Return the file or directory at a revision, or None where there is none; an empty path is the whole tree."""
        repository = self.library()
        commit = _find(repository, revision)
        if commit is None:
            return None
        try:
            return commit.tree[path.strip("/")] if path.strip("/") else commit.tree
        except (KeyError, ValueError):
            return None

    def has(self, sha: str) -> bool:
        """Tell whether there is an object of this full SHA."""
        try:
            return sha in self.library()
        except ValueError:
            return False

    def tree_of(self, revision: str) -> str | None:
        """Return the SHA of the tree that a revision is or has, or None where there is none."""
        try:
            return str(self.library().revparse_single(revision).peel(pygit2.Tree).id)
        except (KeyError, ValueError, pygit2.GitError):
            return None

    def text(self, revision: str, path: str) -> str:
        """Return a file's text at a revision; raise KeyError where there is no such file."""
        data = self.read(revision, path)
        if data is None:
            raise KeyError(path)
        return data.decode()

    def files(self, revision: str, under: str = "") -> list[str]:
        """List the paths of all files at a revision, below a path if one is given."""
        repository = self.library()
        commit = _find(repository, revision)
        if commit is None:
            raise GitError(f"there is no commit {revision}")
        index = pygit2.Index()
        index.read_tree(commit.tree)
        prefix = under.strip("/")
        return [one.path for one in index if not prefix or one.path == prefix or one.path.startswith(f"{prefix}/")]

    def commit(self, revision: str) -> Commit:
        """Read one commit; raise GitError when there is none."""
        found = _find(self.library(), revision)
        if found is None:
            raise GitError(f"there is no commit {revision}")
        return objects.read(found)

    def log(self, *tips: str, without: Iterable[str] = (), limit: int | None = None) -> list[Commit]:
        """Read the commits that lead to the tips and to none of `without`, parents after their children."""
        repository = self.library()
        found = self._walk(repository, tips, without)
        return [objects.read(commit) for commit, _ in zip(found, range(limit or 1 << 31), strict=False)]

    def shas(self, *tips: str, without: Iterable[str] = ()) -> list[str]:
        """List the commits that `log` reads."""
        return [str(commit.id) for commit in self._walk(self.library(), tips, without)]

    def _walk(
        self, repository: pygit2.Repository, tips: Iterable[str], without: Iterable[str]
    ) -> Iterable[pygit2.Commit]:
        walker = repository.walk(None, SortMode.TOPOLOGICAL | SortMode.TIME)
        for revisions, use in ((tips, walker.push), (without, walker.hide)):
            for revision in revisions:
                found = _find(repository, revision)
                if found is None:
                    raise GitError(f"there is no commit {revision}")
                use(found.id)
        return walker

    def relate(self, base: str, head: str) -> tuple[int, int]:
        """Return by how many commits head is ahead of base, and by how many it is behind."""
        return self.library().ahead_behind(head, base)

    def is_ancestor(self, ancestor: str, descendant: str) -> bool:
        """Tell whether one commit is the other or one of its ancestors."""
        repository = self.library()
        one, other = _find(repository, ancestor), _find(repository, descendant)
        if one is None or other is None:
            return False
        return one.id == other.id or repository.descendant_of(other.id, one.id)

    def merge_base(self, one: str, other: str) -> str | None:
        """Return the best common ancestor, or None for unrelated histories."""
        repository = self.library()
        left, right = _find(repository, one), _find(repository, other)
        base = repository.merge_base(left.id, right.id) if left and right else None
        return str(base) if base else None

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
        when = date if date is not None else objects.seconds_of(None)
        for attempt in range(COMMIT_ATTEMPTS):
            tip = ref_files.read(self.path, f"refs/heads/{branch}")
            parent = tip or (self.resolve(start) if start else None)
            tree = self._tree_with(parent, files)
            people = {"author": (author, when), "committer": (committer or author, when)}
            new = self._write_commit(objects.write(tree, [parent] if parent else [], message, **people))
            try:
                self.update_ref(f"refs/heads/{branch}", new, tip or ZERO)
            except GitError:
                if attempt + 1 == COMMIT_ATTEMPTS or ref_files.read(self.path, f"refs/heads/{branch}") == tip:
                    raise
            else:
                return new
        raise AssertionError("unreachable")

    def _tree_with(self, parent: str | None, files: Files) -> str:
        repository = self.library()
        index = pygit2.Index()
        if parent:
            index.read_tree(repository[parent].peel(pygit2.Tree))
        for path, content in files.items():
            if content is None:
                for gone in [one.path for one in index if one.path == path or one.path.startswith(f"{path}/")]:
                    index.remove(gone)
                continue
            data = content.encode() if isinstance(content, str) else content
            entry = data if isinstance(data, Entry) else Entry(data)
            try:
                blob = repository.create_blob(entry.data)
                index.add(pygit2.IndexEntry(path, blob, FileMode(int(entry.mode, 8))))
            except (OSError, pygit2.GitError, ValueError) as error:
                raise GitError(f"{path}: {error}") from error
        return str(index.write_tree(repository))

    def _write_commit(self, content: bytes) -> str:
        return str(self.library().write(ObjectType.COMMIT, content))

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
        """Write a commit object and return its SHA; no ref moves. Raise GitError without such a tree or parent."""
        root, repository = self.tree_of(tree), self.library()
        if root is None or not all(isinstance(repository.get(parent), pygit2.Commit) for parent in parents):
            raise GitError(f"there is no tree {tree}, or not each of the commits {' '.join(parents)}")
        dated = (author, objects.seconds_of(author_date)), (committer or author, objects.seconds_of(None))
        return self._write_commit(objects.write(root, parents, message, author=dated[0], committer=dated[1]))

    def update_ref(self, ref: str, new: str, old: str | None = None) -> None:
        """Move a ref, only from `old` when that is given; raise GitError when it is elsewhere.

        Zeros as `old` say that there must be none.
        """
        if self._tells_moves():
            self.git("update-ref", ref, new, *([old] if old else []))
            return
        deadline = time.monotonic() + LOCK_PATIENCE
        while True:
            try:
                self._move(ref, new, old)
            except pygit2.GitError as error:
                if "lock" not in str(error) or time.monotonic() > deadline:
                    raise GitError(f"{ref}: {error}") from error
                time.sleep(0.01)
            else:
                return

    def _move(self, ref: str, new: str, old: str | None) -> None:
        references = self.library().references
        if old is None:
            references.create(ref, new, force=True)
        elif old == ZERO:
            try:
                references.create(ref, new)
            except pygit2.AlreadyExistsError as error:
                raise GitError(f"{ref} exists") from error
        else:
            found = references.get(ref)
            if found is None or str(found.target) != old:
                raise GitError(f"{ref} is at {found.target if found else 'nothing'}, not {old}")
            found.set_target(new)  # fails if it has moved since it was read

    def delete_ref(self, ref: str) -> None:
        """Remove a ref if there is one."""
        references = self.library().references
        if self._tells_moves():
            self.git("update-ref", "-d", ref)
        elif ref in references:
            references.delete(ref)

    def _tells_moves(self) -> bool:
        """Tell whether a hook wants to hear of each move of a ref; libgit2 runs none."""
        return (self.path / "hooks" / "reference-transaction").exists()

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


def _find(repository: pygit2.Repository, revision: str) -> pygit2.Commit | None:
    """Find the commit that a revision names, in git's way of writing revisions."""
    try:
        found = repository.revparse_single(revision)
        return found.peel(pygit2.Commit)
    except (KeyError, ValueError, pygit2.GitError):
        return None
