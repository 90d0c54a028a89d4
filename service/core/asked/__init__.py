"""What people ask and how it is answered: why something is not live somewhere, in words with the actual values.

Pure: the facts are collected elsewhere, so the command line, the pages and others show the same text.
"""

from service.core.asked.case import BuildFacts, Case, GateRow, LiveFacts, Other, RunFacts, WaitFacts
from service.core.asked.causes import NEXT, Answer, Cause, answered
from service.core.asked.no_run import ChangeFacts, NoRun, Upstairs, why_no_run
from service.core.asked.why_not import why_not

__all__ = [
    "NEXT",
    "Answer",
    "BuildFacts",
    "Case",
    "Cause",
    "ChangeFacts",
    "GateRow",
    "LiveFacts",
    "NoRun",
    "Other",
    "RunFacts",
    "Upstairs",
    "WaitFacts",
    "answered",
    "why_no_run",
    "why_not",
]
