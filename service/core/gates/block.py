"""The block: a digest, a source commit or a model version that nothing and nobody promotes."""

from __future__ import annotations

from service.core.gates.facts import Facts
from service.core.gates.gate_verdict import Allow, Evidence, Refuse, Traits, Verdict, Wait
from service.core.gates.restrictions import SHORTEST_COMMIT, RestrictionKind
from service.core.gates.told import in_force, told
from service.core.gates.unknown import Unknown, wait_for

TRAITS = Traits(frozenset({Evidence.STATE}), keeps_closed=True, of_release=True, final=True)


def judge(_options: None, facts: Facts) -> Verdict:
    """Refuse what is blocked. Nobody can override it: who wants it promoted takes the block away.

    While the state is damaged nobody knows what is blocked, so that nothing passes here; the last good blocks count.
    """
    if isinstance(facts.state, Unknown):
        return wait_for("whether the release is blocked", facts.state)
    inside = in_force(RestrictionKind.BLOCK, facts, facts.state)
    blocks = [one for one in inside if _is_subject(one.subject.lower(), facts)]
    if blocks:
        return Refuse("; ".join(f"{block.subject} is blocked {told(block)}" for block in blocks))
    if facts.state.broken:
        return Wait(f"nothing is promoted: the state of the manifest repository is damaged: {facts.state.broken}")
    unread = [image for image in facts.images if image.reference.digest is None]
    if unread and any(one.subject.lower().startswith("sha256:") for one in inside):
        return wait_for("whether the release is blocked", Unknown(f"{unread[0].reference} has no digest yet"))
    return Allow("not blocked")


def _is_subject(subject: str, facts: Facts) -> bool:
    """Tell whether a block means this release: by a digest, a model, or the commit, which may be written short."""
    if any(subject == image.reference.digest or subject in image.parts for image in facts.images):
        return True
    if subject in {model.lower() for model in facts.models}:
        return True
    return len(subject) >= SHORTEST_COMMIT and facts.commit.startswith(subject)
