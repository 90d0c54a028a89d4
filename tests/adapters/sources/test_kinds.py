"""Sources are found by their kind, and made of the settings."""

from __future__ import annotations

from pathlib import Path

from service.bootstrap_sources import sources
from service.core.config import Kinds
from service.ports import StoredRequest
from service.settings import Settings, load


def settings(tmp_path: Path) -> Settings:
    return load({"MERGEPORT_STATE_DIRECTORY": str(tmp_path), "MERGEPORT_WEBHOOK_SECRET": "a-secret-of-the-tests"})


def test_github_is_there_without_a_word_of_configuration(tmp_path: Path) -> None:
    assert {kind: source.kind for kind, source in sources(settings(tmp_path)).items()} == {
        "github": "github",
        "mlflow": "mlflow",
    }


def test_source_that_needs_options_is_there_where_they_are_given(with_toys: Kinds, tmp_path: Path) -> None:
    found = sources(settings(tmp_path), {"toy": {"secret": "x"}})
    assert sorted(found) == ["github", "mlflow", "toy"]
    assert found["toy"].read(StoredRequest("line", b"ping"))


def test_source_whose_options_nobody_gives_is_not_there(with_toys: Kinds, tmp_path: Path) -> None:
    assert sorted(sources(settings(tmp_path))) == ["github", "mlflow"]
