"""The train: what would move from one environment to another, and of everything else the one reason why not. Pure.

The pipeline reads the facts; here it is decided which releases upstream count, and how a plan is told and compared.
"""

from service.core.train.eligible import Eligible, Lived, Named, Passed, eligible
from service.core.train.plan import Line, Move, Offer, Plan, SourceChange, Stays, plan_id, what_changed
from service.core.train.reasons import Reason, closing, reason_of

__all__ = [
    "Eligible",
    "Line",
    "Lived",
    "Move",
    "Named",
    "Offer",
    "Passed",
    "Plan",
    "Reason",
    "SourceChange",
    "Stays",
    "closing",
    "eligible",
    "plan_id",
    "reason_of",
    "what_changed",
]
