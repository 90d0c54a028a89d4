"""What a team's template of pull requests may use: the facts of a promotion as plain data.

Called with the other parts of the text. docs/promotion.md describes each name; names are added and never change.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from service.core.foreign_text import link, value
from service.core.messages import Promotion, SourcePullRequest
from service.core.promotion_title import pull_request_title, title_of
from service.core.pull_request_body import Offer
from service.core.step_back import words_of

MOST = 200
"""The most items of each list that a template gets."""


def template_context(offer: Offer, sections: Mapping[str, str]) -> dict[str, Any]:
    """Give the facts of all applications together, of each alone as `applications`, and the sections of our own text.

    Of several applications a list has what all of them bring; a text is what they have in common, or empty.
    """
    each = [_facts(one) for one in offer.members[:MOST]]
    return {
        **{name: _together([one[name] for one in each]) for name in each[0]},
        "application": ", ".join(one.application for one in offer.members),
        "title": title_of(offer.members),
        "because": offer.because,
        "gates": [{"name": row.gate, "state": row.state, "words": row.words} for row in offer.gates or ()],
        "applications": each,
        "out": [{"application": name, "why": words} for name, words in offer.out[:MOST]],
        "sections": dict(sections),
    }


def _together(values: Sequence[Any]) -> Any:  # noqa: ANN401 - plain data of any shape
    match values[0]:
        case list():
            every = [one for value in values for one in value]
            return list({str(one): one for one in every}.values())[:MOST]
        case dict() as first:
            return {name: _together([one[name] for one in values]) for name in first}
        case first:
            return first if all(one == first for one in values) else ""


def _facts(promotion: Promotion) -> dict[str, Any]:
    old, new = promotion.previous, promotion.source_commit
    rendered = promotion.rendered
    return {
        "application": promotion.application,
        "environment": promotion.environment,
        "commit": new,
        "previous": old or "",
        "source": {"repository": promotion.source_repository, "url": _address(promotion.source_url)},
        "title": pull_request_title(promotion),
        "run_url": _address(promotion.run_url),
        "compare_url": _address(promotion.comparison),
        "warning": promotion.warning,
        "back": words_of(promotion.back),
        "images": [str(image) for image in promotion.images[:MOST]],
        "changes": [
            {"file": file, "path": change.path, "before": value(change.before), "after": value(change.after)}
            for file, change in promotion.changes[:MOST]
        ],
        "pull_requests": [_pull_request(one) for one in promotion.pull_requests[:MOST]],
        "direct": [
            {"commit": one.commit, "subject": one.subject, "author": one.author} for one in promotion.direct[-MOST:]
        ],
        "overrides": list(promotion.overrides[:MOST]),
        "runs_in": [
            {
                "environment": one.environment,
                "since": _moment(one.since),
                "healthy_since": _moment(one.healthy_since),
                "until": _moment(one.until),
                "health": one.health,
            }
            for one in promotion.evidence[:MOST]
        ],
        "marks": list(promotion.marks),
        "rendered": {
            "objects": [one.name for one in rendered.changes[:MOST]] if rendered else [],
            "reason": rendered.reason if rendered else "",
        },
    }


def _pull_request(one: SourcePullRequest) -> dict[str, Any]:
    return {
        "number": one.number,
        "title": one.title,
        "author": one.author,
        "url": _address(one.url),
        "labels": list(one.labels),
        "marks": list(one.marks),
    }


def _address(url: str) -> str:
    """Give an address that is safe in Markdown; empty for any other text."""
    return url if link("", url) else ""


def _moment(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC" if at else ""
