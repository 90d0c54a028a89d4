"""`make soak`: a long race on a PostgreSQL of its own, its progress, and the checker's verdict as the exit status.

python -m tests.race --edits 10000 --seed 7        the whole
python -m tests.race --sqlite --edits 300          one worker, no PostgreSQL
python -m tests.race --check DIRECTORY             judge again what an earlier race left
"""

from __future__ import annotations

import argparse
import random
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from devstack.postgresql import Postgresql, PostgresqlMissingError
from tests.race import records
from tests.race.checker import Verdict, check
from tests.race.plan import MANIFESTS, PRODUCTION, Plan
from tests.race.running import race

_SHOWN = 40


def main(arguments: Sequence[str]) -> int:
    """Run or judge a race; give the exit status."""
    asked = _options().parse_args(arguments)
    if asked.check is not None:
        places = ((name, asked.check / "git" / f"{name}.git") for name in (MANIFESTS, PRODUCTION))
        return _tell(check(records.read(asked.check / "records", places)))
    plan = Plan(
        edits=asked.edits, seed=asked.seed, workers=1 if asked.sqlite else asked.workers, limit=asked.minutes * 60
    )
    without = {name: False for name in ("people", "weather", "kills", "disorder") if name in asked.without}
    plan = replace(plan, **without)
    directory = asked.directory or Path(tempfile.mkdtemp(prefix="mergeport-race-"))
    began = time.monotonic()

    def say(words: str) -> None:
        print(f"{time.monotonic() - began:7.1f} s  {words}", flush=True)

    say(
        f"seed {plan.seed}, {plan.edits} edits in at most {asked.minutes:g} min, {plan.workers} workers, in {directory}"
    )
    if asked.sqlite:
        directory.mkdir(parents=True, exist_ok=True)
        done = race(plan, directory, f"sqlite:///{directory}/mergeport.db", say)
    else:
        try:
            server = Postgresql()
        except PostgresqlMissingError as error:
            print(f"{error}; or run one worker on SQLite with --sqlite", file=sys.stderr)
            return 2
        with server:
            done = race(plan, directory, server.url("race"), say)
    say(f"sent in {done.seconds:.0f} s, ended {done.settled_seconds:.1f} s after the last; {done.done}")
    return _tell(done.verdict, seed=plan.seed, directory=directory)


def _tell(verdict: Verdict, *, seed: int | None = None, directory: Path | None = None) -> int:
    for name, count in sorted(verdict.counts.items()):
        print(f"{count:8}  {name}")
    for finding in verdict.findings[:_SHOWN]:
        print(finding)
    if not verdict.findings:
        print("every promise was kept")
        return 0
    print(f"{len(verdict.findings)} broken promises", f"(seed {seed}, {directory})" if directory else "")
    return 1


def _options() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(prog="python -m tests.race", description=__doc__)
    options.formatter_class = argparse.RawDescriptionHelpFormatter
    options.add_argument("--edits", type=int, default=10_000)
    options.add_argument("--seed", type=int, default=random.randrange(1_000_000))  # noqa: S311 - no secret
    options.add_argument("--workers", type=int, default=2)
    options.add_argument("--minutes", type=float, default=90.0, help="stop sending after so long")
    options.add_argument("--sqlite", action="store_true", help="one worker on SQLite")
    options.add_argument("--without", nargs="*", default=[], help="of: people weather kills disorder")
    options.add_argument("--directory", type=Path, help="where all of it is left; a new one in the temporary folder")
    options.add_argument("--check", type=Path, metavar="DIRECTORY", help="judge what an earlier race left there")
    return options


if __name__ == "__main__":
    # What was started ends before this process does, even when it is asked to stop.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _frame: sys.exit(128 + number))
    sys.exit(main(sys.argv[1:]))
