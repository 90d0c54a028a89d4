"""Why a release does not move: the whole list, and which reason a closed gate is. Pure; see docs/promotion.md."""

from __future__ import annotations

from enum import StrEnum

from service.core.gates import Judged, Judgement, Refuse
from service.core.words import Publish


class Reason(StrEnum):
    """The one reason why an application does not move, in the order in which they are looked for."""

    NOT_ROUTED = "not-routed"
    NEVER_RAN = "never-ran-upstream"
    NOT_HEALTHY = "not-healthy-upstream"
    IMAGE_GONE = "image-gone"
    NOTHING_NEWER = "nothing-newer"
    VALUES = "values-refused"
    REWRITTEN = "source-rewritten"
    DAMAGED = "state-damaged"
    BLOCK = "block"
    HOLD = "hold"
    LOCK = "lock"
    SOAK = "soak"
    CHECKS = "checks"
    IMAGE = "image"
    FREEZE = "freeze"
    APPROVAL = "approval"
    HTTP = "http"
    GATE = "gate"
    """A gate of another kind."""
    PULL_REQUEST = "pull-request-open"
    RUN = "run-under-way"


_OF_GATE = {
    "block": Reason.BLOCK, "hold": Reason.HOLD, "lock": Reason.LOCK, "soak": Reason.SOAK, "checks": Reason.CHECKS,
    "image": Reason.IMAGE, "freeze": Reason.FREEZE, "approval": Reason.APPROVAL, "http": Reason.HTTP,
}  # fmt: skip


def reason_of(judged: Judged) -> Reason:
    """Name the reason that a closed gate is. A block that only waits says that the state is damaged."""
    if judged.gate == "block" and not isinstance(judged.verdict, Refuse):
        return Reason.DAMAGED
    return _OF_GATE.get(judged.gate, Reason.GATE)


def closing(judgement: Judgement, publish: Publish, *, under_way: bool = False) -> tuple[Judged, ...]:
    """Give the closed gates that keep a release where it is.

    A pull request is opened although a lock, a freeze or an approval is to come: these are waited for on it. A run that
    commits is started although its approval is to come, since nobody could give that before; `under_way` tells that the
    run is there already.
    """
    if publish is Publish.PULL_REQUEST:
        return tuple(one for one in judgement.closed if one.traits.of_release or one.traits.keeps_closed)
    return tuple(one for one in judgement.closed if under_way or not one.traits.of_run)
