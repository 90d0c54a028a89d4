"""core.promotion_body keeps to GitHub's limit whatever it is given, and its table of gates can be replaced alone."""

from __future__ import annotations

from dataclasses import replace

from service.core.gates.gate_table import Row
from service.core.messages import DirectPush, SourcePullRequest
from service.core.promotion_gates import gates_section, with_gates
from service.core.pull_request_body import Offer, sections_of, with_machine_part
from service.core.rendered.comparison import compare
from service.core.step_back import StepBack
from service.core.values import ScalarChange
from service.core.words import Sha
from tests.core.test_messages import NEW, OLD, PROMOTION, body_of

GATES = (Row("freeze", "waiting", "until @alice says so"), Row("soak", "open", "healthy for 30m"))
LONG = "<@x #1> \N{ROCKET}" * 1_000
FULL = replace(
    PROMOTION,
    pull_requests=tuple(SourcePullRequest(n, LONG, LONG, "https://x", (LONG,) * 20) for n in range(400)),
    changes=tuple((LONG, ScalarChange(LONG, 1, LONG, LONG)) for _ in range(400)),
    direct=tuple(DirectPush(Sha("a" * 40), LONG, LONG) for _ in range(400)),
    overrides=(LONG,) * 300,
    warning=LONG,
    problem=LONG,
    scans=(LONG,) * 20,
    gates=tuple(Row(LONG, LONG, LONG) for _ in range(60)),
    rendered=compare("", "".join(f"---\nkind: A\nmetadata: {{name: n{n}}}\na: {'y' * 900}\n" for n in range(300))),
)


def test_body_with_everything_at_its_longest_fits_and_keeps_its_machine_part() -> None:
    body = body_of(FULL, because=LONG)
    assert len(body.encode()) <= 65_000
    assert "<!-- mergeport title " in body
    assert f"Mergeport-Run: {PROMOTION.run}" in body


def test_text_of_a_template_that_is_too_long_is_left_out_and_that_is_said() -> None:
    body = with_machine_part(Offer((PROMOTION,)), {"template": "x" * 70_000})
    assert ("*template*: left out here" in body, f"Mergeport-Run: {PROMOTION.run}" in body) == (True, True)


def test_step_back_says_what_goes_away_and_how_to_go_forward_again() -> None:
    """GitHub shows nothing between a newer commit and an older one, and a second rollback is refused."""
    back = replace(PROMOTION, back=StepBack(OLD, "ann", "payments fail"))
    body = body_of(back)
    assert f"What goes away in the source: [`{NEW[:12]}...{OLD[:12]}`]" in body
    assert f"(https://github.com/acme/checkout/compare/{NEW}...{OLD})" in body
    assert f"/compare/{OLD}...{NEW}" not in body
    assert "To go forward again after the merge: `mergeport unhold checkout stage`" in body
    assert "mergeport rollback" not in body


def test_pull_request_is_told_with_its_labels_and_marks() -> None:
    pull = SourcePullRequest(41, "Show prices", "ada", "https://x/41", ("bug", "needs @ops"), ("database migrations",))
    body = body_of(replace(PROMOTION, pull_requests=(pull,)))
    assert "Show prices by ada `bug` `needs @ops` — **database migrations**\n" in body


def test_gates_are_a_table_and_before_they_are_judged_that_is_said() -> None:
    body = body_of(replace(PROMOTION, gates=GATES))
    assert "| Gate | State | |\n|---|---|---|\n| freeze | waiting | until @\u200balice says so |\n" in body
    assert "are being judged" in body_of(replace(PROMOTION, gates=()))
    assert sections_of(Offer((PROMOTION,)))["gates"] == ""


def test_table_of_gates_is_replaced_and_nothing_else() -> None:
    body = f"Words of people\r\n\r\n{gates_section(GATES)}\r\n\r\nmore"
    opened = (*GATES[1:], Row("freeze", "open", "no freeze"))
    assert with_gates(body, opened) == f"Words of people\n\n{gates_section(opened)}\n\nmore"
    assert with_gates(body, GATES) == body
    assert with_gates("no table here", opened) == "no table here"
    assert with_gates(body + "x" * 65_000, opened) == body + "x" * 65_000


def test_scan_of_the_images_is_evidence() -> None:
    body = body_of(replace(PROMOTION, scans=("reg.example/checkout: 2 high, scanned 2026-11-29 10:00 UTC",)))
    assert "Scan of reg.example/checkout: 2 high, scanned 2026-11-29 10:00 UTC." in body
