"""Lists the files of a folder at a commit, within bounds. Called by the manifest repositories.

Only plain files count: a symbolic link could lead out of the folder, and a submodule is another repository.
"""

from __future__ import annotations

from service.adapters.git.driver import Git
from service.adapters.git.objects import ObjectMissingError
from service.adapters.git.remote import Remote
from service.adapters.git.trees import EXECUTABLE, FILE
from service.core.words import Sha
from service.errors import PermanentError

MOST_FILES = 2_000
MOST_BYTES = 32 * 1024 * 1024


def list_folder(git: Git, commit: Sha, path: str, remote: Remote | None) -> list[str]:
    """Give the paths of all files below a folder (empty: the root), seen from it; PermanentError `folder-not-read`."""
    outcome = git.run(
        *("ls-tree", "-r", "-z", "-l", "--full-tree", commit, *(("--", f"{path}/") if path else ())),
        remote=remote,
        environment={"GIT_LITERAL_PATHSPECS": "1"},
    )
    if not outcome.ok:
        raise ObjectMissingError(commit)
    names, size = [], 0
    for entry in filter(None, outcome.output.split(b"\0")):
        about, _, raw = entry.partition(b"\t")
        name = raw.decode("utf-8", "surrogateescape")
        mode, _, _, length = about.split()
        if mode.decode() not in {FILE, EXECUTABLE}:
            raise folder_not_read(path, f"{name} is a symbolic link or a submodule")
        size += int(length)
        names.append(name.removeprefix(f"{path}/" if path else ""))
    if not names:
        raise folder_not_read(path, "it is not there")
    if len(names) > MOST_FILES or size > MOST_BYTES:
        raise folder_not_read(path, f"it has more than {MOST_FILES} files or {MOST_BYTES // 1024 // 1024} MiB")
    return names


def folder_not_read(path: str, why: str) -> PermanentError:
    """Make the error that says why a folder is not read."""
    shown = why.encode("utf-8", "replace").decode()
    return PermanentError(f"{path or 'the root'} cannot be read: {shown}", code="folder-not-read", hint="", path=path)
