"""Never backwards: whatever the order in which builds end, the newest commit is what stands in the end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.core.config import OrderPolicy
from service.core.order import (
    Answer,
    CommitTimes,
    Relation,
    judge,
)
from service.core.words import OrderBy, Rewritten, Sha

NEW, DEPLOYED = Sha("a" * 40), Sha("b" * 40)
AT = datetime(2026, 3, 4, 12, 0, 0, tzinfo=UTC)
ANCESTRY, BY_TIME, OFF = (OrderPolicy(by) for by in OrderBy)
EARLIER = CommitTimes(new=AT - timedelta(seconds=1), deployed=AT)


# --- the answer -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("relation", "answer"),
    [
        (None, Answer.ASK_RELATION),
        (Relation.IDENTICAL, Answer.GO_ON),
        (Relation.AHEAD, Answer.GO_ON),
        (Relation.BEHIND, Answer.SUPERSEDED),
        (Relation.DIVERGED, Answer.REFUSE),
        (Relation.GONE, Answer.REFUSE),
    ],
)
def test_ancestry_lets_descendants_through_and_refuses_what_cannot_be_told(
    relation: Relation | None, answer: Answer
) -> None:
    assert judge(ANCESTRY, NEW, DEPLOYED, relation=relation).answer is answer


@pytest.mark.parametrize("relation", [Relation.DIVERGED, Relation.GONE])
def test_rewritten_history_that_is_allowed_goes_on_and_says_so(relation: Relation) -> None:
    judgement = judge(OrderPolicy(rewritten=Rewritten.ALLOW), NEW, DEPLOYED, relation=relation)
    assert judgement.answer is Answer.GO_ON
    assert DEPLOYED[:12] in judgement.words
    assert "allowed" in judgement.words


def test_superseded_names_the_deployed_commit() -> None:
    assert judge(ANCESTRY, NEW, DEPLOYED, relation=Relation.BEHIND).words == (
        "bbbbbbbbbbbb is deployed, which contains aaaaaaaaaaaa already"
    )


def test_unknown_image_is_allowed_and_said() -> None:
    judgement = judge(ANCESTRY, NEW, None)
    assert judgement.answer is Answer.GO_ON
    assert "not known" in judgement.words


@pytest.mark.parametrize("policy", [ANCESTRY, BY_TIME])
def test_the_deployed_commit_itself_needs_no_look(policy: OrderPolicy) -> None:
    assert judge(policy, NEW, NEW).answer is Answer.GO_ON


@pytest.mark.parametrize(
    ("times", "answer"),
    [
        (None, Answer.ASK_TIMES),
        (EARLIER, Answer.SUPERSEDED),
        (CommitTimes(new=AT, deployed=AT), Answer.GO_ON),
        (CommitTimes(new=AT + timedelta(seconds=1), deployed=AT), Answer.GO_ON),
        (CommitTimes(new=None, deployed=AT), Answer.REFUSE),
        (CommitTimes(new=AT, deployed=None), Answer.REFUSE),
    ],
)
def test_commit_time_decides_between_branches(times: CommitTimes | None, answer: Answer) -> None:
    assert judge(BY_TIME, NEW, DEPLOYED, relation=Relation.DIVERGED, times=times).answer is answer


@pytest.mark.parametrize(("relation", "answer"), [(Relation.AHEAD, Answer.GO_ON), (Relation.BEHIND, Answer.SUPERSEDED)])
def test_commit_time_never_outweighs_ancestry(relation: Relation, answer: Answer) -> None:
    """A clock that was wrong when somebody committed changes nothing."""
    for times in (EARLIER, CommitTimes(new=AT, deployed=AT - timedelta(days=1))):
        assert judge(BY_TIME, NEW, DEPLOYED, relation=relation, times=times).answer is answer


@given(
    st.builds(OrderPolicy, st.just(OrderBy.OFF), st.sampled_from(Rewritten)),
    st.sampled_from([None, *Relation]),
    st.sampled_from([None, NEW, DEPLOYED]),
)
def test_off_lets_everything_through_and_asks_nothing(
    policy: OrderPolicy, relation: Relation | None, deployed: Sha | None
) -> None:
    assert judge(policy, NEW, deployed, relation=relation).answer is Answer.GO_ON


@given(
    st.builds(OrderPolicy, st.sampled_from(OrderBy), st.sampled_from(Rewritten)),
    st.sampled_from(Relation),
    st.builds(CommitTimes, st.none() | st.just(AT), st.none() | st.just(AT)),
)
def test_with_everything_known_nothing_is_asked(policy: OrderPolicy, relation: Relation, times: CommitTimes) -> None:
    judgement = judge(policy, NEW, DEPLOYED, relation=relation, times=times)
    assert judgement.answer not in {Answer.ASK_RELATION, Answer.ASK_TIMES}
    assert bool(judgement.words) or judgement.answer is Answer.GO_ON


@given(st.permutations(range(6)), st.integers(0, 5))
def test_builds_of_one_branch_that_end_in_any_order_end_at_the_newest(ending: list[int], deployed: int) -> None:
    commits = [Sha(f"{number:040x}") for number in range(6)]
    stands = commits[deployed]
    for number in ending:
        relation = Relation.AHEAD if commits[number] > stands else Relation.BEHIND
        if judge(ANCESTRY, commits[number], stands, relation=relation).answer is Answer.GO_ON:
            assert commits[number] >= stands
            stands = commits[number]
    assert stands == commits[-1]


@given(st.permutations([(branch, number) for branch in range(3) for number in range(3)]), st.permutations(range(9)))
def test_builds_of_several_branches_end_at_the_one_committed_last(
    ending: list[tuple[int, int]], dates: list[int]
) -> None:
    """The commits of each branch follow each other in time; the branches are mixed."""
    by_branch = {branch: sorted(dates[branch * 3 : branch * 3 + 3]) for branch in range(3)}

    def relation(one: tuple[int, int], other: tuple[int, int]) -> Relation:
        if one[0] != other[0]:
            return Relation.DIVERGED
        return Relation.AHEAD if one[1] > other[1] else Relation.BEHIND

    def at(one: tuple[int, int]) -> datetime:
        return AT + timedelta(minutes=by_branch[one[0]][one[1]])

    def sha(one: tuple[int, int]) -> Sha:
        return Sha(f"{one[0] * 3 + one[1]:040x}")

    stands = ending[0]
    for one in ending[1:]:
        times = CommitTimes(at(one), at(stands))
        judgement = judge(BY_TIME, sha(one), sha(stands), relation=relation(one, stands), times=times)
        stands = one if judgement.answer is Answer.GO_ON else stands
    assert at(stands) == AT + timedelta(minutes=8)


def test_a_relation_turns_with_the_sides() -> None:
    assert [one.turned for one in Relation] == [
        Relation.IDENTICAL,
        Relation.BEHIND,
        Relation.AHEAD,
        Relation.DIVERGED,
        Relation.GONE,
    ]
