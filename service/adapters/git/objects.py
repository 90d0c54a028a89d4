"""Git objects of a bare repository: read a file at a commit, make a commit of a parent with some files replaced.

Called by the manifest repositories. Works along the edited paths only, so the cost does not grow with the repository,
and never makes an index: `write-tree` would download every blob of a partial clone. Nothing here moves a ref.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from service.adapters.git import loose
from service.adapters.git.driver import Git
from service.adapters.git.remote import Remote
from service.adapters.git.running import BrokenRepositoryError, Talk
from service.adapters.git.signing import SigningKey
from service.adapters.git.trees import DIRECTORY, FILE, LINK, SUBMODULE, Entry, Made, find, put
from service.core.words import Actor, Sha
from service.errors import PermanentError

_LEFT_OUT = "from promisor remote"
_AT_NO_END = "".join(map(chr, range(33))) + ".,:;<>\"\\'"
_NEVER = re.compile(r"[\n<>]")
LARGEST_FILE = 5 * 1024 * 1024
"""The most bytes of a file that is read or written; usual values files have a hundredth of that."""


class ObjectMissingError(Exception):
    """An object is not in this repository. Only this package and the manifest repositories see this error."""

    def __init__(self, sha: str) -> None:
        super().__init__(sha)
        self.sha = sha


class Objects:
    """Reads objects through one `cat-file --batch`."""

    def __init__(self, talk: Talk) -> None:
        self._talk = talk

    def read(self, sha: str, *, path: bytes = b"") -> bytes:
        """Give an object's bytes; ObjectMissingError where it is not here.

        With `path` it is a file: above LARGEST_FILE that is a PermanentError which names it.
        """
        self._talk.say(f"{sha}\n".encode())
        head = self._talk.line().split(b" ")
        if head[-1] == b"missing":
            raise ObjectMissingError(sha)
        if len(head) != 3:  # noqa: PLR2004 # sha, kind, size
            said = self._talk.finish().said
            # A command that may not fetch ends when it meets an object that the partial clone left out.
            raise ObjectMissingError(sha) if _LEFT_OUT in said else BrokenRepositoryError(said)
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

    def file(self, commit: Sha, parts: tuple[bytes, ...], trees: dict[str, bytes] | None = None) -> bytes:
        """Give a file's bytes; PermanentError where the path is not a plain file all the way.

        Who reads many files of a commit gives `trees`, in which the folders that were read are kept.
        """
        known = {} if trees is None else trees
        if commit not in known:
            known[commit] = self.tree_of(commit).encode()
        entry = Entry(DIRECTORY, known[commit].decode())
        for depth, name in enumerate(parts):
            here = b"/".join(parts[: depth + 1])
            if entry.sha not in known:
                known[entry.sha] = self.read(entry.sha)
            found = find(known[entry.sha], [name]).get(name)
            if found is None:
                whole = depth + 1 == len(parts)
                raise _missing(b"/".join(parts), "it is not there" if whole else f"there is no folder {_shown(here)}")
            entry = _checked(found, here, directory=depth + 1 < len(parts))
        return self.read(entry.sha, path=b"/".join(parts))


@contextmanager
def reading(git: Git, remote: Remote | None) -> Iterator[Objects]:
    """Open a repository for reading; with a `remote`, what a partial clone left out is fetched on the way."""
    with git.talk("cat-file", "--batch", remote=remote) as talk:
        yield Objects(talk)


@dataclass(frozen=True, slots=True)
class CommitText:
    """The parts of a commit besides its files. All of them go into its SHA."""

    message: str
    author: Actor
    committer: Actor
    at: datetime
    signing_key: SigningKey | None = None

    def whole(self, tree: str, parent: Sha | None) -> Made | None:
        """Give the commit as git makes it; None if git itself must make it: it is signed, or git would refuse it."""
        author, committer = _written(self.author), _written(self.committer)
        if self.signing_key is not None or not author or not committer or "\0" in self.message:
            return None
        date = f"{int(self.at.timestamp())} +0000"
        people = f"author {author} {date}\ncommitter {committer} {date}"
        before = f"parent {parent}\n" if parent is not None else ""
        return Made("commit", f"tree {tree}\n{before}{people}\n\n{self.message}".encode())

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


def _written(actor: Actor) -> str:
    """Write a person as git does, which strips certain characters around names and addresses; "" for no name.

    https://github.com/git/git/blob/v2.47.0/ident.c#L203
    """
    name, email = (_NEVER.sub("", part.strip(_AT_NO_END)) for part in (actor.name, actor.email))
    return f"{name} <{email}>" if name else ""


def write_commit(
    git: Git, objects: Objects, parent: Sha | None, files: Mapping[tuple[bytes, ...], bytes], text: CommitText
) -> Sha:
    """Make the commit object, without a process of git unless it is signed; without a parent it has only these files.

    A file keeps its mode; a new one is 100644. Symbolic links, submodules and directories are not overwritten.
    """
    for path, content in files.items():
        check_size(b"/".join(path), len(content))
    plan = _look(objects, objects.tree_of(parent) if parent else None, _Changes.of(files), b"")
    made: list[Made] = []
    tree = _build(plan, files, (), made)
    whole = text.whole(tree, parent)
    if whole is not None:
        made.append(whole)
    loose.write(git.directory, made)
    return Sha(whole.sha) if whole is not None else _write_text(git, tree, parent, text)


def _write_text(git: Git, tree: str, parent: Sha | None, text: CommitText) -> Sha:
    """Make the commit of a tree; if signing fails, the key is to blame, never the repository."""
    key = text.signing_key
    if key is not None:
        key.prove()
    signed = [key.argument] if key is not None else []
    message, settings = text.message.encode(), text.environment()
    before = ["-p", parent] if parent is not None else []
    outcome = git.run("commit-tree", *signed, tree, *before, data=message, environment=settings)
    if not outcome.ok:
        if key is not None:
            key.prove(again=True)
        raise BrokenRepositoryError(outcome.said)
    return Sha(outcome.text)


def check_size(path: bytes, size: int) -> None:
    """Refuse a file that is too large for a values file."""
    if size > LARGEST_FILE:
        raise PermanentError(
            f"{_shown(path)} is too large: {size} bytes.",
            code="values-file-too-large",
            hint=f"a values file has at most {LARGEST_FILE} bytes",
            path=_shown(path),
        )


class _Changes(dict[bytes, "_Changes | None"]):
    """The wanted paths as a tree of directories; a file is None."""

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
    """A directory's present bytes, and the files (by mode) and directories in it that change."""

    raw: bytes
    files: dict[bytes, str]
    directories: dict[bytes, _Plan]


def _look(objects: Objects, sha: str | None, changes: _Changes, above: bytes) -> _Plan:
    plan = _Plan(objects.read(sha) if sha else b"", {}, {})
    there = find(plan.raw, changes)
    for name, inner in changes.items():
        here, found = above + name, there.get(name)
        if found is not None:
            _checked(found, here, directory=inner is not None)
        if inner is None:
            plan.files[name] = found.mode if found else FILE
        else:
            plan.directories[name] = _look(objects, found.sha if found else None, inner, here + b"/")
    return plan


def _build(plan: _Plan, files: Mapping[tuple[bytes, ...], bytes], above: tuple[bytes, ...], made: list[Made]) -> str:
    """Make the directory's tree and everything new below it; give its SHA."""
    entries = {
        name: Entry(DIRECTORY, _build(inner, files, (*above, name), made)) for name, inner in plan.directories.items()
    }
    for name, mode in plan.files.items():
        made.append(Made("blob", files[(*above, name)]))
        entries[name] = Entry(mode, made[-1].sha)
    made.append(Made("tree", put(plan.raw, entries)))
    return made[-1].sha


def _checked(entry: Entry, path: bytes, *, directory: bool) -> Entry:
    if entry.mode == LINK:
        raise PermanentError(
            f"{_shown(path)} is a symbolic link.",
            code="values-file-symlink",
            hint="name the file that it points to",
            path=_shown(path),
        )
    if entry.mode == SUBMODULE:
        raise _forbidden(path, "it is a submodule")
    if directory and entry.mode != DIRECTORY:
        raise _clash(path, "is a file, not a directory")
    if not directory and entry.mode == DIRECTORY:
        raise _clash(path, "is a directory, not a file")
    return entry


def _missing(path: bytes, why: str) -> PermanentError:
    return PermanentError(
        f"There is no file {_shown(path)}: {why}.",
        code="values-file-missing",
        hint="correct `file` in mergeport.yaml, or add the file: by hand, or with `create: file` there",
        path=_shown(path),
    )


def _clash(path: bytes, what: str) -> PermanentError:
    return PermanentError(
        f"{_shown(path)} {what}.",
        code="values-file-clash",
        hint="name a file, or a new file in an existing folder",
        path=_shown(path),
    )


def _forbidden(path: bytes, why: str) -> PermanentError:
    return PermanentError(
        f"{_shown(path)} cannot be edited: {why}.",
        code="values-file-forbidden",
        hint="name a plain file inside the manifest repository",
        path=_shown(path),
    )


def _shown(path: bytes) -> str:
    return path.decode("utf-8", "replace")
