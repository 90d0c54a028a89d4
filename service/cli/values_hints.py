"""What `values commit` says where the service would speak of its settings: hints that name the command's own inputs.

Called by that command alone. Errors keep their type, code and words.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator

from service.core.reserved_files import reserved_for
from service.errors import MergeportError, PermanentError

_TOKEN = "the token in MERGEPORT_GIT_TOKEN"  # noqa: S105 - a name
_HINTS = {
    "git-unauthorized": f"check {_TOKEN}, or set it",
    "git-repository-missing": f"check --repo, and that {_TOKEN} may see the repository",
    "git-forbidden": f"give {_TOKEN} the right to write to it, unless the server says otherwise",
    "github-token-refused": f"check {_TOKEN}",
    "github-not-found": f"check --repo, and that {_TOKEN} may see the repository",
}
_HTTP = ("https://", "http://")


@contextlib.contextmanager
def hints_for(repo: str) -> Iterator[None]:
    """Give errors about credentials the hint of this command; over SSH they already name the key."""
    try:
        yield
    except MergeportError as error:
        if repo.startswith(_HTTP) or not error.code.startswith("git-"):
            error.hint = _HINTS.get(error.code, error.hint)
        raise


def refuse_reserved(files: Iterable[str]) -> None:
    """Refuse files to which values are never written, before any other check."""
    for file in files:
        if owner := reserved_for(file):
            raise PermanentError(
                f"{file} is not a values file: it is {owner}, so no values are written to it.",
                code="values-file-forbidden",
                hint="name a values file, or change this one by hand",
                path=file,
            )
