"""The soak gate: contiguous healthy time of this release elsewhere."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.core.gates import Allow, Unknown, Wait
from service.core.gates.soak import Options, judge
from service.core.gates.stays import ReleaseIdentity, Stay, Stretch
from service.core.words import Digest, Sha
from tests.core.gates.promotions import COMMIT, DIGEST, NOW, RELEASE, TREE, ago, ahead, facts

OPTIONS = Options.model_validate({"environment": "stage", "healthy_for": "30m"})
OTHER = ReleaseIdentity(frozenset({Digest("sha256:" + "0b" * 32)}), "0" * 40, Sha("0" * 40))


def stay(*healthy: Stretch, **more: object) -> Stay:
    return replace(Stay("stage", RELEASE, healthy), **more)  # type: ignore[arg-type]


def test_enough_healthy_time_opens() -> None:
    verdict = judge(OPTIONS, facts(upstream=(stay(Stretch(ago(minutes=30))),)))

    assert verdict == Allow("healthy in stage for 30m since Mon 2026-01-05 11:30 UTC (same digest); 30m wanted")


def test_a_second_too_little_waits_until_exactly_then() -> None:
    verdict = judge(OPTIONS, facts(upstream=(stay(Stretch(ago(minutes=29, seconds=59))),)))

    assert verdict == Wait(
        "healthy in stage since Mon 2026-01-05 11:30:01 UTC: 29m59s of 30m (same digest)", ahead(seconds=1)
    )


def test_what_could_not_be_read_waits() -> None:
    again = ahead(minutes=1)

    assert judge(OPTIONS, facts(upstream=Unknown("Argo CD does not answer", again))) == Wait(
        "how long the release was healthy in stage could not be read: Argo CD does not answer", again
    )
    assert isinstance(judge(OPTIONS, facts()), Wait)


@pytest.mark.parametrize(
    "upstream",
    [(), (Stay("stage", OTHER, (Stretch(ago(days=9)),)),), (Stay("dev", RELEASE, (Stretch(ago(days=9)),)),)],
    ids=["nothing", "another release", "another environment"],
)
def test_a_release_that_never_ran_there_waits(upstream: tuple[Stay, ...]) -> None:
    assert judge(OPTIONS, facts(upstream=upstream)) == Wait(
        "never ran in stage; it must have been healthy there for 30m"
    )


def test_degraded_voids_the_time_before_it() -> None:
    degraded = stay(Stretch(ago(hours=5), ago(minutes=12)), Stretch(ago(minutes=10)), degraded=(ago(minutes=12),))

    verdict = judge(OPTIONS, facts(upstream=(degraded,)))

    assert isinstance(verdict, Wait)
    assert verdict.until == ahead(minutes=20)


def test_a_degraded_moment_within_a_stretch_ends_it() -> None:
    verdict = judge(OPTIONS, facts(upstream=(stay(Stretch(ago(hours=5)), degraded=(ago(minutes=1),)),)))

    assert isinstance(verdict, Wait)
    assert verdict.until == ahead(minutes=29)


def test_a_soak_that_was_complete_is_void_once_it_degrades() -> None:
    verdict = judge(OPTIONS, facts(upstream=(stay(Stretch(ago(hours=5), ago(minutes=1)), degraded=(ago(minutes=1),)),)))

    assert verdict == Wait(
        "was degraded in stage at Mon 2026-01-05 11:59 UTC, so its healthy time starts anew, "
        "and it is not healthy there now"
    )


def test_a_break_without_degraded_starts_the_time_anew_and_voids_no_completed_stretch() -> None:
    broken = stay(Stretch(ago(minutes=40), ago(minutes=20)), Stretch(ago(minutes=15)))
    completed = stay(Stretch(ago(minutes=90), ago(minutes=20)), Stretch(ago(minutes=15)))

    waiting = judge(OPTIONS, facts(upstream=(broken,)))

    assert isinstance(waiting, Wait)
    assert waiting.until == ahead(minutes=15)
    assert isinstance(judge(OPTIONS, facts(upstream=(completed,))), Allow)


def test_a_completed_stretch_counts_after_a_newer_release_replaced_it() -> None:
    replaced = stay(Stretch(ago(hours=2), ago(hours=1)), until=ago(hours=1))

    assert judge(OPTIONS, facts(upstream=(replaced,))) == Allow(
        "healthy in stage for 1h from Mon 2026-01-05 10:00 UTC (same digest); 30m wanted"
    )


def test_a_stretch_ends_with_the_stay() -> None:
    replaced = stay(Stretch(ago(minutes=75)), until=ago(minutes=60))

    assert judge(OPTIONS, facts(upstream=(replaced,))) == Wait(
        "was healthy in stage for only 15m of 30m, and another release has replaced it there"
    )


def test_two_stays_of_the_release_without_a_gap_are_one_time() -> None:
    first = stay(Stretch(ago(minutes=40), ago(minutes=20)), until=ago(minutes=20))

    assert isinstance(judge(OPTIONS, facts(upstream=(first, stay(Stretch(ago(minutes=20)))))), Allow)
    assert isinstance(judge(OPTIONS, facts(upstream=(first, stay(Stretch(ago(minutes=19)))))), Wait)


def test_a_clock_that_is_behind_waits_no_longer_than_the_soak() -> None:
    assert judge(OPTIONS, facts(upstream=(stay(Stretch(ahead(minutes=5))),))) == Wait(
        "healthy in stage since Mon 2026-01-05 12:05 UTC: 0s of 30m (same digest)", ahead(minutes=35)
    )


@pytest.mark.parametrize(
    ("there", "by"),
    [
        (ReleaseIdentity(frozenset({DIGEST}), "0" * 40, Sha("0" * 40)), "digest"),
        (ReleaseIdentity(OTHER.digests, TREE, Sha("0" * 40)), "source tree"),
        (ReleaseIdentity(frozenset(), None, COMMIT), "source commit"),
    ],
)
def test_a_release_is_known_by_digest_else_by_tree_else_by_commit(there: ReleaseIdentity, by: str) -> None:
    verdict = judge(OPTIONS, facts(upstream=(Stay("stage", there, (Stretch(ago(hours=1)),)),)))

    assert isinstance(verdict, Allow)
    assert f"(same {by})" in verdict.words


def test_a_weaker_identity_proves_nothing_beside_a_stronger_one() -> None:
    """The very digest is degraded; that its commit ran well under another digest does not help."""
    same_commit = Stay("stage", ReleaseIdentity(OTHER.digests, None, COMMIT), (Stretch(ago(days=1)),))

    assert isinstance(judge(OPTIONS, facts(upstream=(stay(), same_commit))), Wait)


def test_no_tree_is_not_the_same_tree() -> None:
    there = Stay("stage", replace(OTHER, tree=None), (Stretch(ago(days=1)),))

    assert isinstance(judge(OPTIONS, facts(tree=None, upstream=(there,))), Wait)


MINUTES = st.lists(st.sampled_from("hhhhhhpd"), min_size=1, max_size=40).map("".join)
"""What an observer noted each minute up to now: healthy, progressing, or degraded."""


def stay_as_noted(minutes: str, replaced: int) -> Stay:
    """Give the stay whose history was noted; it was replaced so many minutes before now."""
    begin = NOW - timedelta(minutes=len(minutes) + replaced)
    stretches: list[Stretch] = []
    for index, state in enumerate(minutes):
        at = begin + timedelta(minutes=index)
        if state == "h" and (index == 0 or minutes[index - 1] != "h"):
            stretches.append(Stretch(at))
        if state != "h" and index and minutes[index - 1] == "h":
            stretches[-1] = Stretch(stretches[-1].since, at)
    degraded = tuple(begin + timedelta(minutes=index) for index, state in enumerate(minutes) if state == "d")
    end = NOW - timedelta(minutes=replaced)
    return Stay("stage", RELEASE, tuple(stretches), degraded, end if replaced else None)


def soaked(minutes: str, wanted: int) -> tuple[bool, int]:
    """Tell minute by minute whether the soak was complete, and how long it lasts now."""
    complete, lasted = False, 0
    for state in minutes:
        lasted = lasted + 1 if state == "h" else 0
        complete = state != "d" and (complete or lasted >= wanted)
    return complete, lasted


@settings(max_examples=300, deadline=None)
@given(MINUTES, st.integers(1, 12), st.integers(0, 5))
def test_any_history_is_judged_as_one_who_looks_each_minute_would(minutes: str, wanted: int, replaced: int) -> None:
    options = Options.model_validate({"environment": "stage", "healthy_for": f"{wanted}m"})
    complete, lasted = soaked(minutes, wanted)

    verdict = judge(options, facts(upstream=(stay_as_noted(minutes, replaced),)))

    assert isinstance(verdict, Allow) == complete
    if isinstance(verdict, Wait):
        going_on = lasted and not replaced
        assert verdict.until == (NOW + timedelta(minutes=wanted - lasted) if going_on else None)
