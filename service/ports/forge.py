"""A forge whole: GitHub and its like."""

from __future__ import annotations

from typing import Protocol

from service.ports.commits import Commits
from service.ports.pull_requests import PullRequests
from service.ports.statuses import Statuses


class Forge(Commits, Statuses, PullRequests, Protocol):
    """Commits, statuses and pull requests of one forge, under one identity."""
