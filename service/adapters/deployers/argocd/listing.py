"""How a look asks for applications with little: by name, by project, or all. Used by the client; asks nothing itself.

Argo CD's list call has no filter by several names, and its `fields` leave out what tells whether a commit is live
(`forwarder_overwrite.go`, named in the client). An application is some 37 KiB, so few of many are asked for one by one.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping, Sequence

Parameters = Mapping[str, str] | Sequence[tuple[str, str]]

WORTH = 20
"""Listing this many applications costs about as much as one call for a single one."""
_TOO_MANY = 1_000_000_000


class Listing:
    """What is known from earlier looks: the projects of applications, and how many a list call gives. Thread-safe."""

    def __init__(self) -> None:
        """Know nothing: the first look lists all."""
        self._projects: dict[str, str] = {}
        self._listed = 0
        self._lock = threading.Lock()

    def one_by_one(self, names: Collection[str]) -> bool:
        """Tell whether these are so few among many that it is cheaper to ask for each by its name."""
        with self._lock:
            return len(names) == 1 or len(names) * WORTH < self._listed

    def parameters(self, names: Collection[str]) -> Parameters:
        """Give the parameters that narrow a list call to these applications: their projects, if all are known."""
        with self._lock:
            if not all(self._projects.get(name) for name in names):
                return ()
            return [("projects", project) for project in sorted({self._projects[name] for name in names})]

    def learn(self, names: Collection[str], projects: Mapping[str, str], *, listed: int) -> None:
        """Remember what a list call gave.

        If an application was missing, the next call lists all, as it may be in another project.
        """
        with self._lock:
            for name in names:
                self._projects[name] = projects.get(name, "")
            self._listed = listed

    def too_large(self) -> None:
        """Remember that a list call gave more than we read."""
        with self._lock:
            self._listed = _TOO_MANY
