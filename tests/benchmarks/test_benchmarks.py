"""Each benchmark runs at toy size and prints a ratio; what a missed bar, a noisy one and a short one look like."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from benchmarks.findings import TIMES, Bar, Finding, Verdict
from benchmarks.machine import Machine
from benchmarks.measuring import interleave
from benchmarks.page import BEGIN, END, PAGE, figures
from benchmarks.plot import Series, plot
from devstack.ecr import EcrMissingError, ministack_binary
from tests.fixtures.tools import missing_part

ROOT = Path(__file__).parents[2]


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


@pytest.fixture
def ministack() -> None:
    try:
        ministack_binary()
    except EcrMissingError as error:
        missing_part("ministack", str(error))


def lines_with(output: str, *texts: str) -> list[str]:
    return [line for line in output.splitlines() if all(text in line for text in texts)]


@pytest.mark.parametrize(
    ("name", "against"),
    [
        ("values-edit", "load and dump"),
        ("start-up", "a script with ruamel.yaml"),
        ("one-write", "clone, edit, rebase, push"),
    ],
)
def test_a_benchmark_prints_a_ratio(name: str, against: str) -> None:
    done = bench(name, "--toy")
    assert done.returncode == 0, done.stderr
    assert lines_with(done.stdout, against, TIMES)


@pytest.mark.parametrize(
    ("name", "against"),
    [("accept", "verify and insert one row"), ("delivered", "a bare push"), ("many", "clone, edit, rebase, push")],
)
@pytest.mark.usefixtures("ministack")
def test_a_benchmark_of_real_processes_prints_a_ratio(name: str, against: str) -> None:
    done = bench(name, "--toy")
    assert done.returncode == 0, done.stderr
    assert lines_with(done.stdout, against, TIMES)


def test_the_page_is_written_from_whole_runs_only() -> None:
    done = bench("values-edit", "--write")
    assert done.returncode == 2
    assert "--write" in done.stderr


def test_the_page_has_its_marks_in_order() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text.count(BEGIN) == text.count(END) == 1
    assert text.index(BEGIN) < text.index(END)


def finding(figure: float, *, bar: Bar | None, spread: tuple[float, float] | None = None, rounds: int = 5) -> Finding:
    return Finding("one", "15 files", 0.5, "a bare push", 0.25, figure, bar, spread=spread, rounds=rounds)


@pytest.mark.parametrize(
    ("figure", "bar", "verdict"),
    [
        (2.9, Bar(3), Verdict.MET),
        (3.1, Bar(3), Verdict.MISSED),
        (19.0, Bar(20, least=True), Verdict.MISSED),
        (21.0, Bar(20, least=True), Verdict.MET),
        (21.0, None, Verdict.NONE),
    ],
)
def test_a_figure_is_judged_by_the_side_of_its_bar(figure: float, bar: Bar | None, verdict: Verdict) -> None:
    assert finding(figure, bar=bar).verdict is verdict


def test_a_bar_within_the_spread_is_not_clearly_met() -> None:
    assert finding(2.5, bar=Bar(3), spread=(2.0, 3.5)).cells()[-1] == "met, not clearly"


def test_the_spread_of_two_rounds_is_not_shown() -> None:
    assert finding(2.5, bar=Bar(3), spread=(2.0, 3.5), rounds=2).cells()[-3:] == (f"2.5 {TIMES}", f"≤ 3 {TIMES}", "met")


def counted(order: list[str], name: str) -> Callable[[], float]:
    def way() -> float:
        order.append(name)
        return float(len(order))

    return way


def test_ways_run_in_turns_and_the_first_round_does_not_count() -> None:
    order: list[str] = []
    rounds = interleave({name: counted(order, name) for name in "ab"}, rounds=2, seconds=60)
    assert order == ["a", "b", "b", "a", "a", "b"]
    assert rounds.ways["a"].seconds == (4.0, 5.0)


def test_a_slow_way_runs_so_often_and_is_compared_with_its_own_rounds() -> None:
    order: list[str] = []
    rounds = interleave(
        {"fast": counted(order, "fast"), "slow": counted(order, "slow")}, rounds=5, seconds=60, most={"slow": 2}
    )
    assert order.count("slow") == len(rounds.ways["slow"]) == 2
    assert len(rounds.ways["fast"]) == 5


def test_time_that_is_up_ends_the_rounds_but_not_before_three() -> None:
    order: list[str] = []
    rounds = interleave({"a": counted(order, "a")}, rounds=50, seconds=0)
    assert len(rounds.ways["a"]) == 3


def test_the_page_carries_machine_command_and_each_finding() -> None:
    machine = Machine("Processor", 2, 8.0, "Linux 6", "3.11", "2.39", "2026-03-04", load_before=0.1, load_after=0.2)
    text = figures([("A title", [finding(3.1, bar=Bar(3))])], machine, ["--write"])
    for part in (machine.line, "python -m benchmarks --write", "### A title", "| missed |"):
        assert part in text


def test_a_page_from_a_busy_machine_says_that_it_is_provisional() -> None:
    machine = Machine("Processor", 2, 8.0, "Linux 6", "3.11", "2.39", "2026-03-04", load_before=0.1, load_after=5.0)
    assert "provisional" in figures([], machine, [])


@pytest.fixture
def drawn() -> ET.Element:
    lines = [Series("ours & more", ((20, 0.1), (200, 0.11))), Series("theirs", ((20, 1.0), (200, 12.0)))]
    return ET.fromstring(plot([("Left", lines), ("Right", [])]))  # noqa: S314 - our own text


def test_the_plot_is_xml_and_draws_and_names_each_line(drawn: ET.Element) -> None:
    space = "{http://www.w3.org/2000/svg}"
    assert len(drawn.findall(f".//{space}polyline")) == 2
    assert {"ours & more", "theirs", "Right: not measured"} <= {one.text for one in drawn.iter(f"{space}text")}


def test_a_lower_line_is_drawn_lower(drawn: ET.Element) -> None:
    ours, theirs = drawn.iter("{http://www.w3.org/2000/svg}polyline")
    heights = [[float(place.split(",")[1]) for place in one.attrib["points"].split()] for one in (ours, theirs)]
    assert all(low > high for low, high in zip(*heights, strict=True))
