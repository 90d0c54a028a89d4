"""Which releases upstream may go on, and what of two plans is different."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from service.core.gates import Allow, Judged, Judgement, Refuse, Wait
from service.core.gates.judgement import traits_of
from service.core.images import ImageReference
from service.core.train import (
    Lived,
    Move,
    Named,
    Offer,
    Plan,
    Reason,
    Stays,
    closing,
    eligible,
    reason_of,
    what_changed,
)
from service.core.values import ScalarChange
from service.core.words import ChangeId, Digest, Publish, RunId, Sha

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
HERE = ("stage",)


def release(number: int, environment: str = "stage", **more: object) -> Lived:
    """Give a release that is live and healthy since an hour before now, for each number another one."""
    image = ImageReference("registry.example", "checkout", f"t{number}", Digest(f"sha256:{number:064x}"))
    lived = Lived(
        run=RunId(f"run-{environment}-{number}"), environment=environment, commit=Sha(f"{number:040x}"),
        change=ChangeId(f"{number:04}"), images={"": image}, since=NOW - timedelta(hours=1), health="Healthy",
        healthy_since=NOW - timedelta(hours=1),
    )  # fmt: skip
    return replace(lived, **more)  # type: ignore[arg-type] # the fields of the test


def over(number: int, environment: str = "stage", *, by_us: bool = True, **more: object) -> Lived:
    return release(number, environment, until=NOW, by_us=by_us, ended_by="replaced", **more)


def numbers(some: tuple[Lived, ...]) -> list[int]:
    return [int(one.change) for one in some]


def test_live_and_healthy_release_may_go_on() -> None:
    assert numbers(eligible([release(2)], HERE).releases) == [2]


def test_release_that_was_healthy_until_ours_replaced_it_may_go_on_behind_the_newer_one() -> None:
    assert numbers(eligible([release(2), over(1)], HERE).releases) == [2, 1]


def test_unhealthy_release_leaves_the_older_one_eligible_and_is_told() -> None:
    found = eligible([release(2, healthy_since=None, health="Degraded"), over(1)], HERE)
    assert numbers(found.releases) == [1]
    assert (found.passed[0].reason, "Degraded in stage" in found.passed[0].words) == (Reason.NOT_HEALTHY, True)


def test_release_behind_which_somebody_went_back_does_not_count_any_more() -> None:
    found = eligible([release(1, healthy_since=None), over(2)], HERE)
    assert numbers(found.releases) == []
    assert {one.reason for one in found.passed} == {Reason.NOT_HEALTHY}


def test_release_that_a_person_took_back_does_not_count_unless_it_is_named() -> None:
    lived = [over(2, by_us=False)]
    assert numbers(eligible(lived, HERE).releases) == []
    assert numbers(eligible(lived, HERE, named=Named(commit=f"{2:040x}")).releases) == [2]


def test_named_release_must_have_been_healthy() -> None:
    found = eligible([over(2, healthy_since=None)], HERE, named=Named(run="run-stage-2"))
    assert found.why_not(HERE)[0] is Reason.NOT_HEALTHY


def test_release_that_never_ran_is_told_so() -> None:
    assert eligible([], HERE).why_not(HERE) == (Reason.NEVER_RAN, "it was never live in stage")
    assert eligible([release(1)], HERE, named=Named(digest="sha256:1")).why_not(HERE)[0] is Reason.NEVER_RAN


def test_image_that_is_gone_keeps_its_release_back() -> None:
    assert eligible([release(1, image_gone_since=NOW)], HERE).why_not(HERE)[0] is Reason.IMAGE_GONE


def test_live_is_enough_where_nobody_watches_health() -> None:
    assert numbers(eligible([release(1, healthy_since=None, watched=False)], HERE).releases) == [1]


def test_any_upstream_is_enough_and_all_means_all() -> None:
    both = ("eu", "us")
    lived = [release(2, "eu"), over(1, "eu"), release(1, "us")]
    assert numbers(eligible(lived, both).releases) == [2, 1]
    found = eligible(lived, both, every=True)
    assert numbers(found.releases) == [1]
    assert "not in us" in found.passed[0].words


def judged(gate: str, verdict: Allow | Wait | Refuse) -> Judged:
    return Judged(gate, verdict, traits_of(gate))


def test_reason_of_each_gate_has_its_name_and_a_block_that_waits_is_a_damaged_state() -> None:
    named = ("hold", "lock", "soak", "checks", "image", "freeze", "approval", "http")
    assert [reason_of(judged(gate, Wait("x"))) for gate in named] == [Reason(gate) for gate in named]
    assert reason_of(judged("block", Refuse("x"))) is Reason.BLOCK
    assert reason_of(judged("block", Wait("x"))) is Reason.DAMAGED


def test_pull_request_opens_before_a_lock_a_freeze_and_an_approval_but_not_before_a_hold_and_a_soak() -> None:
    gates = Judgement(tuple(judged(gate, Wait("x")) for gate in ("hold", "lock", "freeze", "approval", "soak")))
    assert [one.gate for one in closing(gates, Publish.PULL_REQUEST)] == ["hold", "soak"]


def test_commit_waits_for_all_gates_but_a_run_begins_before_those_that_are_about_a_run() -> None:
    gates = Judgement(tuple(judged(gate, Wait("x")) for gate in ("lock", "freeze", "approval", "http")))
    assert [one.gate for one in closing(gates, Publish.COMMIT)] == ["lock", "freeze"]
    assert [one.gate for one in closing(gates, Publish.COMMIT, under_way=True)] == [
        "lock",
        "freeze",
        "approval",
        "http",
    ]


def move(number: int, before: str = "a", application: str = "checkout") -> Move:
    changes = (("values.yaml", ScalarChange("image.tag", 1, before, "b")),)
    return Move(application, Offer(release(number), changes), Publish.COMMIT)


def plan(*lines: Move | Stays) -> Plan:
    return Plan("prod", NOW, Sha("c" * 40), lines)


def test_plan_has_the_name_of_what_it_would_do_and_of_nothing_else() -> None:
    stays = Stays("other", Reason.SOAK, "12m of 30m")
    assert plan(move(1), stays).id == replace(plan(move(1)), at=NOW + timedelta(hours=1)).id
    assert plan(move(1)).id != plan(move(2)).id != plan(move(2, "other")).id


def test_what_changed_is_told_for_each_application() -> None:
    before = plan(move(1), move(2, application="a"), move(3, application="b"), move(4, application="same")).facts()
    now = plan(
        move(2), Stays("a", Reason.LOCK, "prod is locked"), move(3, "new", "b"), move(4, application="same"),
        move(5, application="late"),
    )  # fmt: skip
    assert list(what_changed(before, now)) == [
        "a does not move any more: lock: prod is locked",
        "b: its values files say something else now",
        f"checkout: {f'{2:040x}'[:12]} moves now, and not {f'{1:040x}'[:12]}",
        f"late moves now, too: {f'{5:040x}'[:12]}",
    ]  # fmt: skip
