"""Decides by time: a doubt fails a run only after a grace, and success may have to last. Called by a deployer's watch.

`Past` is what was seen of one wait before. Pure: the time is a parameter, and the caller keeps the past.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta

from service.core.deployment.verdicts import Doubt, Patience, Progress, Verdict, VerdictKind

_MOST_KEPT = 3
_LONGEST_KEPT = 1000
_MOST_NAMED = 20
_LONG_APART = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Past:
    """What was seen so far.

    `doubt` has lasted since `doubt_since`, and fails the run at `gives_up_at` if it lasts until then. Success has
    lasted since `right_since`. Something (`apart`) was first seen out of sync at our commit at `apart_since`.
    `progress` is the furthest that was seen. `failure` has the words of the last failure that was tried again, and
    `failing` names its operation; both are kept until something better is known. `pods` has the words of the pods as
    they were read last, `url` is the application's page, and `tip` is the branch's newest commit that was compared with
    our images.
    """

    doubt: Doubt | None = None
    doubt_since: datetime | None = None
    right_since: datetime | None = None
    apart_since: datetime | None = None
    apart: tuple[str, ...] = ()
    progress: Progress = Progress.UNSEEN
    failure: tuple[str, ...] = ()
    pods: tuple[str, ...] = ()
    url: str = ""
    tip: str = ""
    failing: str = ""
    gives_up_at: datetime | None = None


NOTHING_SEEN = Past()


def decide(verdict: Verdict, past: Past, patience: Patience, now: datetime) -> tuple[Verdict, Past]:
    """Turn a verdict of this moment into one that may end a run, and give what to remember for the next one.

    If the desired state cannot be compared although our commit was compared before, our commit is not to blame: parts
    of the deployer are away, or something later is broken. The run then waits until its deadline.

    If a failed operation was followed by another one that fails too, the first had used up its tries. When commits come
    one after the other, its end can be seen only for a moment.
    """
    kept = _kept(verdict, past, now)
    verdict = _with_failure(verdict, past)
    if verdict.failing and past.failing and verdict.failing != past.failing:
        reason = f"the sync failed after its last try, and so does the next one; {verdict.reason}"
        return replace(verdict, kind=VerdictKind.FAILED, reason=reason), kept
    if verdict.kind is VerdictKind.DOUBTFUL:
        gives_up_at = (kept.doubt_since or now) + patience.grace
        if verdict.doubt is Doubt.NOT_COMPARABLE and past.progress >= Progress.COMPARED:
            return replace(verdict, kind=VerdictKind.WAITING), kept
        if now < gives_up_at:
            return replace(verdict, kind=VerdictKind.WAITING), replace(kept, gives_up_at=gives_up_at)
        return replace(verdict, kind=VerdictKind.FAILED), kept
    if verdict.kind is VerdictKind.SUCCEEDED:
        return _succeeded(verdict, kept, patience, now), kept
    if verdict.kind is VerdictKind.WAITING and verdict.apart and kept.apart_since is not None:
        reason = f"{verdict.reason}, not in sync since {_moment(kept.apart_since)}"
        return replace(verdict, reason=reason), kept
    return verdict, kept


def _succeeded(verdict: Verdict, kept: Past, patience: Patience, now: datetime) -> Verdict:
    """Require success to last; name what was out of sync for so long that it may be out of sync again."""
    reason = verdict.reason
    if kept.apart_since is not None and now - kept.apart_since >= _LONG_APART:
        reason += f"; until now {', '.join(kept.apart[:5])} was out of sync, since {_moment(kept.apart_since)}"
    until = (kept.right_since or now) + patience.stable
    if now < until:
        return replace(verdict, kind=VerdictKind.WAITING, reason=f"{reason}; watched until {_moment(until)}")
    return replace(verdict, reason=reason)


def _kept(verdict: Verdict, past: Past, now: datetime) -> Past:
    same_doubt = verdict.doubt is not None and verdict.doubt is past.doubt
    right = verdict.kind is VerdictKind.SUCCEEDED
    failures = verdict.messages if verdict.progress is Progress.COMPARED and not right else ()
    over = right or verdict.progress is Progress.LIVE
    return Past(
        doubt=verdict.doubt,
        doubt_since=(past.doubt_since if same_doubt else now) if verdict.doubt is not None else None,
        right_since=(past.right_since or now) if right else None,
        apart_since=(past.apart_since or now) if verdict.apart else past.apart_since,
        apart=verdict.apart[:_MOST_NAMED] or past.apart,
        progress=max(past.progress, verdict.progress),
        failure=() if right else _first((*(one[:_LONGEST_KEPT] for one in failures), *past.failure)),
        failing="" if over else verdict.failing or past.failing,
    )


def _with_failure(verdict: Verdict, past: Past) -> Verdict:
    """Add the messages of the last failed try while the next one is under way."""
    if verdict.progress is Progress.LIVE or verdict.kind is VerdictKind.SUCCEEDED or not past.failure:
        return verdict
    return replace(verdict, messages=tuple(dict.fromkeys((*verdict.messages, *past.failure))))


def _first(messages: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(messages))[:_MOST_KEPT]


def past_text(past: Past) -> str:
    """Write a past as text, for the store."""
    return json.dumps(asdict(past), default=lambda value: value.isoformat())


def past_from(text: str | None) -> Past:
    """Read a past; without one, nothing was seen."""
    if not text:
        return NOTHING_SEEN
    read = json.loads(text)
    times = {name: _time(read.get(name)) for name in ("doubt_since", "right_since", "apart_since", "gives_up_at")}
    return Past(
        doubt=Doubt(read["doubt"]) if read["doubt"] else None,
        progress=Progress(read["progress"]),
        apart=tuple(read["apart"]),
        failure=tuple(read["failure"]),
        pods=tuple(read["pods"]),
        url=read.get("url", ""),
        tip=read.get("tip", ""),
        failing=read.get("failing", ""),
        **times,
    )


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _moment(at: datetime) -> str:
    return f"{at:%H:%M:%S} UTC"
