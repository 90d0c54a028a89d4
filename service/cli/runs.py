"""`mergeport runs`: lists and shows runs, prints their builds' logs, tries one again, cancels one.

Speaks to the database that the settings name, and to nothing else: the worker does what is asked of it there.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from service.cli.printing import actor, as_json, moment, now, opened_store, print_json, print_pairs, print_rows, say
from service.core.image_origin import origin_words
from service.core.words import RunState

if TYPE_CHECKING:
    from service.store import Store, Transaction
    from service.store.runs import Run

FOLLOW_SECONDS = 0.3
_SHORT = 12


@click.group()
def runs() -> None:
    """Show what goes where, and step in.

    RUN is a run's id or its beginning.
    """


@runs.command("list")
@click.option("--application", default="", help="Only this application.")
@click.option("--environment", default="", help="Only this environment.")
@click.option(
    "--state", "states", multiple=True, type=click.Choice([state.value for state in RunState]),
    help="Only in this state. May be given again.",
)  # fmt: skip
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 10_000), help="How many are shown.")
@as_json
def list_runs(application: str, environment: str, states: tuple[str, ...], limit: int, json_wanted: bool) -> None:
    """List the newest runs."""
    from service.store import runs as rows  # noqa: PLC0415 - heavy

    wanted = [RunState(state) for state in states]
    with opened_store() as store, store.read() as tx:
        found = rows.newest(tx, limit=limit, application=application, environment=environment, states=wanted)
    if json_wanted:
        print_json(found)
        return
    print_rows(
        ["run", "state", "application", "environment", "commit", "accepted", "message"],
        [
            [
                run.id,
                run.state,
                run.application,
                run.environment,
                run.commit[:_SHORT],
                moment(run.created_at),
                _line(run.message),
            ]
            for run in found
        ],
    )


@runs.command()
@click.argument("run_id", metavar="RUN")
@as_json
def show(run_id: str, json_wanted: bool) -> None:
    """Show a run and everything that is known about it.

    Shows its change, its steps, what it waits for, its images and its difference.
    """
    with opened_store() as store, store.read() as tx:
        told = _everything(tx, run_id)
    if json_wanted:
        print_json(told)
        return
    _print_run(told)


@runs.command()
@click.argument("run_id", metavar="RUN")
@click.option("--follow", "-f", is_flag=True, help="Go on printing until the run's builds have ended.")
def logs(run_id: str, follow: bool) -> None:
    """Print the logs of a run's builds."""
    from service.store import builds, lookup  # noqa: PLC0415 - heavy
    from service.store import runs as rows  # noqa: PLC0415 - heavy

    printed: dict[str, int] = {}
    with opened_store() as store:
        with store.read() as tx:
            found = lookup.run_id(tx, run_id)
        while True:
            with store.read() as tx:
                run = rows.get(tx, found)
                made = builds.of_run(tx, found)
            for build in made:
                _print_log(store, build.id, build.reference, printed)
            at_work = any(not build.state.ended for build in made)
            before_build = not made and run is not None and not run.state.ended
            if not follow or not (at_work or before_build):
                break
            time.sleep(FOLLOW_SECONDS)
    if not printed:
        say("no build of this run has a log", err=True)


@runs.command()
@click.argument("run_id", metavar="RUN")
@click.option("--rebuild", is_flag=True, help="Build the images although they are there, for newer base images.")
@as_json
def retry(run_id: str, rebuild: bool, json_wanted: bool) -> None:
    """Try a run that has ended again.

    The new run uses the newest valid configuration. Refused if a later run is under way, has succeeded or was
    superseded. With --rebuild the images are built anew, which moves their tags: where the registry never moves a tag,
    the run ends and says so.
    """
    from service.pipeline import actions  # noqa: PLC0415 - heavy

    with opened_store() as store, store.begin() as tx:
        old = _find(tx, run_id)
        made = actions.retry(tx, old.id, by=actor(), at=now(), rebuild=rebuild)
    if json_wanted:
        print_json({"run": made.id, "retry_of": old.id})
        return
    again = "again, with images built anew" if rebuild else "again"
    say(f"{made.id} tries {old.application} in {old.environment} {again}")


@runs.command()
@click.argument("run_id", metavar="RUN")
@as_json
def cancel(run_id: str, json_wanted: bool) -> None:
    """Stop a run before its next step.

    What it has done already stays, but its pull request is closed if it is still open.
    """
    from service.pipeline import actions  # noqa: PLC0415 - heavy

    with opened_store() as store, store.begin() as tx:
        run = _find(tx, run_id)
        by = actions.cancel(tx, run.id, by=actor(), at=now())
    if json_wanted:
        print_json({"run": run.id, "cancel_requested_by": by})
        return
    say(f"{run.id} will be cancelled before its next step")


def _find(tx: Transaction, beginning: str) -> Run:
    from service.store import lookup  # noqa: PLC0415 - heavy
    from service.store import runs as rows  # noqa: PLC0415 - heavy

    found = rows.get(tx, lookup.run_id(tx, beginning))
    assert found is not None  # noqa: S101 - looked up in this transaction
    return found


def _everything(tx: Transaction, beginning: str) -> dict[str, Any]:
    from service.core.deployment import past_from  # noqa: PLC0415 - beside the next
    from service.store import builds, changes, edits, judgements, sightings, steps, waits  # noqa: PLC0415 - heavy

    run = _find(tx, beginning)
    return {
        "run": run,
        "change": changes.get(tx, run.change_id),
        "steps": steps.of_run(tx, run.id),
        "wait": waits.open_of_run(tx, run.id),
        "gives_up_at": past_from(sightings.of_runs(tx, [run.id]).get(run.id)).gives_up_at,
        "gates": judgements.of_run(tx, run.id),
        "builds": builds.of_run(tx, run.id),
        "edit": edits.of_run(tx, run.id),
    }


def _print_run(told: Mapping[str, Any]) -> None:
    from service.core.scans import words_of  # noqa: PLC0415 - only this command needs it

    run, change, wait, edit = told["run"], told["change"], told["wait"], told["edit"]
    pulls = change.pull_requests if change else []
    print_pairs(
        [
            ("run", run.id),
            ("state", f"{run.state}: {run.message}" if run.message else run.state),
            ("code", run.code),
            ("what", f"{run.application} to {run.environment}"),
            ("commit", f"{run.commit} on {run.branch} of {run.repository}"),
            ("change", f"{change.subject} ({change.author})" if change and change.subject else ""),
            ("merged", "\n".join(f"#{pull['number']} {pull.get('title', '')}" for pull in pulls)),
            ("images", "\n".join(_reference(image) for image in run.images.values())),
            ("scan", "\n".join(words_of(image["scan"]) for image in run.images.values() if image.get("scan"))),
            ("manifests", run.manifest_commit),
            ("pull request", run.pull_request_url),
            ("superseded by", run.superseded_by),
            ("asked for by", run.asked_by),
            ("cancelled by", run.cancel_requested_by),
            ("accepted", run.created_at),
            ("ended", run.ended_at),
        ]
    )
    if wait is not None:
        seen = wait.last_seen or "nothing yet"
        say(f"\nwaits for {wait.kind} since {moment(wait.created_at)}: {seen}")
        if told["gives_up_at"] is not None and wait.kind == "sync":
            say(f"gives up at {moment(told['gives_up_at'])}, unless it gets better")
        if wait.deadline is not None:
            say(f"until {moment(wait.deadline)}")
    if told["gates"] is not None and told["gates"].gates:
        say()
        print_rows(["gate", "state", "words"], [[*row[:2], _line(row[2])] for row in told["gates"].gates])
    if told["steps"]:
        say()
        print_rows(
            ["step", "state", "took", "message"],
            [[step.name, step.state, _seconds(step), _line(step.message)] for step in told["steps"]],
        )
    if edit is not None and edit.diff:
        say(f"\n{edit.diff.rstrip()}")


def _print_log(store: Store, build_id: str, reference: str, printed: dict[str, int]) -> None:
    """Print the new part of a build's log, with a heading before its first line."""
    from service.core.words import BuildId  # noqa: PLC0415 - beside the next
    from service.store import builds  # noqa: PLC0415 - heavy

    while True:
        with store.read() as tx:
            pieces = builds.log_of(tx, BuildId(build_id), after=printed.get(build_id, 0), limit=1000)
        if not pieces:
            return
        if build_id not in printed:
            say(f"--- {reference}", err=True)
        for sequence, _, text in pieces:
            say(text, nl=False)
            printed[build_id] = sequence


def _reference(image: Mapping[str, Any]) -> str:
    if image.get("uri"):
        return f"{image['registry']}/{image['repository']}@{image['tag']} {image['uri']}"
    name = f"{image['registry']}/{image['repository']}:{image['tag']}"
    whole = f"{name}@{image['digest']}" if image.get("digest") else name
    whose = origin_words(image)
    return f"{whole} ({whose})" if whose else whole


def _seconds(step: Any) -> str:  # noqa: ANN401 - a row of a module that is imported late
    return "" if step.ended_at is None else f"{(step.ended_at - step.started_at).total_seconds():.1f} s"


def _line(text: str) -> str:
    return " ".join(text.split())
