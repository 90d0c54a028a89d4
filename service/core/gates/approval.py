"""The approval: so many people of those who may, other than those whose change it is, for the head that they saw."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from service.core.config.texts import TextError
from service.core.gates.facts import Facts
from service.core.gates.gate_keys import GateKeys
from service.core.gates.gate_verdict import Allow, Evidence, Traits, Verdict, Wait
from service.core.gates.reviews import Review, Reviews, ReviewState
from service.core.gates.unknown import NOT_READ, Unknown, wait_for

TRAITS = Traits(frozenset({Evidence.REVIEWS}), of_run=True)
_WHO = re.compile(r"(team|user):[A-Za-z0-9](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?")


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _who(text: str) -> str:
    if _WHO.fullmatch(text):
        return text
    bare = text.rpartition("/")[2].removeprefix("team:").removeprefix("@")
    hint = f"write team:{bare} or user:{bare}" if _WHO.fullmatch(f"team:{bare}") else "write team:SLUG or user:LOGIN"
    raise TextError(f'"{text}" is neither team:SLUG nor user:LOGIN', hint)


class Options(GateKeys):
    """People who must have approved what is promoted."""

    by: Annotated[
        list[Annotated[str, AfterValidator(_who)]],
        BeforeValidator(_listed),
        WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}),
    ] = Field(alias="from", min_length=1, description="Who may approve: team:SLUG or user:LOGIN, or a list of them.")
    count: int = Field(default=1, ge=1, description="How many different people must have approved.")

    commands: bool = Field(
        default=False,
        description="Whether `mergeport approve` counts; whoever can run it can name anybody.",
    )

    @model_validator(mode="after")
    def _can_open(self) -> Options:
        people = {one.lower() for one in self.by}
        if all(one.startswith("user:") for one in people) and len(people) < self.count:
            raise TextError(
                f"count is {self.count}, but only {len(people)} may approve, so it would never open",
                "name more people or a team, or lower count",
            )
        return self


def judge(options: Options, facts: Facts) -> Verdict:
    """Count who approved the very head; changes that one of them requested stand until that person says otherwise."""
    reviews = facts.reviews
    if isinstance(reviews, Unknown):
        return wait_for("the approvals", reviews)
    if isinstance(reviews.authors, Unknown):
        return wait_for("whose change it is", reviews.authors)
    newest = _newest(reviews.given)
    unread = [one for one in newest if _may(options, one) is None]
    counted = [one for one in newest if _may(options, one)]
    against = [one for one in counted if one.state is ReviewState.CHANGES_REQUESTED]
    own = _own(reviews)
    given = [one for one in counted if one.state is ReviewState.APPROVED and one.login.lower() not in own]
    approved = [one for one in given if one.head == reviews.head]
    names = ", ".join(one.login for one in approved)
    if against:
        return Wait(f"{', '.join(one.login for one in against)} requested changes")
    if doubtful := [one for one in unread if one.state is ReviewState.CHANGES_REQUESTED]:
        return _wait_for_teams(doubtful[0], f"{doubtful[0].login} requested changes")
    if len(approved) >= options.count:
        return Allow(f"approved by {names} for {reviews.head[:12]}")
    words = [f"{len(approved)} of {options.count} approvals from {' or '.join(options.by)} for {reviews.head[:12]}"]
    words += [f"by {names}"] if names else []
    words += [f"{one.login} approved {one.head[:12]}, which has changed since" for one in given if one not in approved]
    words += [f"{one.login} cannot approve their own change" for one in _of(counted, own)]
    return _wait_for_teams(unread[0], *words) if unread else Wait("; ".join(words))


def _wait_for_teams(review: Review, *words: str) -> Wait:
    """Wait until somebody can read whether a person is of a team that may approve."""
    unknown = review.teams if isinstance(review.teams, Unknown) else NOT_READ
    wait = wait_for(f"whether {review.login} is in a team that may approve", unknown)
    return Wait("; ".join((*words, wait.words)), wait.until)


def _own(reviews: Reviews) -> frozenset[str]:
    """Give the logins that cannot approve: whose change it is, and who asked for the promotion."""
    authors = frozenset() if isinstance(reviews.authors, Unknown) else reviews.authors
    return frozenset(login.lower() for login in (*authors, reviews.asked_by or ""))


def _of(reviews: Sequence[Review], logins: frozenset[str]) -> list[Review]:
    return [one for one in reviews if one.state is ReviewState.APPROVED and one.login.lower() in logins]


def _newest(reviews: Sequence[Review]) -> list[Review]:
    """Give each person's newest review, in the order of time; nobody's dismissed review counts.

    Times are whole seconds: of two in the same one, an approval is taken for the earlier.
    """
    ordered = sorted(reviews, key=lambda one: (one.at, one.state is not ReviewState.APPROVED))
    newest = {one.login.lower(): one for one in ordered}
    return [one for one in newest.values() if one.state is not ReviewState.DISMISSED]


def _may(options: Options, review: Review) -> bool | None:
    """Tell whether a person counts; None if nobody could read their teams, and only these decide."""
    people = {one.lower() for one in options.by}
    if f"user:{review.login.lower()}" in people:
        return True
    teams = {one.removeprefix("team:") for one in people if one.startswith("team:")}
    if not teams:
        return False
    if isinstance(review.teams, Unknown):
        return None
    return not teams.isdisjoint(team.lower() for team in review.teams)
