"""The figures that the pages tell are those of the code."""

from __future__ import annotations

import pytest

from service.adapters.git.objects import LARGEST_FILE
from service.cli.serve import GRACE_SECONDS
from service.engine import deaths, retention, schedule, sweeper, worker
from service.errors import BELIEVED_AFTER_SECONDS
from service.pipeline import advance
from service.pipeline.build import finish as building
from service.pipeline.intake import deliveries as intake
from service.pipeline.manifest import branch_lease as holding
from service.pipeline.manifest import collect, refused_pushes
from service.processes import REFUSALS
from service.settings import KEEP_DAYS
from service.web import body, lanes, rules
from service.web.reading import Patience
from tests.docs.pages import page

MEBIBYTE = 1024 * 1024
NUMBERS = {2: "two", 3: "three", 4: "four", 5: "five", 6: "six"}


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("docs/errors.md", f"After {advance.MOST_RETRIES} tries in a row"),
        ("docs/errors.md", f"A delivery is tried for about {NUMBERS[round(intake.MOST_ATTEMPTS / 60)]} hours"),
        ("docs/errors.md", f"lasts for {NUMBERS[round(BELIEVED_AFTER_SECONDS / 60)]} minutes is believed"),
        ("docs/errors.md", f"a build {building.MOST_ATTEMPTS} times"),
        ("docs/errors.md", f"more than {body.MOST_BYTES // MEBIBYTE} MiB"),
        ("docs/errors.md", f"larger than {LARGEST_FILE // MEBIBYTE} MiB"),
        ("docs/words.md", f"{advance.MOST_RETRIES} tries in a row"),
        ("docs/architecture.md", f"| intake | {worker.INTAKE_SECONDS} s |"),
        ("docs/architecture.md", f"deliveries, {NUMBERS[worker.INTAKE_THREADS]} at a time"),
        ("docs/architecture.md", f"| watches | {worker.WATCH_SECONDS} s |"),
        ("docs/architecture.md", f"| due | {worker.DUE_SECONDS} s |"),
        ("docs/architecture.md", f"| reports | {worker.REPORT_SECONDS} s |"),
        ("docs/architecture.md", f"| budgets | {worker.BUDGETS_SECONDS:.0f} s |"),
        ("docs/architecture.md", f"| sweeper | {worker.SWEEP_SECONDS:.0f} s |"),
        ("docs/architecture.md", f"| lease | {worker.LEASE_SECONDS / worker.RENEWALS:.0f} s |"),
        ("docs/architecture.md", f"lease of {worker.LEASE_SECONDS:.0f} s"),
        ("docs/architecture.md", f"| configuration | {worker.CONFIGURATION_SECONDS:.0f} s |"),
        ("docs/architecture.md", f"| retention | {retention.RETENTION_SECONDS:.0f} s |"),
        ("docs/settings.md", f"| `MERGEPORT_KEEP_DELIVERIES` | `{KEEP_DAYS}` |"),
        ("docs/architecture.md", f"A watch looks {schedule.FIRST_LOOK_SECONDS} s after"),
        ("docs/architecture.md", f"After {sweeper.UNATTENDED_SECONDS:g} s the sweeper"),
        ("docs/architecture.md", f"is taken up {NUMBERS[deaths.MOST_RESUMES]} times"),
        ("docs/architecture.md", f"again and again for about {NUMBERS[round(sum(refused_pushes.PAUSES))]} seconds"),
        ("docs/configuration.md", f"again and again, for about {NUMBERS[round(sum(refused_pushes.PAUSES))]} seconds"),
        ("docs/architecture.md", f"up to {collect.LARGEST_PUSH}."),
        ("docs/architecture.md", f"for {collect.GROWING_SECONDS:.0f} seconds at most"),
        ("docs/architecture.md", f"or after {holding.LEASE_SECONDS:.0f} seconds"),
        ("docs/architecture.md", f"{NUMBERS[REFUSALS]} times in a row"),
        ("docs/architecture.md", f"within {GRACE_SECONDS:.0f} s"),
        ("docs/operate.md", f"within {GRACE_SECONDS:.0f} seconds"),
        ("docs/security.md", f"at most {body.MOST_BYTES // MEBIBYTE} MiB"),
        ("docs/security.md", f"{rules.MOST_HELD // MEBIBYTE} MiB of them at most"),
        ("docs/security.md", f"and {NUMBERS[lanes.LARGE_THREADS]} large ones are worked on at a time"),
        ("docs/security.md", f"a header has {Patience().head_seconds:.0f} s"),
        ("docs/security.md", f"at least {Patience().least_rate // 1024:.0f} KiB/s"),
        ("docs/security.md", f"a request {Patience().request_seconds:.0f} s at most"),
        ("docs/errors.md", f"the header took more than {Patience().head_seconds:.0f} s"),
        ("docs/errors.md", f"more than {rules.MOST_HELD // MEBIBYTE} MiB of requests"),
    ],
)
def test_figure_is_the_codes(name: str, told: str) -> None:
    assert told in " ".join(page(name).text.split())
