"""`python -m benchmarks [NAME…]`: runs benchmarks, prints each table, and with --write the page and plot from them."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Callable
from importlib import import_module
from typing import Protocol, cast

from rich.console import Console

from benchmarks.before import measure_before
from benchmarks.findings import Finding, Verdict, show
from benchmarks.machine import Machine
from benchmarks.page import Section, write_page
from benchmarks.scale import TOY, Scale

MODULES = (
    "values_edit",
    "start_up",
    "one_write",
    "accept",
    "slow",
    "delivered",
    "many",
    "cost",
    "rate",
    "recovery",
    "waiting",
    "edge",
    "elsewhere",
    "reuse",
    "requests_sent",
    "plan",
    "train",
)


class Benchmark(Protocol):
    """What each benchmark's module contains."""

    NAME: str
    TITLE: str

    def run(self, scale: Scale, say: Callable[[str], None]) -> list[Finding]:
        """Measure, telling what is under way."""
        ...


def main(argv: list[str]) -> int:
    """Run the chosen benchmarks; exit status 1 if --strict is given and a bar is missed."""
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(128 + signal.SIGTERM))  # end what it started
    known = {module.NAME: module for module in (_load(name) for name in MODULES)}
    arguments = _parse(argv, list(known))
    wanted = arguments.names or list(known)
    if arguments.write and arguments.toy:
        print("--write shows what was measured, and --toy measures nothing: leave one out", file=sys.stderr)
        return 2
    scale = TOY if arguments.toy else Scale()
    scale = scale.brief() if arguments.brief else scale
    scale = scale.large() if arguments.large else scale
    console = Console(width=max(150, Console().width) if not sys.stdout.isatty() else None)
    if arguments.before:
        console.rule(f"before, at {arguments.before}", align="left")
        try:
            status = measure_before(arguments.before, _same_as(arguments, wanted))
        except ValueError as error:
            print(error, file=sys.stderr)
            return 2
        if status:
            return status
        console.rule("after, as it is here", align="left")
    machine = Machine.here()
    console.print(machine.line, highlight=False)
    results: dict[str, list[Finding]] = {}
    began = time.monotonic()
    for place, name in enumerate(wanted, start=1):
        module = known[name]
        console.rule(f"{place} of {len(wanted)}, after {time.monotonic() - began:.0f} s: {module.TITLE}", align="left")
        started = time.monotonic()
        results[name] = module.run(scale, _sayer(console))
        show(results[name], console)
        if arguments.write and results[name]:
            command = " ".join(["python -m benchmarks", *argv])
            write_page({name: Section(module.TITLE, tuple(results[name]), machine.ended(), command)}, list(known))
            console.print("  written to docs/performance.md", style="dim", highlight=False)
        console.print(f"  {name} took {time.monotonic() - started:.0f} s", style="dim", highlight=False)
    missed = [finding for findings in results.values() for finding in findings if finding.verdict is Verdict.MISSED]
    judged = sum(1 for findings in results.values() for finding in findings if finding.bar)
    console.rule(f"{judged - len(missed)} of {judged} bars met in {time.monotonic() - began:.0f} s", align="left")
    console.print(machine.ended().line, highlight=False)
    return 1 if arguments.strict and missed else 0


def _load(name: str) -> Benchmark:
    return cast("Benchmark", import_module(f"benchmarks.{name}"))


def _parse(argv: list[str], names: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure ours against the alternatives.")
    parser.add_argument(
        "names", nargs="*", metavar="NAME", choices=[[], *names], help=f"{', '.join(names)}; default all"
    )
    parser.add_argument("--large", action="store_true", help="a repository of 150,000 files too (minutes)")
    parser.add_argument("--toy", action="store_true", help="tiny sizes, to see that all runs; the figures mean nothing")
    parser.add_argument("--brief", action="store_true", help="fewer rounds, about half of the time")
    parser.add_argument(
        "--write",
        action="store_true",
        help="write docs/performance.md and its plot, each benchmark as it ends; others stay",
    )
    parser.add_argument("--before", metavar="REVISION", help="first measure the same at an earlier revision of git")
    parser.add_argument("--strict", action="store_true", help="exit with status 1 when a bar is missed")
    return parser.parse_args(argv)


def _same_as(arguments: argparse.Namespace, names: list[str]) -> list[str]:
    """Give the command line that measures the same elsewhere, and writes nothing."""
    sizes = ("large", "toy", "brief")
    return [*names, *(f"--{size}" for size in sizes if getattr(arguments, size))]


def _sayer(console: Console) -> Callable[[str], None]:
    return lambda text: console.print(f"  {text} …", style="dim", highlight=False)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
