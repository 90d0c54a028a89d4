"""How what a deployer says is put into words. Called by `judging`; pure."""

from __future__ import annotations

from service.core.deployment.observation import Observation

LONGEST = 300
_SHA_LENGTH = 40
_MOST_NAMED = 5


def is_sha(revision: str) -> bool:
    """Tell whether a revision is a commit, and not a chart's version or a branch's name."""
    return len(revision) == _SHA_LENGTH and all(character in "0123456789abcdef" for character in revision)


def names_of(observation: Observation) -> str:
    """Name the compared revisions, each with its branch or tag, which may be another than ours."""
    revisions = observation.revisions
    follows = observation.follows if len(observation.follows) == len(revisions) else ("",) * len(revisions)
    short = [revision[:12] if is_sha(revision) else revision for revision in revisions]
    named = [f"{one} of {of}" if of and of != one else one for one, of in zip(short, follows, strict=True)]
    return ", ".join(named) or "nothing"


def some(names: tuple[str, ...]) -> str:
    """Name the first few, and how many more there are."""
    more = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def operation_of(observation: Observation) -> str:
    """Say in what phase the newest operation is, what it syncs and what it waits for."""
    if not observation.phase:
        return " (no operation)"
    about = ", ".join(one[:12] for one in observation.operation_revisions if is_sha(one))
    doing = "" if observation.doing in observation.sync_errors else observation.doing[:LONGEST]
    return f" (operation {observation.phase}{f' at {about}' if about else ''}{f': {doing}' if doing else ''})"


def since(observation: Observation) -> str:
    """Say since when a health has lasted; empty if that is unknown."""
    return f" since {observation.health_since:%Y-%m-%d %H:%M} UTC" if observation.health_since else ""
