"""Gates: conditions that a promotion waits for. One file here is one kind; nothing else names it.

A kind exports `Options`, what stands under `gates.KIND` in the configuration (a pydantic model, or a RootModel where
that is a list), and `judge`, which is pure: options and facts in, a verdict out. It may export `TRAITS`.
Locks, holds and blocks are kinds without options: people set them, and the configuration says nothing of them.
"""

from service.core.gates.choice import Candidate, Choice, choose, is_ready
from service.core.gates.facts import Facts, FileText, Override
from service.core.gates.gate_table import Row, gate_table, in_words, rows
from service.core.gates.gate_verdict import Allow, Evidence, Refuse, Traits, Verdict, Wait
from service.core.gates.judgement import Judged, Judgement, Outcome, evidence_for, judge, judge_all, traits_of
from service.core.gates.unknown import Unknown

__all__ = [
    "Allow",
    "Candidate",
    "Choice",
    "Evidence",
    "Facts",
    "FileText",
    "Judged",
    "Judgement",
    "Outcome",
    "Override",
    "Refuse",
    "Row",
    "Traits",
    "Unknown",
    "Verdict",
    "Wait",
    "choose",
    "evidence_for",
    "gate_table",
    "in_words",
    "is_ready",
    "judge",
    "judge_all",
    "rows",
    "traits_of",
]
