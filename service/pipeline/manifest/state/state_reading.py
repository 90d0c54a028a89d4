"""Reads the state of a manifest repository, and tells whether what is there can be believed.

Called before pushes, by the watch of gates, by intake and by the actions. The last good state is remembered in the
store. If what is there now is broken, gone, or does not follow from it, that one stays in force and nothing is promoted
until a person accepts what is there or puts it right. After the loss of the store what is there is believed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from service.core.changes import STATE_BRANCH
from service.core.state import FILE, State, parse
from service.core.state.astray import marked, stored
from service.core.words import Repository, Sha
from service.errors import ConfigError, MergeportError, PermanentError, RetryableError
from service.pipeline.context import Context
from service.pipeline.manifest.state.remembered import keep_strays, state_of, strays_of
from service.ports import Manifests
from service.store import judgements, manifest_states
from service.store.manifest_states import KnownState

LAGS = timedelta(seconds=10)
"""How long a replica of the forge may lag behind a push of ours; until then, what is missing is asked for again."""

ACCEPT = "see what is there: docs/state.md; `mergeport state accept` takes it as it is"

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Seen:
    """The state in force, as of a look at the branch.

    `tip` is where the branch is, and `text` the file there. With `trouble`, the state is the last good one, and nothing
    is to be promoted.
    """

    state: State
    tip: Sha | None
    text: str = ""
    trouble: PermanentError | None = None


def look_at_state(context: Context, repository: Repository) -> Seen:
    """Read the state as it is now, and remember it. RetryableError if the repository does not answer."""
    manifests = context.outside.manifests.open(repository)
    # What is known is read before the branch: else a change between the two would look like a step back.
    known = known_state(context, repository)
    tip = manifests.fetch(STATE_BRANCH)
    return seen_at(context, manifests, repository, known, tip)


def known_state(context: Context, repository: Repository) -> KnownState | None:
    """Give what is known of the state; it is read before the branch."""
    with context.store.read() as tx:
        return manifest_states.get(tx, repository)


def seen_at(
    context: Context, manifests: Manifests, repository: Repository, known: KnownState | None, tip: Sha | None
) -> Seen:
    """Judge the branch at `tip` by what was known before it was read, and remember what was found."""
    if known is not None and tip is not None and tip == known.commit and not known.trouble:
        return _with_strays(context, repository, known, Seen(state_of(known.text), tip, known.text))
    seen = _judged(manifests, repository, known, tip)
    if seen.trouble is not None and _may_lag(known, context.now()) and seen.trouble.code != "state-broken":
        raise RetryableError(
            f"{seen.trouble.message}, as far as the forge shows yet", code="state-not-seen-yet", retry_after=2.0
        )
    if _remember(context, repository, known, seen):
        known = known_state(context, repository)
    return _with_strays(context, repository, known, seen)


def _with_strays(context: Context, repository: Repository, known: KnownState | None, seen: Seen) -> Seen:
    """Mark the entries whose names the configuration does not have, and remember them."""
    default, by = context.configuration_repository, context.configurations.known
    found = strays_of(seen.state, repository, default, by)
    if known is not None and known.strays != stored(found):
        with context.store.begin() as tx:
            if manifest_states.hold(tx, repository) == known:
                keep_strays(tx, known, stored(found))
                judgements.ask_again(tx, at=context.now())
    return replace(seen, state=marked(seen.state, found))


def _may_lag(known: KnownState | None, now: datetime) -> bool:
    return known is not None and not known.trouble and abs(now - known.at) < LAGS


def _judged(manifests: Manifests, repository: Repository, known: KnownState | None, tip: Sha | None) -> Seen:
    """Tell what is at the tip, and whether it follows from what was known."""
    last = known.commit if known is not None else None
    in_force = state_of(known.text) if known is not None and last is not None else State()
    if tip is None:
        if last is None:
            return Seen(State(), None)
        words = f"{repository} has no branch {STATE_BRANCH} any more; it was at {last[:12]}"
        return Seen(in_force, None, trouble=_doubt(words, "state-gone"))
    if last is not None and not manifests.ancestors(tip, {last}):
        words = f"{STATE_BRANCH} of {repository} was rewritten: {last[:12]} is not in its history any more"
        return Seen(in_force, tip, trouble=_doubt(words, "state-rewritten"))
    try:
        text = manifests.read(tip, FILE).decode("utf-8", "surrogateescape")
        return Seen(parse(text.encode("utf-8", "surrogateescape")), tip, text)
    except ConfigError as error:
        told = "; ".join(str(fault) for fault in error.faults[:5])
        words = f"{STATE_BRANCH} of {repository} cannot be read at {tip[:12]}: {told}"
    except PermanentError as error:
        if error.code == "values-file-missing" and last is None:
            return Seen(State(), tip)
        if error.code == "values-file-missing":
            words = f"{STATE_BRANCH} of {repository} has no {FILE} any more at {tip[:12]}"
            return Seen(in_force, tip, trouble=_doubt(words, "state-gone"))
        words = f"{STATE_BRANCH} of {repository} cannot be read at {tip[:12]}: {error.message}"
    hint = f"mend {FILE} by a commit on {STATE_BRANCH}, or revert the one that broke it"
    return Seen(in_force, tip, trouble=PermanentError(words, code="state-broken", hint=hint))


def _doubt(words: str, code: str) -> PermanentError:
    match code:
        case "state-gone":
            return PermanentError(words, code="state-gone", hint=ACCEPT)
        case _:
            return PermanentError(words, code="state-rewritten", hint=ACCEPT)


def _remember(context: Context, repository: Repository, before: KnownState | None, seen: Seen) -> bool:
    """Remember what was seen, unless somebody else has remembered something since we read what was known.

    Tell whether the store may know something else now.
    """
    trouble = seen.trouble
    if before is None and seen.tip is None and trouble is None:
        return False
    with context.store.begin() as tx:
        if manifest_states.hold(tx, repository) != before:
            return True
        if before is None or (before.commit, before.words) != (seen.tip, str(trouble or "")):
            judgements.ask_again(tx, at=context.now())  # so that they tell what is closed now
        if trouble is not None:
            manifest_states.doubt(tx, repository, trouble.code, str(trouble), at=context.now())
        elif seen.tip is not None:
            manifest_states.believe(tx, repository, seen.tip, seen.text, at=context.now())
        else:
            manifest_states.forget(tx, repository)
    if trouble is not None and (before is None or before.words != str(trouble)):
        log.error("the state is in doubt: nothing is promoted", repository=repository, error=str(trouble))
    elif trouble is None and before is not None and before.trouble:
        log.info("the state is believed again", repository=repository, commit=seen.tip)
    return True


def believe(context: Context, repository: Repository, tip: Sha | None, text: str) -> None:
    """Take what is at the branch for good, whatever was known before."""
    with context.store.begin() as tx:
        judgements.ask_again(tx, at=context.now())
        if tip is None:
            manifest_states.forget(tx, repository)
        else:
            manifest_states.believe(tx, repository, tip, text, at=context.now())


def known_trouble(known: KnownState) -> MergeportError | None:
    """Give what was wrong with the state when it was last read."""
    if not known.trouble:
        return None
    return PermanentError(known.words, code=known.trouble)
