"""`mergeport lock`, `hold`, `block`, their opposites, `locks` and `state accept`: what may not be promoted.

Each writes a commit to `mergeport/state` of the manifest repositories and answers when every push from then on keeps to
it. Speaks to the database that the settings name, and to the manifest repositories.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from service.cli.acting import AS, REASON, UNTIL, acting, asked, who
from service.cli.printing import as_json, now, print_json, print_rows, say
from service.errors import RetryableError

if TYPE_CHECKING:
    from service.core.state import Entry
    from service.pipeline.actions import Listed, Outcome

_ALL = click.option("--all", "everything", is_flag=True, help="Everything: all environments.")


@click.command()
@click.argument("environment", required=False, default="")
@click.argument("application", required=False, default="")
@_ALL
@REASON
@UNTIL
@AS
@as_json
def lock(
    environment: str, application: str, everything: bool, reason: str, until: datetime | None, name: str,
    json_wanted: bool,
) -> None:  # fmt: skip
    """Close ENVIRONMENT to promotions, or APPLICATION in it, or everything with --all.

    Runs wait until it is unlocked. A push that is under way may still go in; when the command has answered, none does.
    A pull request that is open already can still be merged.
    """
    from service.pipeline import actions  # noqa: PLC0415 - heavy

    _check_what(environment, everything=everything)
    with acting() as context:
        outcome = actions.lock(context, asked(name, reason, until), environment=environment, application=application)
    _tell("lock", "is locked", outcome, json_wanted=json_wanted)


@click.command()
@click.argument("environment", required=False, default="")
@click.argument("application", required=False, default="")
@_ALL
@REASON
@AS
@as_json
def unlock(environment: str, application: str, everything: bool, reason: str, name: str, json_wanted: bool) -> None:
    """Take the lock of ENVIRONMENT away, of APPLICATION in it, or the one of everything (--all)."""
    from service.pipeline import actions  # noqa: PLC0415 - heavy

    _check_what(environment, everything=everything)
    with acting() as context:
        outcome = actions.unlock(context, asked(name, reason), environment=environment, application=application)
    _tell("unlock", "is not locked any more", outcome, json_wanted=json_wanted)


@click.command()
@click.argument("application")
@click.argument("environment")
@REASON
@UNTIL
@AS
@as_json
def hold(application: str, environment: str, reason: str, until: datetime | None, name: str, json_wanted: bool) -> None:
    """Keep automatic promotions of APPLICATION from ENVIRONMENT."""
    from service.pipeline import actions  # noqa: PLC0415 - heavy

    with acting() as context:
        outcome = actions.hold(context, asked(name, reason, until), application=application, environment=environment)
    _tell("hold", "is held", outcome, json_wanted=json_wanted)


@click.command()
@click.argument("application")
@click.argument("environment")
@REASON
@AS
@as_json
def unhold(application: str, environment: str, reason: str, name: str, json_wanted: bool) -> None:
    """Take the hold of APPLICATION in ENVIRONMENT away."""
    from service.pipeline import actions  # noqa: PLC0415 - heavy

    with acting() as context:
        outcome = actions.unhold(context, asked(name, reason), application=application, environment=environment)
    _tell("unhold", "is not held any more", outcome, json_wanted=json_wanted)


@click.command()
@click.argument("what", metavar="DIGEST|COMMIT|MODEL@VERSION")
@REASON
@UNTIL
@AS
@as_json
def block(what: str, reason: str, until: datetime | None, name: str, json_wanted: bool) -> None:
    """Let nothing and nobody promote an image's digest, a source commit, or a model's version.

    It goes to all manifest repositories. If it fails in some, they are named; the same command does the rest.
    """
    from service.pipeline import actions  # noqa: PLC0415 - heavy

    with acting() as context:
        outcome = actions.block(context, asked(name, reason, until), what)
    _tell("block", "is blocked", outcome, json_wanted=json_wanted)


@click.command()
@click.argument("what", metavar="DIGEST|COMMIT|MODEL@VERSION")
@REASON
@AS
@as_json
def unblock(what: str, reason: str, name: str, json_wanted: bool) -> None:
    """Take a block away, in all manifest repositories."""
    from service.pipeline import actions  # noqa: PLC0415 - heavy

    with acting() as context:
        outcome = actions.unblock(context, asked(name, reason), what)
    _tell("unblock", "is not blocked any more", outcome, json_wanted=json_wanted)


@click.command()
@as_json
def locks(json_wanted: bool) -> None:
    """List all locks, holds and blocks, with their age, as the manifest repositories have them now."""
    from service.pipeline import actions  # noqa: PLC0415 - heavy

    with acting() as context:
        found = actions.listed(context)
    if json_wanted:
        print_json([_plain(one) for one in found])
    else:
        _print(found)
    if any(one.error is not None for one in found):
        sys.exit(1)


@click.group()
def state() -> None:
    """Look after the branch mergeport/state of the manifest repositories."""


@state.command()
@click.option("--repository", metavar="OWNER/NAME", help="Only in this manifest repository.")
@AS
@as_json
def accept(repository: str | None, name: str, json_wanted: bool) -> None:
    """Take the state as it is, though it was deleted or rewritten, so that promotions go on."""
    from service.core.words import Repository  # noqa: PLC0415 - heavy
    from service.pipeline import actions  # noqa: PLC0415 - heavy

    wanted = Repository(repository) if repository else None
    with acting() as context:
        found = actions.accept(context, by=who(name), at=now(), repository=wanted)
    if json_wanted:
        print_json([_plain(one) for one in found])
        return
    for one in found:
        at = one.seen.tip[:12] if one.seen is not None and one.seen.tip else "no branch"
        say(f"the state of {one.repository} is accepted as it is: {at}")
    _print(found)


def _check_what(environment: str, *, everything: bool) -> None:
    if everything == bool(environment):
        raise click.UsageError("name an environment, or everything by --all")


def _tell(action: str, words: str, outcome: Outcome, *, json_wanted: bool) -> None:
    """Print what became of an action in each repository; end with status 1 if it failed in any."""
    if json_wanted:
        print_json(
            {
                "action": action,
                "what": outcome.name,
                "done": [{"repository": name, "commit": commit} for name, commit in outcome.done],
                "already": [{"repository": name, "message": error.message} for name, error in outcome.already],
                "still_open_to_merges": outcome.proposes,
                "failed": [
                    {"repository": name, "code": error.code, "message": str(error)} for name, error in outcome.failed
                ],
            }
        )
    else:
        for name, commit in outcome.done:
            say(f"{outcome.name} {words}: {commit[:12]} in {name}")
        for name, error in outcome.already:
            say(f"nothing to do in {name}: {error.message}")
        for name, error in outcome.failed:
            surely = "not surely done" if isinstance(error, RetryableError) else "not done"
            say(f"error: {surely} in {name}: {error}", err=True)
        if outcome.proposes:
            say(f"pull requests to {', '.join(outcome.proposes)} that are open already can still be merged", err=True)
    if outcome.failed:
        if not json_wanted:
            say(f"hint: repeat the same command for {', '.join(name for name, _ in outcome.failed)}", err=True)
        sys.exit(1)


def _print(found: Iterable[Listed]) -> None:
    from service.core.state.astray import astray_in_words  # noqa: PLC0415 - heavy

    at, listed = now(), list(found)
    rows = []
    for one in listed:
        if one.error is not None:
            say(f"error: {one.repository} could not be read: {one.error}", err=True)
        if one.seen is None:
            continue
        if one.seen.trouble is not None:
            say(f"nothing is promoted to {one.repository}: {one.seen.trouble}", err=True)
        for words in astray_in_words(one.seen.state):
            say(f"warning: in the state of {one.repository}, {words}", err=True)
        rows += [[*_row(entry, at), one.repository] for entry in one.seen.state.entries]
    print_rows(["what", "name", "age", "until", "who", "why", "repository"], rows)
    if not rows and not any(one.error or (one.seen and one.seen.trouble) for one in listed):
        say("nothing is locked, held or blocked", err=True)


def _row(entry: Entry, at: datetime) -> list[str]:
    placed = entry.placed
    until = "" if placed.until is None else f"{placed.until:%Y-%m-%dT%H:%M:%SZ}"
    over = " (over)" if placed.over(at) else ""
    return [entry.subject[0], entry.name, _age(placed.since, at), f"{until}{over}", placed.who, placed.why[:200]]


def _age(since: datetime, at: datetime) -> str:
    """Give an age as people say it; none for what another clock says to begin later."""
    minutes = max(0, int((at - since).total_seconds() // 60))
    if minutes < 60:  # noqa: PLR2004 - an hour
        return f"{minutes}m"
    hours = minutes // 60
    return f"{hours}h" if hours < 48 else f"{hours // 24}d"  # noqa: PLR2004 - two days


def _plain(one: Listed) -> dict[str, Any]:
    seen, at = one.seen, now()
    return {
        "repository": one.repository,
        "commit": seen.tip if seen is not None else None,
        "error": str(one.error) if one.error is not None else None,
        "in_doubt": str(seen.trouble) if seen is not None and seen.trouble is not None else None,
        "entries": [_entry(entry, at) for entry in seen.state.entries] if seen is not None else [],
    }


def _entry(entry: Entry, at: datetime) -> dict[str, Any]:
    placed = entry.placed
    return {
        "what": entry.subject[0],
        "subject": list(entry.subject[1:]),
        "name": entry.name,
        "id": placed.id,
        "who": placed.who,
        "why": placed.why,
        "since": placed.since,
        "until": placed.until,
        "age_seconds": max(0, int((at - placed.since).total_seconds())),
        "over": placed.over(at),
        "not_right": entry.stray.words if entry.stray is not None else None,
    }
