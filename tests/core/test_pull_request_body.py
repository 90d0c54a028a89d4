"""core.pull_request_body tells of one application or of many in one way: all of them named, within GitHub's limits."""

from __future__ import annotations

from dataclasses import replace

from service.core.fair_room import fullest, shares
from service.core.gates.gate_table import Row
from service.core.messages import Promotion
from service.core.models import commit_of, source_of_model
from service.core.promotion_gates import with_gates, worst_of
from service.core.promotion_title import is_ours, title_of
from service.core.pull_request_body import ROOM, Offer, pull_request_body, sections_of
from service.core.rendered.comparison import compare
from service.core.template_context import template_context
from service.core.words import RunId
from tests.core.test_messages import PROMOTION
from tests.core.test_promotion_body import FULL, LONG

BRANCH = "https://github.test/acme/manifests/commits/mergeport/promotion/prod/environment.group"


def several(number: int, one: Promotion = PROMOTION, **more: object) -> tuple[Promotion, ...]:
    return tuple(
        replace(one, application=f"app-{at:03}", run=RunId(f"RUN{at:03}"), **more)  # type: ignore[arg-type]
        for at in range(number)
    )


def body_of(*members: Promotion, out: tuple[tuple[str, str], ...] = ()) -> str:
    return pull_request_body(Offer(members, shared=True, out=out, commits_url=BRANCH))


def test_room_is_shared_so_that_nobody_gets_more_while_another_lacks() -> None:
    assert shares([10, 1_000, 40, 1_000], 250) == [10, 100, 40, 100]
    assert shares([5, 5], 100) == [5, 5]
    assert fullest([["long" * 9, "b"], ["long", "b"], ["l", "b"]], 7) == ["long", "b"]
    assert fullest([["long", "b"], ["l", "b"]], 3) == ["l"]


def test_several_are_a_table_and_each_folded_with_what_a_pull_request_of_its_own_tells() -> None:
    kind = "---\napiVersion: v1\nkind: A\nmetadata:\n  name: n\na: {}\n"
    rendered = compare(kind.format(1), kind.format(2))
    one, other = several(2, newest="Show prices", newest_number=41, more=2, rendered=rendered)
    body = body_of(one, replace(other, overrides=("freeze by ann: outage",), warning="It brings 9 back."))
    assert body.startswith("Brings 2 applications to stage, one commit each.")
    assert "> - app-001: It brings 9 back." in body
    assert "Overridden for app-001: freeze by ann: outage" in body
    assert "/compare/" in body
    assert "Show prices (#\u200b41) and 2 more" in body
    folded = body.partition("<details><summary>app-000 ")[2].partition("<details><summary>app-001 ")[0]
    told = ("| File | Value |", "Image: `", "Pull requests in it:", "```diff")
    assert [part in folded for part in told] == [True] * len(told)
    assert [f"Mergeport-Run: {run}" in body for run in ("RUN000", "RUN001")] == [True, True]
    assert "not as one squashed commit" in body


def test_models_link_to_the_page_of_their_version_because_versions_are_compared_nowhere() -> None:
    page = "https://mlflow.test/models/fraud/versions/4"
    model = replace(
        PROMOTION, source_repository=source_of_model("mlflow", "fraud"), source_url=page, source_commit=commit_of("4")
    )
    body = body_of(*several(2, model, previous=commit_of("3")), *several(1, model, previous=None))
    assert body.count(f"]({page}) |") == 3
    assert "/compare/" not in body
    assert f"{page}/commit" not in body


def test_one_alone_in_a_group_is_told_as_one_that_shares_nothing_but_for_the_group() -> None:
    alone, shared = sections_of(Offer((PROMOTION,))), sections_of(Offer((PROMOTION,), shared=True))
    assert {name for name in alone if alone[name] != shared[name]} == {"group"}


def test_three_hundred_are_all_named_within_the_limit_and_what_does_not_fit_is_linked() -> None:
    short = several(300, newest="Show prices with tax, and say where they come from", newest_number=41)
    body = body_of(*short)
    assert [f"app-{at:03}" in body for at in range(300)] == [True] * 300
    assert "What the other " in body
    assert f"[all their commits]({BRANCH})" in body
    out = tuple((f"out-{one}", "held by anna " * 50) for one in range(300))
    much = replace(PROMOTION, newest=LONG[:999], warning=LONG[:999], overrides=(LONG[:999],), marks=("workflows",))
    longest = body_of(*several(300, much), out=out)
    for text in (body, longest):
        assert len(text.encode()) <= ROOM
        assert "<!-- mergeport title " in text
    assert [f"app-{at:03}" in longest for at in range(300)] == [True] * 300


def test_those_that_need_a_second_look_are_folded_out_first_where_not_all_can_be() -> None:
    members = (*several(299), replace(PROMOTION, application="last", marks=("database migrations",)))
    assert "<details><summary>last " in body_of(*members)


def test_one_with_much_to_tell_takes_nothing_from_the_others() -> None:
    members = (replace(FULL, application="much", overrides=(), warning="", gates=None), *several(29))
    body = body_of(*members)
    assert body.count("Pull requests in it:") >= 29
    assert len(body.encode()) <= ROOM
    assert "Left out here: rendered" in body.partition("<details><summary>app-000 ")[0]


def test_title_names_one_with_its_change_and_several_by_their_names_and_a_persons_is_known() -> None:
    assert title_of([replace(PROMOTION, newest="Show prices")]).startswith("checkout 4f2c1e9 → ")
    assert title_of(several(2)) == "2 applications → stage: app-000, app-001"
    assert title_of(several(12)).endswith("app-009 and 2 more")
    long = title_of([replace(one, application="n" * 200) for one in several(12)])
    assert len(long.encode("utf-16-le")) // 2 <= 256
    body = body_of(*several(2))
    assert is_ours(several(2), title_of(several(2)), body)
    assert is_ours(several(3), title_of(several(2)), "a body of people's")
    assert not is_ours(several(2), "Ship it", body)


def test_gate_is_as_the_worst_of_all_say_and_its_table_is_kept_between_our_marks() -> None:
    told = [
        ("billing", [Row("soak", "open", "healthy"), Row("lock", "waiting", "locked by ann")]),
        ("catalog", [Row("soak", "overridden", "opened by bob"), Row("lock", "refused", "no")]),
        ("checkout", [Row("soak", "overridden", "opened by carol"), Row("lock", "open", "not locked")]),
    ]
    rows = worst_of(told)
    assert rows == [
        Row("soak", "overridden", "catalog: opened by bob (and 1 more)"),
        Row("lock", "refused", "catalog: no"),
    ]
    assert worst_of(told[:1]) == told[0][1]
    body = body_of(*several(2, gates=()))
    assert "are being judged" in body
    assert "| lock | refused | catalog: no |" in with_gates(body, rows)
    assert "mergeport gates" not in body_of(*several(2))


def test_nobody_is_pinged_by_what_people_wrote() -> None:
    body = body_of(*several(2, newest=f"@everyone {LONG}", warning="@anna"), out=(("search", "locked by @anna"),))
    assert ("@everyone" in body, "@anna" in body) == (False, False)


def test_template_gets_what_several_have_in_common_and_each_alone() -> None:
    one, other = several(2)
    context = template_context(Offer((one, replace(other, previous=None)), out=(("search", "held"),)), {})
    assert (context["application"], context["commit"], context["previous"]) == (
        "app-000, app-001", PROMOTION.source_commit, ""
    )  # fmt: skip
    assert [each["application"] for each in context["applications"]] == ["app-000", "app-001"]
    assert len(context["pull_requests"]) == len(PROMOTION.pull_requests)
    assert context["out"] == [{"application": "search", "why": "held"}]
