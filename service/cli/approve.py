"""`mergeport approve`: approves what a run brings, where no pull request is to be reviewed and the gate counts it."""

from __future__ import annotations

import click

from service.cli.acting import REASON, acting, asked
from service.cli.printing import as_json, print_json, say


@click.command()
@click.argument("run_id", metavar="RUN")
@REASON
@click.option("--as", "login", required=True, metavar="LOGIN", help="Who approves, by the login on GitHub; unverified.")
@as_json
def approve(run_id: str, reason: str, login: str, json_wanted: bool) -> None:
    """Approve what RUN brings, with a reason.

    It counts only for these very images, and only where the approval gate has `commands: true`. A pull request is
    approved by a review on GitHub.
    """
    from service.pipeline import actions  # noqa: PLC0415 - heavy
    from service.store import lookup  # noqa: PLC0415 - heavy

    with acting() as context:
        with context.store.read() as tx:
            found = lookup.run_id(tx, run_id)
        given = actions.approve(context, asked(login, reason), found, login.strip())
    if json_wanted:
        print_json(given)
        return
    say(f"{given.login} approved {given.commit[:12]} of {given.application} for {given.environment}")
