"""Topics: for which kinds of work there is anything in the tables, asked for all kinds in one statement.

Used by motion, which wakes a loop only if there is. A topic may be told of although nothing is due yet: the loop itself
asks what is due. It must never be left out when something is due; only the passing of time may make a thing due unseen,
and for that each loop works once in a while by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum


class Topic(StrEnum):
    """A kind of work, by the loop that does it."""

    DELIVERIES = "deliveries"
    WAITS = "waits"
    WATCHES = "watches"
    REFRESHES = "refreshes"
    QUESTIONS = "questions"
    JUDGEMENTS = "judgements"
    STEP_BACKS = "step-backs"
    FOLLOWED = "followed"
    COMMENTS = "comments"
    REPORTS = "reports"


Answers = Mapping[Topic, bool]
"""Whether there is anything; a topic that is not in it cannot be told."""

# A time that is set is asked for as one after 1970, because SQLite uses no index for IS NOT NULL.
_ANYTHING = {
    Topic.DELIVERIES: "SELECT 1 FROM deliveries WHERE state = 'stored' AND claimed_by IS NULL",
    Topic.WAITS: "SELECT 1 FROM waits WHERE answered_at IS NULL",
    Topic.WATCHES: (
        "SELECT 1 FROM waits WHERE answered_at IS NULL UNION ALL SELECT 1 FROM builds WHERE state = 'started'"
    ),
    Topic.REFRESHES: "SELECT 1 FROM refreshes WHERE wanted_at > '1970-01-01'",
    Topic.QUESTIONS: "SELECT 1 FROM gate_answers WHERE state IN ('wanted', 'asked')",
    Topic.JUDGEMENTS: "SELECT 1 FROM judgements",
    Topic.STEP_BACKS: "SELECT 1 FROM step_backs",
    Topic.FOLLOWED: "SELECT 1 FROM deployments WHERE until IS NULL AND NOT followed",
    Topic.COMMENTS: "SELECT 1 FROM proposals WHERE due_at > '1970-01-01'",
    Topic.REPORTS: "SELECT 1 FROM reports WHERE sent_version < version",
}

QUESTION = "SELECT " + ", ".join(f"EXISTS ({_ANYTHING[topic]})" for topic in Topic)


def answers_of(row: Sequence[object]) -> Answers:
    """Read the row that the question gave."""
    return {topic: bool(one) for topic, one in zip(Topic, row, strict=True)}
