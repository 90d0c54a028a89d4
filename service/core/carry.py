"""Values that go along with a release from one environment to the next (`carry`): what is read upstream. Pure.

Called by the promotion before it writes, by the plan of a train, and by the rollback, which reads what was there with
the former release. They are written with the images, in one commit, by the values editor.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from service.core.foreign_text import markdown
from service.core.values import FileEdit, Scalar, ValueEdit
from service.core.values.subtree import read_subtree
from service.core.words import RunId, Sha

WORDS_LENGTH = 2_000


@dataclass(frozen=True, slots=True)
class FilePair:
    """A values file upstream with its text, None where there is no such file, and its counterpart downstream."""

    upstream: str
    text: str | None
    file: str


@dataclass(frozen=True, slots=True)
class Carried:
    """What goes along with a run: each value with its file and path.

    `released` is the run upstream, and `commit` where its values were read: None until then. `absent` are paths of
    which there was nothing, so that what is downstream stays.
    """

    environment: str
    released: RunId
    commit: Sha | None = None
    values: tuple[tuple[str, str, Scalar], ...] = ()
    absent: tuple[str, ...] = ()

    @property
    def edits(self) -> tuple[FileEdit, ...]:
        """What the values files should say. Missing keys are added."""
        files = dict.fromkeys(file for file, _, _ in self.values)
        return tuple(
            FileEdit(file, tuple(ValueEdit(path, value) for at, path, value in self.values if at == file), create=True)
            for file in files
        )

    @property
    def paths(self) -> frozenset[tuple[str, str]]:
        """Each file and path that it writes."""
        return frozenset((file, path) for file, path, _ in self.values)

    @property
    def words(self) -> str:
        """Say what goes along, and what does not; empty if nothing was to."""
        told = [f"carried from {self.environment} at {(self.commit or '')[:12]}: {_listed(self.values)}"]
        if self.absent:
            told.append(f"{', '.join(self.absent)}: nothing there, so it stays as it is")
        return "; ".join(told[not self.values :])

    def stored(self) -> dict[str, Any]:
        """Write it for the store."""
        return {
            "environment": self.environment,
            "released": self.released,
            "commit": self.commit,
            "values": [list(value) for value in self.values],
            "absent": list(self.absent),
        }

    @staticmethod
    def read(stored: Mapping[str, Any] | None) -> Carried | None:
        """Read what the store has; None for a run with which nothing goes along."""
        if stored is None:
            return None
        return Carried(
            stored["environment"],
            stored["released"],
            stored["commit"],
            tuple((file, path, value) for file, path, value in stored["values"]),
            tuple(stored["absent"]),
        )


def section_of_carried(carried: Carried | None) -> str:
    """Tell in a pull request what goes along; empty if nothing was to."""
    words = carried.words if carried is not None else ""
    return f"With it: {markdown(words, WORDS_LENGTH)}." if words else ""


def trailers_of_carried(carried: Carried | None) -> list[str]:
    """Give the trailer's value that tells what went along, and from where; none if nothing did."""
    if carried is None or not carried.values:
        return []
    return [f"{carried.environment}@{(carried.commit or '')[:12]}: {_listed(carried.values)}"]


def _listed(values: Iterable[tuple[str, str, Scalar]]) -> str:
    return ", ".join(dict.fromkeys(path for _, path, _ in values))


def read_carried(
    paths: Sequence[str], pairs: Sequence[FilePair]
) -> tuple[tuple[tuple[str, str, Scalar], ...], tuple[str, ...]]:
    """Read the listed paths, each from the first file that has it; give the values, and the paths that none has.

    Raises ValuesEditError, as `carry-refused`, for what cannot go along.
    """
    values: list[tuple[str, str, Scalar]] = []
    absent: list[str] = []
    for path in paths:
        for pair in pairs:
            found = None if pair.text is None else read_subtree(pair.text, path, file=pair.upstream)
            if found is not None:
                values += [(pair.file, at, value) for at, value in found]
                break
        else:
            absent.append(path)
    return tuple(values), tuple(absent)
