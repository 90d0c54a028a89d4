"""Every file of tests/data/values is one case: a values file, the edits, and the result or the refusal."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from service.cli.values_assignments import parse_assignment
from service.core.values import edit_values
from service.errors import ValuesEditError

CASES = sorted((Path(__file__).parents[2] / "data" / "values").glob("*.case"))


@dataclass
class Case:
    """One file: header lines `word: text` (`edit` and `warning` may be repeated), then the sections."""

    header: dict[str, list[str]] = field(default_factory=dict)
    sections: dict[str, str] = field(default_factory=dict)

    def options(self) -> set[str]:
        return set(" ".join(self.header.get("options", [])).split())

    def text(self, section: str) -> str:
        """Give a section as the bytes that its options say: `crlf`, `bom`, `no-final-newline`."""
        text = self.sections[section]
        options = self.options()
        if "no-final-newline" in options:
            text = text.removesuffix("\n")
        if "crlf" in options:
            text = text.replace("\n", "\r\n")
        return ("\ufeff" if "bom" in options else "") + text


def read_case(path: Path) -> Case:
    case = Case()
    section: str | None = None
    for line in path.read_text(encoding="utf-8").split("\n")[:-1]:
        if line.startswith("=== "):
            section = line.removeprefix("=== ")
            case.sections[section] = ""
        elif section is not None:
            case.sections[section] += line + "\n"
        elif line and not line.startswith("#"):
            word, _, rest = line.partition(": ")
            case.header.setdefault(word, []).append(rest)
    return case


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_case_ends_as_its_file_says(path: Path) -> None:
    case = read_case(path)
    edits = [parse_assignment(edit) for edit in case.header["edit"]]
    text, create = case.text("input"), "create" in case.options()
    if "expected" in case.sections:
        edited = edit_values(text, edits, file="values.yaml", create=create)
        assert edited.text == case.text("expected")
        assert list(edited.warnings) == case.header.get("warning", [])
        assert bool(edited.changes) == (edited.text != text)
        if "once" in case.options():  # the edit changes the values that its own paths select by
            return
        again = edit_values(edited.text, edits, file="values.yaml", create=create)
        assert (again.text, again.changes) == (edited.text, ())
        return
    with pytest.raises(ValuesEditError) as refused:
        edit_values(text, edits, file="values.yaml", create=create)
    assert [refused.value.code, str(refused.value)] == case.sections["refused"].splitlines()


def test_cases_are_found() -> None:
    assert len(CASES) > 60
