"""All gates of a release: one answer, the next time to look, overrides, the table, and the choice among releases."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from service.adapters.kinds import kinds
from service.core.gates import (
    Candidate,
    Evidence,
    Facts,
    FileText,
    Judgement,
    Outcome,
    Override,
    choose,
    evidence_for,
    gate_table,
    in_words,
    judge_all,
)
from service.core.gates.http_answer import HttpAnswer
from service.core.gates.image_facts import ImageFacts
from service.core.gates.restrictions import ClosedByPeople, Restriction, RestrictionKind
from service.core.gates.reviews import Reviews
from service.core.gates.seen_checks import Check, CheckState
from service.core.gates.stays import Stay, Stretch
from service.core.gates.unknown import NOT_READ
from service.core.scans import NO_SCANS, PlatformScan, Scan, ScanStatus
from tests.core.gates.promotions import COMMIT, DIGEST, NOW, OPEN, REFERENCE, RELEASE, ago, ahead, facts

Gate = tuple[str, BaseModel]


def gate(kind: str, options: object) -> Gate:
    return kind, kinds().gates[kind].model_validate(options)


SOAK = gate("soak", {"environment": "stage", "healthy_for": "30m"})
CHECKS = gate("checks", {"contexts": ["ci"]})
IMAGE = gate("image", {"scan": {"fail_on": "HIGH"}})
FROZEN = gate("freeze", [{"from": "2026-01-01", "until": "2026-01-05 15:00", "reason": "xmas"}])
THAWED = gate("freeze", [{"from": "2026-01-05 13:00", "until": "2026-01-05 15:00"}])
HTTP = gate("http", {"url": "https://x.dev", "secret": "S"})
GREEN = (Check("ci", CheckState.PASSED),)
SCANNED = (ImageFacts(REFERENCE, scan=Scan((PlatformScan(DIGEST, "", ScanStatus.COMPLETE),))),)


def closed(kind: RestrictionKind) -> Restriction:
    return Restriction(kind, "ann", "@all | <b>x</b>", ago(hours=1), subject=COMMIT)


LOCKED, HELD, BLOCKED = (ClosedByPeople((closed(kind),)) for kind in RestrictionKind)


def names(judgement: Judgement) -> list[str]:
    return [judged.gate for judged in judgement.gates]


def test_a_release_without_gates_passes_what_people_closed_first() -> None:
    judgement = judge_all([], facts(state=OPEN))

    assert names(judgement) == ["block", "hold", "lock"]
    assert judgement.outcome is Outcome.ALLOW
    assert judgement.until is None


def test_gates_are_told_in_one_order() -> None:
    judgement = judge_all([HTTP, FROZEN, IMAGE, CHECKS, SOAK], facts(state=OPEN))

    assert names(judgement) == ["block", "hold", "lock", "soak", "checks", "image", "freeze", "http"]


def test_one_that_waits_makes_all_wait_and_one_that_refuses_makes_all_refuse() -> None:
    assert judge_all([CHECKS, FROZEN], facts(state=OPEN, checks=GREEN)).outcome is Outcome.WAIT
    assert judge_all([CHECKS, FROZEN], facts(state=BLOCKED, checks=GREEN)).outcome is Outcome.REFUSE


def test_facts_that_nobody_read_open_nothing() -> None:
    judgement = judge_all([SOAK, CHECKS, IMAGE, HTTP], facts())

    assert [judged.gate for judged in judgement.closed] == names(judgement)


def test_the_next_time_is_the_earliest_edge_also_of_a_gate_that_is_open() -> None:
    """The freeze begins at 13:00, an hour before the soak is over."""
    soaking = (Stay("stage", RELEASE, (Stretch(ahead(minutes=90)),)),)

    judgement = judge_all([SOAK, THAWED], facts(state=OPEN, upstream=soaking))

    assert judgement.until == ahead(hours=1)


@pytest.mark.parametrize(
    ("state", "keeping"), [(LOCKED, []), (HELD, ["hold"]), (BLOCKED, ["block"])], ids=["lock", "hold", "block"]
)
def test_hold_and_block_keep_a_pull_request_from_opening(state: ClosedByPeople, keeping: list[str]) -> None:
    judgement = judge_all([FROZEN], facts(state=state))

    assert [judged.gate for judged in judgement.keeping_closed] == keeping


def test_an_override_opens_its_gate_and_no_other() -> None:
    override = Override("freeze", "ann", "payments are down")

    judgement = judge_all([FROZEN, CHECKS], facts(state=OPEN, overrides=(override,)))

    assert [judged.gate for judged in judgement.overridden] == ["freeze"]
    assert [judged.gate for judged in judgement.closed] == ["checks"]
    assert judge_all([FROZEN], facts(state=OPEN, overrides=(override,))).outcome is Outcome.ALLOW


def test_an_override_of_a_gate_that_is_open_is_not_used() -> None:
    assert (
        judge_all([CHECKS], facts(state=OPEN, checks=GREEN, overrides=(Override("checks", "a", "b"),))).overridden == ()
    )


def test_nobody_overrides_a_block() -> None:
    judgement = judge_all([], facts(state=BLOCKED, overrides=(Override("block", "ann", "I must"),)))

    assert judgement.outcome is Outcome.REFUSE
    assert judgement.overridden == ()


def test_nobody_overrides_a_damaged_state() -> None:
    overrides = tuple(Override(kind, "ann", "I must") for kind in ("block", "hold", "lock"))

    assert judge_all([], facts(state=ClosedByPeople(broken="gone"), overrides=overrides)).outcome is Outcome.WAIT


def test_of_a_group_a_release_stays_out_by_its_own_gates_and_by_what_people_closed() -> None:
    judgement = judge_all([FROZEN, CHECKS, HTTP], facts(state=LOCKED))

    assert [judged.gate for judged in judgement.keeping_out] == ["lock", "checks"]


def test_the_table_has_each_gate_with_its_state_and_words_that_do_nothing() -> None:
    known = facts(state=LOCKED, checks=GREEN, overrides=(Override("freeze", "bob", "payments"),))

    assert gate_table(judge_all([FROZEN, CHECKS, IMAGE], known)).splitlines() == [
        "| gate | state | |",
        "|---|---|---|",
        "| block | open | not blocked |",
        "| hold | open | no hold |",
        "| lock | waiting | prod is locked by ann since Mon 2026-01-05 11:00 UTC: @\u200ball \\| \\<b\\>x\\</b\\> |",
        "| checks | open | 1 passed: ci |",
        "| image | waiting | the scan of acme/checkout could not be read: it was not asked for yet |",
        "| freeze | overridden | opened by bob: payments; it says: frozen: xmas; opens Mon 2026-01-05 15:00 UTC |",
    ]


def test_the_evidence_to_read_is_that_of_the_gates_and_of_what_people_close() -> None:
    assert evidence_for([]) == {Evidence.STATE}
    assert evidence_for([SOAK, HTTP]) == {Evidence.STATE, Evidence.UPSTREAM, Evidence.ANSWER}


APPROVAL = gate("approval", {"from": "user:ann"})
LISTED = gate("freeze", [{"file": "a.yaml", "except": {"labels": ["x"]}}])
KNOWN_OF: dict[Evidence, object] = {
    Evidence.STATE: OPEN,
    Evidence.UPSTREAM: (),
    Evidence.CHECKS: (),
    Evidence.IMAGES: SCANNED,
    Evidence.REVIEWS: Reviews(COMMIT, (), frozenset()),
    Evidence.LABELS: frozenset(),
    Evidence.FILES: (FileText("a.yaml", "- {from: '2026-01-01'}"),),
    Evidence.ANSWER: HttpAnswer("another", 200, b"", NOW),
}


@pytest.mark.parametrize("one", [SOAK, CHECKS, IMAGE, APPROVAL, LISTED, HTTP], ids=lambda one: one[0])
def test_a_gate_asks_for_no_evidence_but_what_it_names(one: Gate) -> None:
    known = {evidence.value: KNOWN_OF[evidence] for evidence in evidence_for([one])}

    assert NOT_READ.why in in_words(judge_all([one], facts(state=OPEN)))
    assert NOT_READ.why not in in_words(judge_all([one], facts(**known)))


def test_one_line_names_what_is_closed() -> None:
    assert in_words(judge_all([FROZEN, CHECKS], facts(state=OPEN, checks=GREEN))) == (
        "freeze: frozen: xmas; opens Mon 2026-01-05 15:00 UTC (next look Mon 2026-01-05 15:00 UTC)"
    )


def candidate(name: str, healthy_since: datetime, **known: object) -> Candidate[str]:
    upstream = (Stay("stage", RELEASE, (Stretch(healthy_since),)),)
    return Candidate(name, facts(**{"state": OPEN, "upstream": upstream, "checks": GREEN, "images": SCANNED, **known}))


READY = {"healthy_since": ago(hours=1)}
ALL = [SOAK, CHECKS, IMAGE, FROZEN]


def test_the_newest_release_that_is_ready_is_chosen_though_a_newer_one_soaks() -> None:
    choice = choose([candidate("new", ago(minutes=10)), candidate("mid", **READY), candidate("old", **READY)], ALL)

    assert choice.chosen is not None
    assert choice.chosen.key == "mid"
    assert [passed.key for passed, _ in choice.newer] == ["new"]
    assert choice.until == ahead(minutes=20)


@pytest.mark.parametrize(
    "closed_by",
    [
        {"checks": (Check("ci", CheckState.FAILED),)},
        {"images": (ImageFacts(REFERENCE, scan=NO_SCANS),)},
        {"state": BLOCKED},
    ],
    ids=["checks", "image", "block"],
)
def test_a_release_that_its_own_gate_closes_is_passed_over(closed_by: dict[str, object]) -> None:
    choice = choose([candidate("new", ago(hours=1), **closed_by), candidate("old", **READY)], ALL)

    assert choice.chosen is not None
    assert choice.chosen.key == "old"


def test_what_closes_the_environment_changes_no_choice() -> None:
    choice = choose([candidate("new", ago(hours=1), state=HELD), candidate("old", **READY)], ALL)

    assert choice.chosen is not None
    assert choice.chosen.key == "new"
    assert choice.judgement is not None
    assert choice.judgement.outcome is Outcome.WAIT


def test_an_overridden_soak_is_ready() -> None:
    choice = choose([candidate("new", ago(minutes=1), overrides=(Override("soak", "ann", "hotfix"),))], ALL)

    assert choice.chosen is not None


def test_where_none_is_ready_the_next_time_is_the_earliest_of_all() -> None:
    choice = choose([candidate("new", ago(minutes=1)), candidate("old", ago(minutes=29))], [SOAK])

    assert choice.chosen is None
    assert choice.until == ahead(minutes=1)
    assert choose([], ALL).chosen is None


STATES = st.sampled_from([OPEN, LOCKED, HELD, BLOCKED])
GATES = st.lists(st.sampled_from([SOAK, CHECKS, IMAGE, FROZEN, THAWED, HTTP]), unique_by=lambda one: one[0])
OVERRIDES = st.lists(st.sampled_from([Override(kind, "ann", "why") for kind in ("soak", "freeze", "block", "lock")]))
KNOWN = st.builds(
    facts,
    state=STATES,
    checks=st.sampled_from([GREEN, ()]),
    images=st.sampled_from([SCANNED, (ImageFacts(REFERENCE, scan=NO_SCANS),)]),
    upstream=st.sampled_from([(), (Stay("stage", RELEASE, (Stretch(ago(hours=1)),)),)]),
    overrides=OVERRIDES.map(tuple),
)
STRICTNESS = list(Outcome)


@settings(max_examples=150, deadline=None)
@given(GATES, GATES, KNOWN)
def test_a_gate_more_never_opens_anything(few: list[Gate], more: list[Gate], known: Facts) -> None:
    added = [one for one in more if one[0] not in {kind for kind, _ in few}]

    before, after = judge_all(few, known), judge_all([*few, *added], known)

    assert STRICTNESS.index(after.outcome) >= STRICTNESS.index(before.outcome)
    assert set(before.closed) <= set(after.closed)
    assert set(before.keeping_closed) <= set(after.keeping_closed)
    if before.until:
        assert after.until is not None
        assert after.until <= before.until


@settings(max_examples=100, deadline=None)
@given(GATES, KNOWN)
def test_the_next_time_lies_ahead(gates: list[Gate], known: Facts) -> None:
    until = judge_all(gates, known).until

    assert until is None or until > NOW
