"""Title and body of a pull request that several applications share: all of it named, within GitHub's limits."""

from __future__ import annotations

from dataclasses import replace

from service.core.gates.gate_table import Row
from service.core.group_text import GroupPart, group_body, group_title, is_our_title, worst_of
from service.core.promotion_gates import with_gates
from service.core.values import ScalarChange
from service.core.words import Sha

PART = GroupPart(
    "checkout", Sha("4f2c1e9ab012" + "0" * 28), "https://github.test/acme/checkout", "Show prices @everyone #41",
    "https://mergeport.test/runs/1", [("apps/checkout/values-prod.yaml", ScalarChange("image.tag", 3, "a", "b"))],
)  # fmt: skip


def parts(number: int, **more: object) -> list[GroupPart]:
    return [replace(PART, application=f"app-{one:03}", **more) for one in range(number)]  # type: ignore[arg-type]


def test_one_is_named_with_its_change_and_several_by_their_names() -> None:
    assert group_title("prod", [PART]).startswith("checkout 4f2c1e9 → prod: Show prices ")
    assert group_title("prod", parts(2)) == "2 applications → prod: app-000, app-001"
    assert group_title("prod", parts(12)).endswith("app-009 and 2 more")


def test_three_hundred_with_long_titles_stay_within_the_limits_and_count_the_rest() -> None:
    many = parts(300, title="💥" * 5_000, along="carried " * 100)
    body = group_body("prod", many, [(f"out-{one}", "held by anna " * 50) for one in range(300)])
    assert len(body.encode("utf-16-le")) // 2 < 65_536
    assert body.count(" more") >= 3
    assert len(group_title("prod", [many[0]]).encode("utf-16-le")) // 2 <= 256


def test_gate_is_as_the_worst_of_all_say_and_its_table_is_kept_between_our_marks() -> None:
    rows = worst_of([
        ("billing", [Row("soak", "open", "healthy"), Row("lock", "waiting", "locked by ann")]),
        ("catalog", [Row("soak", "overridden", "opened by bob"), Row("lock", "refused", "no")]),
        ("checkout", [Row("soak", "overridden", "opened by carol"), Row("lock", "open", "not locked")]),
    ])  # fmt: skip
    assert rows == [
        Row("soak", "overridden", "catalog: opened by bob (and 1 more)"),
        Row("lock", "refused", "catalog: no"),
    ]
    body = group_body("prod", [PART], [], ())
    assert "are being judged" in body
    assert "| lock | refused | catalog: no |" in with_gates(body, rows)
    assert "mergeport gates" not in group_body("prod", [PART], [])
    long = [Row(f"gate-{one}", "waiting", "`" * 9_000) for one in range(20)]
    many = parts(300, title="💥" * 5_000, along="carried " * 100)
    assert len(group_body("prod", many, [("out", "held " * 50)] * 300, long).encode("utf-16-le")) // 2 < 65_536


def test_nobody_is_pinged_and_a_title_of_a_person_is_known() -> None:
    body = group_body("prod", [PART], [("search", "locked by @anna")])
    assert "@everyone" not in body
    assert "@anna" not in body
    assert is_our_title(group_title("prod", [PART]), body)
    assert not is_our_title("Ship it", body)
