"""Thousands of open pull requests: a look asks for the list and for a few more, whatever their number."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from service.adapters.kinds import kinds
from service.core.config import load
from service.core.words import Repository, WaitKind
from service.errors import RetryableError
from service.pipeline.context import Context
from service.pipeline.promote.pull_request_watch import MOST_READ_ALONE
from service.pipeline.watches import look
from service.ports import PullRequest
from service.store import edits, waits
from tests.engine.conftest import AskedEngine
from tests.fixtures.rows import COMMIT, Rows
from tests.fixtures.service import CONFIGURATION

MANIFESTS = Repository("acme/manifests")
KEY = f"{MANIFESTS}:main"
COUNT = 60
LISTED = (58, 59, 60)


@dataclass
class ListingForge:
    """Lists three of the pull requests and gives any single one; it keeps which ones were asked for."""

    closed: set[int] = field(default_factory=set)
    asked: list[int] = field(default_factory=list)
    lists: int = 0
    away: bool = False

    def recent_pull_requests(self, repository: Repository, *, base: str) -> list[PullRequest]:  # noqa: ARG002 - the port's signature
        self.lists += 1
        if self.away:
            raise RetryableError("GitHub does not answer", code="forge-unavailable")
        return [self._of(number) for number in LISTED]

    def pull_request(self, repository: Repository, number: int) -> PullRequest:  # noqa: ARG002 - the port's signature
        self.asked.append(number)
        return self._of(number)

    def _of(self, number: int) -> PullRequest:
        return PullRequest(
            number=number, url="", title="", body="", head="mergeport/promotion/prod/checkout", head_sha=COMMIT,
            base="main", open=number not in self.closed, merged=False,
        )  # fmt: skip


@pytest.fixture
def forge() -> ListingForge:
    return ListingForge()


@pytest.fixture
def waited(context: Context, rows: Rows, forge: ListingForge) -> Context:
    configuration = load(CONFIGURATION.replace("develop", "develop, publish: pull-request"), kinds=kinds())
    context = replace(context, configurations=cast(Any, SimpleNamespace(at=lambda _: configuration)))
    nowhere = SimpleNamespace(fetch=lambda _: None)
    context.outside.manifests = SimpleNamespace(open=lambda _: nowhere)  # type: ignore[misc]  # likewise
    context.outside.manifest_forge = forge  # type: ignore[misc, assignment]  # a namespace, see conftest
    for number in range(1, COUNT + 1):
        run = rows.run(rows.change(f"{number:040x}"))
        rows.wait(run, WaitKind.PULL_REQUEST, key=KEY, subject=f"{MANIFESTS}#{number}")
    with context.store.begin() as tx:
        edits.own(tx, MANIFESTS, COMMIT, run.id)
    return context


def still_open(context: Context) -> set[int]:
    with context.store.read() as tx:
        return {int(wait.subject.rpartition("#")[2]) for wait in waits.open_at(tx, WaitKind.PULL_REQUEST, KEY)}


def test_a_look_asks_for_the_list_and_a_few_others(waited: Context, forge: ListingForge) -> None:
    look(waited, WaitKind.PULL_REQUEST, KEY)
    assert forge.lists == 1
    assert len(forge.asked) == MOST_READ_ALONE
    assert not set(forge.asked) & set(LISTED)


def test_what_is_listed_as_closed_is_answered_at_once(
    waited: Context, forge: ListingForge, engine: AskedEngine
) -> None:
    forge.closed = {59}
    look(waited, WaitKind.PULL_REQUEST, KEY)
    assert still_open(waited) == set(range(1, COUNT + 1)) - {59}
    assert len(engine.enqueued) == 1


def test_what_the_list_has_lost_is_found_in_later_looks(waited: Context, forge: ListingForge) -> None:
    forge.closed = {1}
    looks = 0
    while 1 in still_open(waited) and looks < 200:
        look(waited, WaitKind.PULL_REQUEST, KEY)
        looks += 1
    assert still_open(waited) == set(range(2, COUNT + 1))


def test_all_say_again_what_they_wait_for_once_github_is_back(waited: Context, forge: ListingForge) -> None:
    def words() -> set[str]:
        with waited.store.read() as tx:
            return {wait.last_seen for wait in waits.open_at(tx, WaitKind.PULL_REQUEST, KEY)}

    forge.away = True
    look(waited, WaitKind.PULL_REQUEST, KEY)
    assert words() == {"GitHub does not answer"}
    forge.away = False
    look(waited, WaitKind.PULL_REQUEST, KEY)
    assert words() == {f"waiting for pull request #{number} to be merged" for number in range(1, COUNT + 1)}
