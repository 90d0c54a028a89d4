"""What a race leaves behind for the checker, as files in one directory: JSON lines beside the git repositories.

Written by the simulation, on the sending side and by the people in it; read by the checker. Nothing here knows the
product: an accepted edit is what the sender heard a 202 for, a person's move is what the person did.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from threading import Lock
from typing import TextIO

BRANCH = "main"
"""The branch of every manifest repository that is written."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """An edit that was accepted: what should be written where, and its place in the order of its source.

    `number` counts acceptances, `position` the commits of the source branch. `files` has, for each file, the wanted
    value of each path. With `upstream`, it is what may come from that environment, and need not.
    """

    number: int
    position: int
    application: str
    environment: str
    source: str
    commit: str
    repository: str
    image: str
    files: dict[str, dict[str, str]]
    upstream: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """The key of what must never go back in order."""
        return self.application, self.environment


@dataclass(frozen=True, slots=True)
class Moved:
    """A person moved a branch. `settled` names the runs that Mergeport had reported as done before."""

    repository: str
    old: str
    new: str
    words: str
    commit: str = ""
    settled: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Acted:
    """A person asked for an action on a repository: by Mergeport, or `by_hand` in its state.

    `asked` and `returned` are how many moves of the branch git had written down by then. `value` is what is blocked, or
    the run of a rollback. `done` is False if it failed, which may be after its effect.
    """

    repository: str
    verb: str
    environment: str
    application: str
    value: str
    asked: int
    returned: int
    done: bool
    by_hand: bool = False


@dataclass(frozen=True, slots=True)
class Stopped:
    """A worker was stopped in its tracks for some seconds, between these numbers of moves of each branch."""

    seconds: float
    before: dict[str, int]
    after: dict[str, int]


@dataclass(frozen=True, slots=True)
class Ended:
    """A run as the public command prints it at the end."""

    id: str
    application: str
    environment: str
    commit: str
    state: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that the checker reads; `repositories` are the bare repositories by name."""

    repositories: dict[str, Path]
    accepted: list[Accepted]
    moved: list[Moved]
    ended: list[Ended]
    acted: list[Acted] = field(default_factory=list)
    stopped: list[Stopped] = field(default_factory=list)


class Journal:
    """Appends records to the files of a directory, from any thread; readers see them at once."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self._files: dict[str, TextIO] = {}
        self._lock = Lock()

    def add(self, record: Accepted | Moved | Ended | Acted | Stopped) -> None:
        """Keep a record."""
        name = type(record).__name__.lower()
        with self._lock:
            if name not in self._files:
                self._files[name] = (self._directory / f"{name}.jsonl").open("a", encoding="utf-8")
            self._files[name].write(json.dumps(asdict(record)) + "\n")
            self._files[name].flush()

    def close(self) -> None:
        """Close the files."""
        with self._lock:
            for file in self._files.values():
                file.close()
            self._files.clear()


def read(directory: Path, repositories: Iterable[tuple[str, Path]]) -> Evidence:
    """Read what a journal kept."""

    def lines(name: str) -> list[dict[str, object]]:
        path = directory / f"{name}.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    return Evidence(
        dict(repositories),
        [Accepted(**one) for one in lines("accepted")],  # type: ignore[arg-type] # as it was written
        [Moved(**one) for one in lines("moved")],  # type: ignore[arg-type] # the same
        [Ended(**one) for one in lines("ended")],  # type: ignore[arg-type] # the same
        [Acted(**one) for one in lines("acted")],  # type: ignore[arg-type] # the same
        [Stopped(**one) for one in lines("stopped")],  # type: ignore[arg-type] # the same
    )
