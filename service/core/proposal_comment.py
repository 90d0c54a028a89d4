"""What our one comment on a promotion's pull request says. Pure: facts in, Markdown out.

It is rewritten when one of the facts changes, so each of its parts tells how things are now.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from service.core.foreign_text import markdown
from service.core.words import RunState, Sha

MARK = "<!-- mergeport: promotion -->"
"""How our comment is found again when the answer to its making was lost."""
LONGEST = 4_000
_ENDED_WELL, _FAILED = "✅", "❌"


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a pull request.

    `state` and `message` are those of its run, as its status shows them; `hint` is what to do if it failed. `brought`
    says that the release came to the environment, so that the run's own end counts, and not only `ending`: how the pull
    request was closed. `lacking` is what the forge would not do, `approvals` whose approvals are of another head, and
    `merging` what keeps it from being merged without a person.
    """

    application: str
    environment: str
    run_url: str
    state: RunState
    message: str = ""
    hint: str = ""
    brought: bool = False
    lacking: Sequence[str] = ()
    approvals: str = ""
    merging: str = ""
    ending: str = ""


def comment_of(facts: Facts) -> str:
    """Give the comment; an empty text if there is nothing to say."""
    parts = [_headline(facts), facts.ending]
    if not facts.state.ended:
        parts += [facts.approvals, facts.merging]
        parts.append("\n".join(f"- {_cut(words)}" for words in facts.lacking))
    said = [part for part in parts if part]
    return "\n\n".join([*said, facts.run_url, MARK]) if said else ""


def _headline(facts: Facts) -> str:
    where = f"{facts.application} in {facts.environment}"
    match facts.state:
        case RunState.SUCCEEDED:
            return f"{_ENDED_WELL} **{where}**: {_cut(facts.message)}"
        case RunState.FAILED if facts.brought or not facts.ending:
            hint = f"\n\n{facts.hint}" if facts.hint else ""
            return f"{_FAILED} **{where} failed**: {_cut(facts.message)}{hint}"
        case _:
            return ""


def _cut(text: str) -> str:
    """Write text of others so that it names nobody and makes no markup."""
    return markdown(text, LONGEST)


def approvals_words(approved: Mapping[str, Sha], head: Sha, why: str, compare: str) -> str:
    """Say whose approvals are of another head than the one that is there now, and what changed; empty without any.

    `approved` has the head that each person approved last, and `compare` the page of a repository's comparisons.
    """
    other = {who: seen for who, seen in approved.items() if seen != head}
    said = [
        f"{markdown(who)} approved [`{seen[:12]}`]({compare}/{seen}...{head})" for who, seen in sorted(other.items())
    ]
    return f"{', '.join(said)}; since then {why}: the head is `{head[:12]}` now." if said else ""
