"""A forge whole: GitHub and its like."""

from __future__ import annotations

from typing import Protocol

from service.ports.checks import Checks
from service.ports.commits import Commits
from service.ports.discussions import Discussions
from service.ports.forge_setup import ForgeSetup
from service.ports.pull_request_landing import PullRequestLanding
from service.ports.pull_requests import PullRequests
from service.ports.reviews import PullRequestReviews
from service.ports.statuses import Statuses


class Forge(
    Commits, Statuses, Checks, PullRequests, PullRequestReviews, PullRequestLanding, Discussions, ForgeSetup, Protocol
):
    """Commits, statuses, checks, pull requests, reviews, comments and the set-up of one forge, by one identity."""
