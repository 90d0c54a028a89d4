"""The http gate: an address of the team's own decides. Pure: what is asked, how it is signed, what an answer means.

Whoever sends the question takes `question` as the body and `signature` as the header, and puts what came into the
facts. Only a clear answer to this very question opens the gate.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import AfterValidator, Field

from service.core.config.texts import TextError
from service.core.foreign_text import cut, line
from service.core.gates.facts import Facts
from service.core.gates.gate_keys import GateKeys, Length
from service.core.gates.gate_verdict import Allow, Evidence, Refuse, Traits, Verdict, Wait
from service.core.gates.http_answer import HttpAnswer
from service.core.gates.moments import moment
from service.core.gates.unknown import Unknown, wait_for
from service.core.json_weight import is_heavier

TRAITS = Traits(frozenset({Evidence.ANSWER}), of_run=True)
SIGNATURE_HEADER = "Mergeport-Signature"
LONGEST_ANSWER = 65_536
_MOST_VALUES = 200
_LONGEST_WORDS = 500
_SOONEST, _LATEST = timedelta(seconds=5), timedelta(days=30)
_LONGEST_TIMEOUT = timedelta(seconds=60)
_AGAIN = timedelta(minutes=1)
"""When to ask again after an answer that means nothing."""
_SUCCESS = range(200, 300)
_URL = re.compile(r"https?://[^\s/?#@\\]+(?:[/?][^\s#\\]*)?")
_SECRET = re.compile(r"[A-Z][A-Z0-9_]*")


def _url(text: str) -> str:
    if _URL.fullmatch(text):
        return text
    hint = "take the user and the password out; the question is signed" if "@" in text else "write https://HOST/PATH"
    raise TextError("is not an address that can be asked", hint)


def _secret(text: str) -> str:
    if _SECRET.fullmatch(text):
        return text
    raise TextError("is not the name of a secret", "capital letters, digits and _; never the secret itself")


def _timeout(length: timedelta) -> timedelta:
    if length <= _LONGEST_TIMEOUT:
        return length
    raise TextError("is longer than a minute", "let the address answer wait, and it is asked again")


class Options(GateKeys):
    """An address that decides."""

    url: Annotated[str, AfterValidator(_url)] = Field(description="The address that gets a signed POST.")
    secret: Annotated[str, AfterValidator(_secret)] = Field(description="The NAME of the secret that signs it.")
    timeout: Annotated[Length, AfterValidator(_timeout)] = Field(
        default=timedelta(seconds=10), description="How long an answer may take: 10s; at most 60s."
    )


def question(facts: Facts) -> bytes:
    """Give the body that is sent: the same release in the same place gives the same bytes."""
    images = [
        {"name": image.reference.name, "tag": image.reference.tag, "digest": image.reference.digest}
        for image in facts.images
    ]
    asked = {
        "version": 1,
        "application": facts.application,
        "environment": facts.environment,
        "source": facts.source.key,
        "commit": facts.commit,
        "tree": facts.tree,
        "images": images,
        "models": sorted(facts.models),
    }
    return json.dumps(asked, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode("ascii")


def question_id(body: bytes) -> str:
    """Give the id of a question, so that an answer is never taken for another release's."""
    return hashlib.sha256(body).hexdigest()


def signature(secret: bytes, body: bytes, at: datetime) -> str:
    """Give the header's value: `t=SECONDS,v1=HEX`, the HMAC-SHA256 of `SECONDS.BODY`.

    The time is signed too, so that the receiver can refuse what is replayed later.
    """
    seconds = int(at.timestamp())
    return f"t={seconds},v1={hmac.new(secret, b'%d.%b' % (seconds, body), hashlib.sha256).hexdigest()}"


def judge(_options: Options, facts: Facts) -> Verdict:
    """Read the newest answer to this question; without one it is a wait."""
    answer = facts.answer
    if isinstance(answer, Unknown):
        return wait_for("the answer", answer)
    if answer.question != question_id(question(facts)):
        return Wait("the address was not asked about this release yet")
    verdict = read_answer(answer)
    if isinstance(verdict, Allow) and verdict.until and verdict.until <= facts.now:
        return Wait(f"the address allowed it until {moment(verdict.until)} only, and is asked again")
    return verdict


def read_answer(answer: HttpAnswer) -> Verdict:
    """Tell what an answer means: `verdict` is allow, wait or refuse; `words`, `until` and `retry_after` are optional.

    Anything else is a wait in words: what nobody understands opens nothing, and fails no run.
    """
    again = answer.at + _AGAIN
    if answer.status not in _SUCCESS:
        return Wait(f"the address answered with status {answer.status}", again)
    try:
        told = _told(answer.body)
        words, until = _words(told), _until(told, answer.at)
    except ValueError as error:
        return Wait(f"the answer is not understood: {error}", again)
    match told.get("verdict"):
        case "allow":
            return Allow(words or "allowed", until)
        case "wait":
            return Wait(words or "the address says to wait", max(until or again, answer.at + _SOONEST))
        case "refuse":
            return Refuse(words or "the address refused, without words")
        case _:
            return Wait("the answer is not understood: verdict is none of allow, wait, refuse", again)


def _told(body: bytes) -> Mapping[str, object]:
    if len(body) > LONGEST_ANSWER or is_heavier(body, _MOST_VALUES):
        raise ValueError("it is too long")
    try:
        told = json.loads(body.decode("utf-8-sig"), object_pairs_hook=_once)
    except (UnicodeDecodeError, RecursionError, json.JSONDecodeError):
        raise ValueError("it is not JSON") from None
    if not isinstance(told, dict):
        raise ValueError("it is not an object")  # noqa: TRY004 - a fault of the answer, not of ours
    return told


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError("it has a key twice")
    return dict(pairs)


def _words(told: Mapping[str, object]) -> str:
    words = told.get("words", "")
    if not isinstance(words, str):
        raise ValueError("words is no text")  # noqa: TRY004 - the same
    return cut(line(words.encode("utf-8", "replace").decode("utf-8")), _LONGEST_WORDS)


def _until(told: Mapping[str, object], at: datetime) -> datetime | None:
    """Give the time that the answer names, at most a month on, so that a slip does not close the gate for good."""
    until, seconds = told.get("until"), told.get("retry_after")
    latest = at + _LATEST
    if isinstance(until, str):
        try:
            time = datetime.fromisoformat(until)
            return min(time, latest).astimezone(UTC)
        except (ValueError, TypeError, OverflowError):
            raise ValueError("until is no time with a time zone") from None
    if isinstance(seconds, int | float) and not isinstance(seconds, bool) and seconds >= 0:
        return latest if seconds >= _LATEST.total_seconds() else at + timedelta(seconds=seconds)
    if until is not None or seconds is not None:
        raise ValueError("until is no time, or retry_after no number of seconds")
    return None
