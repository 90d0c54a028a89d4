"""Where there is room for one fault, it is the one that helps most."""

from __future__ import annotations

import pytest

from service.core.config.telling import in_short, most_helpful
from service.errors import Fault

MISSING = Fault("f", "is missing", "the repository with the code, owner/name", 4, 3, "applications.a.source")
MISSPELLED = Fault("f", '"sorce" is not a key here', "did you mean source?", 5, 5, "applications.a.sorce")
TYPE = Fault("f", "expected text, found a list", "", 6, 5, "applications.a.tag")


def test_the_most_helpful_comes_first_and_equals_keep_the_order_of_the_file() -> None:
    other = Fault("f", "x", "write y", 9, 1)

    assert most_helpful([MISSING, TYPE, MISSPELLED, other]) == [MISSPELLED, other, TYPE, MISSING]


@pytest.mark.parametrize(
    ("faults", "words"),
    [
        ([], "no faults"),
        ([TYPE], "line 6: applications.a.tag: expected text, found a list"),
        (
            [MISSING, MISSPELLED],
            '2 faults; line 5: applications.a.sorce: "sorce" is not a key here (did you mean source?)',
        ),
        ([Fault("f", "the file is empty", "it needs x")], "the file is empty (it needs x)"),
    ],
)
def test_faults_are_counted_and_one_is_told(faults: list[Fault], words: str) -> None:
    assert in_short(faults) == words
