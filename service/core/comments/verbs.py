"""The words of commands in comments: how each is written, who may give it, and the help. Values and words only."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from service.core.roles import Role


class Verb(StrEnum):
    """What a comment can ask for; what each does is what the command of the same name does."""

    HELP = "help"
    STATUS = "status"
    WHY_NOT = "why-not"
    PROMOTE = "promote"
    ROLLBACK = "rollback"
    HOLD = "hold"
    UNHOLD = "unhold"
    LOCK = "lock"
    UNLOCK = "unlock"
    RETRY = "retry"
    APPROVE = "approve"


@dataclass(frozen=True, slots=True)
class Form:
    """How a command is written: its role, what may follow, which options it takes, and what it does.

    `values` are options that take a value, `flags` those that take none.
    """

    role: Role
    usage: str
    does: str
    values: frozenset[str] = frozenset()
    flags: frozenset[str] = frozenset()
    most_words: int = 2


_WHERE = frozenset({"app", "env"})
_WHY = _WHERE | {"reason"}

FORMS: dict[Verb, Form] = {
    Verb.HELP: Form(Role.VIEWER, "", "shows this"),
    Verb.STATUS: Form(Role.VIEWER, "[APP]", "what is live where, since when and how well", _WHERE),
    Verb.WHY_NOT: Form(Role.VIEWER, "[APP] [ENV]", "what keeps this pull request from being live", _WHERE),
    Verb.PROMOTE: Form(
        Role.OPERATOR,
        '[APP] --to ENV [--from ENV] [--plan] [--override GATE] [--reason "…"]',
        "promotes the release of this pull request; a gate is overridden by a release manager",
        _WHY | {"to", "from", "override"},
        frozenset({"plan"}),
    ),
    Verb.ROLLBACK: Form(
        Role.OPERATOR,
        '[APP] [ENV] [--to RUN|COMMIT|IMAGE|DIGEST] [--images-only] [--plan] [--reason "…"]',
        "goes back to the release before, or to the one that is named, and holds it there",
        _WHY | {"to"},
        frozenset({"images-only", "plan"}),
    ),
    Verb.HOLD: Form(
        Role.OPERATOR,
        '[APP] [ENV] [--until TIME] [--reason "…"]',
        "keeps automatic promotions away",
        _WHY | {"until"},
    ),
    Verb.UNHOLD: Form(Role.OPERATOR, '[APP] [ENV] [--reason "…"]', "lets automatic promotions in again", _WHY),
    Verb.LOCK: Form(
        Role.OPERATOR,
        '[ENV] [APP] [--all] [--until TIME] [--reason "…"]',
        "closes an environment, or one application in it, to promotions",
        _WHY | {"until"},
        frozenset({"all"}),
    ),
    Verb.UNLOCK: Form(
        Role.RELEASE_MANAGER, '[ENV] [APP] [--all] [--reason "…"]', "opens it again", _WHY, frozenset({"all"})
    ),
    Verb.RETRY: Form(Role.OPERATOR, "[APP] [ENV]", "tries an ended run of this pull request again", _WHY),
    Verb.APPROVE: Form(
        Role.OPERATOR,
        '[APP] [ENV] [COMMIT] [--reason "…"]',
        "approves what there was to approve when you wrote it; the gate says whose approvals count",
        _WHY,
        most_words=3,
    ),
}


def _role_of(verb: Verb) -> str:
    """Give the role that a command wants, as people read it; everybody may have the help."""
    return "–" if verb is Verb.HELP else FORMS[verb].role  # noqa: RUF001 - a dash


def usage(verb: Verb) -> str:
    """Give how a command is written, as people write it."""
    return f"/mergeport {verb} {FORMS[verb].usage}".strip()


def help_text() -> str:
    """Give the help: how each command is written, what it does, and which role it wants."""
    rows = [
        f"| `{usage(verb).replace('|', chr(92) + '|')}` | {form.does} | {_role_of(verb)} |"
        for verb, form in FORMS.items()
    ]
    head = ["| write | it | role |", "|---|---|---|"]
    tail = "An application or environment may be left out where this pull request says which one is meant."
    return "\n".join([*head, *rows, "", tail])
