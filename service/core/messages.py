"""What a promotion says of itself: its commit's message, its pull request, and the source commit's status.

The promote stage and the reports call it. Pure text in, text out. Text that people wrote (titles, names, values) is
put on one line and made harmless: it breaks no table, mentions nobody, closes no issue and adds no trailer.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from service.core import trailers
from service.core.images import ImageReference
from service.core.values import ScalarChange
from service.core.words import Actor, Repository, RunId, Sha

SUBJECT_LENGTH = 72
STATUS_LENGTH = 140
PULL_REQUESTS_SHOWN = 50
CHANGES_SHOWN = 50
CHANGES_LISTED = 500
VALUE_LENGTH = 200
SHORT = 12

_SPACES = re.compile(r"\s+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")
_MARKUP = re.compile(r"[\\`*_{}\[\]()<>|~!&]")
_ACTIVE = re.compile(r"[@#]|://|(?<=\bGH)-|(?<=\bwww)\.", re.IGNORECASE)
_PLAIN = re.compile(r"[A-Za-z0-9 ._:/@+=,-]+")
_ADDRESS = re.compile(r"https?://[^\s()<>\[\]|`\\]+")
_ANGLES = re.compile(r"[<>]")
_EMAIL = re.compile(r"[!-;=?-~]+")
"""No space, no angle bracket, ASCII: what git keeps as it is."""
_ZERO_WIDTH_SPACE = "\u200b"


@dataclass(frozen=True, slots=True)
class SourcePullRequest:
    """A pull request of the source repository that the promotion brings."""

    number: int
    title: str
    author: str
    url: str


@dataclass(frozen=True, slots=True)
class Promotion:
    """All that a promotion's texts tell. `previous` is the source commit that is deployed now, where it is known.

    `changes` are the values files' changed scalars, each with its file. `source_url` is the source
    repository's page, `run_url` the run's.
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
    run_url: str = ""


def title(promotion: Promotion) -> str:
    """Give the commit's subject and the pull request's title, at most 72 characters."""
    short = promotion.source_commit[:SHORT]
    rest = f" {short} to {_line(promotion.environment)}"
    room = SUBJECT_LENGTH - len("Promote ") - len(rest)
    return _cut(f"Promote {_cut(_line(promotion.application), max(room, 1))}{rest}", SUBJECT_LENGTH)


def commit_message(promotion: Promotion, *, co_author: bool = False) -> str:
    """Give the message of the manifest commit: subject, one line a changed scalar, trailers.

    With `co_author`, the change's author stands last among them, where it has a name and an address.
    """
    shown = [
        f"- {_line(file)}: {_line(change.path)} {_value(change.before)} -> {_value(change.after)}"
        for file, change in promotion.changes[:CHANGES_LISTED]
    ]
    left = len(promotion.changes) - len(shown)
    lines = "\n".join([*shown, *([f"- and {left} more"] if left else [])])
    also = [(trailers.CO_AUTHOR, _person(promotion.author))] if co_author else []
    parts = [title(promotion), lines, _trailers(promotion, *also)]
    return "\n\n".join(part for part in parts if part) + "\n"


def pull_request_body(promotion: Promotion, *, because: str = "") -> str:
    """Give the pull request's body in GitHub's Markdown; `because` says why it is none of the configuration's.

    The trailers are repeated in it, because a squash merge may drop those of the commit.
    """
    sections = [
        _headline(promotion),
        f"This is a pull request and no commit, because {_text(because)}." if because else "",
        _table(promotion),
        "\n".join(f"Image: {_code(str(image))}" for image in promotion.images),
        _source(promotion),
        _rollback(promotion),
        _link("The run in Mergeport", promotion.run_url) if promotion.run_url else "",
        f"<details><summary>For machines</summary>\n\n```text\n{_trailers(promotion)}\n```\n\n</details>",
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def status_description(words: str) -> str:
    """Give a commit status's description on one line, at most 140 characters."""
    return _cut(_line(words), STATUS_LENGTH)


# --- parts ---------------------------------------------------------------------------------------


def _trailers(promotion: Promotion, *also: tuple[str, str]) -> str:
    """Give the trailers; the four that begin with Argocd are Argo CD's own, shown beside the synced revision."""
    pairs: list[tuple[str, str]] = [
        (trailers.RUN, promotion.run),
        (trailers.APPLICATION, promotion.application),
        (trailers.ENVIRONMENT, promotion.environment),
        *((trailers.IMAGE, str(image)) for image in promotion.images),
        (trailers.SOURCE_REPOSITORY, promotion.source_repository),
        (trailers.SOURCE_COMMIT, promotion.source_commit),
        *((trailers.SOURCE_PULL_REQUEST, str(pull.number)) for pull in promotion.pull_requests),
        (trailers.REFERENCE_SHA, promotion.source_commit),
        (trailers.REFERENCE_REPOURL, promotion.source_url),
        (trailers.REFERENCE_SUBJECT, promotion.subject),
        (trailers.REFERENCE_AUTHOR, _person(promotion.author)),
        *also,
    ]
    return trailers.format((key, _line(value)) for key, value in pairs).strip("\n")


def _person(author: Actor | None) -> str:
    """Write a person as git does, or nothing for one without a name or an address that can be written so."""
    if author is None:
        return ""
    name, email = _line(_ANGLES.sub(" ", author.name)), author.email.strip()
    return f"{name} <{email}>" if name and _EMAIL.fullmatch(email) else ""


def _headline(promotion: Promotion) -> str:
    commit = promotion.source_commit
    link = _link(_code(commit[:SHORT]), f"{promotion.source_url}/commit/{commit}")
    return (
        f"Brings {_text(promotion.application)} to {_text(promotion.environment)} as it is in "
        f"{_text(promotion.source_repository)} at {link}."
    )


def _table(promotion: Promotion) -> str:
    shown = promotion.changes[:CHANGES_SHOWN]
    rows = [
        f"| {_code(file)} | {_code(change.path)} | {_code(_value(change.before))} | {_code(_value(change.after))} |"
        for file, change in shown
    ]
    left = len(promotion.changes) - len(shown)
    more = [f"| and {left} more | | | |"] if left else []
    return "\n".join(["| File | Value | Now | After the merge |", "|---|---|---|---|", *rows, *more])


def _source(promotion: Promotion) -> str:
    lines = []
    if promotion.previous and promotion.previous != promotion.source_commit:
        old, new = promotion.previous, promotion.source_commit
        lines.append(
            "What changes in the source: "
            + _link(_code(f"{old[:SHORT]}...{new[:SHORT]}"), f"{promotion.source_url}/compare/{old}...{new}")
        )
    lines += _pull_requests(promotion)
    return "\n".join(lines)


def _pull_requests(promotion: Promotion) -> Iterator[str]:
    if not promotion.pull_requests:
        return
    yield "\nPull requests in it:\n" if promotion.previous else "Pull requests in it:\n"
    for pull in promotion.pull_requests[:PULL_REQUESTS_SHOWN]:
        number = f"{_text(promotion.source_repository)}#{_ZERO_WIDTH_SPACE}{pull.number}"
        by = f" by {_text(pull.author)}" if pull.author else ""
        yield f"- {_link(number, pull.url)} {_text(pull.title)}{by}"
    left = len(promotion.pull_requests) - PULL_REQUESTS_SHOWN
    if left > 0:
        yield f"- and {left} more"


def _rollback(promotion: Promotion) -> str:
    befores = _unique(_value(change.before) for _, change in promotion.changes if change.before)
    back = f", and Argo CD goes back to {', '.join(map(_code, befores[:4]))}" if befores else ""
    return (
        "To roll back after the merge: press **Revert** on this pull request and merge what it opens, or "
        f"`git revert` the merged commit on the base branch{back}."
    )


def _unique(texts: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(texts))


# --- text ----------------------------------------------------------------------------------------


def _line(text: str) -> str:
    """Put text on one line; control characters, line separators and text-direction marks are spaces."""
    return _SPACES.sub(" ", _CONTROL.sub(" ", text)).strip()


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1].rstrip()}…"


def _value(text: str | None) -> str:
    if text is None:
        return "(none)"
    return _cut(_line(text), VALUE_LENGTH) or '""'


def _link(text: str, url: str) -> str:
    return f"[{text}]({url})" if _ADDRESS.fullmatch(url) else text


def _text(text: str) -> str:
    """Make people's text show as it is: no markup, and nothing that GitHub acts on.

    A zero-width space after `@`, `#` and the like keeps a title from mentioning people, and from linking or
    closing issues of the manifest repository ("fixes #3").
    """
    escaped = _MARKUP.sub(lambda match: f"\\{match[0]}", _line(text))
    return _ACTIVE.sub(lambda match: f"{match[0][0]}{_ZERO_WIDTH_SPACE}{match[0][1:]}", escaped)


def _code(text: str) -> str:
    """Show a name or value as code; one with odd characters as plain text, where code would break the table."""
    line = _line(text)
    return f"`{line}`" if _PLAIN.fullmatch(line) else _text(line)
