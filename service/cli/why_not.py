"""`mergeport why-not`: what keeps a commit, a pull request or an image from being live in an environment.

Speaks to the database that the settings name, and to nothing else.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from service.cli.printing import as_json, moment, now, opened_store, print_json, say

if TYPE_CHECKING:
    from service.pipeline.asked.why import Told


@click.command("why-not")
@click.argument("what", metavar="COMMIT|PR|IMAGE")
@click.argument("environment")
@click.option("--app", "application", default="", help="Only this application.")
@as_json
def why_not(what: str, environment: str, application: str, json_wanted: bool) -> None:
    """Say what keeps COMMIT, PR or IMAGE from being live in ENVIRONMENT, or since when it is live.

    A commit by at least 7 characters; a pull request as 41, #41 or OWNER/NAME#41; an image by its tag or digest;
    a version of a model as NAME@VERSION.
    """
    from service import settings  # noqa: PLC0415 - heavy
    from service.bootstrap import known_configuration  # noqa: PLC0415 - heavy
    from service.pipeline.asked.why import Question, why  # noqa: PLC0415 - heavy

    default = settings.load(os.environ).configuration_repository
    with opened_store() as store, store.read() as tx:
        configuration = known_configuration(tx)
        told = why(tx, Question(what, environment, application, configuration, default, now()))
    if json_wanted:
        print_json([_plain(one) for one in told])
        return
    for number, one in enumerate(told):
        say("", nl=number > 0)
        _print(one)


def _print(one: Told) -> None:
    answer = one.answer
    name = f"{one.application or 'it'} {one.commit[:12]}".strip()
    verb = "is live" if answer.cause == "live" else "is not live"
    if answer.cause == "health":
        verb = "is not healthy"
    say(f"{name} {verb} in {one.environment} ({answer.cause}): {answer.words}")
    if answer.cause != "live":
        say(f"next: {answer.action}")
    for passed in one.way:
        say(f"  {moment(passed.at)}  {passed.words}")


def _plain(one: Told) -> dict[str, Any]:
    return {
        "application": one.application,
        "environment": one.environment,
        "commit": one.commit or None,
        "run": one.run or None,
        "live": one.answer.cause == "live",
        "cause": one.answer.cause,
        "words": one.answer.words,
        "next": one.answer.action,
        "way": [{"at": passed.at, "words": passed.words} for passed in one.way],
    }
