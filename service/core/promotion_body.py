"""Writes what a pull request tells of one application's promotion, part by part, in GitHub's Markdown.

Called by what writes the whole body, for each application in it. Pure text in, text out: the same facts give the same
parts, so that nothing is edited for nothing. Text that people wrote shows as it is and does nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from service.core.carry import section_of_carried
from service.core.foreign_text import NAME_LENGTH, ZERO_WIDTH_SPACE, code, cut, fitting, link, markdown, value
from service.core.messages import (
    BECAUSE_LENGTH,
    OVERRIDE_LENGTH,
    OVERRIDES_ROOM,
    SHORT,
    SUBJECT_LENGTH,
    Promotion,
)
from service.core.models import ModelReference, commit_page, is_model
from service.core.promotion_evidence import what_checks_say, what_it_touches, what_scans_found, where_it_runs
from service.core.promotion_model import what_the_model_is
from service.core.step_back import asked_words, words_of

PULL_REQUESTS_SHOWN, LABELS_SHOWN = 50, 10
CHANGES_SHOWN = 50
WARNING_LENGTH, URI_LENGTH = 500, 500
TABLE_ROOM, PULL_REQUESTS_ROOM = 24_000, 18_000
DIRECT_PUSHES_SHOWN, DIRECT_PUSHES_ROOM = 20, 4_000
"""The most bytes of the parts that can grow: GitHub accepts 65,536 characters."""


def parts_of(promotion: Promotion) -> dict[str, str]:
    """Give the parts by name, in their order; one that has nothing to say is empty."""
    return {
        "headline": _headline(promotion),
        "warning": f"> [!WARNING]\n> {markdown(promotion.warning, WARNING_LENGTH)}" if promotion.warning else "",
        "asked": asked_words(promotion.back, promotion.asked_by),
        "overrides": "\n".join(
            fitting([f"Overridden: {markdown(one, OVERRIDE_LENGTH)}" for one in promotion.overrides], OVERRIDES_ROOM)
        ),
        "changes": _table(promotion),
        "carried": section_of_carried(promotion.carried),
        "images": _images(promotion),
        "model": what_the_model_is(promotion.model) if promotion.model else "",
        "source": _source(promotion),
        "marks": what_it_touches(promotion.marks),
        "evidence": _evidence(promotion),
        "rollback": _rollback(promotion),
    }


def run_link(promotion: Promotion) -> str:
    """Link to where all of it is told; empty without an address."""
    return link("The run has the whole diff of the values files.", promotion.run_url) if promotion.run_url else ""


def _evidence(promotion: Promotion) -> str:
    told = (
        where_it_runs(promotion.evidence),
        what_checks_say(promotion.source_commit[:SHORT], promotion.checks),
        what_scans_found(promotion.scans),
    )
    return "\n\n".join(part for part in told if part)


def _images(promotion: Promotion) -> str:
    """List the images, each with the commit that it was made for if that is another one."""
    told = []
    for number, image in enumerate(promotion.images):
        if isinstance(image, ModelReference):
            told.append(f"Model: {code(str(image))} at {code(cut(image.uri, URI_LENGTH))}")
            continue
        commit = promotion.made_for[number] if number < len(promotion.made_for) else ""
        of = f" (the image of {code(commit[:SHORT])}, the same tree)" if commit else ""
        told.append(f"Image: {code(str(image))}{of}")
    return "\n".join(told)


def _headline(promotion: Promotion) -> str:
    commit = promotion.source_commit
    address = link(code(commit[:SHORT]), commit_page(promotion.source_url, commit))
    told = f" It goes **back**: {markdown(words_of(promotion.back), BECAUSE_LENGTH)}." if promotion.back else ""
    return (
        f"Brings {markdown(promotion.application)} to {markdown(promotion.environment)} as it is in "
        f"{markdown(promotion.source_repository)} at {address}.{told}"
    )


def _table(promotion: Promotion) -> str:
    every = [
        f"| {code(file)} | {code(change.path)} | {code(value(change.before))} | {code(value(change.after))} |"
        for file, change in promotion.changes[:CHANGES_SHOWN]
    ]
    rows = fitting(every, TABLE_ROOM)
    left = len(promotion.changes) - len(rows)
    more = [f"| and {left} more | | | |"] if left else []
    return "\n".join(["| File | Value | Now | After the merge |", "|---|---|---|---|", *rows, *more])


def _source(promotion: Promotion) -> str:
    lines = []
    if is_model(promotion.source_repository):
        return ""
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
        labels = "".join(f" {code(cut(label, NAME_LENGTH))}" for label in pull.labels[:LABELS_SHOWN])
        marks = f" — **{', '.join(pull.marks)}**" if pull.marks else ""
        every.append(f"- {link(number, pull.url)} {markdown(pull.title)}{by}{labels}{marks}")
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
        f"To roll back after the merge: {code(f'mergeport rollback {promotion.application} {promotion.environment}')} "
        "with a reason, or press **Revert** on this pull request and merge what it opens, or "
        f"`git revert` the merged commit on the base branch{back}."
    )
