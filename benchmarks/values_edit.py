"""One tag changed in a values file: the values editor against ruamel.yaml's round-trip load and dump.

The other way is what most tools do. It is given its C-free round-trip parser, which is the only one it has for this.
"""

from __future__ import annotations

import difflib
import io
from collections.abc import Callable

from ruamel.yaml import YAML

from benchmarks.findings import Bar, Finding
from benchmarks.measuring import interleave, timed
from benchmarks.scale import Scale
from benchmarks.values_files import part_name, values_file
from service.core.values import ValueEdit, edit_values

NAME = "values-edit"
TITLE = "Values edit: one tag in one file"
JUDGED_LINES = 15_000
BAR = Bar(15, least=True)


def run(scale: Scale, say: Callable[[str], None]) -> list[Finding]:
    """Measure each size; the bar is for the largest, and the others are shown too."""
    return [_measure(lines, scale, say) for lines in scale.values_lines]


def _measure(lines: int, scale: Scale, say: Callable[[str], None]) -> Finding:
    say(f"{lines:,} lines")
    text = values_file(lines)
    name = part_name(text.count("\n  image:\n") // 2)
    path, tag = f"{name}.image.tag", "4f2c1e9ab012"
    _check_exact(text, _ours(text, path, tag), name, tag)
    touched = _lines_changed(text, _ruamel(text, name, tag))
    repeat = max(1, 1_500 // lines)
    rounds = interleave(
        {
            "ours": lambda: timed(lambda: [_ours(text, path, tag) for _ in range(repeat)]) / repeat,
            "ruamel": lambda: timed(lambda: [_ruamel(text, name, tag) for _ in range(repeat)]) / repeat,
        },
        rounds=scale.rounds,
        seconds=scale.seconds,
    )
    return Finding(
        NAME,
        f"{lines:,} lines",
        rounds.ways["ours"].median,
        "ruamel.yaml load and dump",
        rounds.ways["ruamel"].median,
        rounds.ratio("ruamel", "ours"),
        BAR if lines >= JUDGED_LINES else None,
        spread=rounds.ratio_range("ruamel", "ours"),
        rounds=len(rounds.ways["ours"]),
        note=f"{lines:,} lines: our edit changes 1 line, load and dump {touched:,}.",
    )


def _ours(text: str, path: str, tag: str) -> str:
    return edit_values(text, [ValueEdit(path, tag)]).text


def _ruamel(text: str, name: str, tag: str) -> str:
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 4096
    document = yaml.load(text)
    document[name]["image"]["tag"] = tag
    out = io.StringIO()
    yaml.dump(document, out)
    return out.getvalue()


def _check_exact(before: str, after: str, name: str, tag: str) -> None:
    """Make sure that the tag's own characters are all that changed."""
    start = before.index('tag: "', before.index(f"\n{name}:\n")) + len('tag: "')
    end = before.index('"', start)
    if after != before[:start] + tag + before[end:]:
        raise AssertionError("the edit is not byte-exact")


def _lines_changed(before: str, after: str) -> int:
    """Count the lines of the old text that are not in the new one; first line by line, because the texts are long."""
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    if len(old) == len(new):
        return sum(1 for one, other in zip(old, new, strict=True) if one != other)
    return sum(1 for line in difflib.unified_diff(old, new, n=0) if line.startswith("-") and not line.startswith("---"))
