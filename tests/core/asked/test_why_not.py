"""Why a release is not live: one cause for each set of facts, told with the actual values."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from service.core.asked import NEXT, BuildFacts, Case, Cause, GateRow, LiveFacts, Other, RunFacts, WaitFacts, why_not
from service.core.state import Block, Blocked, Hold, Lock, Placed
from service.core.words import BuildState, RunState, Stage, WaitKind
from tests.docs.pages import page

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
BEFORE = NOW - timedelta(minutes=90)
COMMIT, NEWER = "4f" * 20, "5a" * 20
PLACED = Placed("1", "anna", BEFORE, "incident 42")
RUN = RunFacts("01RVN", "checkout", "prod", COMMIT, RunState.WAITING, Stage.PROMOTE, manifest_commit="c0" * 20)
LIVE = LiveFacts(BEFORE, BEFORE, "Healthy", followed=True)
SOAK = GateRow("soak", "waiting", "healthy for 20m of 30m in stage")
OPEN = GateRow("freeze", "open", "")
REVIEW = GateRow("approval", "waiting", "1 of 2 approvals")


def waiting(kind: WaitKind, words: str = "not yet", **more: object) -> Case:
    return Case(NOW, RUN, wait=WaitFacts(kind, words, BEFORE, **more))  # type: ignore[arg-type] # fields of it


def run(state: RunState, stage: Stage = Stage.PROMOTE, **more: object) -> Case:
    return Case(NOW, replace(RUN, state=state, stage=stage, **more))  # type: ignore[arg-type] # fields of it


def failed(code: str, stage: Stage = Stage.PROMOTE, **more: object) -> Case:
    case = run(RunState.FAILED, stage, code=code, message="the words", ended=BEFORE)
    return replace(case, **more)  # type: ignore[arg-type] # fields of it


GATED = replace(waiting(WaitKind.GATE, "soak: …"), gates=(OPEN, SOAK, REVIEW))
PROPOSED = replace(
    waiting(WaitKind.PULL_REQUEST, "it is open"),
    run=replace(RUN, pull_request=41, pull_request_url="https://forge.example/pull/41"),
    proposed_since=NOW - timedelta(days=3),
)
BUILD = BuildFacts("r/checkout:1", BuildState.RUNNING, since=BEFORE)
OTHER = Other("01NEW", NEWER, contains=True, live_since=BEFORE)

CASES = {
    "live": (Case(NOW, RUN, live=LIVE), Cause.LIVE, "live since Wed 2026-03-04 10:30 UTC, healthy since"),
    "live although the run failed": (replace(failed("sync-timeout"), live=LIVE), Cause.LIVE, "healthy since"),
    "live without a deployer": (
        Case(NOW, RUN, live=replace(LIVE, healthy_since=None, health="", followed=False)), Cause.LIVE, "live since",
    ),
    "degraded": (
        Case(NOW, RUN, live=replace(LIVE, healthy_since=None, health="Degraded")), Cause.HEALTH, "health is Degraded",
    ),
    "image gone": (Case(NOW, RUN, live=replace(LIVE, health="ImageGone")), Cause.HEALTH, "not in the registry"),
    "taken back": (
        Case(NOW, RUN, live=replace(LIVE, until=NOW, by_us=False, ended_by="reverted by Ben in c1c1c1")),
        Cause.TAKEN_BACK, "then taken back: reverted by Ben in c1c1c1",
    ),
    "replaced": (
        Case(NOW, RUN, live=replace(LIVE, until=NOW, by_us=True, ended_by="x"), instead=OTHER),
        Cause.REPLACED, "5a5a5a5a5a5a (run 01NEW), which contains it; that is live since",
    ),
    "queued": (run(RunState.QUEUED, accepted=BEFORE), Cause.UNDER_WAY, "queued in stage promote since"),
    "running": (replace(run(RunState.RUNNING), step="write"), Cause.UNDER_WAY, "in stage promote now: write"),
    "asked to cancel": (run(RunState.RUNNING, cancelled_by="ada"), Cause.CANCELLED, "ada asked"),
    "building": (
        replace(run(RunState.WAITING, Stage.BUILD), wait=waiting(WaitKind.BUILD).wait, builds=(BUILD,)),
        Cause.BUILDING, "r/checkout:1 is being built since Wed 2026-03-04 10:30 UTC (1h30m)",
    ),
    "build waits its turn": (
        replace(
            waiting(WaitKind.BUILD_ELSEWHERE),
            builds=(replace(BUILD, state=BuildState.STARTED, asked=False, message="20 at once"),),
        ),
        Cause.BUILD_WAITS, "waits for its turn: 20 at once",
    ),
    "build failed": (
        failed("build-failed", Stage.BUILD, builds=(replace(BUILD, state=BuildState.FAILED),)),
        Cause.BUILD_FAILED, "its build failed at Wed 2026-03-04 10:30 UTC: the words (build-failed)",
    ),
    "image awaited": (
        waiting(WaitKind.IMAGE, "the tag is not there", subject="checkout:1", until=NOW),
        Cause.IMAGE, "for the image checkout:1: the tag is not there; the deadline is",
    ),
    "image never came": (failed("image-missing", Stage.BUILD), Cause.IMAGE, "the words"),
    "superseded, and live within": (
        replace(run(RunState.SUPERSEDED), successor=OTHER), Cause.LIVE, "live within 5a5a5a5a5a5a (run 01NEW) since",
    ),
    "superseded by what is not live": (
        replace(run(RunState.SUPERSEDED), successor=replace(OTHER, live_since=None, words="it waits")),
        Cause.SUPERSEDED, "superseded by 5a5a5a5a5a5a (run 01NEW), which contains it; of that one: it waits",
    ),
    "superseded by what does not contain it": (
        replace(run(RunState.SUPERSEDED), successor=replace(OTHER, contains=False)),
        Cause.SUPERSEDED, "which does not contain it; that is live since",
    ),
    "failed, and live within": (
        replace(failed("push-refused"), instead=OTHER), Cause.LIVE,
        "live within 5a5a5a5a5a5a (run 01NEW) since Wed 2026-03-04 10:30 UTC; its own run is failed",
    ),
    "failed, and something else is live": (
        replace(failed("push-refused"), instead=replace(OTHER, contains=None)), Cause.PUSH, "could not be pushed",
    ),
    "pull request of a locked environment": (
        replace(PROPOSED, entries=(Lock(PLACED, "prod"),)), Cause.PULL_REQUEST, "it is open. prod is locked by anna",
    ),
    "order": (run(RunState.SUPERSEDED, message="newer was there"), Cause.ORDER, "newer was there"),
    "gate": (GATED, Cause.GATE, "gate soak is closed: healthy for 20m of 30m in stage. Not open either: approval"),
    "gate refused": (failed("gate-refused"), Cause.GATE, "a gate refused it"),
    "lock before gates": (
        replace(GATED, entries=(Lock(PLACED, "prod"),)), Cause.LOCK,
        "prod is locked by anna since 2026-03-04 10:30 UTC: incident 42. In its way as well: gate soak, gate approval",
    ),
    "hold": (replace(GATED, entries=(Hold(PLACED, "checkout", "prod"),)), Cause.HOLD, "held by anna"),
    "blocked": (
        failed("blocked", entries=(Block(PLACED, Blocked.COMMIT, COMMIT),)), Cause.BLOCK, f"commit {COMMIT} is blocked",
    ),
    "blocked, and unblocked since": (failed("blocked"), Cause.BLOCK, "it was blocked"),
    "state in doubt": (replace(GATED, doubt="rewritten", entries=(Lock(PLACED),)), Cause.STATE, "in doubt: rewritten"),
    "pull request": (
        replace(PROPOSED, gates=(REVIEW,)), Cause.PULL_REQUEST,
        ("#41 https://forge.example/pull/41 is open since Sun 2026-03-01 12:00 UTC (3d) and not merged: it is open. "
        "gate approval is closed: 1 of 2 approvals"),
    ),
    "closed by a person": (run(RunState.CANCELLED, code="pull-request-closed"), Cause.CLOSED, "was closed"),
    "cancelled with its pull request": (
        run(RunState.CANCELLED, code="pull-request-closed", cancelled_by="ada"), Cause.CANCELLED, "cancelled",
    ),
    "reverted before it was live": (run(RunState.CANCELLED, code="reverted"), Cause.TAKEN_BACK, "taken back"),
    "push under way": (waiting(WaitKind.PUSH), Cause.PUSH, "waits since"),
    "push refused": (failed("push-refused"), Cause.PUSH, "could not be pushed"),
    "retry": (waiting(WaitKind.RETRY, "HTTP 502", until=NOW), Cause.RETRY, "HTTP 502; it is tried again at"),
    "sync": (
        waiting(WaitKind.SYNC, "it is OutOfSync", subject="checkout-prod"), Cause.SYNC,
        "checkout-prod does not have manifest commit c0c0c0c0c0c0 live and healthy: it is OutOfSync",
    ),
    "health while waiting": (
        replace(waiting(WaitKind.SYNC), degraded=True, gives_up_at=NOW), Cause.HEALTH, "gives up at",
    ),
    "sync never came": (failed("sync-timeout", Stage.DEPLOY), Cause.SYNC, "did not bring it"),
    "unhealthy": (failed("deploy-failed", Stage.DEPLOY, degraded=True), Cause.HEALTH, "not healthy"),
    "another error": (failed("internal-error"), Cause.FAILED, "failed in stage promote"),
    "succeeded, unseen": (run(RunState.SUCCEEDED, ended=BEFORE), Cause.LIVE, "as manifest commit c0c0c0c0c0c0"),
    "succeeded, replaced": (replace(run(RunState.SUCCEEDED), instead=OTHER), Cause.REPLACED, "was replaced by 5a5a"),
}  # fmt: skip


@pytest.mark.parametrize(("case", "cause", "words"), CASES.values(), ids=CASES)
def test_cause_is_told_with_its_values(case: Case, cause: Cause, words: str) -> None:
    answer = why_not(case)
    assert (answer.cause, words in answer.words) == (cause, True), answer


def test_action_names_the_run_and_the_place() -> None:
    assert "`mergeport runs retry 01RVN`" in why_not(failed("push-refused")).action
    held = why_not(replace(GATED, entries=(Hold(PLACED, "checkout", "prod"),)))
    assert held.action == "`mergeport unhold checkout prod`"
    locked = why_not(replace(GATED, entries=(Lock(PLACED, "prod", "checkout"),)))
    assert "`mergeport unlock prod checkout`" in locked.action
    everything = why_not(replace(GATED, entries=(Lock(PLACED),)))
    assert "`mergeport unlock --all`" in everything.action


def test_what_was_taken_back_and_is_held_is_brought_again_by_lifting_the_hold() -> None:
    back = Case(NOW, RUN, live=replace(LIVE, until=NOW, by_us=False, ended_by="rolled back"))
    assert "`mergeport runs retry 01RVN`" in why_not(back).action
    held = why_not(replace(back, entries=(Hold(PLACED, "checkout", "prod"),)))
    assert (held.cause, held.action) == (Cause.TAKEN_BACK, "`mergeport unhold checkout prod`")


def test_words_of_people_stay_on_one_line_and_are_cut() -> None:
    answer = why_not(failed("push-refused", run=replace(RUN, state=RunState.FAILED, message="a\nb" * 5000)))
    assert ("\n" in answer.words, len(answer.words) <= 600) == (False, True)


def test_every_cause_is_in_the_documentation_with_its_action() -> None:
    rows = [line.strip("| ").split(" | ") for line in page("docs/ask.md").text.splitlines() if line.startswith("| `")]
    told = {row[0].strip("`"): row[2].replace("\\|", "|") for row in rows if len(row) == 3}
    assert {cause: action for cause, action in NEXT.items() if told.get(cause) != action} == {}
    assert set(told) == set(Cause)
