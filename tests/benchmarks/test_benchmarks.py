"""Each benchmark runs at toy size and prints a ratio; what a missed bar, a noisy one and a short one look like."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from benchmarks import page as benchmarks_page
from benchmarks import rate
from benchmarks.findings import TIMES, Bar, Finding, Verdict
from benchmarks.machine import Machine
from benchmarks.measuring import interleave
from benchmarks.page import BEGIN, END, IMAGE, PAGE, Section, drawn, figures, load_sections, write_page
from benchmarks.plot import Series, plot
from benchmarks.scale import TOY
from devstack import postgresql
from devstack.ecr import EcrMissingError, ministack_binary
from devstack.postgresql import PostgresqlMissingError, server_binaries
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


@pytest.fixture(name="postgresql")
def postgresql_server_is_here() -> None:
    try:
        server_binaries()
    except PostgresqlMissingError as error:
        missing_part("PostgreSQL", str(error))


def lines_with(output: str, *texts: str) -> list[str]:
    return [line for line in output.splitlines() if all(text in line for text in texts)]


@pytest.mark.prove
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


@pytest.mark.prove
@pytest.mark.parametrize(
    ("name", "against"),
    [
        ("accept", "verify and insert one row"),
        ("delivered", "a bare push"),
        ("many", "clone, edit, rebase, push"),
        ("cost", "clone, edit, rebase, push"),
        ("recovery", "the work, undisturbed"),
        ("waiting", "3 runs waiting"),
        ("edge", "the end"),
        ("elsewhere", "the run itself"),
        ("plan", "1 applications"),
        ("train", "as many merges at once"),
        ("reuse", "the image has its tag"),
        ("requests", "GitHub's limit a minute"),
    ],
)
@pytest.mark.usefixtures("ministack")
def test_a_benchmark_of_real_processes_compares(name: str, against: str) -> None:
    done = bench(name, "--toy")
    assert done.returncode == 0, done.stderr
    assert lines_with(done.stdout, against)


@pytest.mark.prove
@pytest.mark.real_postgresql
@pytest.mark.usefixtures("ministack", "postgresql")
def test_the_rate_of_commits_is_measured_for_each_number_of_workers() -> None:
    done = bench("rate", "--toy")
    assert done.returncode == 0, done.stderr
    assert len(lines_with(done.stdout, "a bare push for each", "commits/s")) == len(TOY.worker_counts)
    assert lines_with(done.stdout, "most workers", TIMES)


@pytest.mark.usefixtures("ministack")
def test_a_machine_without_postgresql_is_told_and_leaves_those_rows_out(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(postgresql, "_PLACES", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    said: list[str] = []
    assert rate.run(TOY, said.append) == []
    assert said == ["left out: no PostgreSQL server on this machine: apt-get install postgresql"]


@pytest.mark.prove
def test_an_earlier_revision_is_measured_first_and_leaves_no_tree() -> None:
    done = bench("values-edit", "--toy", "--before", "HEAD")
    assert done.returncode == 0, done.stderr
    before, after = (
        number for number, line in enumerate(done.stdout.splitlines()) if line.startswith(("before,", "after,"))
    )
    assert before < after
    assert len(lines_with(done.stdout, "20 lines", TIMES)) == 2
    trees = subprocess.run(["git", "worktree", "list"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "mergeport-before-" not in trees


@pytest.mark.prove
def test_an_earlier_revision_that_git_does_not_know_is_told() -> None:
    done = bench("values-edit", "--toy", "--before", "no-such-revision")
    assert done.returncode == 2
    assert "git knows no revision no-such-revision" in done.stderr


@pytest.mark.prove
def test_the_page_is_not_written_from_toy_figures() -> None:
    done = bench("values-edit", "--toy", "--write")
    assert done.returncode == 2
    assert "--toy" in done.stderr


def test_the_page_and_the_plot_are_those_of_the_data() -> None:
    sections = list(load_sections().values())
    text = PAGE.read_text(encoding="utf-8")
    assert text.partition(BEGIN)[2].partition(END)[0].strip() == figures(sections).strip()
    assert IMAGE.read_text(encoding="utf-8") == drawn(sections)


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


MACHINE = Machine("Processor", 2, 8.0, "Linux 6", "3.11", "2.39", "2026-03-04", load_before=0.1, load_after=5.0)


def section(title: str, machine: Machine = MACHINE, **changed: Any) -> Section:
    return Section(title, (finding(3.1, bar=Bar(3), **changed),), machine, "python -m benchmarks one --write")


def test_the_page_carries_machine_command_and_each_finding() -> None:
    text = figures([section("A title")])
    for part in (MACHINE.parts, MACHINE.times, "`python -m benchmarks one --write`", "### A title", "| missed |"):
        assert part in text


def test_a_machine_that_was_busy_before_makes_the_figures_provisional() -> None:
    assert "provisional" in figures([section("One", replace(MACHINE, load_before=1.5))])
    assert "provisional" not in figures([section("One")])


@pytest.fixture
def places(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    for name in ("PAGE", "DATA", "IMAGE"):
        monkeypatch.setattr(benchmarks_page, name, tmp_path / name)
    (tmp_path / "PAGE").write_text(f"Words before.\n{BEGIN}\nold\n{END}\nWords after.\n")
    return tmp_path


def test_what_was_not_measured_again_stays_on_the_page(places: Path) -> None:
    write_page({"one": section("First"), "two": section("Second", spread=(1.0, 4.0))}, ["one", "two"])
    write_page({"two": section("Second, newer")}, ["one", "two"])
    text = (places / "PAGE").read_text()
    assert [line for line in text.splitlines() if line.startswith("#")] == ["### First", "### Second, newer"]
    assert text.startswith("Words before.\n")
    assert text.endswith("Words after.\n")


def test_what_was_kept_is_read_as_it_was(places: Path) -> None:
    kept = {"one": section("First", spread=(1.0, 4.0))}
    write_page(kept, ["one"])
    assert load_sections() == kept
    assert (places / "DATA").exists()


@pytest.fixture
def two_panels() -> ET.Element:
    lines = [Series("ours & more", ((20, 0.1), (200, 0.11))), Series("theirs", ((20, 1.0), (200, 12.0)))]
    return ET.fromstring(plot([("Left", lines), ("Right", [])]))  # noqa: S314 - our own text


def test_the_plot_is_xml_and_draws_and_names_each_line(two_panels: ET.Element) -> None:
    space = "{http://www.w3.org/2000/svg}"
    assert len(two_panels.findall(f".//{space}polyline")) == 2
    assert {"ours & more", "theirs", "Right: not measured"} <= {one.text for one in two_panels.iter(f"{space}text")}


def test_a_lower_line_is_drawn_lower(two_panels: ET.Element) -> None:
    ours, theirs = two_panels.iter("{http://www.w3.org/2000/svg}polyline")
    heights = [[float(place.split(",")[1]) for place in one.attrib["points"].split()] for one in (ours, theirs)]
    assert all(low > high for low, high in zip(*heights, strict=True))
