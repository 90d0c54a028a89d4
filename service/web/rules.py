"""The limits of the worker's loop for clients: how long they may take, and how much may be here at once.

Made by `service.web.server` for each start; read by the worker. Decides nothing about what a request says.
"""

from __future__ import annotations

import resource
from dataclasses import dataclass, field

from service.web.reading import Patience

MOST_HELD = 128 * 1024 * 1024
"""The most bytes of unanswered requests, in memory and files together: five of the largest requests."""
_MOST_CONNECTIONS = 2000
_SPARE_FILES = 128
_FILES_EACH = 2
_WANTED_FILES = 65536


@dataclass(frozen=True, slots=True)
class Rules:
    """The bounds of one worker process."""

    private_port: int
    public_body: int
    private_body: int = 64 * 1024
    patience: Patience = field(default_factory=Patience)
    most_held: int = MOST_HELD
    connections: int = _MOST_CONNECTIONS

    def most_connections(self, private: bool) -> int:
        """Give how many connections a listener may have; each has its own share."""
        share = self.connections // 5
        return share if private else self.connections - share

    def most_body(self, private: bool) -> int:
        """Give how large a request's body may be on a listener."""
        return self.private_body if private else self.public_body


def raise_file_limit() -> int:
    """Let this process open as many files as the system allows; give how many connections that suffices for.

    A connection may need two: its socket and the file of a large body.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _WANTED_FILES if hard == resource.RLIM_INFINITY else min(hard, _WANTED_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            soft = wanted
        except (OSError, ValueError):
            pass
    usable = wanted if soft == resource.RLIM_INFINITY else soft
    return max(10, min(_MOST_CONNECTIONS, (usable - _SPARE_FILES) // _FILES_EACH))
