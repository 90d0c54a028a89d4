"""The state of a manifest repository: what is locked, held and blocked there, as its `state.yaml` says it.

Pure: `parse` and `write` are the file, `recall` reads one that was good once,
`add`, `remove` and `tidied` change it, `in_the_way` asks it.
"""

from service.core.state.amending import add, has, remove, tidied
from service.core.state.covering import Candidate, digests_in, in_the_way, told
from service.core.state.entries import (
    Block,
    Blocked,
    Cause,
    Entry,
    Hold,
    Lock,
    Placed,
    State,
)
from service.core.state.state_reader import FILE, parse, recall
from service.core.state.state_writer import write

__all__ = [
    "FILE",
    "Block",
    "Blocked",
    "Candidate",
    "Cause",
    "Entry",
    "Hold",
    "Lock",
    "Placed",
    "State",
    "add",
    "digests_in",
    "has",
    "in_the_way",
    "parse",
    "recall",
    "remove",
    "tidied",
    "told",
    "write",
]
