"""Writes the messages of a promotion: its commit's, and the source commit's status. Its pull request is beside this.

The promote stage and the reports call it. Pure text in, text out. Text that people wrote (titles, names, values) is
put on one line and made harmless: it breaks no table, mentions nobody, closes no issue and adds no trailer.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from service.core import trailers
from service.core.artifacts import trailers_carried
from service.core.carry import Carried, trailers_of_carried
from service.core.foreign_text import (
    cut,
    fitting,
    line,
    person,
    plain,
    value,
)
from service.core.gates.gate_table import Row
from service.core.gates.seen_checks import Check
from service.core.images import ImageReference
from service.core.models import is_model
from service.core.promotion_evidence import RunsIn
from service.core.promotion_model import ModelStory
from service.core.rendered.comparison import Rendered
from service.core.step_back import StepBack, trailers_of, words_of
from service.core.values import ScalarChange
from service.core.words import Actor, Repository, RunId, Sha

SUBJECT_LENGTH = 72
STATUS_LENGTH = 140
CHANGES_LISTED = 500
CHANGE_LENGTH, BECAUSE_LENGTH, OVERRIDE_LENGTH = 1_000, 2_000, 1_000
OVERRIDES_ROOM = 6_000
PULL_REQUESTS_NAMED = 100
"""The most trailers that name a pull request."""
CHANGES_ROOM = 40_000
"""The most bytes of the changes that a commit's message lists: it should stay readable."""
SHORT = 12


@dataclass(frozen=True, slots=True)
class SourcePullRequest:
    """A pull request of the source repository that the promotion brings."""

    number: int
    title: str
    author: str
    url: str
    labels: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DirectPush:
    """A commit that was pushed to the source branch without a pull request."""

    commit: Sha
    subject: str
    author: str


@dataclass(frozen=True, slots=True)
class Promotion:
    """All that a promotion's texts tell. `previous` is the source commit that is deployed now, if known.

    `warning` says what people must know before they merge. `changes` are the values files' changed scalars, each
    with its file. `source_url` is the source repository's page, `run_url` the run's. `newest` is the title of the
    newest change, `newest_number` its pull request, and `more` counts the other changes. `direct` are the changes
    that came without a pull request. `made_for` has, for each image, the commit that it was made for if that is
    another one with the same source tree, and nothing otherwise. `back` is set where it goes back to a former
    release. `unread` counts the commits that were not searched for pull requests; `problem` says why none was.
    `evidence` is where the very images are or were live, `scans` what the registry found in them, `checks` those of
    the source commit, `marks` what kinds of files the changes touch. `gates` are the gates as they were judged
    last; None if there are none. `overrides` are the gates that people opened for it, each with who and why.
    `model` is what is known of the model's version, where one is promoted.
    `rendered` is what changes in the rendered manifests; None if the settings want nothing rendered. `asked_by` is who
    asked for it. `carried` is what goes along.
    """

    run: RunId
    application: str
    environment: str
    source_repository: Repository
    source_url: str
    source_commit: Sha
    images: tuple[ImageReference, ...]
    changes: tuple[tuple[str, ScalarChange], ...]
    previous: Sha | None = None
    subject: str = ""
    author: Actor | None = None
    pull_requests: tuple[SourcePullRequest, ...] = ()
    direct: tuple[DirectPush, ...] = ()
    run_url: str = ""
    warning: str = ""
    newest: str = ""
    newest_number: int | None = None
    more: int = 0
    unread: int = 0
    problem: str = ""
    made_for: tuple[str, ...] = ()
    back: StepBack | None = None
    asked_by: str = ""
    overrides: tuple[str, ...] = ()
    carried: Carried | None = None
    evidence: tuple[RunsIn, ...] = ()
    marks: tuple[str, ...] = ()
    gates: tuple[Row, ...] | None = None
    scans: tuple[str, ...] = ()
    checks: tuple[Check, ...] = ()
    rendered: Rendered | None = None
    model: ModelStory | None = None


def title(promotion: Promotion) -> str:
    """Give the commit's subject, at most 72 characters."""
    short = promotion.source_commit[:SHORT]
    verb, before, after = ("Promote ", "", "to") if promotion.back is None else ("Roll back ", "to ", "in")
    rest = f" {before}{short} {after} {line(promotion.environment)}"
    room = SUBJECT_LENGTH - len(verb) - len(rest)
    return cut(f"{verb}{cut(line(promotion.application), max(room, 1))}{rest}", SUBJECT_LENGTH)


def commit_message(promotion: Promotion, *, co_author: bool = False) -> str:
    """Give the message of the manifest commit: subject, one line for each changed scalar, trailers.

    With `co_author`, the change's author comes last, if it has a name and an address.
    """
    every = [
        plain(f"- {file}: {change.path} {value(change.before)} -> {value(change.after)}", CHANGE_LENGTH)
        for file, change in promotion.changes[:CHANGES_LISTED]
    ]
    shown = fitting(every, CHANGES_ROOM)
    left = len(promotion.changes) - len(shown)
    lines = "\n".join([*shown, *([f"- and {left} more"] if left else [])])
    also = [(trailers.CO_AUTHOR, person(promotion.author))] if co_author else []
    parts = [
        title(promotion),
        plain(words_of(promotion.back), BECAUSE_LENGTH),
        lines,
        trailers_of_promotion(promotion, *also),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def status_description(words: str) -> str:
    """Give a commit status's description on one line, at most 140 characters."""
    return cut(line(words), STATUS_LENGTH)


def trailers_of_promotion(promotion: Promotion, *also: tuple[str, str]) -> str:
    """Give the trailers; the four that begin with Argocd are Argo CD's own, shown beside the synced revision."""
    opened = [plain(one, OVERRIDE_LENGTH) for one in promotion.overrides]
    pairs: list[tuple[str, str]] = [
        (trailers.RUN, promotion.run),
        (trailers.APPLICATION, promotion.application),
        (trailers.ENVIRONMENT, promotion.environment),
        *trailers_carried(promotion.images),
        *((trailers.MADE_FOR, commit) for commit in dict.fromkeys(promotion.made_for) if commit),
        *((trailers.OVERRIDE, one) for one in fitting(opened, OVERRIDES_ROOM)),
        *((trailers.CARRIED, plain(one, OVERRIDE_LENGTH)) for one in trailers_of_carried(promotion.carried)),
        *_source(promotion, trailers.SOURCE_REPOSITORY, trailers.SOURCE_COMMIT),
        *((trailers.SOURCE_PULL_REQUEST, str(pull.number)) for pull in promotion.pull_requests[:PULL_REQUESTS_NAMED]),
        *trailers_of(promotion.back, promotion.asked_by),
        *_source(promotion, "", trailers.REFERENCE_SHA),
        (trailers.REFERENCE_REPOURL, promotion.source_url),
        (trailers.REFERENCE_SUBJECT, plain(promotion.subject)),
        (trailers.REFERENCE_AUTHOR, person(promotion.author)),
        *also,
    ]
    return trailers.format((key, line(value)) for key, value in pairs).strip("\n")


def _source(promotion: Promotion, repository: str, commit: str) -> Iterator[tuple[str, str]]:
    """Give the trailers of the source commit under these keys; a model's version has none."""
    if is_model(promotion.source_repository):
        return
    if repository:
        yield repository, promotion.source_repository
    yield commit, promotion.source_commit
