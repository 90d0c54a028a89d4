"""How commands import what is heavy. Called by `main` for each command, and by those that keep running.

What an import makes stays until the process ends. The collector of garbage would look at all of it again and again,
which takes a fifth of the time in which a worker starts, and once more at each full collection later.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_collector() -> Iterator[None]:
    """Keep the collector from looking at what is imported in the block, during it and afterwards."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
