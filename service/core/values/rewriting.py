"""Edits of several files at once: all of them, or the first that is refused.

Called by the manifest writer and by `mergeport values commit`, each with its own way to read. Bytes in, bytes out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from service.core.values.difference import unified_diff
from service.core.values.editor import edit_values
from service.core.values.encoding import decode_values, encode_values
from service.core.values.model import FileEdit, ScalarChange
from service.errors import PermanentError

Changes = tuple[tuple[str, ScalarChange], ...]
"""Changed scalars, each with its file."""

_MISSING = "values-file-missing"
_LEFT_OUT = "(the rest is left out)\n"


@dataclass(frozen=True, slots=True)
class Rewrite:
    """The result of edits; `files` is empty if nothing changes."""

    files: Mapping[str, bytes]
    changes: Changes
    diff: str
    warnings: tuple[str, ...]


def rewrite(read: Callable[[str], bytes], wanted: Iterable[FileEdit], *, diff_limit: int | None = None) -> Rewrite:
    """Compute the edits on the files, each of which is read once; ValuesEditError for the first edit that is refused.

    A diff of more characters than `diff_limit` ends after a whole line and says so; errors of `read` are passed on,
    except PermanentError `values-file-missing` for a file that may be made.
    """
    before: dict[str, str | None] = {}
    after: dict[str, str] = {}
    changes: list[tuple[str, ScalarChange]] = []
    warnings: list[str] = []
    for entry in wanted:
        file = entry.file
        if file not in before:
            before[file] = _read(read, entry)
            after[file] = before[file] or ""
        edited = edit_values(after[file], entry.edits, file=file, create=entry.create or entry.new_file)
        after[file] = edited.text
        changes += [(file, change) for change in edited.changes]
        warnings += [f"{file}: {warning}" for warning in edited.warnings]
    changed = [file for file in after if after[file] != (before[file] or "")]
    return Rewrite(
        files={file: encode_values(after[file]) for file in changed},
        changes=tuple(changes),
        diff=_diff(((file, before[file], after[file]) for file in changed), diff_limit),
        warnings=tuple(warnings),
    )


def _read(read: Callable[[str], bytes], entry: FileEdit) -> str | None:
    """Read a file; None if it does not exist and may be made."""
    try:
        return decode_values(read(entry.file), file=entry.file)
    except PermanentError as error:
        if entry.new_file and error.code == _MISSING:
            return None
        raise


def _diff(texts: Iterable[tuple[str, str | None, str]], limit: int | None) -> str:
    """Join the diffs of the files, in git's format, up to the limit."""
    whole = ""
    for file, before, after in texts:
        new = "new file mode 100644\n" if before is None else ""
        whole += f"diff --git a/{file} b/{file}\n{new}{unified_diff(before, after, file)}"
        if limit is not None and len(whole) > limit:
            return whole[: whole.rfind("\n", 0, limit) + 1] + _LEFT_OUT
    return whole
