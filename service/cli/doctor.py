"""`mergeport doctor`: looks at a running set-up from end to end, and says how to mend what is wrong.

Runs with the settings of the service, on its machine or in its container. It writes nothing that stays.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from service.cli.acting import Nobody
from service.cli.printing import as_json, opened_store, print_json, say

if TYPE_CHECKING:
    from service.core.doctor.finding import Finding

_SIGNS = {"ok": "✓", "warning": "!", "unknown": "?", "fault": "✗"}
_COLOURS = {"ok": "green", "warning": "yellow", "unknown": "cyan", "fault": "red"}


@click.command()
@as_json
@click.option("--quiet", is_flag=True, help="Leave out what is well.")
def doctor(json_wanted: bool, quiet: bool) -> None:
    """Look at everything that the service needs, and say how to mend what is wrong.

    The machine, the database, the configuration, GitHub's permissions, events and web hook, the rules of manifest
    branches, the rights in registries (an upload is begun and dropped), Argo CD's applications. The exit status is 1 if
    anything is at fault.
    """
    from service import logs, settings  # noqa: PLC0415 - heavy
    from service.bootstrap import build_context  # noqa: PLC0415 - heavy
    from service.core.doctor.finding import Verdict, worst  # noqa: PLC0415 - beside the others
    from service.pipeline.doctor.examination import examine  # noqa: PLC0415 - heavy

    loaded = settings.load(os.environ, settings.Need.WORKER)
    logs.configure(level="error")
    with opened_store() as store, build_context(loaded, store, Nobody(), "doctor") as context:
        found = examine(context, loaded.state_directory, signs=loaded.signing_key_file is not None)
        findings = list(_shown(found, quiet=quiet) if not json_wanted else found)
    if json_wanted:
        print_json(findings)
    else:
        _count(findings)
    if worst(findings) is Verdict.FAULT:
        sys.exit(1)


def _shown(findings: Iterable[Finding], *, quiet: bool) -> Iterable[Finding]:
    """Print each finding as it comes, because an examination takes a while."""
    part = ""
    for one in findings:
        if not (quiet and one.verdict == "ok"):
            if one.part != part:
                say(one.part)
            part = one.part
            sign = (
                click.style(_SIGNS[one.verdict], fg=_COLOURS[one.verdict])
                if sys.stdout.isatty()
                else _SIGNS[one.verdict]
            )
            click.echo(f"  {sign} ", nl=False)
            say(f"{one.subject}: {one.words}")
            if one.hint:
                say(f"    {one.hint}")
        yield one


def _count(findings: list[Finding]) -> None:
    counts = {verdict: sum(one.verdict == verdict for one in findings) for verdict in _SIGNS}
    told = [f"{count} {verdict if verdict != 'ok' else 'well'}" for verdict, count in counts.items() if count]
    say()
    say(f"{len(findings)} looked at: {', '.join(told)}")
