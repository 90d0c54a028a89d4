"""`mergeport promote`: what could move to an environment and why the rest cannot, and doing exactly that.

Speaks to the database that the settings name, to the manifest repositories, and to what gates need. The worker does the
promotions.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import click

from service.cli.acting import AS, REASON, acting, asked
from service.cli.printing import as_json, moment, print_json, say
from service.core.visible import one_line

if TYPE_CHECKING:
    from service.core.train import Move, Named, Plan, Stays
    from service.pipeline.actions import Done

MOST_TITLES = 8
"""How many source changes of an application are listed for people; JSON has all."""
_DIGEST = re.compile(r"(?:.*@)?(sha256:[0-9a-f]{64})")
_COMMIT = re.compile(r"[0-9a-f]{7,40}")


@click.command()
@click.argument("applications", nargs=-1, metavar="[APP]...")
@click.option("--to", "environment", required=True, metavar="ENV", help="Where it is to go.")
@click.option("--from", "upstream", default="", metavar="ENV", help="Which of several environments upstream.")
@click.option("--all", "everything", is_flag=True, help="All applications that are ready.")
@click.option("--plan", "only_plan", is_flag=True, help="Show what would move and why the rest would not; do nothing.")
@click.option("--plan-id", default="", metavar="ID", help="Do it only if this plan is still true.")
@click.option("--image", default="", metavar="DIGEST", help="The release with this image.")
@click.option("--run", "run_id", default="", metavar="RUN", help="The release that this run brought upstream.")
@click.option("--commit", default="", metavar="SHA", help="The release of this source commit.")
@click.option("--override", "gates", multiple=True, metavar="GATE", help="Open a gate for this release; say --reason.")
@REASON
@AS
@as_json
def promote(
    applications: tuple[str, ...], environment: str, upstream: str, everything: bool, only_plan: bool, plan_id: str,
    image: str, run_id: str, commit: str, gates: tuple[str, ...], reason: str, name: str, json_wanted: bool,
) -> None:  # fmt: skip
    """Promote what is healthy upstream of ENV: the APPs that are named, or all that are ready.

    Shows the plan, then starts one run for each application that moves. A hold is lifted where its application is named
    and a reason is given. The status is 1 if an application that was named does not move.
    """
    from service.pipeline import actions  # noqa: PLC0415 - heavy
    from service.pipeline.promote.train.planning import Wish  # noqa: PLC0415 - heavy

    if everything == bool(applications) and not (only_plan and not applications):
        raise click.UsageError("name applications, or all by --all")
    wish = Wish(environment, applications, upstream, _named(image, run_id, commit))
    with acting() as context:
        who = asked(name, reason)
        plan = actions.planned(context, who, wish, gates)
        if not json_wanted:
            _print(plan, applications)
        done = None if only_plan else actions.promote(context, who, plan, plan_id=plan_id)
    if json_wanted:
        print_json(_plain(plan, done))
    elif done is not None:
        _tell(done)
    if done is not None and (done.failed or any(one.run is None for one in done.started) or _left(plan, applications)):
        sys.exit(1)


def _named(image: str, run_id: str, commit: str) -> Named | None:
    """Give the release that is named; usage is wrong if two things name it."""
    from service.core.train import Named  # noqa: PLC0415 - heavy

    if sum(map(bool, (image, run_id, commit))) > 1:
        raise click.UsageError("name a release by one of --image, --run and --commit")
    found = _DIGEST.fullmatch(image)
    if image and found is None:
        raise click.BadParameter("write sha256:… with its 64 characters, or an image that ends with it")
    if commit and not _COMMIT.fullmatch(commit):
        raise click.BadParameter("write 7 to 40 characters of a commit's id")
    return Named(found[1] if found else "", run_id, commit) if image or run_id or commit else None


def _left(plan: Plan, applications: tuple[str, ...]) -> bool:
    return any(line.application in applications for line in plan.stays)


# --- for people -----------------------------------------------------------------------------------


def _print(plan: Plan, named: tuple[str, ...] = ()) -> None:
    """Print the plan; for what was named and stays, with what helps."""
    say(f"plan {plan.id} to {plan.environment} at {moment(plan.at)}: {len(plan.moves)} move, {len(plan.stays)} stay")
    widest = max((len(line.application) for line in plan.lines), default=0)
    if plan.moves:
        say("\nmoves")
    for move in plan.moves:
        before = " ".join(move.before) or "nothing"
        where = f"from {move.offer.lived.environment}, by {move.publish}"
        say(f"  {move.application.ljust(widest)}  {before} → {' '.join(move.after)}  {where}")
        for text in _details(move):
            say(f"  {' ' * widest}    {text}")
    if plan.stays:
        say("\nstays")
    reasons = max((len(line.reason) for line in plan.stays), default=0)
    for line in plan.stays:
        until = f", until {moment(line.until)}" if line.until else ""
        say(f"  {line.application.ljust(widest)}  {line.reason.ljust(reasons)}  {one_line(line.words)}{until}")
        if line.hint and line.application in named:
            say(f"  {' ' * widest}    hint: {line.hint}")


def _details(move: Move) -> Iterator[str]:
    for one in move.brings[:MOST_TITLES]:
        what = f"#{one.number}" if one.number else one.commit[:7]
        yield one_line(f"{what} {one.title}{f' ({one.author})' if one.author else ''}")
    if len(move.brings) > MOST_TITLES:
        yield f"and {len(move.brings) - MOST_TITLES} more changes"
    for value in move.offer.along:
        yield one_line(f"carries {value.path} {value.before or '(new)'} → {value.after}")
    if move.offer.carried is not None and move.offer.carried.absent:
        yield one_line(f"carries nothing for {', '.join(move.offer.carried.absent)}: there is nothing upstream")
    if move.lifts_hold:
        yield "lifts its hold"
    if move.goes_on:
        yield f"run {move.goes_on} has it already, and goes on"
    yield from move.notes


def _tell(done: Done) -> None:
    """Say which runs were started."""
    if done.started:
        say()
    for one in done.started:
        if one.run is None:
            say(f"{one.move.application} was started by somebody else meanwhile", err=True)
        else:
            say(f"{one.move.application}: run {one.run}")
    for name, error in done.failed:
        say(f"error: {name} stays, since its hold could not be lifted: {error}", err=True)
    if not done.started and not done.failed:
        say("nothing moves", err=True)


# --- for machines ---------------------------------------------------------------------------------


def _plain(plan: Plan, done: Done | None) -> dict[str, Any]:
    told: dict[str, Any] = {
        "plan": plan.id,
        "environment": plan.environment,
        "at": plan.at,
        "configuration": plan.configuration,
        "moves": [_move(one) for one in plan.moves],
        "stays": [_stays(one) for one in plan.stays],
    }
    if done is not None:
        told["runs"] = {one.move.application: one.run for one in done.started}
        told["failed"] = {name: str(error) for name, error in done.failed}
    return told


def _move(move: Move) -> dict[str, Any]:
    lived = move.offer.lived
    return {
        "application": move.application,
        "from": lived.environment,
        "release": lived.run,
        "commit": lived.commit,
        "previous": move.previous,
        "images": {name: str(image) for name, image in lived.images.items()},
        "publish": move.publish,
        "changes": [
            {"file": file, "path": one.path, "before": one.before, "after": one.after}
            for file, one in move.offer.changes
        ],
        "carried": [one.path for one in move.offer.along],
        "brings": list(_brought(move.brings)),
        "notes": list(move.notes),
        "lifts_hold": move.lifts_hold,
        "overrides": list(move.overrides),
        "goes_on": move.goes_on,
    }


def _brought(some: Iterable[Any]) -> Iterator[dict[str, Any]]:
    for one in some:
        number = one.number or None
        yield {"commit": one.commit, "title": one.title, "author": one.author, "number": number, "url": one.url}


def _stays(line: Stays) -> dict[str, Any]:
    return {
        "application": line.application,
        "reason": line.reason,
        "words": line.words,
        "until": line.until,
        "commit": line.commit,
        "hint": line.hint,
    }
