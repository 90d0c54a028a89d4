"""Tells why a run's release is not live, or since when it is: one cause, in words with the actual values. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import assert_never

from service.core.asked.case import BuildFacts, Case, GateRow, LiveFacts, Other, WaitFacts
from service.core.asked.causes import Answer, Cause, answered
from service.core.foreign_text import cut, line
from service.core.gates.moments import length, moment
from service.core.state import Block, Entry, Hold, Lock, told
from service.core.words import BuildState, RunState, Stage, WaitKind

_LONGEST = 600
_SHORT = 12
_MINUTE = timedelta(minutes=1)
_WITHOUT_EFFECT = frozenset({RunState.FAILED, RunState.CANCELLED, RunState.SUPERSEDED})
_CLOSED_GATE = frozenset({"waiting", "refused"})
_IMAGE = frozenset(
    {
        "image-gone", "image-missing", "image-not-copied", "image-not-pushed", "image-not-replicated",
        "image-not-seen-yet", "image-pipeline-ended", "image-platforms-missing", "tag-taken",
    }
)  # fmt: skip
_PROPOSAL = frozenset({"branch-edited", "merged-without-image", "pull-request-retargeted", "pull-request-timeout"})
_ORDER = frozenset({"source-rewritten", "manifest-history-rewritten"})
_PUSH = frozenset({"branch-holds-removed", "manifest-branch-missing", "push-lost", "push-refused"})
_GONE = "ImageGone"


def why_not(case: Case) -> Answer:
    """Give the one thing that keeps a run's release from being live, or that it is live."""
    if case.live is not None:
        return _was_live(case, case.live)
    if case.run.state in _WITHOUT_EFFECT and case.instead is not None and case.instead.contains:
        return _within(case, case.instead)
    match case.run.state:
        case RunState.QUEUED | RunState.RUNNING:
            return _under_way(case)
        case RunState.WAITING:
            return _under_way(case) if case.wait is None else _waiting(case, case.wait)
        case RunState.SUCCEEDED:
            return _succeeded(case)
        case RunState.SUPERSEDED:
            return _superseded(case)
        case RunState.CANCELLED:
            return _cancelled(case)
        case RunState.FAILED:
            return _failed(case)
        case _:
            assert_never(case.run.state)


def _answer(case: Case, cause: Cause, words: str, **names: str) -> Answer:
    run = case.run
    every = {"RUN": run.id, "APPLICATION": run.application, "ENVIRONMENT": run.environment, **names}
    return answered(cause, cut(line(words), _LONGEST), **every)


# --- it is live, or was ---------------------------------------------------------------------------


def _was_live(case: Case, live: LiveFacts) -> Answer:
    since = moment(live.since)
    if live.until is not None:
        span = f"it was live from {since} until {moment(live.until)}"
        if live.by_us is False:
            return _taken_back(case, f"{span}, then taken back: {live.ended_by}")
        if case.instead is not None:
            return _answer(case, Cause.REPLACED, f"{span}, then replaced by {_other(case.instead)}")
        return _answer(case, Cause.REPLACED, f"{span}: {live.ended_by}")
    if live.health == _GONE:
        words = f"it is live since {since}, but its image is not in the registry any more: pods that start anew fail"
        return _answer(case, Cause.HEALTH, words)
    if live.healthy_since is None and live.followed:
        return _answer(case, Cause.HEALTH, f"it is live since {since}, but {_health(case, live)}")
    healthy = f", healthy since {moment(live.healthy_since)}" if live.healthy_since else ""
    return _answer(case, Cause.LIVE, f"it is live since {since}{healthy}")


def _taken_back(case: Case, words: str) -> Answer:
    """Tell that it was taken back. While a hold is in force, a retry would only wait at it."""
    found = _answer(case, Cause.TAKEN_BACK, words)
    holds = [entry for entry in case.entries if isinstance(entry, Hold)]
    return replace(found, action=_answer(case, Cause.HOLD, words).action) if holds else found


def _health(case: Case, live: LiveFacts) -> str:
    said = case.wait.words if case.wait is not None else case.run.message if case.run.state is RunState.FAILED else ""
    health = f"its health is {live.health}" if live.health else "its health is not known"
    return f"{health}{': ' + said if said else ''}{_gives_up(case)}"


def _gives_up(case: Case) -> str:
    return (
        "" if case.gives_up_at is None else f" (the run gives up at {moment(case.gives_up_at)}, unless it gets better)"
    )


def _succeeded(case: Case) -> Answer:
    run = case.run
    commit = f" as manifest commit {run.manifest_commit[:_SHORT]}" if run.manifest_commit else ""
    if case.instead is not None:
        return _answer(case, Cause.REPLACED, f"it went in{commit}, and was replaced by {_other(case.instead)}")
    at = f" at {moment(run.ended)}" if run.ended else ""
    return _answer(case, Cause.LIVE, f"it went in{commit}{at}, and nothing has replaced it since: {run.message}")


def _within(case: Case, other: Other) -> Answer:
    """Tell that a newer release is live which contains the commit, whatever became of the commit's own run."""
    since = f" since {moment(other.live_since)}" if other.live_since else ""
    words = f"it is live within {other.commit[:_SHORT]} (run {other.run}){since}; its own run is {case.run.state}"
    return _answer(case, Cause.LIVE, words)


def _other(other: Other) -> str:
    contains = {True: ", which contains it", False: ", which does not contain it", None: ""}[other.contains]
    live = f"; that is live since {moment(other.live_since)}" if other.live_since else ""
    return f"{other.commit[:_SHORT]} (run {other.run}){contains}{live}"


# --- it is under way ------------------------------------------------------------------------------


def _under_way(case: Case) -> Answer:
    run = case.run
    if run.cancelled_by:
        return _answer(case, Cause.CANCELLED, f"{run.cancelled_by} asked to cancel it; it ends before its next step")
    if run.stage is Stage.BUILD and (open_build := _open(case.builds)) is not None:
        return _building(case, open_build)
    doing = f": {case.step}" if case.step else ""
    if run.state is RunState.QUEUED:
        since = f" since {moment(run.accepted)}" if run.accepted else ""
        return _answer(case, Cause.UNDER_WAY, f"it is queued in stage {run.stage}{since}{doing}")
    return _answer(case, Cause.UNDER_WAY, f"it is in stage {run.stage} now{doing}")


def _open(builds: tuple[BuildFacts, ...]) -> BuildFacts | None:
    return next((build for build in builds if not build.state.ended), None)


def _building(case: Case, build: BuildFacts) -> Answer:
    said = f": {build.message}" if build.message else ""
    if build.state is BuildState.QUEUED or not build.asked:
        return _answer(case, Cause.BUILD_WAITS, f"the build of {build.reference} waits for its turn{said}")
    span = f" since {moment(build.since)} ({length(_span(build.since, case.now))})" if build.since else ""
    return _answer(case, Cause.BUILDING, f"{build.reference} is being built{span}{said}")


def _waiting(case: Case, wait: WaitFacts) -> Answer:
    until = f"; the deadline is {moment(wait.until)}" if wait.until else ""
    since = f"since {moment(wait.since)}"
    match wait.kind:
        case WaitKind.BUILD | WaitKind.BUILD_ELSEWHERE:
            build = _open(case.builds)
            if build is not None:
                return _building(case, build)
            return _answer(case, Cause.BUILDING, f"it waits for a build {since}: {wait.words}")
        case WaitKind.IMAGE:
            words = f"it waits {since} for the image {wait.subject}: {wait.words}{until}"
            return _answer(case, Cause.IMAGE, words)
        case WaitKind.PUSH:
            return _answer(case, Cause.PUSH, f"its commit waits {since} to be pushed: {wait.words}")
        case WaitKind.GATE:
            return _gate(case, wait)
        case WaitKind.PULL_REQUEST:
            return _proposed(case, wait)
        case WaitKind.SYNC:
            cause = Cause.HEALTH if case.degraded else Cause.SYNC
            commit = f"manifest commit {(case.run.manifest_commit or '')[:_SHORT]}"
            words = f"Argo CD application {wait.subject} does not have {commit} live and healthy: {wait.words}"
            return _answer(case, cause, f"{words}{_gives_up(case) or until}")
        case WaitKind.RETRY:
            again = f"; it is tried again at {moment(wait.until)}" if wait.until else ""
            return _answer(case, Cause.RETRY, f"stage {case.run.stage} met an error that may pass: {wait.words}{again}")
        case _:
            assert_never(wait.kind)


def _gate(case: Case, wait: WaitFacts) -> Answer:
    """Tell what closes it: people first, because they close everything, then the first gate that is not open."""
    closed = [one for one in case.gates if one.state in _CLOSED_GATE and one.gate not in {"lock", "hold", "block"}]
    if case.doubt:
        return _answer(case, Cause.STATE, f"nothing is promoted, because the state is in doubt: {case.doubt}")
    if case.entries:
        also = [f"gate {one.gate}" for one in closed]
        return _by_people(case, case.entries, also)
    if closed and not wait.on_state:
        return _answer(case, Cause.GATE, _of_gates(closed))
    return _answer(case, Cause.GATE, f"it waits since {moment(wait.since)}: {wait.words}")


def _of_gates(closed: list[GateRow]) -> str:
    first, *rest = closed
    also = f". Not open either: {', '.join(one.gate for one in rest)}" if rest else ""
    return f"gate {first.gate} is {'closed' if first.state == 'waiting' else 'refusing'}: {first.words}{also}"


def _by_people(case: Case, entries: tuple[Entry, ...], also: list[str]) -> Answer:
    first, *rest = entries
    others = [entry.subject[0] for entry in rest] + also
    words = told(first, case.now) + (f". In its way as well: {', '.join(others)}" if others else "")
    match first:
        case Block(value=value):
            return _answer(case, Cause.BLOCK, words, **{"DIGEST|COMMIT": value})
        case Lock(environment=environment, application=application):
            name = f"{environment} {application}".strip() or "--all"
            return _answer(case, Cause.LOCK, words, ENVIRONMENT=name)
        case Hold():
            return _answer(case, Cause.HOLD, words)
        case _:
            assert_never(first)


def _proposed(case: Case, wait: WaitFacts) -> Answer:
    since = case.proposed_since or wait.since
    opened = f"open since {moment(since)} ({length(_span(since, case.now))})"
    url = f" {case.run.pull_request_url}" if case.run.pull_request_url else ""
    closed = [one for one in case.gates if one.state in _CLOSED_GATE]
    gates = f". {_of_gates(closed)}" if closed else ""
    number = f"#{case.run.pull_request}" if case.run.pull_request else ""
    people = "".join(f". {told(entry, case.now)}" for entry in case.entries[:1])
    words = f"pull request {number}{url} is {opened} and not merged: {wait.words}{people}{gates}"
    return _answer(case, Cause.PULL_REQUEST, words)


def _span(since: datetime, now: datetime) -> timedelta:
    """Give how long something lasts, in whole minutes if it is longer than one."""
    span = max(timedelta(0), now - since)
    return timedelta(minutes=span // _MINUTE) if span >= _MINUTE else timedelta(seconds=int(span.total_seconds()))


# --- it ended without being live ------------------------------------------------------------------


def _superseded(case: Case) -> Answer:
    other, run = case.successor, case.run
    if other is None:
        return _answer(case, Cause.ORDER, f"something newer was there already: {run.message}")
    if other.live_since is not None and other.contains:
        return _within(case, other)
    keeps = f"; of that one: {other.words}" if other.words and other.live_since is None else ""
    return _answer(case, Cause.SUPERSEDED, f"it was superseded by {_other(other)}{keeps}")


def _cancelled(case: Case) -> Answer:
    run = case.run
    at = f" at {moment(run.ended)}" if run.ended else ""
    match run.code:
        case "pull-request-closed" if not run.cancelled_by:
            return _answer(case, Cause.CLOSED, f"its pull request was closed{at}: {run.message}")
        case "reverted":
            return _taken_back(case, f"it was taken back{at}: {run.message}")
        case _:
            return _answer(case, Cause.CANCELLED, f"it was cancelled{at}: {run.message}")


def _failed(case: Case) -> Answer:
    run = case.run
    at = f" at {moment(run.ended)}" if run.ended else ""
    words = f"{run.message} ({run.code})" if run.code else run.message
    cause, how = _cause_of(case)
    if cause is Cause.BLOCK and case.entries and isinstance(case.entries[0], Block):
        return _by_people(case, case.entries, [])
    return _answer(case, cause, f"{how}{at}: {words}")


def _cause_of(case: Case) -> tuple[Cause, str]:
    code, stage = case.run.code, case.run.stage
    by_code = (
        ({"blocked"}, Cause.BLOCK, "it was blocked"),
        ({"gate-refused"}, Cause.GATE, "a gate refused it"),
        (_IMAGE, Cause.IMAGE, "its image could not be taken"),
        (_PROPOSAL, Cause.PULL_REQUEST, "its pull request came to nothing"),
        ({"pull-request-closed"}, Cause.CLOSED, "its pull request was closed"),
        (_ORDER, Cause.ORDER, "which one is newer could not be told"),
        (_PUSH, Cause.PUSH, "its commit could not be pushed"),
        ({"internal-error"}, Cause.FAILED, f"it failed in stage {stage}"),
    )
    for codes, cause, how in by_code:
        if code in codes:
            return cause, how
    if stage is Stage.BUILD and (code.startswith("build") or _has_failed(case.builds)):
        return Cause.BUILD_FAILED, "its build failed"
    if stage is Stage.DEPLOY and code in {"deploy-failed", "sync-timeout"}:
        return (Cause.HEALTH, "it was not healthy") if case.degraded else (Cause.SYNC, "Argo CD did not bring it")
    return Cause.FAILED, f"it failed in stage {stage}"


def _has_failed(builds: tuple[BuildFacts, ...]) -> bool:
    return any(build.state is BuildState.FAILED for build in builds)
