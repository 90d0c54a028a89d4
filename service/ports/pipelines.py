"""The pipelines of others that push images by themselves: how the one for a commit stands. Nothing is started.

Whether an image is there, its registry alone says. A pipeline is asked for what the registry cannot tell: that nobody
will push the image.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from service.core.words import Repository, Sha


@dataclass(frozen=True, slots=True)
class PipelineQuestion:
    """The pipeline for a commit that reached a branch; what ran before `since` was for something else."""

    repository: Repository
    branch: str
    commit: Sha
    since: datetime
    pipeline: str


@dataclass(frozen=True, slots=True)
class PipelineStanding:
    """How it stands, in words, and whether it is over without an image, unless a person begins it again."""

    words: str
    is_over: bool = False


class Pipelines(Protocol):
    """Tells how pipelines of others stand."""

    def pipeline_of(self, options: object) -> str:
        """Give the pipeline that the builder's options name; empty where they name none."""
        ...

    def expect_news(self, repository: Repository) -> None:
        """Believe nothing any more that was heard of a repository's pipelines before."""
        ...

    def standings(self, questions: Sequence[PipelineQuestion]) -> Mapping[PipelineQuestion, PipelineStanding]:
        """Tell how each stands, in as few calls as there can be; what was asked a moment ago is not asked again."""
        ...
