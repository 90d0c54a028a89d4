"""Git objects of a bare repository: read a file at a commit, make a commit of a parent with some files replaced.

Called by the manifest repositories. Works along the edited paths only, so the cost does not grow with the repository,
and never makes an index: `write-tree` would download every blob of a partial clone. Nothing here moves a ref.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from service.adapters.git.driver import BrokenRepositoryError, Git, Talk
from service.adapters.git.remote import Remote
from service.adapters.git.signing import SigningKey
from service.core.words import Actor, Sha
from service.errors import PermanentError

LARGEST_FILE = 5 * 1024 * 1024
"""Bytes of a file that is read or written; values files of people are a hundredth of it."""

_FILE, _EXECUTABLE, _LINK, _SUBMODULE, _DIRECTORY = "100644", "100755", "120000", "160000", "40000"


class ObjectMissingError(Exception):
    """An object that is not in this repository; never leaves this package and the manifest repositories."""

    def __init__(self, sha: str) -> None:
        super().__init__(sha)
        self.sha = sha


class Entry(NamedTuple):
    """One line of a tree."""

    mode: str
    sha: str


class Tree(dict[bytes, Entry]):
    """A directory: its entries by name."""

    @classmethod
    def parse(cls, raw: bytes) -> Tree:
        """Read git's own form: mode, space, name, NUL and 20 bytes, again and again."""
        tree, start = cls(), 0
        while start < len(raw):
            space = raw.index(b" ", start)
            end = raw.index(b"\0", space)
            tree[raw[space + 1 : end]] = Entry(raw[start:space].decode(), raw[end + 1 : end + 21].hex())
            start = end + 21
        return tree

    def lines(self) -> bytes:
        """Give the entries as `mktree -z` wants them; it sorts them itself."""
        return b"".join(
            b"%s %s %s\t%s\0" % (entry.mode.encode(), _kind(entry.mode), entry.sha.encode(), name)
            for name, entry in self.items()
        )


class Objects:
    """Reads objects through one `cat-file --batch`."""

    def __init__(self, talk: Talk) -> None:
        self._talk = talk

    def read(self, sha: str, *, path: bytes = b"") -> bytes:
        """Give an object's bytes; ObjectMissingError where it is not here.

        A file is read by its `path`: above LARGEST_FILE it is a PermanentError that names it.
        """
        self._talk.say(f"{sha}\n".encode())
        head = self._talk.line().split(b" ")
        if head[-1] == b"missing":
            raise ObjectMissingError(sha)
        if len(head) != 3:  # noqa: PLR2004 # sha, kind, size
            raise BrokenRepositoryError(self._talk.finish().said)
        size = int(head[2])
        if path:
            check_size(path, size)
        data = self._talk.take(size + 1)[:-1]
        if len(data) != size:
            raise BrokenRepositoryError(self._talk.finish().said)
        return data

    def tree_of(self, commit: Sha) -> str:
        """Give the SHA of a commit's root directory."""
        return self.read(commit).split(b"\n", 1)[0].removeprefix(b"tree ").decode()

    def parents_of(self, commit: Sha) -> list[Sha]:
        """Give a commit's parents as it names them, whether they are here or not."""
        head = self.read(commit).split(b"\n\n", 1)[0].splitlines()
        return [Sha(line[7:].decode()) for line in head if line.startswith(b"parent ")]

    def tree(self, sha: str) -> Tree:
        """Give a directory."""
        return Tree.parse(self.read(sha))

    def file(self, commit: Sha, parts: tuple[bytes, ...]) -> bytes:
        """Give a file's bytes; PermanentError where the path is not a plain file all the way."""
        entry = Entry(_DIRECTORY, self.tree_of(commit))
        for depth, name in enumerate(parts):
            here = b"/".join(parts[: depth + 1])
            found = self.tree(entry.sha).get(name)
            if found is None:
                raise _missing(here, "it is not there")
            entry = _checked(found, here, directory=depth + 1 < len(parts))
        return self.read(entry.sha, path=b"/".join(parts))


@contextmanager
def reading(git: Git, remote: Remote | None) -> Iterator[Objects]:
    """Open a repository for reading; with a `remote`, what a partial clone left out is fetched on the way."""
    with git.talk("cat-file", "--batch", remote=remote) as talk:
        yield Objects(talk)


@dataclass(frozen=True, slots=True)
class CommitText:
    """What a commit says beside its files; all of it goes into its SHA."""

    message: str
    author: Actor
    committer: Actor
    at: datetime
    signing_key: SigningKey | None = None

    def environment(self) -> dict[str, str]:
        """Give the people and the one fixed date as git takes them."""
        date = f"@{int(self.at.timestamp())} +0000"
        return {
            "GIT_AUTHOR_NAME": self.author.name,
            "GIT_AUTHOR_EMAIL": self.author.email,
            "GIT_AUTHOR_DATE": date,
            "GIT_COMMITTER_NAME": self.committer.name,
            "GIT_COMMITTER_EMAIL": self.committer.email,
            "GIT_COMMITTER_DATE": date,
        }


def write_commit(
    git: Git, objects: Objects, parent: Sha, files: Mapping[tuple[bytes, ...], bytes], text: CommitText
) -> Sha:
    """Make the commit object: a process a file, one for all directories, one for the commit.

    A file keeps its mode; a new one is 100644. Symbolic links, submodules and directories are not overwritten.
    """
    for path, content in files.items():
        check_size(b"/".join(path), len(content))
    changes = _Changes.of(files)
    root = objects.tree_of(parent)
    plan = _look(objects, root, changes, b"")
    blobs = {path: _written(git, content) for path, content in files.items()}
    with git.talk("mktree", "-z", "--batch", "--missing") as talk:
        tree = _build(talk, plan, blobs, ())
    return _write_text(git, tree, parent, text)


def _write_text(git: Git, tree: str, parent: Sha, text: CommitText) -> Sha:
    """Make the commit of a tree; a signature that fails is the key's fault, never the repository's."""
    key = text.signing_key
    if key is not None:
        key.prove()
    signed = [key.argument] if key is not None else []
    message, settings = text.message.encode(), text.environment()
    outcome = git.run("commit-tree", *signed, tree, "-p", parent, data=message, environment=settings)
    if not outcome.ok:
        if key is not None:
            key.prove(again=True)
        raise BrokenRepositoryError(outcome.said)
    return Sha(outcome.text)


def check_size(path: bytes, size: int) -> None:
    """Refuse a file that is no values file by its size alone."""
    if size > LARGEST_FILE:
        raise PermanentError(
            f"{_shown(path)} is too large: {size} bytes.",
            code="values-file-too-large",
            hint=f"a values file has at most {LARGEST_FILE} bytes",
            path=_shown(path),
        )


class _Changes(dict[bytes, "_Changes | None"]):
    """The wanted paths as directories; None is a file."""

    @classmethod
    def of(cls, files: Mapping[tuple[bytes, ...], bytes]) -> _Changes:
        root = cls()
        for parts in files:
            here = root
            for name in parts[:-1]:
                inner = here.setdefault(name, cls())
                if inner is None:
                    raise _forbidden(b"/".join(parts), "another file of the same commit has this directory's name")
                here = inner
            if here.setdefault(parts[-1], None) is not None:
                raise _forbidden(b"/".join(parts), "another file of the same commit lies below it")
        return root


class _Plan(NamedTuple):
    """A directory as it is, and the files and directories in it that change."""

    tree: Tree
    files: dict[bytes, str]
    directories: dict[bytes, _Plan]


def _look(objects: Objects, sha: str | None, changes: _Changes, above: bytes) -> _Plan:
    plan = _Plan(objects.tree(sha) if sha else Tree(), {}, {})
    for name, inner in changes.items():
        here, found = above + name, plan.tree.get(name)
        if found is not None:
            _checked(found, here, directory=inner is not None)
        if inner is None:
            plan.files[name] = found.mode if found else _FILE
        else:
            plan.directories[name] = _look(objects, found.sha if found else None, inner, here + b"/")
    return plan


def _build(talk: Talk, plan: _Plan, blobs: Mapping[tuple[bytes, ...], str], above: tuple[bytes, ...]) -> str:
    for name, inner in plan.directories.items():
        plan.tree[name] = Entry(_DIRECTORY, _build(talk, inner, blobs, (*above, name)))
    for name, mode in plan.files.items():
        plan.tree[name] = Entry(mode, blobs[(*above, name)])
    talk.say(plan.tree.lines() + b"\0")
    sha = talk.line().decode()
    if not sha:
        raise BrokenRepositoryError(talk.finish().said)
    return sha


def _written(git: Git, content: bytes) -> str:
    return _said(git, "hash-object", "-w", "--stdin", data=content)


def _said(git: Git, *arguments: str, data: bytes) -> str:
    outcome = git.run(*arguments, data=data)
    if not outcome.ok:
        raise BrokenRepositoryError(outcome.said)
    return outcome.text


def _kind(mode: str) -> bytes:
    return {_DIRECTORY: b"tree", _SUBMODULE: b"commit"}.get(mode, b"blob")


def _checked(entry: Entry, path: bytes, *, directory: bool) -> Entry:
    if entry.mode == _LINK:
        raise PermanentError(
            f"{_shown(path)} is a symbolic link.",
            code="values-file-symlink",
            hint="name the file that it points to",
            path=_shown(path),
        )
    if entry.mode == _SUBMODULE:
        raise _forbidden(path, "it is a submodule")
    if directory and entry.mode != _DIRECTORY:
        raise _missing(path, "it is a file, not a directory")
    if not directory and entry.mode == _DIRECTORY:
        raise _missing(path, "it is a directory, not a file")
    return entry


def _missing(path: bytes, why: str) -> PermanentError:
    return PermanentError(
        f"There is no file {_shown(path)}: {why}.",
        code="values-file-missing",
        hint="look at `file:` in mergeport.yaml, or add the file to the repository",
        path=_shown(path),
    )


def _forbidden(path: bytes, why: str) -> PermanentError:
    return PermanentError(
        f"{_shown(path)} is not touched: {why}.",
        code="values-file-forbidden",
        hint="name a plain file inside the manifest repository",
        path=_shown(path),
    )


def _shown(path: bytes) -> str:
    return path.decode("utf-8", "replace")
