"""Text that a database refuses: it is stored without what cannot be stored, and everything else of it stays."""

from __future__ import annotations

import pytest

from service.core.words import BuildId
from service.store import Store, builds


@pytest.mark.parametrize(
    ("text", "kept"),
    [("a\0b\n", "a\ufffdb\n"), ("a\ud800b", "a\ufffdb"), ("naïve 🚀 \x1b[0m", "naïve 🚀 \x1b[0m")],
)
def test_log_that_a_database_would_refuse_is_stored_without_what_it_refuses(store: Store, text: str, kept: str) -> None:
    build = BuildId("01J00000000000000000000000")
    with store.begin() as tx:
        builds.log(tx, build, 1, text)
    with store.read() as tx:
        assert [told for _, _, told in builds.log_of(tx, build)] == [kept]
