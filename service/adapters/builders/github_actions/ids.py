"""External ids of builds in GitHub Actions: `OWNER/NAME/actions/runs/ID`, the path of the run's page."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from service.core.words import Repository
from service.errors import PermanentError

_ID = re.compile(r"(?P<repository>[^/]+/[^/]+)/actions/runs/(?P<run>\d+)")


def by_repository(external_ids: Collection[str]) -> Mapping[Repository, Mapping[str, int]]:
    """Give the runs' numbers by their ids, for each repository."""
    found: dict[Repository, dict[str, int]] = {}
    for external_id in external_ids:
        repository, number = parts_of(external_id)
        found.setdefault(repository, {})[external_id] = number
    return found


def parts_of(external_id: str) -> tuple[Repository, int]:
    """Give the repository and the run's number; PermanentError `build-id-invalid` for any other text."""
    match = _ID.fullmatch(external_id)
    if match is None:
        raise PermanentError(f"{external_id} is no run of GitHub Actions", code="build-id-invalid")
    return Repository(match["repository"]), int(match["run"])
