"""Actions on the state: lock, hold, block, and their opposites. Each makes a commit on `mergeport/state`.

Called through the package. With several manifest repositories an action goes to all that it concerns: what was done is
told for each, and the same action can be asked for again to do the rest.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime

from service.core import trailers
from service.core.config.report import nearest
from service.core.foreign_text import cut, line
from service.core.state import Block, Blocked, Cause, Entry, Hold, Lock, Placed, State, add, remove
from service.core.state.entries import LONGEST_NAME, LONGEST_REASON
from service.core.state.state_reader import SHAPES
from service.core.state.state_writer import sound
from service.core.words import Publish, Repository, Sha
from service.errors import MergeportError, NotFoundError, PermanentError, RetryableError
from service.pipeline.context import Context
from service.pipeline.manifest.state.state_change import Change, accept_state, change_state
from service.pipeline.manifest.state.state_reading import Seen, look_at_state
from service.store import audit
from service.store.ids import new_id

_DIGEST_AT_END = re.compile(r"(?:.*@)?(sha256:[0-9a-f]{64})", re.IGNORECASE)
_ALREADY = frozenset({"already-locked", "already-held", "already-blocked", "not-locked", "not-held", "not-blocked"})
_PUSHED = frozenset({"push-not-ended", "state-not-read-back"})
"""Errors that come after the push."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks for an action, why, and until when it holds. Asked again with the same `id`, it is the same action."""

    by: str
    at: datetime
    why: str = ""
    until: datetime | None = None
    id: str = field(default_factory=new_id)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an action: the commits that have it, where there was nothing to do, and where it failed.

    `proposes` names the environments that it closes and that are promoted to by pull request: what is open there
    already can still be merged.
    """

    name: str
    done: tuple[tuple[Repository, Sha], ...]
    already: tuple[tuple[Repository, MergeportError], ...]
    failed: tuple[tuple[Repository, MergeportError], ...]
    proposes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Listed:
    """The state of one manifest repository; `error` if it could not be read."""

    repository: Repository
    seen: Seen | None
    error: MergeportError | None = None


def lock(context: Context, asked: Asked, *, environment: str = "", application: str = "") -> Outcome:
    """Close an environment to promotions, or an application in it; without either, everything."""
    entry = Lock(_placed(context, asked), environment, application)
    return _place(context, asked, entry, _where(context, environment, application))


def unlock(context: Context, asked: Asked, *, environment: str = "", application: str = "") -> Outcome:
    """Take a lock away; what is locked by another lock stays so."""
    return _take_away(context, asked, Lock(_placed(context, asked), environment, application))


def hold(
    context: Context,
    asked: Asked,
    *,
    application: str,
    environment: str,
    cause: Cause = Cause.PERSON,
    refused: str = "",
) -> Outcome:
    """Keep automatic promotions from an application's environment; `refused` is the release that was gone back from."""
    entry = Hold(_placed(context, asked), application, environment, cause, refused)
    return _place(context, asked, entry, _where(context, environment, application))


def unhold(context: Context, asked: Asked, *, application: str, environment: str) -> Outcome:
    """Take a hold away."""
    return _take_away(context, asked, Hold(_placed(context, asked), application, environment))


def block(context: Context, asked: Asked, what: str) -> Outcome:
    """Let nothing and nobody promote a digest, a source commit or a model's version; it may be unknown."""
    kind, value = blocked(what)
    return _place(context, asked, Block(_placed(context, asked), kind, value), _all(context))


def unblock(context: Context, asked: Asked, what: str) -> Outcome:
    """Take a block away."""
    kind, value = blocked(what)
    return _take_away(context, asked, Block(_placed(context, asked), kind, value))


def listed(context: Context) -> list[Listed]:
    """Read the state of every manifest repository now; what cannot be read does not hide the rest."""
    found = []
    for repository in _all(context):
        try:
            found.append(Listed(repository, look_at_state(context, repository)))
        except MergeportError as error:
            found.append(Listed(repository, None, error))
    return found


def accept(context: Context, *, by: str, at: datetime, repository: Repository | None = None) -> list[Listed]:
    """Take the state that is in doubt as it is, in one repository or in all where it is; give what is in force then."""
    wanted = [one for one in _all(context) if repository in {None, one}]
    if not wanted:
        raise NotFoundError(
            f"the configuration has no manifest repository {repository}",
            code="repository-unknown",
            hint=nearest(repository or "", _all(context)),
        )
    accepted, errors = [], []
    for one in wanted:
        try:
            seen = accept_state(context, one)
        except MergeportError as error:
            errors.append(error)
            continue
        with context.store.begin() as tx:
            audit.record(tx, at=at, actor=by, action="state accept", subject=one, detail=seen.tip or "no branch")
        accepted.append(Listed(one, seen))
    serious = [error for error in errors if error.code != "state-believed"]
    if serious or not accepted:
        raise (serious or errors)[0]
    return accepted


# --- one action in all its repositories -----------------------------------------------------------


def _place(context: Context, asked: Asked, entry: Entry, repositories: Iterable[Repository]) -> Outcome:
    if asked.until is not None and asked.until <= asked.at:
        raise PermanentError("its time would be over already", code="until-past", hint="name a later time by --until")
    kind = entry.subject[0]
    until = f" until {asked.until:%Y-%m-%d %H:%M UTC}" if asked.until is not None else ""
    words = f"{entry.name} is {_DONE[kind]} by {entry.placed.who}{until}."
    change = _change(asked, entry, kind, words, lambda state: add(state, entry, now=asked.at))
    outcome = _everywhere(context, change, kind, entry.name, repositories)
    return replace(outcome, proposes=_proposing(context, entry))


def _proposing(context: Context, entry: Entry) -> tuple[str, ...]:
    """Name the environments that an entry closes and that are promoted to by pull request."""
    if isinstance(entry, Block):
        return ()
    targets = context.configurations.current().targets()
    closed = (
        target.environment
        for target in targets
        if target.publish is Publish.PULL_REQUEST
        and entry.environment in {"", target.environment}
        and entry.application in {"", target.application, target.owner}
    )
    return tuple(dict.fromkeys(closed))


def _take_away(context: Context, asked: Asked, entry: Entry) -> Outcome:
    kind = entry.subject[0]
    words = f"{entry.name} is not {_DONE[kind]} any more, says {entry.placed.who}."
    change = _change(asked, entry, f"un{kind}", words, lambda state: remove(state, entry.subject, entry.name))
    return _everywhere(context, change, f"un{kind}", entry.name, _all(context))


_DONE = {"lock": "locked", "hold": "held", "block": "blocked"}


def _change(asked: Asked, entry: Entry, verb: str, words: str, apply: Callable[[State], State]) -> Change:
    placed = entry.placed
    subject = f"{verb.capitalize()} {entry.name}" + (f": {line(placed.why)}" if placed.why else "")
    pairs: tuple[tuple[str, str], ...] = ()
    if isinstance(entry, Lock | Hold):
        pairs = ((trailers.APPLICATION, entry.application), (trailers.ENVIRONMENT, entry.environment))
    reason = f" {placed.why}" if placed.why else ""
    return Change(
        id=placed.id, subject=subject, words=f"{words}{reason}", who=placed.who, why=placed.why,
        at=asked.at.replace(microsecond=0), apply=apply, pairs=pairs,
    )  # fmt: skip


def _everywhere(
    context: Context, change: Change, action: str, name: str, repositories: Iterable[Repository]
) -> Outcome:
    """Make the change in each repository; raise if there was nothing to do in any, or if it failed in the only one."""
    done: list[tuple[Repository, Sha]] = []
    already: list[tuple[Repository, MergeportError]] = []
    failed: list[tuple[Repository, MergeportError]] = []
    for repository in repositories:
        try:
            commit = change_state(context, repository, change).commit
        except MergeportError as error:
            (already if error.code in _ALREADY else failed).append((repository, error))
            if isinstance(error, RetryableError) or error.code in _PUSHED:
                _record(context, change, action, name, f"{repository}: not surely done: {error}")
            continue
        done.append((repository, commit))
        _record(context, change, action, name, f"{repository} {commit[:12]}: {change.why}")
    if (not done and len(already) + len(failed) == 1) or (already and not done and not failed):
        raise [*failed, *already][0][1]
    return Outcome(name, tuple(done), tuple(already), tuple(failed))


def _record(context: Context, change: Change, action: str, name: str, detail: str) -> None:
    with context.store.begin() as tx:
        audit.record(tx, at=context.now(), actor=change.who, action=action, subject=name, detail=cut(detail, 2000))


# --- what is asked for ----------------------------------------------------------------------------


def _placed(context: Context, asked: Asked) -> Placed:
    """Check who asks and why."""
    why, who = sound(asked.why), cut(line(sound(asked.by)), LONGEST_NAME)
    if not why and context.configurations.current().reason_required:
        raise PermanentError(
            "a reason is required here", code="reason-missing", hint="say it by --reason; `state.reason` asks for it"
        )
    if len(why) > LONGEST_REASON:
        raise PermanentError(
            f"the reason has {len(why)} characters, and at most {LONGEST_REASON} are kept",
            code="reason-too-long",
            hint="shorten it, and link to the rest",
        )
    until = asked.until.replace(microsecond=0) if asked.until is not None else None
    return Placed(asked.id, who or "somebody", asked.at.replace(microsecond=0), why, until)


def _where(context: Context, environment: str, application: str) -> list[Repository]:
    """Give the manifest repositories that a lock or a hold concerns; raise for what the configuration does not have."""
    configuration = context.configurations.current()
    if not environment:
        return _all(context)
    if environment not in configuration.environments:
        raise NotFoundError(
            f"the configuration has no environment {environment}",
            code="environment-unknown",
            hint=nearest(environment, configuration.environments),
        )
    owners = {target.owner for target in configuration.targets() if target.environment == environment}
    if application and application not in owners and configuration.target(application, environment) is None:
        raise PermanentError(
            f"{application} is not in {environment}", code="target-gone", hint="`mergeport config explain` shows it"
        )
    there = [
        target.manifest_repository or context.configuration_repository
        for target in configuration.targets()
        if target.environment == environment and application in {"", target.application, target.owner}
    ]
    return sorted(set(there)) or [context.configuration_repository]


def _all(context: Context) -> list[Repository]:
    """Give all manifest repositories."""
    configuration = context.configurations.current()
    return sorted(configuration.manifest_repositories(context.configuration_repository))


def blocked(what: str) -> tuple[Blocked, str]:
    """Tell what is to be blocked by how it is written; an image reference stands for its digest."""
    text = what.strip()
    if found := _DIGEST_AT_END.fullmatch(text):
        return Blocked.DIGEST, found[1].lower()
    if SHAPES[Blocked.COMMIT][0].fullmatch(text.lower()):
        return Blocked.COMMIT, text.lower()
    if SHAPES[Blocked.MODEL][0].fullmatch(text) and len(text) <= LONGEST_NAME:
        return Blocked.MODEL, text
    raise PermanentError(
        f"{cut(line(text), 100)} is neither a digest nor a commit nor a model's version",
        code="block-unclear",
        hint="write sha256:… or an image with it, all 40 characters of a commit, or NAME@VERSION",
    )
