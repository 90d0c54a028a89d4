"""Writes a promotion's texts: its commit's message, its pull request, and the source commit's status.

The promote stage and the reports call it. Pure text in, text out. Text that people wrote (titles, names, values) is
put on one line and made harmless: it breaks no table, mentions nobody, closes no issue and adds no trailer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from service.core import trailers
from service.core.foreign_text import (
    NAME_LENGTH,
    ZERO_WIDTH_SPACE,
    code,
    cut,
    fitting,
    line,
    link,
    markdown,
    plain,
    value,
)
from service.core.images import ImageReference
from service.core.promotion_evidence import RunsIn, what_it_touches, where_it_runs
from service.core.promotion_title import mark_of, pull_request_title
from service.core.step_back import StepBack, asked_words, trailers_of, words_of
from service.core.values import ScalarChange
from service.core.words import Actor, Repository, RunId, Sha

SUBJECT_LENGTH = 72
STATUS_LENGTH = 140
PULL_REQUESTS_SHOWN = 50
CHANGES_SHOWN = 50
CHANGES_LISTED = 500
CHANGE_LENGTH, BECAUSE_LENGTH, OVERRIDE_LENGTH = 1_000, 2_000, 1_000
WARNING_LENGTH = 500
PULL_REQUESTS_NAMED = 100
"""The most trailers that name a pull request."""
CHANGES_ROOM, TABLE_ROOM, PULL_REQUESTS_ROOM = 40_000, 24_000, 18_000
DIRECT_PUSHES_SHOWN, DIRECT_PUSHES_ROOM = 20, 4_000
"""The most bytes of the parts that can grow: GitHub accepts 65,536 characters, and a message should stay readable."""
SHORT = 12

_ANGLES = re.compile(r"[<>]")
_EMAIL = re.compile(r"[!-;=?-~]+")
"""No space, no angle bracket, ASCII: what git keeps as it is."""
_LONGEST_EMAIL = 254
"""https://www.rfc-editor.org/errata/eid1690"""


@dataclass(frozen=True, slots=True)
class SourcePullRequest:
    """A pull request of the source repository that the promotion brings."""

    number: int
    title: str
    author: str
    url: str


@dataclass(frozen=True, slots=True)
class DirectPush:
    """A commit that was pushed to the source branch without a pull request."""

    commit: Sha
    subject: str
    author: str


@dataclass(frozen=True, slots=True)
class Promotion:
    """All that a promotion's texts tell. `previous` is the source commit that is deployed now, if known.

    `warning` says what people must know before they merge. `changes` are the values files' changed scalars, each with
    its file. `source_url` is the source repository's page, `run_url` the run's. `newest` is the title of the newest
    change, `newest_number` its pull request, and `more` counts the other changes. `direct` are the changes that came
    without a pull request. `made_for` has, for each image, the commit that it was made for if that is another one with
    the same source tree, and nothing otherwise. `back` is set where it goes back to a former release. `unread` counts
    the commits that were not searched for pull requests; `problem` says why none was. `evidence` is where the very
    images are or were live, `marks` what kinds of files the changes touch, and `gated` whether gates keep watch.
    `overrides` are the gates that people opened for it, each with who and why. `asked_by` is who asked for it.
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
    evidence: tuple[RunsIn, ...] = ()
    marks: tuple[str, ...] = ()
    gated: bool = False


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
    also = [(trailers.CO_AUTHOR, _person(promotion.author))] if co_author else []
    parts = [title(promotion), plain(words_of(promotion.back), BECAUSE_LENGTH), lines, _trailers(promotion, *also)]
    return "\n\n".join(part for part in parts if part) + "\n"


def pull_request_body(promotion: Promotion, *, because: str = "") -> str:
    """Give the pull request's body in GitHub's Markdown; `because` says why a configured commit is not made.

    The trailers are repeated in it, because a squash merge may drop those of the commit.
    """
    sections = [
        _headline(promotion),
        f"> [!WARNING]\n> {markdown(promotion.warning, WARNING_LENGTH)}" if promotion.warning else "",
        f"This is a pull request and not a commit, because {markdown(because, BECAUSE_LENGTH)}." if because else "",
        asked_words(promotion.back, promotion.asked_by),
        "\n".join(f"Overridden: {markdown(one, OVERRIDE_LENGTH)}" for one in promotion.overrides),
        _table(promotion),
        _images(promotion),
        _source(promotion),
        what_it_touches(promotion.marks),
        where_it_runs(promotion.evidence),
        "Its gates are statuses of this pull request: `mergeport/gate/…`." if promotion.gated else "",
        _rollback(promotion),
        mark_of(pull_request_title(promotion)),
        link("The run in Mergeport", promotion.run_url) if promotion.run_url else "",
        f"<details><summary>For machines</summary>\n\n```text\n{_trailers(promotion)}\n```\n\n</details>",
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def status_description(words: str) -> str:
    """Give a commit status's description on one line, at most 140 characters."""
    return cut(line(words), STATUS_LENGTH)


def _images(promotion: Promotion) -> str:
    """List the images, each with the commit that it was made for if that is another one."""
    told = []
    for number, image in enumerate(promotion.images):
        commit = promotion.made_for[number] if number < len(promotion.made_for) else ""
        of = f" (the image of {code(commit[:SHORT])}, the same tree)" if commit else ""
        told.append(f"Image: {code(str(image))}{of}")
    return "\n".join(told)


def _trailers(promotion: Promotion, *also: tuple[str, str]) -> str:
    """Give the trailers; the four that begin with Argocd are Argo CD's own, shown beside the synced revision."""
    pairs: list[tuple[str, str]] = [
        (trailers.RUN, promotion.run),
        (trailers.APPLICATION, promotion.application),
        (trailers.ENVIRONMENT, promotion.environment),
        *((trailers.IMAGE, str(image)) for image in promotion.images),
        *((trailers.MADE_FOR, commit) for commit in dict.fromkeys(promotion.made_for) if commit),
        *((trailers.OVERRIDE, plain(one, OVERRIDE_LENGTH)) for one in promotion.overrides),
        (trailers.SOURCE_REPOSITORY, promotion.source_repository),
        (trailers.SOURCE_COMMIT, promotion.source_commit),
        *((trailers.SOURCE_PULL_REQUEST, str(pull.number)) for pull in promotion.pull_requests[:PULL_REQUESTS_NAMED]),
        *trailers_of(promotion.back, promotion.asked_by),
        (trailers.REFERENCE_SHA, promotion.source_commit),
        (trailers.REFERENCE_REPOURL, promotion.source_url),
        (trailers.REFERENCE_SUBJECT, plain(promotion.subject)),
        (trailers.REFERENCE_AUTHOR, _person(promotion.author)),
        *also,
    ]
    return trailers.format((key, line(value)) for key, value in pairs).strip("\n")


def _person(author: Actor | None) -> str:
    """Write a person as git does; empty for one without a name or an address that git can write."""
    if author is None:
        return ""
    name, email = plain(_ANGLES.sub(" ", author.name), NAME_LENGTH), author.email.strip()
    return f"{name} <{email}>" if name and len(email) <= _LONGEST_EMAIL and _EMAIL.fullmatch(email) else ""


def _headline(promotion: Promotion) -> str:
    commit = promotion.source_commit
    address = link(code(commit[:SHORT]), f"{promotion.source_url}/commit/{commit}")
    told = f" It goes **back**: {markdown(words_of(promotion.back), BECAUSE_LENGTH)}." if promotion.back else ""
    return (
        f"Brings {markdown(promotion.application)} to {markdown(promotion.environment)} as it is in "
        f"{markdown(promotion.source_repository)} at {address}.{told}"
    )


def _table(promotion: Promotion) -> str:
    some = promotion.changes[:CHANGES_SHOWN]
    every = [
        f"| {' | '.join(map(code, (file, one.path, value(one.before), value(one.after))))} |" for file, one in some
    ]
    rows = fitting(every, TABLE_ROOM)
    left = len(promotion.changes) - len(rows)
    more = [f"| and {left} more | | | |"] if left else []
    return "\n".join(["| File | Value | Now | After the merge |", "|---|---|---|---|", *rows, *more])


def _source(promotion: Promotion) -> str:
    lines = []
    if promotion.previous and promotion.previous != promotion.source_commit:
        old, new = promotion.previous, promotion.source_commit
        lines.append(
            "What changes in the source: "
            + link(code(f"{old[:SHORT]}...{new[:SHORT]}"), f"{promotion.source_url}/compare/{old}...{new}")
        )
    lines += _pull_requests(promotion)
    lines += _direct_pushes(promotion, beside=bool(lines))
    lines += _not_looked_through(promotion)
    return "\n".join(lines)


def _comparison(promotion: Promotion) -> str:
    """Give the address that shows all that a promotion brings, or all that its commit contains."""
    new = promotion.source_commit
    way = f"compare/{promotion.previous}...{new}" if promotion.previous else f"commits/{new}"
    return f"{promotion.source_url}/{way}"


def _not_looked_through(promotion: Promotion) -> Iterator[str]:
    if promotion.problem:
        yield f"\nOther pull requests in it could not be looked up: {markdown(promotion.problem)}"
    if promotion.unread:
        address = link("all its commits", _comparison(promotion))
        yield f"\n{promotion.unread} more commits were not looked through for pull requests: {address}"


def _pull_requests(promotion: Promotion) -> Iterator[str]:
    if not promotion.pull_requests:
        return
    yield "\nPull requests in it:\n" if promotion.previous else "Pull requests in it:\n"
    every = []
    for pull in promotion.pull_requests[:PULL_REQUESTS_SHOWN]:
        number = f"{markdown(promotion.source_repository)}#{ZERO_WIDTH_SPACE}{pull.number}"
        by = f" by {markdown(pull.author, NAME_LENGTH)}" if pull.author else ""
        every.append(f"- {link(number, pull.url)} {markdown(pull.title)}{by}")
    shown = fitting(every, PULL_REQUESTS_ROOM)
    yield from shown
    left = len(promotion.pull_requests) - len(shown)
    if left > 0:
        yield f"- and {left} more: {link('all its commits', _comparison(promotion))}"


def _direct_pushes(promotion: Promotion, *, beside: bool) -> Iterator[str]:
    if not promotion.direct:
        return
    yield "\nPushed without a pull request:\n" if beside else "Pushed without a pull request:\n"
    every = []
    for one in promotion.direct[-DIRECT_PUSHES_SHOWN:]:
        by = f" by {markdown(one.author, NAME_LENGTH)}" if one.author else ""
        address = link(code(one.commit[:SHORT]), f"{promotion.source_url}/commit/{one.commit}")
        every.append(f"- {address} {markdown(one.subject, SUBJECT_LENGTH)}{by}")
    shown = fitting(every, DIRECT_PUSHES_ROOM)
    yield from shown
    if (left := len(promotion.direct) - len(shown)) > 0:
        yield f"- and {left} more: {link('all its commits', _comparison(promotion))}"


def _rollback(promotion: Promotion) -> str:
    befores = list(dict.fromkeys(value(change.before) for _, change in promotion.changes if change.before))
    back = f", and Argo CD goes back to {', '.join(map(code, befores[:4]))}" if befores else ""
    return (
        "To roll back after the merge: press **Revert** on this pull request and merge what it opens, or "
        f"`git revert` the merged commit on the base branch{back}."
    )
