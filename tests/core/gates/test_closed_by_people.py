"""Lock, hold and block: what people closed, and for whom."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest

from service.core.gates import Allow, Facts, Refuse, Unknown, Verdict, Wait, judge
from service.core.gates.image_facts import ImageFacts
from service.core.gates.restrictions import ClosedByPeople, Restriction, RestrictionKind
from service.core.images import ImageReference
from service.core.words import Digest
from tests.core.gates.promotions import COMMIT, DIGEST, OPEN, REFERENCE, ago, ahead, facts

KINDS = ["block", "hold", "lock"]


def closed(
    kind: str,
    *,
    until: datetime | None = None,
    application: str | None = None,
    environment: str | None = None,
    subject: str = COMMIT,
    why: str = "it hurts",
) -> Restriction:
    return Restriction(RestrictionKind(kind), "ann", why, ago(hours=1), until, application, environment, subject)


def judged(kind: str, *restrictions: Restriction, **known: object) -> Verdict:
    return judge(kind, None, facts(state=ClosedByPeople(restrictions), **known))


def test_a_lock_waits_with_who_since_until_and_why() -> None:
    assert judged("lock", closed("lock", until=ahead(hours=1))) == Wait(
        "prod is locked by ann since Mon 2026-01-05 11:00 UTC, until Mon 2026-01-05 13:00 UTC: it hurts",
        ahead(hours=1),
    )


def test_a_lock_of_an_application_is_told_as_that() -> None:
    assert judged("lock", closed("lock", application="checkout", environment="prod", why="")) == Wait(
        "checkout in prod is locked by ann since Mon 2026-01-05 11:00 UTC, without a reason"
    )


def test_a_hold_waits() -> None:
    assert judged("hold", closed("hold", application="checkout", environment="prod")) == Wait(
        "checkout is on hold in prod by ann since Mon 2026-01-05 11:00 UTC: it hurts"
    )


def test_a_block_refuses() -> None:
    assert judged("block", closed("block", subject=DIGEST)) == Refuse(
        f"{DIGEST} is blocked by ann since Mon 2026-01-05 11:00 UTC: it hurts"
    )


@pytest.mark.parametrize("kind", KINDS)
def test_one_of_another_kind_closes_nothing(kind: str) -> None:
    others = [closed(other) for other in KINDS if other != kind]

    assert isinstance(judged(kind, *others), Allow)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("application", "environment", "here"),
    [
        (None, None, True),
        ("checkout", None, True),
        (None, "prod", True),
        ("checkout", "prod", True),
        ("cart", None, False),
        (None, "stage", False),
        ("checkout", "stage", False),
    ],
)
def test_it_counts_only_in_its_scope(kind: str, application: str, environment: str, here: bool) -> None:
    verdict = judged(kind, closed(kind, application=application, environment=environment))

    assert isinstance(verdict, Allow) != here


@pytest.mark.parametrize("kind", KINDS)
def test_it_ends_exactly_at_its_time(kind: str) -> None:
    assert isinstance(judged(kind, closed(kind, until=ahead(seconds=0))), Allow)
    assert not isinstance(judged(kind, closed(kind, until=ahead(seconds=1))), Allow)


@pytest.mark.parametrize("kind", KINDS)
def test_a_state_that_could_not_be_read_waits(kind: str) -> None:
    assert isinstance(judge(kind, None, facts(state=Unknown("no network"))), Wait)
    assert isinstance(judge(kind, None, facts()), Wait)


def test_a_damaged_state_stops_everything_and_the_last_good_one_stays_in_force() -> None:
    damaged = ClosedByPeople((closed("lock"), closed("block", subject="other")), broken="line 3 is no mapping")

    assert judge("block", None, facts(state=damaged)) == Wait(
        "nothing is promoted: the state of the manifest repository is damaged: line 3 is no mapping"
    )
    assert isinstance(judge("lock", None, facts(state=damaged)), Wait)
    assert isinstance(judge("block", None, facts(state=replace(damaged, restrictions=(closed("block"),)))), Refuse)


@pytest.mark.parametrize(
    ("subject", "blocked"),
    [
        (DIGEST, True),
        (DIGEST.upper(), True),
        ("sha256:" + "0c" * 32, True),
        (COMMIT, True),
        (COMMIT[:7], True),
        (COMMIT[:6], False),
        ("", False),
        ("fraud-scorer/7", True),
        ("fraud-scorer/8", False),
        ("sha256:" + "0b" * 32, False),
    ],
)
def test_a_block_means_a_digest_a_commit_or_a_model(subject: str, blocked: bool) -> None:
    part = Digest("sha256:" + "0c" * 32)
    known = {"models": frozenset({"Fraud-Scorer/7"}), "images": (ImageFacts(REFERENCE, frozenset({part})),)}

    assert isinstance(judged("block", closed("block", subject=subject), **known), Refuse) == blocked


def test_an_image_without_a_digest_waits_while_any_digest_is_blocked() -> None:
    tagged: Facts = facts(
        images=(ImageFacts(ImageReference("ghcr.io", "acme/checkout", "1")),),
        state=ClosedByPeople((closed("block", subject=DIGEST),)),
    )

    assert isinstance(judge("block", None, tagged), Wait)
    assert isinstance(judge("block", None, facts(state=OPEN, images=tagged.images)), Allow)
