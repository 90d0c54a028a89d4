"""Facts about source commits are kept, and so are the facts that follow from them."""

from __future__ import annotations

import pytest

from service.core.order import Answer, Judgement, Relation
from service.core.words import Repository, RunId, Sha
from service.store import Store, ancestry, run_order, runs
from tests.fixtures.rows import NOW, Rows

REPO = Repository("acme/checkout")


def sha(number: int) -> Sha:
    return Sha(f"{number:040x}")


@pytest.fixture
def chain(store: Store) -> Store:
    """Store that 1 to 5 follow each other."""
    with store.begin() as tx:
        for number in range(1, 5):
            ancestry.remember(tx, REPO, sha(number), sha(number + 1), Relation.AHEAD)
    return store


@pytest.mark.parametrize(
    ("base", "head", "relation"),
    [
        (1, 2, Relation.AHEAD),
        (2, 1, Relation.BEHIND),
        (1, 5, Relation.AHEAD),
        (5, 2, Relation.BEHIND),
        (3, 3, Relation.IDENTICAL),
        (1, 9, None),
        (9, 1, None),
    ],
)
def test_what_pushes_told_is_followed(chain: Store, base: int, head: int, relation: Relation | None) -> None:
    with chain.read() as tx:
        assert ancestry.relation(tx, REPO, sha(base), sha(head)) is relation


def test_other_repositories_commits_are_others(chain: Store) -> None:
    with chain.read() as tx:
        assert ancestry.relation(tx, Repository("acme/other"), sha(1), sha(2)) is None


def test_told_twice_is_kept_once_and_from_either_side(chain: Store) -> None:
    with chain.begin() as tx:
        ancestry.remember(tx, REPO, sha(7), sha(8), Relation.DIVERGED)
        ancestry.remember(tx, REPO, sha(7), sha(8), Relation.DIVERGED)
    with chain.read() as tx:
        assert ancestry.relation(tx, REPO, sha(8), sha(7)) is Relation.DIVERGED


def test_what_diverged_leads_nowhere(chain: Store) -> None:
    with chain.begin() as tx:
        ancestry.remember(tx, REPO, sha(5), sha(6), Relation.DIVERGED)
    with chain.read() as tx:
        assert ancestry.relation(tx, REPO, sha(1), sha(6)) is None


def test_a_chain_that_leads_round_ends(chain: Store) -> None:
    """Two pushes that contradict each other cannot happen, but must not make anybody hang."""
    with chain.begin() as tx:
        ancestry.remember(tx, REPO, sha(5), sha(1), Relation.AHEAD)
    with chain.read() as tx:
        assert ancestry.relation(tx, REPO, sha(9), sha(1)) is None


def test_what_is_gone_is_not_kept(store: Store) -> None:
    with store.begin() as tx, pytest.raises(ValueError, match="gone"):
        ancestry.remember(tx, REPO, sha(1), sha(2), Relation.GONE)


def test_times_and_judgements_come_back(store: Store) -> None:
    refused = Judgement(Answer.REFUSE, "words", sha(3))
    with store.begin() as tx:
        ancestry.remember_time(tx, REPO, sha(1), NOW)
        ancestry.remember_time(tx, REPO, sha(1), NOW)
        ancestry.keep_judgement(tx, RunId("r"), "sha256:1", Judgement(Answer.GO_ON))
        ancestry.keep_judgement(tx, RunId("r"), "sha256:1", refused)
    with store.read() as tx:
        assert (ancestry.time(tx, REPO, sha(1)), ancestry.time(tx, REPO, sha(2))) == (NOW, None)
        assert ancestry.judgements(tx, RunId("r")) == {"sha256:1": refused}
        assert ancestry.judgements(tx, RunId("s")) == {}


def test_runs_are_found_by_what_their_images_name(rows: Rows, store: Store) -> None:
    image = {"registry": "r", "repository": "checkout", "tag": "a%b", "digest": "sha256:" + "1" * 64}
    one = rows.run(rows.change("1" * 40), images={"": image})
    rows.run(rows.change("2" * 40), images={"": image}, application="other")
    rows.run(rows.change("3" * 40))
    stage = rows.run(rows.change("4" * 40), images={"": image | {"digest": "sha256:2"}}, environment="stage")
    with store.read() as tx:
        assert [run.id for run in ancestry.runs_naming(tx, "checkout", "sha256:" + "1" * 64)] == [one.id]
        assert [run.id for run in ancestry.runs_naming(tx, "checkout", "a%b")] == [stage.id, one.id]
        assert [run.id for run in ancestry.runs_naming(tx, "checkout", "a_b")] == []
        assert [run.id for run in ancestry.runs_naming(tx, "checkout")] == [stage.id, one.id]


def test_a_later_run_that_ended_because_this_one_is_newer_does_not_count(rows: Rows, store: Store) -> None:
    newer, older = rows.run(rows.change("1" * 40)), rows.run(rows.change("2" * 40))
    with store.begin() as tx:
        assert [run.id for run in run_order.all_later(tx, newer)] == [older.id]
        runs.update(tx, older.id, at=NOW, superseded_by=newer.id)
        assert run_order.all_later(tx, newer) == []
        assert run_order.later(tx, newer) is None
