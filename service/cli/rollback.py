"""`mergeport rollback`: goes back to a former release of an application in an environment, and keeps it so.

Speaks to the database that the settings name, to the manifest repository and to the registry.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from service.cli.acting import AS, REASON, acting, asked
from service.cli.printing import as_json, print_json, say

if TYPE_CHECKING:
    from service.pipeline.actions import GoingBack, Plan


@click.command()
@click.argument("application")
@click.argument("environment")
@click.option("--to", default="", metavar="RUN|COMMIT|IMAGE|DIGEST", help="The release; else the one before this one.")
@REASON
@click.option("--plan", "only_plan", is_flag=True, help="Show what it would do, and do nothing.")
@click.option("--images-only", is_flag=True, help="Write the values that name an image, and no others.")
@AS
@as_json
def rollback(
    application: str, environment: str, to: str, reason: str, only_plan: bool, images_only: bool, name: str,
    json_wanted: bool,
) -> None:  # fmt: skip
    """Go back to a former release of APPLICATION in ENVIRONMENT, by a commit or a pull request.

    It passes freezes, and ends what is under way there at once. A hold keeps newer releases away until
    `mergeport unhold APPLICATION ENVIRONMENT`.
    """
    from service.pipeline import actions  # noqa: PLC0415 - heavy

    what: dict[str, Any] = {
        "application": application, "environment": environment, "to": to, "images_only": images_only,
    }  # fmt: skip
    with acting() as context:
        if only_plan:
            tell_plan(actions.plan_rollback(context, asked(name, reason), **what), json_wanted=json_wanted)
            return
        gone = actions.rollback(context, asked(name, reason), **what)
    tell(gone, json_wanted=json_wanted)


def tell_plan(plan: Plan, *, json_wanted: bool) -> None:
    """Print what a rollback would do."""
    if json_wanted:
        print_json(_plain(plan))
        return
    _say_plan(plan, "would go back")
    say("nothing was done: leave --plan out to do it")


def _say_plan(plan: Plan, verb: str) -> None:
    target, release = plan.target, plan.release
    how = "a pull request" if target.publish == "pull-request" else "a commit"
    was = plan.back.refused[:19] if ":" in plan.back.refused else plan.back.refused[:12]
    say(f"{target.application} in {target.environment} {verb} from {was} to {release.commit[:12]}, by {how}")
    for image in release.references.values():
        say(f"image: {image}")
    for run in plan.under_way:
        say(f"ends what is under way: run {run.id} of {run.commit[:12]}, {run.state}")
    if plan.waits:
        say(f"waits: {plan.waits}")
    say(plan.diff, nl=False)


def _plain(plan: Plan) -> dict[str, Any]:
    return {
        "application": plan.target.application,
        "environment": plan.target.environment,
        "publish": str(plan.target.publish),
        "from": plan.back.refused,
        "to": plan.release.commit,
        "images": [str(image) for image in plan.release.references.values()],
        "ends": [run.id for run in plan.under_way],
        "waits": plan.waits,
        "diff": plan.diff,
    }


def tell(gone: GoingBack, *, json_wanted: bool) -> None:
    """Print what was started, and whether the hold is in force."""
    if json_wanted:
        told = _plain(gone.planned) if gone.planned is not None else {}
        unheld = str(gone.unheld) if gone.unheld is not None else None
        print_json({**told, "run": gone.run.id, "new": gone.planned is not None, "unheld": unheld})
        return
    if gone.planned is not None:
        _say_plan(gone.planned, "goes back")
    run = gone.run
    new = "is queued" if gone.planned is not None else "is under way already"
    say(f"run {run.id} {new}; `mergeport runs show {run.id}` follows it")
    if gone.unheld is not None:
        say(f"the hold is not in force yet, and the run places it before it writes: {gone.unheld}", err=True)
    else:
        say(f"held: `mergeport unhold {run.application} {run.environment}` lets newer releases in again")
