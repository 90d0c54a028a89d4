"""The commands `values set`, on a 2,000-line file, and `config check`, from their start to their end.

Against the few lines that teams write instead of the first, which load and dump the file, and against Python that does
nothing.
"""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.findings import Bar, Finding
from benchmarks.measuring import Samples, interleave, timed
from benchmarks.scale import Scale
from benchmarks.values_files import part_name, values_file

NAME = "start-up"
TITLE = "Start-up: `mergeport values set` and `config check`, from start to end"
BAR = Bar(0.3, "s")
CONFIGURATION = Path(__file__).parents[1] / "manifests-template" / "mergeport.yaml"

SCRIPT = """\
import sys
from ruamel.yaml import YAML
path, name, tag = sys.argv[1:]
yaml = YAML()
yaml.preserve_quotes = True
with open(path) as file:
    document = yaml.load(file)
document[name]["image"]["tag"] = tag
with open(path, "w") as file:
    yaml.dump(document, file)
"""


def run(scale: Scale, say: Callable[[str], None]) -> list[Finding]:
    """Measure the command and both others on files of their own, a new tag each time."""
    say(f"{scale.start_lines:,} lines")
    tags = (f"{number:012x}" for number in itertools.count(1 << 44))
    text = values_file(scale.start_lines)
    with tempfile.TemporaryDirectory(prefix="mergeport-bench-") as folder:
        ours, script = Path(folder) / "ours.yaml", Path(folder) / "script.yaml"
        for file in (ours, script):
            file.write_text(text, encoding="utf-8")
        command = str(Path(sys.executable).with_name("mergeport"))
        path = f"{part_name(0)}.image.tag"
        processor: list[float] = []

        def set_value() -> float:
            before = os.times()
            took = _timed(command, "values", "set", str(ours), f"{path}={next(tags)}")
            after = os.times()
            processor.append(
                after.children_user + after.children_system - before.children_user - before.children_system
            )
            return took

        rounds = interleave(
            {
                "ours": set_value,
                "check": lambda: _timed(command, "config", "check", str(CONFIGURATION)),
                "script": lambda: _timed(sys.executable, "-c", SCRIPT, str(script), part_name(0), next(tags)),
                "python": lambda: _timed(sys.executable, "-c", "pass"),
            },
            rounds=scale.rounds,
            seconds=scale.seconds,
        )
        changed = sum(
            1
            for old, new in zip(text.splitlines(), ours.read_text(encoding="utf-8").splitlines(), strict=True)
            if old != new
        )
        if changed != 1:
            raise AssertionError(f"the command changed {changed} lines")
    median, samples, check = rounds.ways["ours"].median, rounds.ways["ours"], rounds.ways["check"]
    what, count = f"{scale.start_lines:,} lines", len(samples)
    quartiles = (samples.at(0.25), samples.at(0.75))
    note = f"Processor time of the command, whatever else runs: {Samples(tuple(processor)).median * 1000:.0f} ms."
    return [
        Finding(
            NAME, what, median, "Python that does nothing", rounds.ways["python"].median, median, BAR, "s",
            spread=quartiles, rounds=count, note=note,
        ),
        Finding(
            NAME, what, median, "a script with ruamel.yaml", rounds.ways["script"].median,
            rounds.ratio("script", "ours"), spread=rounds.ratio_range("script", "ours"), rounds=count,
        ),
        Finding(
            NAME, "`config check` of the template", check.median, "Python that does nothing",
            rounds.ways["python"].median, check.median, BAR, "s", spread=(check.at(0.25), check.at(0.75)),
            rounds=len(check),
        ),
    ]  # fmt: skip


def _timed(*argv: str) -> float:
    environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8"}
    return timed(lambda: subprocess.run(argv, env=environment, check=True, capture_output=True, timeout=60))
